"""The loop with real tasks: determinism, subsets, history, grids, several replicas, losses that blow up."""

import csv
import os
import tempfile

import numpy as np
import psutil
import pytest
import tensorflow as tf

from facepipe.errors import InputError
from facepipe.models.ae.config import TrainAE
from facepipe.models.gan.config import TrainGAN
from facepipe.models.gan.model import GAN
from facepipe.models.gan.task import GANTask
from facepipe.models.inverter.config import TrainInverter
from facepipe.models.load import load_model
from facepipe.models.vae.config import TrainVAE
from facepipe.shards.shards import Shards
from facepipe.training.loop import fit
from facepipe.training.resume import States
from facepipe.training.runtime import prepare
from tests.trainings import train as train_model


def train(name, params, train_params, shards, folder):
    return train_model(name, train_params, params, shards, folder / "model", folder / "report")


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("name", ["ae", "vae", "gan"])
def test_twice_the_same_bytes(name, tiny_models, tiny_params, tiny_shards, tmp_path):
    train_params, sections = tiny_params
    train(name, sections[name], train_params, tiny_shards, tmp_path)
    first = files(tiny_models / name) | files(tiny_models.parent / "reports" / f"train_{name}")
    assert files(tmp_path / "model") | files(tmp_path / "report") == first


