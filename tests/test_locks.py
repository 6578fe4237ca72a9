"""Two folders' dvc.lock in words: what differs first, in which file and line; nothing where nothing does."""

import copy
import subprocess
import sys

import pytest
import yaml

from tests.conftest import ROOT
from tests.locks import differences

LOCK = {
    "train_ae": {
        "cmd": "python -m stages.train_ae",
        "deps": [{"path": "data/shards", "md5": "1"}, {"path": "facepipe/training", "md5": "2"}],
        "params": {"params.yaml": {"train_ae": {"epochs": 4, "loss": {"mse": 1.0}}}},
        "outs": [{"path": "data/models/ae", "md5": "3"}, {"path": "reports/train_ae/history.csv", "md5": "4"}],
    },
    "evaluate": {
        "cmd": "python -m stages.evaluate",
        "deps": [{"path": "data/models", "md5": "5"}, {"path": "reports/train_ae", "md5": "6"}],
        "outs": [{"path": "reports/evaluate/metrics.json", "md5": "7"}],
    },
}
FILES = {
    "data/models/ae/ae.weights.h5": b"\x89HDF one",
    "data/models/ae/model.json": b'{\n  "threads": 2\n}\n',
    "reports/train_ae/history.csv": b"epoch,mse\n1,0.5\n2,0.25\n",
    "reports/evaluate/metrics.json": b'{"ae": 1}\n',
}


def project(folder, files=(), hashes=(), changes=(), without=()):
    """A folder as `dvc repro` leaves it: FILES and LOCK but for {path: bytes}, {path: hash}, {(stage, key): entry}."""
    lock = copy.deepcopy(LOCK)
    for (stage, key), entry in dict(changes).items():
        lock[stage][key] = entry
    for stage in lock.values():
        for entry in (*stage["deps"], *stage["outs"]):
            entry["md5"] = dict(hashes).get(entry["path"], entry["md5"])
    for path, content in (FILES | dict(files)).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    stages = {name: stage for name, stage in lock.items() if name not in without}
    (folder / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}, sort_keys=False))
    return folder


@pytest.fixture
def one(tmp_path):
    return project(tmp_path / "one")


def test_equal_folders(one, tmp_path):
    assert differences(one, project(tmp_path / "two")) == []


def test_stage_output_file_and_line_are_named_the_cause_first(one, tmp_path):
    two = project(
        tmp_path / "two",
        files={
            "data/models/ae/ae.weights.h5": b"\x89HDF two",
            "data/models/ae/extra.npz": b"",
            "reports/train_ae/history.csv": b"epoch,mse\n1,0.5\n2,0.26\n",
        },
        # as what an earlier stage made is another, so is what a later one reads
        hashes={"data/models/ae": "x", "reports/train_ae/history.csv": "y", "data/models": "z"},
    )
    assert differences(one, two) == [
        "train_ae: another output: data/models/ae\n  ae.weights.h5\n  extra.npz: only in one of them",
        "train_ae: another output: reports/train_ae/history.csv, line 3: 2,0.25 | 2,0.26",
    ]


def test_the_place_in_a_long_line(one, tmp_path):
    for folder, letter in ((one, "a"), (tmp_path / "two", "b")):
        page = b"x" * 5000 + letter.encode() + b"y" * 5000
        project(folder, {"reports/evaluate/metrics.json": page}, {"reports/evaluate/metrics.json": letter})
    (line,) = differences(one, tmp_path / "two")
    assert "xay" in line and "xby" in line and len(line) < 400


def test_files_that_are_gone_leave_the_output(one, tmp_path):
    two = project(tmp_path / "two", hashes={"data/models/ae": "x"})
    for path in (two / "data/models/ae").iterdir():
        path.unlink()
        (one / "data/models/ae" / path.name).unlink()
    assert differences(one, two) == ["train_ae: another output: data/models/ae"]


def test_what_comes_from_outside(one, tmp_path):
    section = {"params.yaml": {"train_ae": {"epochs": 5, "loss": {"mse": 1.0}}}}
    two = project(
        tmp_path / "two",
        hashes={"facepipe/training": "x", "data/shards": "y"},
        changes={("train_ae", "params"): section, ("evaluate", "cmd"): "python -m stages.other"},
    )
    assert differences(one, two) == [
        "train_ae: another params.yaml.train_ae.epochs: 4 | 5",
        "train_ae: another input: data/shards",  # which no stage of these made
        "train_ae: another input: facepipe/training",
        "evaluate: another command: python -m stages.evaluate | python -m stages.other",
    ]


def test_a_stage_that_did_not_run(one, tmp_path):
    two = project(tmp_path / "two", without=["evaluate"])
    assert differences(one, two) == differences(two, one) == [f"evaluate: ran only in {one}"]


def test_as_a_command(one, tmp_path):
    two = project(tmp_path / "two", hashes={"data/models/ae": "x"})
    for other, code, said in ((one, 0, "nothing differs\n"), (two, 1, "train_ae: another output: data/models/ae\n")):
        command = [sys.executable, "-m", "tests.locks", one, other]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (code, said)
