"""What the options of the two autoencoders do: denoising, penalties, pressures on the KL, warm start."""

import csv
import shutil

import numpy as np
import pytest
import tensorflow as tf

from facepipe.core.determinism import rng
from facepipe.core.files import read_json
from facepipe.errors import InputError
from facepipe.models.ae import losses
from facepipe.models.ae.config import TrainAE
from facepipe.models.ae.model import Autoencoder
from facepipe.models.ae.task import AETask
from facepipe.models.gan.start import first_weights
from facepipe.models.load import load_model
from facepipe.models.vae.config import TrainVAE
from facepipe.models.vae.losses import kl_divergence
from facepipe.models.vae.model import VAE
from facepipe.models.vae.task import VAETask
from facepipe.networks.store import digest, read_weights
from facepipe.shards.shards import Shards
from facepipe.training.config import Train
from facepipe.training.runtime import prepare
from tests.conftest import THREADS
from tests.trainings import train as train_model

FLOAT32 = Train(precision="float32", threads=THREADS)
TINY = {"latent_dim": 4, "widths": (8,), "batch_size": 16, "learning_rate": 5e-3}
SPEC = {"image_shape": [16, 16, 3], "latent_dim": 4, "widths": [8], "latent_activation": "linear"}


def ae_task(shards, **options):
    return AETask(Autoencoder(SPEC), TrainAE(**TINY, epochs=1, **options), Shards(shards), 10, prepare(FLOAT32))


