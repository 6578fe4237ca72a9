"""facepipe doctor, in processes of its own: what auto chooses depends on the environment that they start with."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from facepipe.checkup import read_status
from facepipe.config import load_params
from facepipe.core.machine import available_cores, cpu_flags
from facepipe.diagnosis import gpu_names, machine
from facepipe.disk import needed_bytes
from facepipe.restore import cached
from facepipe.shards.shards import Shards
from facepipe.training.config import Train
from tests.conftest import ROOT

MACHINE = ["software", "CPU", "GPU", "memory", "precision", "threads", "strategy", "oneDNN"]
# a pipeline of two stages, of the names that matter
STAGES = {
    "train_ae": {
        "cmd": "mkdir -p data/models/ae && cp code data/models/ae/model.json", "deps": ["code"],
        "outs": ["data/models/ae"],
    },
    "render_reports": {"cmd": "cp code report", "deps": ["code", "data/models/ae"], "outs": ["report"]},
    "train_vae": {"cmd": "false", "deps": ["code"], "outs": ["data/models/vae"]},
}  # fmt: skip


def doctor(folder, *words, **environment):
    """(the process, {name: text} of the rows, list of [problem, remedy])."""
    python = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": python} | environment
    done = subprocess.run(
        [sys.executable, "-m", "facepipe", "doctor", *words],
        cwd=folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    rows, problems = {}, []
    for line in done.stdout.splitlines():
        if line.startswith("   "):
            problems[-1].append(line.strip().removeprefix("-> "))
            continue
        name, text = re.split(r"\s+", line, maxsplit=1)
        if name in ("PROBLEM", "note"):
            problems.append([f"{name} {text}"])
        else:
            rows[name] = text
    return done, rows, problems


def with_params(folder, *changes):
    text = (ROOT / "params.yaml").read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    (folder / "params.yaml").write_text(text)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project in which all is as it should be."""
    folder = tmp_path_factory.mktemp("made") / "project"
    folder.mkdir()
    with_params(folder)
    (folder / "code").write_text("1")
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}))
    for command in (["git", "init", "--quiet"], ["dvc", "init", "--quiet"], ["dvc", "repro", "-q", "render_reports"]):
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        subprocess.run(command, cwd=folder, check=True, env=environment)
    return folder


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    monkeypatch.delenv("FACEPIPE_RESUME")
    return Path(shutil.copytree(made, tmp_path / "project", symlinks=True))


@pytest.mark.skipif("avx2" not in cpu_flags(), reason="the CPU has no AVX2")
def test_a_machine_without_bfloat16_units(tmp_path):
    with_params(tmp_path, ("  threads: auto", "  threads: 1"))
    _, said, _ = doctor(tmp_path, "--speed", ONEDNN_MAX_CPU_ISA="AVX2", CUDA_VISIBLE_DEVICES="")
    assert list(said)[: len(MACHINE) + 1] == [*MACHINE, "speed"]
    assert "avx2" in said["CPU"] and f"{os.cpu_count()} cores" in said["CPU"]
    assert said["precision"] == "float32 (auto: no bfloat16 units)"
    assert said["threads"] == "1, set in params.yaml"
    assert said["oneDNN"] == "on; ONEDNN_MAX_CPU_ISA=AVX2"
    assert float(said["speed"].split(" GFLOP/s")[0].replace(",", "")) > 0


