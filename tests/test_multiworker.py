"""Two worker processes on loopback: the same as one process step by step; signals, lost workers, going on."""

import json
import os
import re
import signal
import socket
import subprocess
import sys

import h5py
import numpy as np
import pandas as pd
import psutil
import pytest

from facepipe.core.files import read_json
from facepipe.errors import InputError
from facepipe.launch import free_addresses
from facepipe.training.choices import read_tf_config
from facepipe.training.config import Train
from facepipe.training.runtime import prepare
from facepipe.training.workers import Workers
from tests.conftest import ROOT, THREADS

MODELS = "ae", "vae", "gan", "ae-robust", "gan-residual", "gan-wasserstein", "gan-conditioned", "inverter"
LAUNCH = (sys.executable, "-m", "facepipe.launch", "--workers", "2", "--")
LOST = r"train: worker \d of 2 stops: another worker has ended or cannot be reached \(its own output says why\); .*\n"


def command(*arguments):
    return (sys.executable, "-m", "tests.multiworker", *map(str, arguments))


def run(*arguments):
    return subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT, check=False)


def start(arguments, **environment):
    return subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | environment
    )


def worker(index, addresses, arguments, **environment):
    """A worker without the launcher, as a scheduler of a cluster starts it."""
    config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
    return start(arguments, TF_CONFIG=json.dumps(config), **environment)


def read_until(process, line):
    for text in process.stdout:
        if text == f"{line}\n":
            return
    raise AssertionError(f"ended before {line!r}: {process.stderr.read()[-2000:]}")


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def weights(folder):
    """{file/dataset: array} of a stored model."""
    found = {}
    for path in sorted(folder.glob("*.weights.h5")):
        with h5py.File(path) as file:
            file.visititems(
                lambda name, node, path=path: (
                    found.update({f"{path.name}/{name}": node[()]}) if isinstance(node, h5py.Dataset) else None
                )
            )
    return found


@pytest.fixture(scope="module")
def trained(tiny_shards, tmp_path_factory):
    """Folder with one/<model> by one process and two/<model> by two."""
    folder = tmp_path_factory.mktemp("multiworker")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEPIPE_RESUME", str(folder / "resume"))
        one = run(*command(",".join(MODELS), "auto", tiny_shards, folder / "one"))
        assert one.returncode == 0, one.stderr[-2000:]
        two = run(*LAUNCH, *command(",".join(MODELS), "auto", tiny_shards, folder / "two"))
        assert two.returncode == 0, two.stderr[-2000:]
    assert not any((folder / "resume").iterdir()), "the states are removed"
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_two_workers_are_one_process_step_by_step(name, trained):
    one = read_json(trained / "one" / name / "steps-0.json")
    chief, other = (read_json(trained / "two" / name / f"steps-{index}.json") for index in (0, 1))
    assert len(one) == 12 and chief == other, "both workers see the same to the bit"
    for step, (expected, got) in enumerate(zip(one, chief, strict=True)):
        assert expected.keys() == got.keys()
        for term, value in expected.items():
            # Adam makes whole steps of gradients that are rounding errors, so differences grow from step to step
            assert got[term] == pytest.approx(value, rel=2e-4 * (step + 1), abs=1e-5), (step, term)
    records = [read_json(trained / count / name / "model/model.json")["training"] for count in ("one", "two")]
    assert [record["replicas"] for record in records] == [1, 2]
    expected, got = (weights(trained / count / name / "model") for count in ("one", "two"))
    assert expected.keys() == got.keys() and len(got) >= 6
    for key in expected:
        # 5e-5 a weight, of which one step of Adam moves it by ten times as much and more
        apart, size = np.linalg.norm(got[key] - expected[key]), np.linalg.norm(expected[key])
        assert apart <= 1e-3 * size + 5e-5 * expected[key].size ** 0.5, key
    one, two = (pd.read_csv(trained / count / name / "report/history.csv") for count in ("one", "two"))
    np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_only_the_chief_writes_and_it_writes_all(name, trained):
    one, two = (set(files(trained / count / name)) for count in ("one", "two"))
    assert two - one == {"steps-1.json"} and one <= two


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_worker_stops_the_other_and_a_rerun_goes_on(victim, trained, tiny_shards, tmp_path, own_states):
    arguments = command("gan", "multiworker", tiny_shards, tmp_path)
    addresses = free_addresses(2)
    workers = [worker(index, addresses, arguments, TEST_PAUSE="0.2") for index in (0, 1)]
    read_until(workers[victim], "step 5")
    workers[victim].kill()
    _, err = workers[1 - victim].communicate(timeout=300)
    workers[victim].communicate()
    assert workers[1 - victim].returncode == os.EX_TEMPFAIL
    lines = [line for line in err.splitlines(keepends=True) if line.startswith("train:")]
    assert len(lines) == 1 and re.fullmatch(LOST, lines[0]), err
    assert "Traceback" not in err
    assert list(own_states.glob("*/*.state")) and not (tmp_path / "gan/model").exists()
    done = run(*LAUNCH, *arguments)
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.search(r"^train_gan: continues at epoch 1, image (32|64)$", done.stdout, re.MULTILINE)
    for part in ("model", "report"):
        assert files(tmp_path / "gan" / part) == files(trained / "two/gan" / part)