@pytest.mark.parametrize("name", ["ae", "vae", "gan"])
def test_history_and_grids(name, tiny_models, tiny_params):
    report = tiny_models.parent / "reports" / f"train_{name}"
    with open(report / "history.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert [row["images"] for row in rows] == ["96", "192"]
    assert all(np.isfinite(float(value)) for row in rows for value in row.values() if value)
    assert sorted(path.name for path in (report / "grids").iterdir()) == ["000000.png", "000001.png", "000002.png"]


@pytest.mark.parametrize("name", ["ae", "vae", "gan", "inverter"])
def test_nothing_is_left_in_the_temporary_folder(name, tiny_models, tiny_params, tiny_shards, tmp_path, monkeypatch):
    """Files that autograph writes stay there where a training is killed."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    if name == "inverter":
        params, given = TrainInverter(batch_size=16, epochs=1, widths=(8, 8)), {"gan": tiny_models / "gan"}
    else:
        params, given = tiny_params[1][name].model_copy(update={"epochs": 1}), {}
    train_model(name, tiny_params[0], params, tiny_shards, tmp_path / "model", tmp_path / "report", **given)
    if name != "inverter":
        model = load_model(tmp_path / "model")
        model.decode(model.encode(np.zeros((1, 16, 16, 3))) if model.has_encoder else np.zeros((1, 4)))
    assert not os.listdir(tmp_path / "temporary")


SMALL = {"latent_dim": 4, "widths": (8,), "batch_size": 16, "epochs": 12, "learning_rate": 5e-3}


@pytest.mark.parametrize(
    "name, params",
    [
        ("ae", TrainAE(**SMALL, loss="l1", dropout=0.1, linear_path=False)),
        ("ae", TrainAE(**SMALL, loss="bce", latent_activation="sigmoid")),
        ("ae", TrainAE(**SMALL, latent_activation="relu")),
        ("vae", TrainVAE(**SMALL, loss="mse", beta=0.1)),
        ("vae", TrainVAE(**SMALL, loss="bce", free_bits=0.5)),
        ("vae", TrainVAE(**SMALL, kl_warmup_images=500)),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join([value.loss, value.latent_activation]),
)
def test_every_loss_learns(name, params, tiny_params, tiny_shards, tmp_path):
    train(name, params, tiny_params[0], tiny_shards, tmp_path)
    with open(tmp_path / "report" / "history.csv", encoding="utf-8") as file:
        mse = [float(row["valid_mse"]) for row in csv.DictReader(file)]
    assert min(mse) < 0.6 * mse[0]


def gan_task(params, train_params, steps=None):
    runtime = prepare(train_params)
    spec = {
        "image_shape": [16, 16, 3],
        "latent_dim": params.latent_dim,
        "generator_widths": list(params.generator_widths),
        "discriminator_widths": list(params.discriminator_widths),
        "latent_activation": "linear",
    }
    with runtime.strategy.scope():
        return GANTask(GAN(spec, runtime.dtype), GAN(spec), params, steps, runtime, 0.2, None), runtime


def test_what_changes_each_step_leaves_nothing_behind(tiny_params):
    params = TrainGAN(
        latent_dim=4, generator_widths=(8,), discriminator_widths=(8,), batch_size=16, epochs=3,
        learning_rate_decay="linear", decay_from=0.0, r1_end=0.1, ema_ramp=0.05,
    )  # fmt: skip
    task, _ = gan_task(params, tiny_params[0], steps=20_000)
    memory = []
    for step in range(10_000):
        if step in (1_000, 9_999):
            memory.append(psutil.Process().memory_info().rss)
        task.variant()
    assert task.learning_rate() < 0.6 * params.generator_learning_rate
    assert memory[1] - memory[0] < 4e6, "a tensor kept for each number was a kilobyte"


@pytest.mark.parametrize("loss", ["non_saturating", "hinge"])
@pytest.mark.parametrize(
    "schedule",
    [
        {"name": "ratio", "d_steps": 1, "g_steps": 3},
        {"name": "ratio", "d_steps": 3, "g_steps": 1},
        {"name": "decay", "d_start": 2.0, "d_end": 0.5, "decay_images": 64},
        {"name": "accuracy", "threshold": 0.51, "smoothing": 0.0},
    ],
    ids=lambda s: "-".join(str(v) for v in s.values()),
)
def test_weights_move_exactly_on_the_steps_the_schedule_says(schedule, loss, tiny_params, tiny_shards, tmp_path):
    params = TrainGAN(
        latent_dim=4, generator_widths=(8,), discriminator_widths=(8,), batch_size=16, epochs=3,
        schedule=schedule, loss=loss, r1_every=2, discriminator_learning_rate=5e-3,
    )  # fmt: skip
    task, runtime = gan_task(params, tiny_params[0])
    networks = {part: task.model.networks[part] for part in ("discriminator", "generator")}
    weights = {part: [w.copy() for w in net.get_weights()] for part, net in networks.items()}
    said, moved = [], []
    original_variant, original_after = task.variant, task.after_step

    def variant():
        said.append(original_variant()[:2])
        return (*said[-1], False)

    def after_step(logs):
        original_after(logs)
        change = []
        for part, net in networks.items():
            trainable = [w.numpy() for w in net.trainable_variables]
            change.append(any(not np.array_equal(a, b) for a, b in zip(trainable, weights[part], strict=True)))
            weights[part] = trainable
        moved.append(tuple(change))

    weights = {part: [w.numpy() for w in net.trainable_variables] for part, net in networks.items()}
    task.variant, task.after_step = variant, after_step
    fit(task, Shards(tiny_shards), params, runtime, tmp_path, States(tmp_path / "states"))
    assert moved == said
    assert len(moved) == 18
    assert {False, True} == {d and g for d, g in said}, "this schedule makes both kinds of step"


@pytest.mark.parametrize(("decay", "least", "most"), [("cosine", 0.0, 0.1), ("constant", 0.3, 3.0)])
def test_rates_of_a_gan(decay, least, most, tiny_params, tiny_shards, tmp_path):
    params = TrainGAN(
        latent_dim=4, generator_widths=(8,), discriminator_widths=(8,), batch_size=16, epochs=3,
        learning_rate_decay=decay, r1_gamma=0,
    )  # fmt: skip
    task, runtime = gan_task(params, tiny_params[0], steps=18)
    variables = {part: network.trainable_variables for part, network in task.model.networks.items()}

    def values():
        return {part: np.concatenate([v.numpy().ravel() for v in owned]) for part, owned in variables.items()}

    before, moved, original = values(), [], task.after_step

    def after_step(logs):
        nonlocal before
        original(logs)
        after = values()
        moved.append({part: np.abs(after[part] - before[part]).mean() for part in after})
        before = after

    task.after_step = after_step
    fit(task, Shards(tiny_shards), params, runtime, tmp_path, States(tmp_path / "states"))
    for part in variables:
        # the first steps are Adam's largest
        share = moved[-1][part] / moved[3][part]
        assert least < share < most, part


def test_r1_is_lazy_in_steps_of_the_discriminator(tiny_params):
    params = TrainGAN(
        latent_dim=4, generator_widths=(8,), discriminator_widths=(8,), batch_size=16, epochs=1, r1_every=3,
        schedule={"name": "ratio", "d_steps": 1, "g_steps": 2},
    )  # fmt: skip
    task, _ = gan_task(params, tiny_params[0])
    assert [step for step in range(13) if task.variant()[2]] == [0, 6, 12]


def test_the_critic_has_its_penalty_on_every_step_of_its_own(tiny_params, tiny_shards, tmp_path):
    params = TrainGAN(
        latent_dim=4, generator_widths=(8,), discriminator_widths=(8,), batch_size=16, epochs=1, loss="wasserstein_gp",
        r1_gamma=0.0, schedule={"name": "ratio", "d_steps": 1, "g_steps": 2},
    )  # fmt: skip
    task, _ = gan_task(params, tiny_params[0])
    assert [task.variant()[2] for _ in range(4)] == [True, False, True, False]
    slopes = []
    for weight in (10.0, 1e-9):
        task, runtime = gan_task(
            params.model_copy(update={"gp_weight": weight, "epochs": 20, "discriminator_learning_rate": 5e-3}),
            tiny_params[0],
        )
        fit(
            task,
            Shards(tiny_shards),
            task.params,
            runtime,
            tmp_path / str(weight),
            States(tmp_path / "s" / str(weight)),
        )
        with open(tmp_path / str(weight) / "history.csv", encoding="utf-8") as file:
            slopes.append(float(list(csv.DictReader(file))[-1]["gradient_penalty"]))
    assert slopes[0] < 0.5 < 5 < slopes[1], "the penalty keeps the critic's slope near 1"


def test_a_trained_gan_keeps_its_options(tiny_params, tiny_shards, tmp_path):
    params = tiny_params[1]["gan"].model_copy(
        update={"architecture": "residual", "spectral_norm": True, "truncation": 0.5, "epochs": 1}
    )
    train("gan", params, tiny_params[0], tiny_shards, tmp_path)
    model = load_model(tmp_path / "model")
    spec = model.info["spec"]
    assert (spec["architecture"], spec["spectral_norm"], spec["truncation"]) == ("residual", True, 0.5)
    assert model.sampler.truncation == 0.5
    assert np.isfinite(model.decode(model.sample_latents(3, 0))).all()
    fresh = GAN(spec).networks["discriminator"]
    trained = GAN(spec).networks["discriminator"]
    trained.load_weights(tmp_path / "model" / "discriminator.weights.h5")
    moved = [
        not np.array_equal(new.u, old.u)
        for new, old in zip(trained.layers, fresh.layers, strict=True)
        if hasattr(new, "u")
    ]
    # the head has one output, so that its one direction is found from the start
    assert moved == [True, True, True, True, False], "each power iteration went on, and is stored"


def test_log_and_history_tell_of_a_collapse_at_its_epoch(tiny_params, tiny_shards, tmp_path, capsys):
    # a generator that hardly moves from its start, whose faces are all gray; four half-lives are an epoch and a bit
    params = tiny_params[1]["gan"].model_copy(
        update={"generator_learning_rate": 1e-9, "ema_half_life_kimg": 0.025, "epochs": 3}
    )
    metrics = train("gan", params, tiny_params[0], tiny_shards, tmp_path)
    lines = [line for line in capsys.readouterr().out.splitlines() if "collapse" in line]
    assert [line.split(":")[1] for line in lines] == [" epoch 2", " epoch 3"]
    assert f"diversity {metrics['sample_diversity']:.3f}, real images {metrics['real_diversity']:.3f}" in lines[1]
    with open(tmp_path / "report/history.csv", encoding="utf-8") as file:
        assert [row["collapse"] for row in csv.DictReader(file)] == ["0", "1", "1"]


def test_a_random_subset_each_epoch(tiny_params, tiny_shards, tmp_path, monkeypatch):
    seen = []
    gather = Shards.gather
    monkeypatch.setattr(
        Shards,
        "gather",
        lambda self, split, rows: (seen.extend(rows if len(rows) == 16 else []), gather(self, split, rows))[1],
    )
    params = TrainAE(latent_dim=4, widths=(8,), batch_size=16, epochs=2, images_per_epoch=32, flip=False, loss="l1")
    train("ae", params, tiny_params[0], tiny_shards, tmp_path)
    epochs = [set(seen[:32]), set(seen[32:64])]
    assert [len(epoch) for epoch in epochs] == [32, 32]
    assert epochs[0] != epochs[1]


def test_impossible_batches(tiny_params, tiny_shards, tmp_path):
    with pytest.raises(InputError, match="batch_size: 97 is more than the 96 training images"):
        train("ae", TrainAE(batch_size=97, epochs=1, widths=(8,)), tiny_params[0], tiny_shards, tmp_path)
    with pytest.raises(InputError, match=r"^widths: 4 widths halve .* use at most 3 widths"):
        train("ae", TrainAE(batch_size=8, epochs=1, widths=(8, 8, 8, 8)), tiny_params[0], tiny_shards, tmp_path)


@pytest.mark.parametrize("activation", ["linear", "relu", "sigmoid"])
def test_latents_of_the_autoencoder_are_in_standard_deviations(activation, tiny_params, tiny_shards, tmp_path):
    params = TrainAE(latent_dim=4, widths=(8,), batch_size=16, epochs=3, latent_activation=activation)
    metrics = train("ae", params, tiny_params[0], tiny_shards, tmp_path)
    model, shards = load_model(tmp_path / "model"), Shards(tiny_shards)
    z = model.encode(shards.images("train"))
    if activation == "sigmoid":
        assert z.min() >= 0 and z.max() <= 1
    else:
        live = z.std(axis=0) > 0
        assert live.any()
        np.testing.assert_allclose(z.std(axis=0)[live], 1, rtol=1e-3)
    if activation == "linear":
        np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-3)
    images = shards.images("valid")
    mse = np.mean((model.decode(model.encode(images)) - images / 255.0) ** 2)
    assert mse == pytest.approx(metrics["valid_mse"], rel=1e-3), "the pictures are those of the trained weights"


def test_best_weights_are_kept(tiny_params, tiny_shards, tmp_path):
    # a huge constant learning rate makes later epochs worse than some earlier one
    params = TrainAE(
        latent_dim=4, widths=(8,), batch_size=16, epochs=8, learning_rate=0.2, learning_rate_decay="constant"
    )
    metrics = train("ae", params, tiny_params[0], tiny_shards, tmp_path)
    with open(tmp_path / "report" / "history.csv", encoding="utf-8") as file:
        losses = [float(row["valid_loss"]) for row in csv.DictReader(file)]
    assert metrics["best_epoch"] == int(np.argmin(losses)) + 1
    assert metrics["valid_loss"] == pytest.approx(min(losses), rel=1e-5)


def test_moving_average_of_the_generator(tiny_params, tiny_shards, tmp_path):
    params = TrainGAN(
        latent_dim=4, generator_widths=(8,), discriminator_widths=(8,), batch_size=16, epochs=1, ema_half_life_kimg=0
    )
    task, runtime = gan_task(params, tiny_params[0])
    fit(task, Shards(tiny_shards), params, runtime, tmp_path, States(tmp_path / "states"))
    pairs = zip(task.average.networks["generator"].variables, task.model.networks["generator"].variables, strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs), "half-life 0: no averaging"
    # after half_life images, half the weight is on what came before
    slow, _ = gan_task(params.model_copy(update={"ema_half_life_kimg": 0.016}), tiny_params[0])
    before = [v.numpy() for v in slow.average.networks["generator"].trainable_variables]
    for value in slow.model.networks["generator"].trainable_variables:
        value.assign_add(tf.ones_like(value))
    slow._update_average()
    for a, b in zip(before, slow.average.networks["generator"].trainable_variables, strict=True):
        np.testing.assert_allclose(b, a + 0.5, atol=1e-6)