def test_outside_a_project(tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('imported')")  # python -m looks here first
    done, said, problems = doctor(tmp_path, TF_ENABLE_ONEDNN_OPTS="0", CUDA_VISIBLE_DEVICES="-1")
    assert done.returncode == 0 and done.stderr == "" and problems == []
    assert list(said) == [*MACHINE, "project"] and "(auto: " in said["precision"] and "off" in said["oneDNN"]
    assert re.match(
        r"facepipe \S+, Python 3\.\S+, tensorflow \d\S+, keras \d\S+, numpy \d\S+, dvc \d", said["software"]
    )
    assert said["threads"] == f"{available_cores()}, auto: all cores this process may use, {available_cores()}"
    assert said["strategy"] == "single (auto: no GPU, no TF_CONFIG)"
    assert [path.name for path in tmp_path.iterdir()] == ["tensorflow.py"]


def test_no_other_workers_are_waited_for(tmp_path):
    cluster = {"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}, "task": {"type": "worker", "index": 0}}
    done, said, _ = doctor(tmp_path, TF_CONFIG=json.dumps(cluster))
    assert done.returncode == 0 and said["strategy"] == "multiworker (auto: TF_CONFIG names 2 workers)"
    done, _, problems = doctor(tmp_path, TF_CONFIG="{")
    assert done.returncode == 2 and problems[0][0].startswith("PROBLEM TF_CONFIG: should be")


def test_in_order(project):
    before = {path: path.stat().st_mtime_ns for path in project.rglob("*") if "tmp" not in path.parts}
    done, said, problems = doctor(project)
    assert (done.returncode, done.stderr, problems) == (0, "", []), done.stdout
    assert list(said) == [*MACHINE, "disk", "DVC", "stages", "cache", "states"]
    assert re.fullmatch(
        r"[\d.,]+ GB free; what params.yaml asks for takes [01]\.\d GB at most, of which .*", said["disk"]
    )
    assert said["DVC"] == "initialised, in git" and said["stages"] == "all as dvc.lock has them"
    assert said["cache"] == "complete" and said["states"] == "none"
    changed = [path for path, when in before.items() if path.is_file() and path.stat().st_mtime_ns != when]
    assert not [path for path in changed if ".dvc" not in path.parts], "it changes nothing"


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_own_pictures_and_their_table(tmp_path, kind):
    """What download and preprocess would say of them, with nothing written."""
    with_params(tmp_path, ("name: synthetic", "name: folder"), ("archive: null", f"archive: my.{kind}"))
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / "data/sources.yaml", tmp_path / "data")
    mine = tmp_path / "my.folder"
    for name in ("smile/1.png", "sad/2.png", "@eaDir/3.png"):
        (mine / name).parent.mkdir(parents=True, exist_ok=True)
        (mine / name).write_bytes(b"\x89PNG\r\n\x1a\n")
    for cells, right in (("training,yes", True), ("dev,m", False)):
        (mine / "labels.csv").write_text(f"filename,split,hat\n1,{cells}\n")
        if kind != "folder":
            shutil.make_archive(tmp_path / "my", kind, mine)
        files = sorted(tmp_path.rglob("*"))
        lines = [line.split(maxsplit=1) for line in doctor(tmp_path)[0].stdout.splitlines()]
        lines = [text for name, text in lines if name == "pictures" or "labels" in text]
        called = {"folder": "my.folder/labels.csv", "zip": "my.zip: labels.csv"}.get(kind)
        if kind == "tar":
            assert lines == ["my.tar: a tar, which download will look into"]
        elif right:
            assert lines[0] == "2 pictures; 3 attributes (hat, sad, smile); a split of their own"
            assert f"{called}: column filename is taken to name the pictures" in lines
            assert f"{called}: column split: training is train (1)" in lines
        else:
            assert lines[-1].startswith(f"{called}: row 2, column hat: 'm' is not a number")
        assert sorted(tmp_path.rglob("*")) == files


def test_own_pictures_that_are_not_there(tmp_path):
    with_params(tmp_path, ("name: synthetic", "name: folder"), ("archive: null", "archive: none.zip"))
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / "data/sources.yaml", tmp_path / "data")
    done, _, problems = doctor(tmp_path)
    assert done.returncode == 2
    assert problems[-1][0].startswith("PROBLEM params.yaml: dataset.archive: none.zip: no such file")


def test_what_would_run_and_what_is_lost(project):
    """Stages of models that nobody asked for do not count; each problem comes with its remedy."""
    lock = yaml.safe_load((project / "dvc.lock").read_text())["stages"]
    digest = lock["train_ae"]["outs"][0]["md5"]
    listing = cached(project / ".dvc/cache", digest)
    listing.unlink()
    (project / "report").unlink()
    done, said, problems = doctor(project)
    assert done.returncode == 0 and said["cache"] == "1 missing"
    assert problems == [
        ["note report: not in this folder, but in dvc.lock", "dvc checkout"],
        [
            "note data/models/ae: not in DVC's cache",
            "dvc repro render_reports makes them again; there is no remote to dvc pull from",
        ],
    ]
    (project / ".dvc/config.local").write_text("['remote \"there\"']\n    url = /nowhere\n")
    assert doctor(project)[2][1][1] == "dvc pull"
    (project / "code").write_text("2")
    said = doctor(project)[1]
    assert re.match("(render_reports, train_ae|train_ae, render_reports) would run", said["stages"])
    (project / "dvc.lock").unlink()
    assert doctor(project)[1]["DVC"] == "initialised, in git; never reproduced: dvc repro render_reports"


