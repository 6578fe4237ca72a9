"""The imports between the modules of this repository, read from their text: `python tests/import_graph.py [STAGE ...]`
prints the folders that a stage is made of."""

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
    """`file` and all that it imports, directly or not, as sorted relative paths; not by way of facepipe/config.py,
    which assembles the sections of all stages, or facepipe/ahead.py, which asks all rooms what they would refuse."""
    of_all_stages = Path("facepipe/config.py"), Path("facepipe/ahead.py")
    seen, todo = set(), [Path(file)]
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo.extend(imports(current) if current not in of_all_stages else ())
    return sorted(seen)


def is_loose(path):
    """Whether a file of facepipe/ lies in no room."""
    return path.parts[0] == "facepipe" and len(path.parts) == 2 and path.suffix == ".py"


def rooms(paths):
    """The folders of facepipe/ that files lie in, models by model: facepipe/core, facepipe/models/gan, ..."""
    return sorted({path.parent.as_posix() for path in paths if path.parts[0] == "facepipe" and not is_loose(path)})


if __name__ == "__main__":
    for stage in sys.argv[1:] or sorted(p.stem for p in (ROOT / "stages").glob("[!_]*.py")):
        print(stage, *rooms(closure(f"stages/{stage}.py")), sep="\n  ")
