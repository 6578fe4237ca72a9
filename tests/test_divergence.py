"""The warning of an autoencoder that has lost its way: thresholds, once per divergence, also across a resume."""

import keras
import numpy as np
import pytest

from facepipe.models.ae.config import TrainAE
from facepipe.models.ae.divergence import is_far, message
from facepipe.models.ae.model import Autoencoder
from facepipe.models.ae.task import AETask
from facepipe.models.vae.config import TrainVAE
from facepipe.shards.shards import Shards
from facepipe.training.config import Train
from facepipe.training.runtime import prepare
from tests.conftest import THREADS
from tests.trainings import train as train_model

FLOAT32 = Train(precision="float32", threads=THREADS)
TINY = {"latent_dim": 4, "widths": (8,), "batch_size": 16, "epochs": 8}
SECTIONS = {"ae": TrainAE, "vae": TrainVAE}
STEPS = 6  # of an epoch


def lines(capsys):
    return [line for line in capsys.readouterr().out.splitlines() if "lost its way" in line]


def train(name, shards, folder, **options):
    train_model(name, FLOAT32, SECTIONS[name](**TINY | options), shards, folder / "model", folder / "report")


@pytest.mark.parametrize("valid, mse, far", [(0.031, 0.031, True), (0.029, 0.1, False), (0.1, 0.029, False)])
def test_far(valid, mse, far):
    assert is_far({"valid_mse": valid, "mse": mse}, {"valid_mse": 0.01}) is far


def test_message():
    assert message({"valid_mse": 0.163}, {"valid_mse": 0.0121}, 2, 4e-3) == (
        "lost its way? held-out mse 0.16, in epoch 2 it was 0.012; a lower learning_rate helps (it is 0.004, try "
        "0.001), or a larger batch_size"
    )


@pytest.mark.parametrize("name, options", [("ae", {}), ("vae", {"kl_warmup_images": 0, "beta": 1.0})])
def test_a_huge_learning_rate_is_said_once(name, options, tiny_shards, tmp_path, capsys, monkeypatch):
    # three good epochs first, which a rate that is huge from the start would not leave
    rates = keras.optimizers.schedules.PiecewiseConstantDecay([3 * STEPS], [5e-3, 0.5])
    monkeypatch.setattr("facepipe.models.ae.autoencoding.learning_rate", lambda *arguments: rates)
    train(name, tiny_shards, tmp_path, **options)
    (line,) = lines(capsys)
    assert line.startswith(f"train_{name}: epoch 5: lost its way? held-out mse ")
    assert "in epoch 3 it was 0.00" in line


@pytest.mark.parametrize(
    "name, options",
    [
        ("ae", {}),
        ("vae", {"kl_warmup_images": 384, "beta": 1000.0}),
        ("vae", {"kl_warmup_images": 192, "beta": 300.0, "kl_cycles": 2}),
        ("vae", {"kl_warmup_images": 384, "beta": 100.0, "capacity": 4.0}),
    ],
)
def test_a_healthy_training_says_nothing(name, options, tiny_shards, tmp_path, capsys):
    train(name, tiny_shards, tmp_path, learning_rate=5e-3, **options)
    assert lines(capsys) == []


def task_of(shards):
    spec = {"image_shape": [16, 16, 3], "latent_dim": 4, "widths": [8], "latent_activation": "linear"}
    return AETask(Autoencoder(spec), TrainAE(**TINY), Shards(shards), 100, prepare(FLOAT32))


def test_once_per_divergence_and_across_a_resume(tiny_shards, capsys, monkeypatch):
    task, errors = task_of(tiny_shards), iter([1.0, 4.0, 1.5, 4.0, 4.0, 4.0, 1.0, 4.0, 4.0])
    for epoch, error in enumerate(errors, 1):
        state, task = task.state(), task_of(tiny_shards)
        task.restore(state)
        found = {"valid_loss": error, "valid_mse": error}
        monkeypatch.setattr(task, "held_out", lambda epoch, found=found: found)
        assert task.after_epoch(epoch, {"mse": error}) == found
    assert [line.split(":")[1] for line in lines(capsys)] == [" epoch 5", " epoch 9"]


def test_a_loss_that_is_not_finite_is_the_loops_to_report(tiny_shards, monkeypatch):
    task, found = task_of(tiny_shards), {"valid_loss": np.nan, "valid_mse": np.nan}
    monkeypatch.setattr(task, "held_out", lambda epoch: found)
    assert task.after_epoch(1, {"mse": np.nan}) == found
