"""Faults of `tests.faults`: none gives another result without a word, and after each a rerun is as undisturbed."""

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.faults.run import all_faults, short

FAULTS = all_faults()
MARKS = (pytest.mark.slow, pytest.mark.long)
QUICK = {fault.id for fault in short(FAULTS)}


@pytest.fixture(scope="module")
def injected(request, finished, tmp_path_factory):
    """{id: what came out} of all faults whose tests were asked for, injected by one process with mounts of its own."""
    asked = [item.callspec.params["name"] for item in request.session.items if "injected" in item.fixturenames]
    path = tmp_path_factory.mktemp("faults") / "results.json"
    command = [sys.executable, "-m", "tests.faults.run", "--finished", finished.folder, "--json", path]
    for name in asked:
        command += ["--only", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert path.exists(), done.stderr[-4000:]
    return {result["id"]: result for result in json.loads(path.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("name", [pytest.param(f.id, id=f.id, marks=() if f.id in QUICK else MARKS) for f in FAULTS])
def test_fault(name, injected):
    result = injected[name]
    if result["outcome"] == "skipped":
        pytest.skip("this machine lets tests mount no file system")
    assert result["outcome"] != "wrong", result["said"]


def test_ids_name_each_fault_once():
    assert len({fault.id for fault in FAULTS}) == len(FAULTS) >= 200
    assert [fault.id for fault in all_faults(0)] == [fault.id for fault in FAULTS]
    assert [fault.id for fault in all_faults(1)] != [fault.id for fault in FAULTS]