def train(name, shards, folder, **options):
    """Metrics, and history.csv as {column: list of float}."""
    params = {"ae": TrainAE, "vae": TrainVAE}[name](**TINY | options)
    metrics = train_model(name, FLOAT32, params, shards, folder / "model", folder / "report")
    with open(folder / "report" / "history.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return metrics, {column: [float(row[column]) for row in rows] for column in rows[0]}


def test_noise_on_the_input_and_none_on_the_target(tiny_shards):
    task = ae_task(tiny_shards, denoising=0.2)
    x = Shards(tiny_shards).images("train", 0, 16) / np.float32(255)
    noise = task.draw(rng(0, "ae", 5), range(16))
    seen = task.corrupt(x, noise, tf.constant(16.0)).numpy()
    added = seen - x
    assert abs(added.mean()) < 0.01 and abs(added.std() - 0.2) < 0.01
    assert abs(np.corrcoef(added[0].ravel(), added[1].ravel())[0, 1]) < 0.15, "each image has its own"
    np.testing.assert_array_equal(task.corrupt(x, task.draw(rng(0, "ae", 5), range(16)), tf.constant(16.0)), seen)
    assert not np.array_equal(task.corrupt(x, task.draw(rng(0, "ae", 6), range(16)), tf.constant(16.0)), seen)
    halves = [
        task.corrupt(x[half], {"pixels": tf.constant(noise["pixels"][half])}, tf.constant(16.0))
        for half in (slice(0, 8), slice(8, 16))
    ]
    np.testing.assert_array_equal(np.concatenate(halves), seen, "two replicas see what one sees")

    model = task.model
    z = model.latent(model.features(tf.constant(seen), training=True), training=True)
    logits = model.decode_logits(z, training=True)
    loss, terms = task.objective(tf.constant(x), noise, tf.constant(16.0))
    np.testing.assert_allclose(loss, losses.mse(x, logits), rtol=1e-6)
    assert np.all(losses.mse(seen, logits) > loss + 0.02)
    assert list(terms) == ["loss", "mse"]


def test_the_loss_is_the_weighted_sum_of_its_terms(tiny_shards):
    task = ae_task(tiny_shards, loss={"mse": 1.5, "ssim": 0.2}, latent_l2=0.3, decoder_l2=0.01)
    x = Shards(tiny_shards).images("train", 0, 16) / np.float32(255)
    z = task.model.encode(x).numpy()
    logits = task.model.decode_logits(z)
    terms = task.measures(x, None)
    assert list(terms) == ["loss", "mse", "ssim", "latent_l2", "decoder_l2"]
    decoder = [layer for layer in task.model.networks["decoder"].layers if hasattr(layer, "kernel")]
    squares = sum(np.square(layer.kernel.numpy()).sum() for layer in decoder)
    assert len(decoder) == 2
    np.testing.assert_allclose(terms["decoder_l2"], np.full(16, squares), rtol=1e-5)
    np.testing.assert_allclose(terms["latent_l2"], np.square(z).sum(axis=1) / 2, rtol=1e-5)
    # the penalties count against the squared error summed over 16 x 16 x 3 values
    expected = 768 * (1.5 * losses.mse(x, logits) + 0.2 * losses.ssim(x, logits))
    expected += 0.3 * np.square(z).sum(axis=1) / 2 + 0.01 * squares
    np.testing.assert_allclose(768 * terms["loss"], expected, rtol=1e-5)


def test_penalties_make_small_what_they_penalise(tiny_shards, tmp_path):
    _, free = train("ae", tiny_shards, tmp_path / "free", epochs=20, latent_l2=1e-9, decoder_l2=1e-9)
    _, bound = train("ae", tiny_shards, tmp_path / "bound", epochs=20, latent_l2=1.0, decoder_l2=0.3)
    for name in ("latent_l2", "decoder_l2"):
        assert bound[f"valid_{name}"][-1] < 0.7 * free[f"valid_{name}"][-1]
        assert bound[name][-1] < bound[name][0]
    assert bound["valid_mse"][-1] < bound["valid_mse"][0]


def test_a_decoder_with_spectral_norm(tiny_shards, tmp_path):
    options = {"epochs": 20, "decoder_spectral_norm": True, "latent_l2": 1e-3, "widths": (8, 8)}
    metrics, history = train("ae", tiny_shards, tmp_path, **options)
    assert history["valid_mse"][-1] < 0.5 * history["valid_mse"][0]
    model = load_model(tmp_path / "model")
    assert model.info["spec"]["decoder_spectral_norm"] is True
    network = Autoencoder(model.info["spec"])
    read_weights(tmp_path / "model", network.networks)
    layers = [layer for layer in network.networks["decoder"].layers if layer.trainable_weights]
    assert [type(layer).__name__ for layer in layers] == ["SpectralDense", "SpectralDeconv", "SpectralDeconv"]
    for layer in layers:
        values = np.linalg.svd(np.reshape(layer.normalized(), (-1, layer.shape[-1])), compute_uv=False)
        assert values[0] == pytest.approx(1, abs=0.02)
    images = Shards(tiny_shards).images("valid")
    decoded = model.decode(model.encode(images))
    assert np.square(decoded - images / 255).mean() == pytest.approx(metrics["valid_mse"], rel=1e-3)
    with pytest.raises(InputError, match="decoder_spectral_norm is True there and not set here"):
        train("ae", tiny_shards, tmp_path / "b", epochs=1, widths=(8, 8), init_from=str(tmp_path / "model"))


@pytest.mark.parametrize("name", ["ae", "vae"])
def test_in_patches(name, tiny_shards, tmp_path):
    metrics, history = train(name, tiny_shards, tmp_path, epochs=12, patch_size=3, learning_rate=1e-2)
    assert history["valid_mse"][-1] < 0.8 * history["valid_mse"][0]
    model = load_model(tmp_path / "model")
    assert model.info["spec"]["patch_size"] == 3
    images = Shards(tiny_shards).images("valid")
    decoded = model.decode(model.encode(images))
    assert np.square(decoded - images / 255).mean() == pytest.approx(metrics["valid_mse"], rel=1e-3)
    with pytest.raises(InputError, match=r"halve 16x16 images in patches of 9x9 to 1x1; use a smaller patch_size"):
        train(name, tiny_shards, tmp_path / "b", epochs=1, patch_size=9)
    with pytest.raises(InputError, match="patch_size is 3 there and not set here"):
        train(name, tiny_shards, tmp_path / "b", epochs=1, init_from=str(tmp_path / "model"))
    if name == "vae":
        with pytest.raises(InputError, match=r"init_from: .* does not fit: patch_size is 3 there, 1 here$"):
            first_weights(tmp_path / "model", {})


def test_augmented_trainings_learn_and_are_other_trainings(tiny_shards, tmp_path):
    runs = {}
    for name, amounts in (("plain", {}), ("some", {"brightness": 0.1, "rotate": 5.0}), ("zero", {"zoom": 0.0})):
        _, runs[name] = train("vae", tiny_shards, tmp_path / name, epochs=6, augment=amounts)
    assert runs["some"]["valid_mse"][-1] < runs["some"]["valid_mse"][0]
    assert runs["some"]["mse"] != runs["plain"]["mse"] == runs["zero"]["mse"]


def test_capacity_drives_the_kl_to_it(tiny_shards, tmp_path):
    common = {"epochs": 30, "kl_warmup_images": 960, "beta": 200.0, "loss": "mse"}
    for nats in (1.0, 4.0):
        _, history = train("vae", tiny_shards, tmp_path / str(nats), capacity=nats, **common)
        assert history["kl"][-1] == pytest.approx(nats, rel=0.1)
        assert history["kl"][4] < 0.8 * nats, "it rises with the warm-up"


def test_the_warm_up_begins_again_with_each_cycle(tiny_shards):
    def shares(count, **options):
        params = TrainVAE(**TINY, epochs=1, kl_warmup_images=64, **options)
        task = VAETask(VAE(SPEC), params, Shards(tiny_shards), 20, prepare(FLOAT32))
        values = []
        for step in range(count):
            task._optimizer.iterations.assign(step)
            values.append(float(task.warmup()))
        return values

    ramp = [0, 0.25, 0.5, 0.75]
    assert shares(20) == ramp + [1] * 16
    assert shares(20, kl_cycles=2) == (ramp + [1] * 6) * 2
    assert shares(20, kl_cycles=5) == ramp * 5
    with pytest.raises(InputError, match="kl_warmup_images: 64 is more than one of 8 cycles of 40 images"):
        shares(1, kl_cycles=8)


def test_the_kl_of_each_dimension(tiny_shards, tmp_path):
    _, history = train("vae", tiny_shards, tmp_path, epochs=8, beta=30.0)
    with open(tmp_path / "report" / "kl.csv", encoding="utf-8") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    assert [(row["epoch"], row["dimension"]) for row in rows] == [(e, d) for e in range(1, 9) for d in range(4)]
    kl = np.array([row["kl"] for row in rows]).reshape(8, 4)
    np.testing.assert_allclose(kl.sum(axis=1), history["valid_kl"], rtol=1e-5)
    # by way of the stored model, whose weights are those of the last epoch here
    model = load_model(tmp_path / "model")
    assert model.info["training"]["best_epoch"] == 8
    mu, logvar = model.posterior(Shards(tiny_shards).images("valid"))
    assert history["active_units"][-1] == (mu.var(axis=0) > 0.01).sum()
    np.testing.assert_allclose(kl[-1], kl_divergence(mu, logvar).numpy().mean(axis=0), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", ["ae", "vae"])
def test_warm_start(name, tiny_shards, tmp_path):
    options = {"epochs": 6, "dropout": 0.0}
    cold, _ = train(name, tiny_shards, tmp_path / "cold", **options)
    source = tmp_path / "cold" / "model"
    options |= {"epochs": 1, "learning_rate": 1e-12, "init_from": str(source)}
    warm, _ = train(name, tiny_shards, tmp_path / "warm", **options)
    images = Shards(tiny_shards).images("test")
    z = [load_model(tmp_path / run / "model").encode(images) for run in ("cold", "warm")]
    np.testing.assert_allclose(z[1], z[0], atol=1e-3)
    assert warm["valid_mse"] < 1.5 * cold["valid_mse"]
    record = read_json(tmp_path / "warm" / "model" / "model.json")["training"]["init_from"]
    assert record == {"folder": str(source), "sha256": digest(source)}


def test_a_warm_start_that_does_not_fit(tiny_models, tiny_shards, tmp_path):
    fitting = {"epochs": 1, "widths": (8, 8)}

    def complaint(source, name="ae", **options):
        with pytest.raises(InputError) as error:
            train(name, tiny_shards, tmp_path, init_from=str(source), **fitting | options)
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "does not fit: latent_dim is 4 there and 5 here" in complaint(tiny_models / "ae", latent_dim=5)
    said = complaint(tiny_models / "ae", widths=(8,), latent_activation="relu")
    assert said.endswith("latent_activation is linear there and relu here, linear_path is True there and not set here")
    assert "model is vae there and ae here" in complaint(tiny_models / "vae")
    assert "no model.json there" in complaint(tmp_path / "nothing")
    broken = tmp_path / "broken"
    shutil.copytree(tiny_models / "ae", broken)
    (broken / "head.weights.h5").write_bytes(b"no")
    assert "head.weights.h5: damaged: 2 bytes, not " in complaint(broken)
    shutil.copytree(tiny_models / "ae", tmp_path / "model")
    assert "is what this stage writes" in complaint(tmp_path / "model")


def test_a_start_from_other_weights_is_another_training(tiny_models, tiny_shards, tmp_path, capsys, monkeypatch):
    source = tmp_path / "source"
    shutil.copytree(tiny_models / "ae", source)
    options = {"epochs": 1, "widths": (8, 8), "init_from": str(source)}
    monkeypatch.setattr("facepipe.training.session.save_model", None)
    for expected in ([], ["continues after epoch 1"], ["starts anew"]):
        with pytest.raises(TypeError):
            train("ae", tiny_shards, tmp_path, **options)
        out = capsys.readouterr().out
        assert [text for text in ("continues after epoch 1", "starts anew") if text in out] == expected
        if expected:
            shutil.copy(source / "model.json", source / "more.json")
