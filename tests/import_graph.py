"""The real import graph of the stages, from the source; `python tests/import_graph.py` prints their deps."""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def source_of(module):
    """The file of a module of ours, relative to the root; None for a package or somebody else's module."""
    path = Path(*module.split("."))
    file = path.with_suffix(".py")
    return file if (ROOT / file).is_file() else None


def imports(file):
    """Modules of ours that `file` imports anywhere in its text, as relative paths; packages themselves left out."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            raise AssertionError(f"{file}: relative import; write it out")
        else:
            continue
        found |= {source_of(name) for name in names if name.split(".")[0] in ("facepipe", "stages")}
    return found - {None}


def closure(file):
    """`file` and all that it imports, directly or not, as sorted POSIX paths."""
    seen, todo = set(), [Path(file)]
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo.extend(imports(current))
    return sorted(path.as_posix() for path in seen)


if __name__ == "__main__":
    for stage in sys.argv[1:] or sorted(p.stem for p in (ROOT / "stages").glob("[!_]*.py")):
        print(stage)
        for path in closure(f"stages/{stage}.py"):
            print(f"      - {path}")
