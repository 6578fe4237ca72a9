"""Trainings that are cut off and go on: the same bytes as without; budgets, patience, losses that blow up."""

import csv
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from facepipe.core.files import read_json
from facepipe.core.machine import hides_bfloat16_units
from facepipe.errors import InputError, Stopped
from facepipe.models.ae.autoencoding import Autoencoding
from facepipe.models.ae.config import TrainAE
from facepipe.models.gan.config import TrainGAN
from facepipe.models.vae.config import TrainVAE
from facepipe.training import loop, session
from facepipe.training.config import Train
from facepipe.training.interruption import Interruption
from facepipe.training.resume import States
from facepipe.training.state import arrays_of, from_bytes
from tests.conftest import ROOT, THREADS
from tests.trainings import train as train_model

EVERY_16 = Train(precision="float32", threads=THREADS, save_every_images=16)
AE = {"latent_dim": 4, "widths": (8, 8), "batch_size": 16, "epochs": 3}
GAN = {
    "latent_dim": 4, "generator_widths": (8, 8), "discriminator_widths": (8, 8), "batch_size": 16, "epochs": 3,
    "r1_every": 2,
}  # fmt: skip
TRAININGS = {
    "ae": TrainAE(**AE, dropout=0.1, grid_every=2),
    "vae": TrainVAE(**AE, dropout=0.1, free_bits=0.1, kl_warmup_images=200, images_per_epoch=64),
    "ae-robust": TrainAE(
        **AE, loss={"mse": 1.0, "ssim": 0.2}, denoising=0.1, latent_l2=0.1, decoder_l2=0.01, images_per_epoch=64
    ),
    "vae-capacity": TrainVAE(**AE, capacity=2.0, kl_warmup_images=100),
    "vae-cycles": TrainVAE(**AE, kl_cycles=2, kl_warmup_images=80, free_bits=0.1),
    "gan": TrainGAN(**GAN, schedule={"name": "ratio", "d_steps": 2, "g_steps": 5}),
    "gan-decay": TrainGAN(
        **GAN, schedule={"name": "decay", "d_start": 2, "d_end": 0.5, "decay_images": 200}, learning_rate_decay="cosine"
    ),
    "gan-spectral": TrainGAN(
        **GAN, architecture="residual", spectral_norm=True, loss="bce", schedule={"name": "ratio", "g_steps": 2}
    ),
    "gan-wasserstein": TrainGAN(**GAN, loss="wasserstein_gp", r1_gamma=0.0, schedule={"name": "ratio", "d_steps": 3}),
    "gan-accuracy": TrainGAN(**GAN, schedule={"name": "accuracy", "threshold": 0.52, "smoothing": 0.7}),
    "gan-relativistic": TrainGAN(
        **GAN,
        loss="relativistic",
        r2=True,
        r1_end=0.1,
        minibatch_std=4,
        learning_rate_decay="linear",
        decay_from=0.5,
        ema_ramp=0.05,
        keep="best",
        keep_extractor="random_conv",
    ),
    "ae-finish": TrainAE(**AE, finish={"images": 192, "batch_size": 16, "discriminator_first": 32}),
    "vae-finish": TrainVAE(**AE, finish={"images": 96, "batch_size": 16, "discriminator_first": 0}),
    "ae-spectral": TrainAE(**AE, decoder_spectral_norm=True, augment={"brightness": 0.1, "zoom": 0.1}),
    "vae-conditioned": TrainVAE(**AE, condition_on=("Left", "Bright"), condition_dropout=0.3),
    "gan-conditioned": TrainGAN(**GAN, condition_on=("Left",), spectral_norm=True, augment={"rotate": 20.0}),
}


class Killed(BaseException):
    """Stands for the end of the process, where a real one would cost seconds."""


def train(name, params, shards, folder, train_params=EVERY_16):
    return train_model(name.split("-")[0], train_params, params, shards, folder / "model", folder / "report")


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def states_in(root):
    return sorted(root.glob("*/*.state"))


@pytest.fixture
def kill_after(monkeypatch):
    """kill_after(n): the training ends right after its n-th save from now on."""
    save = States.save

    def arrange(saves):
        left = [saves]

        def save_and_die(self, images, state):
            save(self, images, state)
            left[0] -= 1
            if not left[0]:
                raise Killed

        monkeypatch.setattr(States, "save", save_and_die)

    yield arrange
    monkeypatch.setattr(States, "save", save)


@pytest.fixture
def a_second_a_step(monkeypatch):
    """The loop's clock, which goes on by a second with each step and stands still otherwise."""
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)

    def stepper(*arguments):
        run = original(*arguments)

        def step(*inputs):
            clock.now += 1.0
            return run(*inputs)

        return step

    original = loop.stepper
    monkeypatch.setattr(loop, "stepper", stepper)
    monkeypatch.setattr(loop, "time", clock)
    return clock


