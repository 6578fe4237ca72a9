"""Stages that are killed or stopped in real processes, and run again: not a byte differs."""

import contextlib
import os
import shutil
import signal
import sys
import time
from functools import partial

import numpy as np
import pytest

from facepipe.config import load_params
from tests.pipeline.forked import ForkedStage
from tests.trainings import train as train_model

STAGES = ("train_ae", "train_vae", "train_gan", "train_inverter")
# about as many file operations write the model, the metrics, and remove the states
OUTPUT_OPERATIONS = 20


def outputs(repository, stage):
    """{path: bytes} of what the stage makes, and of whatever else it leaves in those folders and among the states."""
    name = stage.removeprefix("train_")
    found = [*repository.folder.glob("data/models/**/*"), *(repository.folder / f"reports/{stage}").rglob("*")]
    # a lock holds the number of its process
    found += [path for path in repository.folder.glob(".facepipe/**/*") if path.parent.name != "locks"]
    others = [f"data/models/{other}" for other in {"ae", "vae", "gan", "inverter"} - {name}]
    paths = {path.relative_to(repository.folder).as_posix(): path for path in found if path.is_file()}
    return {key: path.read_bytes() for key, path in paths.items() if not any(key.startswith(o + "/") for o in others)}


def remove_outputs(repository, stage):
    """As DVC does before it runs a stage."""
    shutil.rmtree(repository.folder / "data/models" / stage.removeprefix("train_"), ignore_errors=True)
    shutil.rmtree(repository.folder / "reports" / stage / "grids", ignore_errors=True)
    for name in ("history.csv", "facts.csv"):
        (repository.folder / "reports" / stage / name).unlink(missing_ok=True)


def states(repository):
    return sorted(repository.folder.glob(".facepipe/resume/*/*.state"))


@pytest.fixture
def often(copy):
    """A copy of the finished repository that saves a state every other step."""
    copy.set_params({"train.save_every_images": 32})
    return copy


@pytest.mark.parametrize(
    "stage, first, code, line",
    [
        ("train_ae", "SIGKILL", -signal.SIGKILL, None),
        ("train_vae", "SIGTERM", 143, "train_vae: stopped; run dvc repro again: it continues at epoch 1, image "),
        ("train_gan", "SIGINT", 130, "train_gan: stopped; run dvc repro again: it continues at epoch 1, image "),
    ],
)
def test_ended_twice_within_its_writes(often, finished, stage, first, code, line):
    # the operations before the 30th are the first picture and the states of the first epoch
    done = ForkedStage(often, stage, 30, first).wait()
    assert done.returncode == code
    assert line is None or done.stderr.splitlines()[-1].startswith(line)
    assert "Traceback" not in done.stderr
    assert states(often)
    remove_outputs(often, stage)
    assert ForkedStage(often, stage, 60).wait().returncode == -signal.SIGKILL
    remove_outputs(often, stage)
    done = often.run(sys.executable, "-m", f"stages.{stage}")
    assert f"{stage.removeprefix('train_')}: continues " in done.stdout
    assert outputs(often, stage) == outputs(finished, stage)


def test_dvc_repro_killed_and_stopped(often, tmp_path):
    often.set_params({"train_vae.epochs": 20})
    params = load_params(often.folder / "params.yaml")
    train_model(
        "vae", params.train, params.train_vae, often.folder / "data/shards", tmp_path / "vae", tmp_path / "report"
    )

    process = often.start("dvc", "repro", "train_vae")
    wait_for_state(often, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    killed_at = states(often)
    assert killed_at and not (often.folder / "data/models/vae").exists()

    process = often.start("dvc", "repro", "train_vae")
    wait_for_state(often, process, other_than=killed_at)
    os.killpg(process.pid, signal.SIGINT)
    out, error = process.communicate()
    assert process.returncode != 0
    assert "vae: continues at epoch " in out
    assert "train_vae: stopped; run dvc repro again: it continues at epoch " in error and "Traceback" not in error

    ran, _ = often.repro("train_vae")
    assert ran == ["train_vae"]
    assert files(often.folder / "data/models/vae") == files(tmp_path / "vae")
    assert files(often.folder / "reports/train_vae") == files(tmp_path / "report")
    assert not states(often)


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def wait_for_state(repository, process, other_than=()):
    """Until the process has saved a state."""
    while set(states(repository)) <= set(other_than):
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)


def kill_twenty_times(stage, repository):
    """Half of them before a random file operation, half at a random time, up to four in one training."""
    repository.set_params({f"{stage}.epochs": 8, f"{stage}.images": None})
    remove_outputs(repository, stage)
    # in a fresh process: what all others have to give
    repository.run(sys.executable, "-m", f"stages.{stage}")
    whole = outputs(repository, stage)
    repository.set_params({"train.save_every_images": 32})
    remove_outputs(repository, stage)
    process = ForkedStage(repository, stage)
    wait_until_training(repository, process)
    started = time.monotonic()
    process.wait()
    duration = time.monotonic() - started
    assert process.returncode == 0, process.stderr
    assert outputs(repository, stage) == whole
    operations = int(process.stdout.split()[-1])
    random = np.random.default_rng(STAGES.index(stage))
    kills, saved, complete = [], 0, 0
    while len(kills) < 20:
        for run in range(random.integers(1, 5)):
            if random.random() < 0.5:
                remove_outputs(repository, stage)
            if random.random() < 0.5:
                # one in two first kills comes while the outputs are written
                first = operations - OUTPUT_OPERATIONS if run == 0 and random.random() < 0.5 else 1
                number = int(random.integers(first, operations + 1))
                killed, place = ForkedStage(repository, stage, number).wait().returncode, f"operation {number}"
            else:
                seconds = float(random.uniform(0, duration))
                killed, place = kill_after(repository, stage, seconds), f"{seconds:.2f} s"
            if killed == 0:
                complete += 1
                break
            assert killed == -signal.SIGKILL
            kills.append(place)
            saved += bool(states(repository))
        else:
            process = ForkedStage(repository, stage).wait()
            assert process.returncode == 0, process.stderr
        assert outputs(repository, stage) == whole, kills
        remove_outputs(repository, stage)
    print(f"{stage}: {len(kills)} kills, {saved} with a state, {complete} complete before; {', '.join(kills)}")
    assert saved >= 5


@pytest.mark.slow
@pytest.mark.parametrize("act", [partial(kill_twenty_times, stage) for stage in STAGES], ids=STAGES)
def test_twenty_random_kills(act, runs):
    runs[act].result()


def wait_until_training(repository, process):
    """Until the process has locked a folder of states, or has ended."""
    while process.returncode is None:
        # a training that only has to write its outputs removes the folder soon
        with contextlib.suppress(FileNotFoundError):
            if str(process.pid) in [lock.read_text() for lock in repository.folder.glob(".facepipe/resume/*/lock")]:
                return
        time.sleep(0.002)


def kill_after(repository, stage, seconds):
    """Run the stage, kill it so many seconds after its training began; its exit status."""
    process = ForkedStage(repository, stage)
    wait_until_training(repository, process)
    time.sleep(seconds)
    process.kill()
    return process.wait().returncode
