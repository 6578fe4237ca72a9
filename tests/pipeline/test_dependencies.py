"""dvc.yaml against the source: a stage depends on the folders that it is made of, on no others, and on its params."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from facepipe.config import Params
from tests.conftest import ROOT
from tests.import_graph import closure, imports, is_loose

STAGES = {
    name: stage.get("do", stage)
    for name, stage in yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"].items()
}
# the arrows of the house: a room imports from itself, from loose files, and from these
ROOMS = {
    "core": [],
    "tables": ["core"],
    "datasets": ["core", "tables"],
    "shards": ["core"],
    "draw": ["core"],
    "networks": ["core"],
    "download": ["core", "datasets"],
    "preprocess": ["core", "datasets", "shards", "draw"],
    "training": ["core", "networks", "shards"],
    "features": ["core"],
    "models": ["core", "training", "networks", "shards", "features"],
    "latents": ["core", "models", "networks", "shards", "tables"],
    "directions": ["core", "latents", "models", "networks", "shards", "tables"],
    "metrics": ["core", "directions", "features", "latents", "models", "networks", "shards"],
    "report": ["core", "directions", "draw", "latents", "models", "networks", "shards", "tables"],
}
ROOMS["api"] = ["datasets", "metrics", "preprocess", *ROOMS["report"], "report"]
ROOMS["commands"] = ["api", "datasets", "core", *ROOMS["report"], "report"]
MODELS = {"ae": [], "vae": ["ae"], "gan": [], "inverter": ["ae", "vae", "gan"]}


def code_deps(stage):
    return [Path(dep) for dep in STAGES[stage]["deps"] if dep.startswith(("facepipe", "stages"))]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_folders_that_it_is_made_of(stage):
    made_of = [path for path in closure(f"stages/{stage}.py") if not is_loose(path)]
    deps = code_deps(stage)
    missing = [str(path) for path in made_of if not any(dep == path or dep in path.parents for dep in deps)]
    assert not missing, f"dvc.yaml: {stage} does not depend on what it imports"
    needless = [str(dep) for dep in deps if not any(dep == path or dep in path.parents for path in made_of)]
    assert not needless, f"dvc.yaml: {stage} depends on what it does not import"


def test_no_stage_depends_on_loose_files():
    assert not [dep for stage in STAGES for dep in code_deps(stage) if is_loose(dep)]


def test_a_stage_reads_no_section_but_its_own():
    """What facepipe/config.py assembles lies in the rooms; a stage's own section lies in one of its folders."""
    sections = [path for path in imports("facepipe/config.py") if path.name == "config.py"]
    assert len(sections) == 11
    for stage in STAGES:
        text = (ROOT / "stages" / f"{stage}.py").read_text(encoding="utf-8")
        read = set(re.findall(r"params\.([a-z_]+)", text))
        # the page says what of all sections differs from a recipe
        read = set(Params.model_fields) if "changed_settings(params, " in text else read
        assert read == set(STAGES[stage]["params"]), stage


@pytest.mark.parametrize("stage", STAGES)
def test_data_deps_are_made_by_an_earlier_stage_or_tracked_by_git(stage):
    made = []
    for name, other in STAGES.items():
        if name == stage:
            break
        for kind in ("outs", "metrics", "plots"):
            made += [out if isinstance(out, str) else next(iter(out)) for out in other.get(kind, [])]
    tracked = ("data/sources.yaml", "data/edits")
    for dep in (dep.replace("${item}", "gan") for dep in STAGES[stage]["deps"]):
        if not dep.startswith(("data/", "reports/")) or dep in tracked:
            continue
        assert any(out == dep or out.startswith(f"{dep}/") for out in made), dep


def test_data_flows_one_way():
    for file in sorted((ROOT / "facepipe").rglob("*.py")):
        path = file.relative_to(ROOT)
        if is_loose(path) or path.name == "__init__.py":
            continue
        room = path.parts[1]
        for other in imports(path):
            if is_loose(other):
                assert other.stem != "config", f"{path}: a room reads its own section, not all of them"
                continue
            assert other.parts[1] in [room, *ROOMS[room]], f"{path} imports {other}"
            if room == "models" and len(path.parts) > 3 and len(other.parts) > 3 and other.parts[1] == "models":
                assert other.parts[2] in [path.parts[2], *MODELS[path.parts[2]]], f"{path} imports {other}"


def test_stage_scripts_are_short():
    for file in (ROOT / "stages").glob("[!_]*.py"):
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 30, file


def test_packages_hold_a_docstring_and_nothing_else():
    for path in [*ROOT.glob("facepipe/**/__init__.py"), ROOT / "stages" / "__init__.py"]:
        body = ast.parse(path.read_text(encoding="utf-8")).body
        if path.parent == ROOT / "facepipe":
            # the API's `load`, which imports nothing until it is called; no stage calls it
            assert [type(node) for node in body[1:]] == [ast.FunctionDef]
            body = body[:1]
        assert len(body) == 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant), path


def test_no_stage_imports_dvc():
    for stage in STAGES:
        for path in closure(f"stages/{stage}.py"):
            assert not re.search(r"^\s*(import|from) dvc\b", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
