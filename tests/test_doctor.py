"""facepipe doctor, in processes of its own: what auto chooses depends on the environment that they start with."""

import json
import os
import re
import subprocess
import sys

import pytest

from facepipe.core.machine import available_cores, cpu_flags
from tests.conftest import ROOT


def doctor(folder, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "facepipe", "doctor"],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)} | environment, capture_output=True, text=True,
    )  # fmt: skip
    return done, dict(re.split(r"\s+", line, maxsplit=1) for line in done.stdout.splitlines())


@pytest.mark.skipif("avx2" not in cpu_flags(), reason="the CPU has no AVX2")
def test_a_machine_without_bfloat16_units(tmp_path):
    text = (ROOT / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(re.sub("(?m)^  threads: auto", "  threads: 1", text))
    done, said = doctor(tmp_path, ONEDNN_MAX_CPU_ISA="AVX2")
    assert done.returncode == 0 and done.stderr == ""
    assert list(said) == ["CPU", "GPU", "memory", "precision", "threads", "oneDNN", "speed", "software"]
    assert "avx2" in said["CPU"] and f"{os.cpu_count()} cores" in said["CPU"]
    assert said["precision"] == "float32 (auto: no bfloat16 units)"
    assert said["threads"] == "1, set in params.yaml"
    assert said["oneDNN"] == "on; ONEDNN_MAX_CPU_ISA=AVX2"
    assert float(said["speed"].split(" GFLOP/s")[0].replace(",", "")) > 0


def test_outside_a_project(tmp_path):
    done, said = doctor(tmp_path, TF_ENABLE_ONEDNN_OPTS="0")
    assert done.returncode == 0 and "(auto: " in said["precision"] and "off" in said["oneDNN"]
    assert said["threads"] == f"{available_cores()}, auto: all cores this process may use, {available_cores()}"
    assert list(tmp_path.iterdir()) == []


def test_no_other_workers_are_waited_for(tmp_path):
    cluster = {"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}, "task": {"type": "worker", "index": 0}}
    done, said = doctor(tmp_path, TF_CONFIG=json.dumps(cluster))
    assert done.returncode == 0 and "(auto: " in said["precision"]


def test_what_is_asked_for_and_not_here(tmp_path):
    (tmp_path / "params.yaml").write_text(
        (ROOT / "params.yaml").read_text().replace("  strategy: auto ", "  strategy: mirrored ")
    )
    done, _ = doctor(tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "params.yaml: train.strategy: mirrored needs two devices" in done.stderr


def test_params_that_are_wrong(tmp_path):
    (tmp_path / "params.yaml").write_text("train: {precision: bfloat}\n")
    done, _ = doctor(tmp_path)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert "params.yaml: train.precision: " in done.stderr