@pytest.mark.slow
def test_a_worker_that_hangs_is_missed_within_a_minute(tiny_shards, tmp_path):
    addresses = free_addresses(2)
    arguments = command("ae", "auto", tiny_shards, tmp_path)
    workers = [worker(index, addresses, arguments, TEST_PAUSE="0.2") for index in (0, 1)]
    read_until(workers[1], "step 3")
    workers[1].send_signal(signal.SIGSTOP)
    try:
        _, err = workers[0].communicate(timeout=60)
        assert workers[0].returncode == os.EX_TEMPFAIL and re.search(LOST, err), err
    finally:
        workers[1].kill()
        workers[1].communicate()


@pytest.mark.slow
def test_the_launcher_stops_all_where_one_is_killed(tiny_shards, tmp_path):
    process = start((*LAUNCH, *command("ae", "auto", tiny_shards, tmp_path)), TEST_PAUSE="0.2")
    read_until(process, "step 3")
    children = psutil.Process(process.pid).children()
    assert len(children) == 2
    children[1].kill()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGKILL
    assert err.splitlines()[-1] == (
        "launch: worker 1 of 2 was killed by SIGKILL; the others are stopped; "
        "the same command goes on from the last state"
    )
    assert not any(child.is_running() for child in children)


@pytest.mark.slow
@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_stops_all(number, code, trained, tiny_shards, tmp_path, own_states):
    arguments = (*LAUNCH, *command("vae", "auto", tiny_shards, tmp_path))
    process = start(arguments, TEST_PAUSE="0.2")
    read_until(process, "step 4")
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    place = re.search(r"^train: stopped; run dvc repro again: it continues (at epoch 1, image \d+)$", err, re.MULTILINE)
    assert place, err
    assert f"[worker 1] train: stopped; run dvc repro again: it continues {place[1]}" in err
    done = run(*arguments)
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"vae: continues {place[1]}\n" in done.stdout
    assert files(tmp_path / "vae/model") == files(trained / "two/vae/model")


def test_bad_params_are_one_line_of_each_worker_and_one_of_the_launcher(tiny_shards, tmp_path):
    done = run(*LAUNCH, *command("ae", "mirrored", tiny_shards, tmp_path))
    assert done.returncode == 2
    message = "train: params.yaml: train.strategy: mirrored, but TF_CONFIG names 2 workers; use multiworker or auto"
    lines = done.stderr.splitlines()
    assert message in lines and "launch: worker" in lines[-1] and "Traceback" not in done.stderr


def test_a_port_in_use_is_one_line(tiny_shards, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        addresses = [f"127.0.0.1:{taken.getsockname()[1]}", *free_addresses(1)]
        process = worker(0, addresses, command("ae", "auto", tiny_shards, tmp_path))
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "train: TF_CONFIG: this worker cannot serve at its own address; is the port in use? (" in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_loss_that_is_not_finite_and_a_budget_in_minutes(tiny_shards, tmp_path):
    done = run(*LAUNCH, *command("ae-blows-up", "auto", tiny_shards, tmp_path))
    assert done.returncode == 2
    assert re.search(r"^train: \w+ became (nan|inf) at step \d+ \(", done.stderr, re.MULTILINE), done.stderr
    assert "launch: worker 0 of 2 ended with exit code 2; the others are stopped\n" in done.stderr
    done = run(*LAUNCH, *command("ae-minutes", "auto", tiny_shards, tmp_path))
    assert done.returncode == 0, done.stderr[-2000:]
    steps = [read_json(tmp_path / "ae-minutes" / f"steps-{index}.json") for index in (0, 1)]
    assert steps[0] == steps[1] and len(steps[0]) > 6
    assert read_json(tmp_path / "ae-minutes/model/model.json")["training"]["steps"] == len(steps[0])


def test_multiworker_needs_tf_config(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(InputError, match=r"^strategy: multiworker, but TF_CONFIG names 1 worker; see docs/training"):
        prepare(Train(strategy="multiworker", threads=THREADS))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", (1, 0)),
        ("{}", (1, 0)),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}', (2, 1)),
        ('{"cluster": {"chief": ["c:1"], "worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": "1"}}', (3, 2)),
        ('{"cluster": {"chief": ["c:1"], "worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}', (2, 0)),
    ],
)
def test_tf_config(monkeypatch, text, expected):
    monkeypatch.setenv("TF_CONFIG", text)
    assert read_tf_config() == expected


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "TF_CONFIG: should be"),
        ("[1]", "TF_CONFIG: should be"),
        ('{"cluster": {"worker": ["a:1"]}}', "TF_CONFIG: should be"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "TF_CONFIG: should be"),
        (
            '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "ps", "index": 0}}',
            "only chief and worker",
        ),
    ],
)
def test_tf_config_that_cannot_be_understood(monkeypatch, text, message):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match=message):
        read_tf_config()


def test_a_crew_of_one():
    import tensorflow as tf

    workers, tree = Workers(tf.distribute.get_strategy()), object()
    assert (
        workers.chief
        and workers.share(6) == slice(0, 6)
        and workers.broadcast(tree) is tree
        and workers.finish() is None
    )
    with pytest.raises(tf.errors.UnavailableError), workers.together():
        raise tf.errors.UnavailableError(None, None, "not about other workers")