@pytest.mark.parametrize("name", TRAININGS)
def test_cut_off_again_and_again_the_result_is_the_same(name, tiny_shards, tmp_path, own_states, kill_after):
    params = TRAININGS[name]
    precision = "mixed_bfloat16" if name in ("vae", "gan-spectral") and not hides_bfloat16_units() else "float32"
    train_params = EVERY_16.model_copy(update={"precision": precision})
    metrics = train(name, params, tiny_shards, tmp_path / "whole", train_params)
    assert not any(own_states.iterdir()), "the state is removed when the outputs are complete"
    part = tmp_path / "part"
    for saves in (1, 8):
        kill_after(saves)
        with pytest.raises(Killed):
            train(name, params, tiny_shards, part, train_params)
        assert 1 <= len(states_in(own_states)) <= 2
        # DVC removes a stage's outputs before it runs the stage again
        for path in sorted((part / "report").rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
    assert int(states_in(own_states)[-1].stem) == 9 * 16
    kill_after(10**6)
    assert train(name, params, tiny_shards, part, train_params) == metrics
    assert files(part) == files(tmp_path / "whole")
    assert not any(own_states.iterdir())


@pytest.mark.parametrize("name", ["ae", "gan"])
@pytest.mark.parametrize("place", ["save_model", "write_facts"])
def test_cut_off_between_the_outputs_nothing_is_trained_again(
    name, place, tiny_shards, tmp_path, own_states, monkeypatch, capsys
):
    train(name, TRAININGS[name], tiny_shards, tmp_path / "whole")
    original = getattr(session, place)

    def write_and_die(*arguments, **options):
        original(*arguments, **options)
        raise Killed

    monkeypatch.setattr(session, place, write_and_die)
    with pytest.raises(Killed):
        train(name, TRAININGS[name], tiny_shards, tmp_path / "part")
    monkeypatch.setattr(session, place, original)
    monkeypatch.setattr("facepipe.training.loop._Loop._train_epoch", None)
    capsys.readouterr()
    train(name, TRAININGS[name], tiny_shards, tmp_path / "part")
    assert f"{name}: continues after epoch 3, image 288\n" in capsys.readouterr().out
    assert files(tmp_path / "part") == files(tmp_path / "whole")
    assert not any(own_states.iterdir())


def test_stopped_by_a_signal_it_says_where_it_goes_on(tiny_shards, tmp_path, own_states, monkeypatch, capsys):
    train("ae", TRAININGS["ae"], tiny_shards, tmp_path / "whole")
    draws, interruptions = [], []
    draw = Autoencoding.draw

    def draw_and_ask(self, generator, count):
        draws.append(count)
        if len(draws) == 9:
            interruptions[-1].signal = 15
        return draw(self, generator, count)

    enter = Interruption.__enter__
    monkeypatch.setattr(Interruption, "__enter__", lambda self: interruptions.append(self) or enter(self))
    monkeypatch.setattr(Autoencoding, "draw", draw_and_ask)
    rarely = EVERY_16.model_copy(update={"save_every_images": None})
    with pytest.raises(Stopped, match=r"^stopped; run dvc repro again: it continues at epoch 2, image \d+$") as stop:
        train("ae", TRAININGS["ae"], tiny_shards, tmp_path / "part", rarely)
    assert stop.value.signal == 15
    place = str(stop.value).partition("it continues ")[2]
    assert len(states_in(own_states)) == 1
    monkeypatch.undo()
    monkeypatch.setenv("FACEPIPE_RESUME", str(own_states))
    # how often states are saved is not part of what they are of
    train("ae", TRAININGS["ae"], tiny_shards, tmp_path / "part")
    assert f"ae: continues {place}\n" in capsys.readouterr().out
    assert files(tmp_path / "part") == files(tmp_path / "whole")


@pytest.mark.parametrize("name", ["ae", "vae", "gan"])
def test_a_loss_that_is_not_finite_leaves_the_last_good_state(name, tiny_shards, tmp_path, own_states, kill_after):
    kill_after(3)
    with pytest.raises(Killed):
        train(name, TRAININGS[name], tiny_shards, tmp_path)
    good = {path.name: path.read_bytes() for path in states_in(own_states)}
    kill_after(10**6)
    rates = ("generator_learning_rate", "discriminator_learning_rate") if name == "gan" else ("learning_rate",)
    params = TRAININGS[name].model_copy(update=dict.fromkeys(rates, 1e30) | {"dropout": 0.0})
    for _ in range(2):
        with pytest.raises(
            InputError, match=r"^[a-z0-9_ ]+ became (nan|-?inf) at step \d+ \(learning rate .*\); the same params come"
        ):
            train(name, params, tiny_shards, tmp_path)
        assert not (tmp_path / "model").exists()
        states = states_in(own_states)
        assert {path.name: path.read_bytes() for path in states} | good == {
            path.name: path.read_bytes() for path in states
        }
        for path in states:
            assert all(np.isfinite(array).all() for array in arrays_of(from_bytes(path.read_bytes())))
    # other params: from the beginning
    assert train(name, TRAININGS[name].model_copy(update={"epochs": 1}), tiny_shards, tmp_path)["images_seen"] in (
        64,
        96,
    )


def test_weights_that_are_not_finite_are_never_saved(tiny_shards, tmp_path, own_states, monkeypatch):
    state = Autoencoding.state
    monkeypatch.setattr(Autoencoding, "state", lambda self: state(self) | {"more": [np.array([1.0, np.inf])]})
    with pytest.raises(InputError, match=r"^a weight became nan at step 1 \(learning rate"):
        train("ae", TRAININGS["ae"], tiny_shards, tmp_path)
    assert states_in(own_states) == []


def test_patience(tiny_shards, tmp_path, kill_after):
    params = TrainAE(
        latent_dim=4, widths=(8,), batch_size=16, epochs=40, learning_rate=0.2, learning_rate_decay="constant",
        patience=2, grid_every=50,
    )  # fmt: skip
    metrics = train("ae", params, tiny_shards, tmp_path / "whole")
    with open(tmp_path / "whole/report/history.csv", encoding="utf-8") as file:
        losses = [float(row["valid_loss"]) for row in csv.DictReader(file)]
    assert len(losses) == metrics["best_epoch"] + 2 == metrics["images_seen"] / 96 < 40
    assert int(np.argmin(losses)) + 1 == metrics["best_epoch"]
    assert (tmp_path / f"whole/report/grids/{len(losses):06d}.png").exists(), "the last epoch has its grid"
    assert read_json(tmp_path / "whole/model/model.json")["training"]["epochs"] == len(losses)
    # cut off after the last step of the last epoch, when it is not yet known that it was the last
    kill_after(len(losses) * 6)
    with pytest.raises(Killed):
        train("ae", params, tiny_shards, tmp_path / "part")
    kill_after(10**6)
    train("ae", params, tiny_shards, tmp_path / "part")
    assert files(tmp_path / "part") == files(tmp_path / "whole")


@pytest.mark.parametrize("name", ["ae", "gan"])
def test_a_budget_in_minutes(name, tiny_shards, tmp_path, own_states, capsys, kill_after, a_second_a_step):
    params = TRAININGS[name].model_copy(update={"epochs": None, "minutes": 0.5, "grid_every": 10**6})
    kill_after(5)
    with pytest.raises(Killed):
        train(name, params, tiny_shards, tmp_path)
    assert f"{name}: a budget in minutes: another run, or another machine, gives another model\n" in (
        capsys.readouterr().out
    )
    kill_after(10**6)
    a_second_a_step.now += 1000.0  # nobody trains meanwhile
    metrics = train(name, params, tiny_shards, tmp_path)
    record = read_json(tmp_path / "model/model.json")["training"]
    assert record["minutes"] == 0.5 and record["byte_reproducible"] is False
    assert record["images"] == metrics["images_seen"] == 16 * record["steps"] == 16 * 30
    with open(tmp_path / "report/history.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert int(rows[-1]["images"]) == metrics["images_seen"]
    assert len(list((tmp_path / "report/grids").iterdir())) == 2, "before training, and at the end"
    if name == "ae":
        assert float(rows[-1]["learning_rate"]) < 0.2 * params.learning_rate, "the cosine follows the time"


def test_two_replicas_go_on_as_well(tiny_shards, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", REPLICAS, str(tiny_shards), str(tmp_path)],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert files(tmp_path / "part") == files(tmp_path / "whole")
    assert "gan: continues at epoch 1, image 48" in done.stdout


REPLICAS = """
import sys
from pathlib import Path
import tensorflow as tf
from facepipe.training.resume import States
import tests.test_cut_off as t
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
shards, out = sys.argv[1], Path(sys.argv[2])
two = t.EVERY_16.model_copy(update={"strategy": "mirrored", "threads": 1})
save = States.save
def save_and_die(self, images, state):
    save(self, images, state)
    if images == 48:
        raise t.Killed
params = t.TRAININGS["gan"].model_copy(update={"epochs": 1})
t.train("gan", params, shards, out / "whole", two)
States.save = save_and_die
try:
    t.train("gan", params, shards, out / "part", two)
except t.Killed:
    States.save = save
t.train("gan", params, shards, out / "part", two)
"""


def test_a_damaged_state_in_a_real_training(tiny_shards, tmp_path, own_states, kill_after, capsys):
    train("ae", TRAININGS["ae"], tiny_shards, tmp_path / "whole")
    for damaged in (1, 2):
        kill_after(5)
        with pytest.raises(Killed):
            train("ae", TRAININGS["ae"], tiny_shards, tmp_path / "part")
        for path in states_in(own_states)[-damaged:]:
            path.write_bytes(path.read_bytes()[:-1] + b"x")
        capsys.readouterr()
        kill_after(10**6)
        train("ae", TRAININGS["ae"], tiny_shards, tmp_path / "part")
        out = capsys.readouterr().out
        assert ("training continues from the one before" in out) == (damaged == 1)
        assert ("training starts anew" in out) == (damaged == 2)
        assert files(tmp_path / "part") == files(tmp_path / "whole")
