"""dvc.yaml against the source: each stage lists what it imports and the params that it reads; data flows one way."""

import ast
import re

import pytest
import yaml

from tests.conftest import ROOT
from tests.import_graph import closure, imports

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
# a room imports only from itself and from those before it
ROOMS = ["data", "models", "training", "latents", "metrics", "report", "commands"]
EVERYWHERE = {"config", "sections", "determinism", "errors", "files", "machine", "quiet"}


@pytest.mark.parametrize("stage", STAGES)
def test_deps_are_the_modules_that_are_imported(stage):
    listed = [dep for dep in STAGES[stage]["deps"] if dep.endswith(".py")]
    assert listed == closure(f"stages/{stage}.py"), f"run: python tests/import_graph.py {stage}"


@pytest.mark.parametrize("stage", STAGES)
def test_params_are_the_sections_that_are_read(stage):
    text = (ROOT / "stages" / f"{stage}.py").read_text(encoding="utf-8")
    assert sorted(set(re.findall(r"params\.(\w+)", text))) == sorted(STAGES[stage]["params"])


@pytest.mark.parametrize("stage", STAGES)
def test_data_deps_are_made_by_an_earlier_stage_or_tracked_by_git(stage):
    made = []
    for name, other in STAGES.items():
        if name == stage:
            break
        for kind in ("outs", "metrics", "plots"):
            made += [out if isinstance(out, str) else next(iter(out)) for out in other.get(kind, [])]
    for dep in STAGES[stage]["deps"]:
        # DVC fills ${...} from params.yaml
        given = ("data/sources.yaml", "data/edits", "${train_gan.init_from}")
        assert dep in made or dep.endswith(".py") or dep in given, dep


def test_packages_hold_a_docstring_and_nothing_else():
    # a stage's deps leave them out, so they must not matter
    for path in [*ROOT.glob("facepipe/**/__init__.py"), ROOT / "stages" / "__init__.py"]:
        body = ast.parse(path.read_text(encoding="utf-8")).body
        if path.parent == ROOT / "facepipe":
            # the API's `load`, which imports nothing until it is called; no stage calls it
            assert [type(node) for node in body[1:]] == [ast.FunctionDef]
            body = body[:1]
        assert len(body) == 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant), path


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_its_left(room):
    allowed = set(ROOMS[: ROOMS.index(room) + 1]) | EVERYWHERE
    for path in sorted((ROOT / "facepipe" / room).glob("*.py")):
        for imported in imports(path.relative_to(ROOT)):
            assert imported.with_suffix("").parts[1] in allowed, f"{path.name} imports {imported}"


def test_no_stage_imports_dvc():
    for stage in STAGES:
        for path in closure(f"stages/{stage}.py"):
            assert not re.search(r"^\s*(import|from) dvc\b", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