@pytest.mark.skipif(os.geteuid() != 0, reason="others are refused by the system")
def test_root_is_told_of_links_into_the_cache(project):
    (project / ".dvc/config.local").write_text("[cache]\n    type = reflink,symlink\n")
    _, _, problems = doctor(project)
    text = "outputs may be symlinks into DVC's cache, and root may write there: an edit would change both"
    assert [f"note {text}", "dvc config cache.type copy, then dvc checkout --relink"] in problems
    (project / ".dvc/config.local").write_text("[cache]\n    type = reflink,copy\n")
    assert not any("root" in problem[0] for problem in doctor(project)[2])


def test_states_of_trainings(project):
    root, now = project / ".facepipe/resume", time.time()
    for name, days in (("train_ae-0", 1), ("train_vae-1", 20), ("train_gan-2.old", 0), ("train_gan-3", 0)):
        (root / name).mkdir(parents=True)
        (root / name / "000000000064.state").write_bytes(bytes(10**5))
        (root / name / "lock").write_text("1")
        os.utime(root / name, times=(now - days * 86400,) * 2)
    with open(root / "train_gan-3/lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done, said, problems = doctor(project)
    assert done.returncode == 0 and said["states"] == "train_gan, 0 min old, 0.1 MB (training now)"
    assert sorted(problems) == [
        ["note state of train_ae, 24 h old, 0.1 MB: stale: the stage is complete", "rm -r .facepipe/resume/train_ae-0"],
        ["note state of train_gan, 0 min old, 0.1 MB: stale: left over", "rm -r .facepipe/resume/train_gan-2.old"],
        [
            "note state of train_vae, 20 days old, 0.1 MB: stale: older than 14 days, the next training removes it",
            "rm -r .facepipe/resume/train_vae-1",
        ],
    ]
    # of a training that would run, and of its finish; another one of its would be of other params
    (project / "code").write_text("2")
    for name in ("train_ae_finish-0", "train_ae-5"):
        shutil.copytree(root / "train_ae-0", root / name)
        os.utime(root / name, times=(now - 86400 - 60,) * 2)
    _, said, problems = doctor(project)
    assert said["states"].count("train_ae, 24 h old, 0.1 MB (dvc repro goes on from it, if ") == 2
    assert "there is a newer one of the same stage" in " ".join(problem[0] for problem in problems)


def test_dvc_that_is_not_initialised_and_no_git(project):
    for name in (".dvc", ".git"):
        shutil.rmtree(project / name)
    done, said, problems = doctor(project)
    assert done.returncode == 2 and said["DVC"] == "not initialised, without git"
    assert done.stderr == "facepipe: doctor: the pipeline cannot run here because of a problem, see above\n"
    assert problems[0] == ["PROBLEM DVC is not initialised here", "python -m facepipe.workspace"]
    assert problems[1][0].startswith("note no git repository here: dvc repro works")
    (project / "dvc.yaml").unlink()
    assert doctor(project)[2][0] == ["PROBLEM no dvc.yaml beside params.yaml", "git checkout dvc.yaml"]


def test_another_python_and_a_broken_pipeline(project):
    """DVC runs the stages with the first python of PATH."""
    python = project / "bin/python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    (problem,) = doctor(project, PATH=f"{python.parent}{os.pathsep}{os.environ['PATH']}")[2]
    assert str(python) in problem[0] and problem[1].startswith(". ")
    (project / "dvc.yaml").write_text("stages: [")
    done, _, problems = doctor(project)
    assert done.returncode == 2 and "dvc.yaml" in problems[0][0] and "Traceback" not in done.stdout + done.stderr


def test_a_disk_that_is_too_small(tmp_path):
    with_params(tmp_path, ("    count: 6000 ", "    count: 900000000 "))
    done, said, problems = doctor(tmp_path)
    assert done.returncode == 2 and re.search(r"takes [\d,]+ GB at most", said["disk"])
    assert problems[0][0].startswith("PROBLEM disk: ") and problems[0][1].startswith("make room, ")
    with_params(tmp_path, ("    count: 6000 ", "    count: 900000000 "), ("limit: null", "limit: 1000"))
    pictures = float(doctor(tmp_path)[1]["disk"].split("takes ")[1].split(" GB")[0].replace(",", ""))
    assert pictures == pytest.approx(2 * 900_000_000 * 64 * 64 * 3 / 1e9, rel=0.01), "of the shards only 1000"
    with_params(tmp_path, ("name: synthetic ", "name: folder "), ("archive: null", "archive: pictures.tar"))
    assert "how many pictures there will be is not known" in doctor(tmp_path)[1]["disk"]


def test_what_is_asked_for_and_not_here(tmp_path):
    with_params(
        tmp_path, ("  strategy: auto ", "  strategy: mirrored "), ("  scheduler: processes", "  scheduler: dask")
    )
    (tmp_path / "distributed.py").write_text("")
    done, said, problems = doctor(tmp_path, CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "strategy" not in said
    assert "PROBLEM params.yaml: train.strategy: mirrored needs two devices" in problems[0][0]
    assert "disk" in said, "the rest is said all the same"
    with_params(tmp_path, ("  extractor: mtcnn", "  extractor: dlib"))
    code = (
        "import importlib.util as u, sys\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'dlib' else find(name, *rest)\n"
        "from facepipe.cli import main\nsys.exit(main(['doctor']))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and "extractor: dlib is not installed\n" in done.stdout
    assert "-> pip install 'facepipe[identity]'\n" in done.stdout


def test_params_that_are_wrong(tmp_path):
    (tmp_path / "params.yaml").write_text("train: {precision: bfloat}\n")
    done, said, problems = doctor(tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "Traceback" not in done.stdout
    assert problems[0][0].startswith("PROBLEM params.yaml: train.precision: ")
    assert problems[0][1] == "change it in params.yaml" and list(said)[: len(MACHINE)] == MACHINE


def test_what_dvc_status_says():
    deps, missing = {"changed deps": {"code": "modified"}}, {"changed outs": {"a": "not in cache", "b": "deleted"}}
    assert read_status({}) == ([], [], [])
    assert read_status({"x": [deps, missing], "y": [missing]}) == (["x"], ["a"], ["b"])
    assert read_status({"x": ["changed command"], "y": [{"changed outs": {"a": "modified"}}]}) == (["x", "y"], [], [])


def test_a_gpu_that_tensorflow_does_not_see(tmp_path, monkeypatch):
    """Only where the driver has GPUs is TensorFlow asked."""
    monkeypatch.setattr("facepipe.diagnosis.GPUS", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (tmp_path / "0000:01:00.0").mkdir()
    (tmp_path / "0000:01:00.0/information").write_text("Model: \t\t NVIDIA H200\nIRQ:   \t\t 1\n")
    assert gpu_names() == ["NVIDIA H200"]
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: [])
    rows, problems = machine(Train())
    assert dict(rows)["GPU"] == "none that TensorFlow sees" and dict(rows)["strategy"].startswith("single")
    assert [problem.text for problem in problems] == [
        "GPU: the driver has NVIDIA H200, TensorFlow sees none and will compute on the CPU"
    ]
    for hidden in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert gpu_names() == []
    # where it sees them, they are what auto chooses by
    monkeypatch.setattr("facepipe.diagnosis._gpus_of_tensorflow", lambda: (["NVIDIA H200"] * 2, True))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    rows, problems = machine(Train())
    assert dict(rows)["strategy"] == "mirrored (auto: 2 GPUs)" and problems == []
    assert dict(rows)["precision"] == "mixed_bfloat16 (auto: bfloat16 units)"


def test_the_disks_need_counts_the_images_that_there_are(tiny_shards, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    params = load_params(ROOT / "params.yaml")
    before = needed_bytes(params)
    (tmp_path / "data/shards").symlink_to(tiny_shards)
    made = sum(Shards(tiny_shards).splits.values())
    height, width = params.preprocess.image_size
    saved = 2 * (params.dataset.synthetic.count - made) * height * width * params.preprocess.channels
    assert made < params.dataset.synthetic.count and before - needed_bytes(params) >= saved
