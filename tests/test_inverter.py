"""Training of the inverter: it learns both aims, leaves the generator alone, and goes on where it was cut off."""

import csv
import re
import shutil

import numpy as np
import pytest

from facepipe.core.files import read_json, sha256
from facepipe.errors import InputError
from facepipe.models.gan.config import TrainGAN
from facepipe.models.gan.discriminators import maps_of
from facepipe.models.inverter.config import TrainInverter
from facepipe.models.load import load_model
from facepipe.networks.matching import mean_distance
from facepipe.networks.store import generator_digest
from facepipe.networks.summary import forward_flops
from facepipe.shards.shards import Shards
from facepipe.training.config import Train
from facepipe.training.resume import States
from tests.conftest import THREADS, needs_bfloat16
from tests.trainings import train as train_model

FLOAT32 = Train(precision="float32", threads=THREADS, save_every_images=16)
TINY = {"batch_size": 16, "widths": (8, 8), "learning_rate": 1e-2}


def train(shards, gan, folder, train_params=FLOAT32, **options):
    params = TrainInverter(**TINY | options)
    return train_model("inverter", train_params, params, shards, folder / "model", folder / "report", gan=gan)


def history(folder):
    with open(folder / "report" / "history.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {column: [float(row[column]) for row in rows] for column in rows[0]}


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_it_learns_pixels_and_latents(tiny_models, tiny_shards, tmp_path):
    gan = tiny_models / "gan"
    before = sha256(gan / "generator.weights.h5")
    metrics = train(tiny_shards, gan, tmp_path, epochs=15, latent_weight=0.05, grid_every=100)
    learnt = history(tmp_path)
    assert learnt["valid_latent"][-1] < 0.6 * learnt["valid_latent"][0]
    assert learnt["valid_mse"][-1] < learnt["valid_mse"][0]
    assert metrics["valid_loss"] == pytest.approx(min(learnt["valid_loss"]))
    assert sha256(gan / "generator.weights.h5") == before
    info = read_json(tmp_path / "model" / "model.json")
    assert info["generator"] == generator_digest(gan) and info["spec"]["latent_dim"] == 4
    model, images = load_model(gan, inverter=tmp_path / "model"), Shards(tiny_shards).images("valid")
    mse = np.mean((images / 255 - model.decode(model.encode(images))) ** 2)
    np.testing.assert_allclose(mse, metrics["valid_mse"], rtol=1e-3)
    z = np.random.default_rng(0).standard_normal((200, 4)).astype(np.float32)
    assert np.mean((model.encode(model.decode(z)) - z) ** 2) < 0.7


@pytest.mark.parametrize("start", ["ae", "vae", "gan of ae"])
def test_it_begins_as_the_encoder_that_the_gan_came_with(start, tiny_models, tiny_shards, tmp_path):
    options = {"batch_size": 16, "epochs": 1, "discriminator_widths": (8, 8), "generator_learning_rate": 1e-9}
    kind, folder = start.split()[-1], tiny_models / start.split()[-1]
    for number in range(1 + start.startswith("gan")):
        params = TrainGAN(**options, init_from=str(folder))
        folder = tmp_path / str(number)
        train_model("gan", FLOAT32, params, tiny_shards, folder, tmp_path / "report")
    train(tiny_shards, folder, tmp_path, epochs=1, widths="auto", learning_rate=1e-9)
    info = read_json(tmp_path / "model" / "model.json")
    assert info["spec"]["widths"] == [8, 8] and info["spec"]["linear_path"]
    assert info["training"]["init_from"]["folder"] == str(folder / "encoder")
    images = Shards(tiny_shards).images("test")
    z, expected = load_model(folder, tmp_path / "model").encode(images), load_model(tiny_models / kind).encode(images)
    np.testing.assert_allclose(z, expected, atol=1e-4)
    # others than the encoder's: from random weights
    train(tiny_shards, folder, tmp_path, epochs=1, widths=(4, 8), learning_rate=1e-9)
    assert "init_from" not in read_json(tmp_path / "model" / "model.json")["training"]
    # nor from these without a word where the encoder is gone
    shutil.rmtree(folder / "encoder")
    with pytest.raises(InputError, match=r"encoder/model.json: missing; `dvc checkout` brings it back"):
        train(tiny_shards, folder, tmp_path, epochs=1, widths="auto")


def test_a_gan_and_its_inverter_in_patches(tiny_shards, tmp_path):
    common = {"batch_size": 16, "epochs": 1, "patch_size": 2}
    section = TrainGAN(**common, latent_dim=4, generator_widths=(8, 8), discriminator_widths=(8, 8))
    train_model("gan", FLOAT32, section, tiny_shards, tmp_path / "gan", tmp_path / "gan-report")
    train(tiny_shards, tmp_path / "gan", tmp_path, **common)
    assert [read_json(tmp_path / name / "model.json")["spec"]["patch_size"] for name in ("gan", "model")] == [2, 2]
    model, images = load_model(tmp_path / "gan", inverter=tmp_path / "model"), Shards(tiny_shards).images("valid")
    assert model.decode(model.encode(images)).shape == images.shape


def test_the_weights_pull(tiny_models, tiny_shards, tmp_path):
    terms = {}
    for name, latent, prior in (("pixels", 0.0, 0.0), ("latents", 1.0, 0.0), ("near", 0.0, 1.0)):
        options = {"epochs": 8, "latent_weight": latent, "prior_weight": prior, "grid_every": 100}
        train(tiny_shards, tiny_models / "gan", tmp_path / name, **options)
        terms[name] = {column: values[-1] for column, values in history(tmp_path / name).items()}
    assert terms["latents"]["valid_latent"] < terms["pixels"]["valid_latent"]
    assert terms["near"]["valid_prior"] < 0.5 * terms["pixels"]["valid_prior"]
    assert terms["pixels"]["valid_mse"] < terms["near"]["valid_mse"]


def test_the_discriminators_maps_pull(tiny_models, tiny_shards, tmp_path):
    distances, gan = {}, tiny_models / "gan"
    maps = maps_of(load_model(gan).model.networks["discriminator"])
    images = Shards(tiny_shards).images("valid") / np.float32(255)
    for name, weight in (("pixels", 0.0), ("maps", 1.0)):
        train(tiny_shards, gan, tmp_path / name, epochs=8, feature_weight=weight, grid_every=100)
        model = load_model(gan, inverter=tmp_path / name / "model")
        back = model.decode(model.encode(images))
        distances[name] = mean_distance(maps(images * 2 - 1), maps(back * 2 - 1)).numpy().mean()
    assert distances["maps"] < 0.97 * distances["pixels"]
    best = int(np.argmin(history(tmp_path / "maps")["valid_loss"]))
    assert history(tmp_path / "maps")["valid_feature"][best] == pytest.approx(distances["maps"], rel=1e-3)


def test_without_a_weight_there_is_no_discriminator(tiny_models, tiny_shards, tmp_path):
    gan = tmp_path / "gan"
    shutil.copytree(tiny_models / "gan", gan)
    (gan / "discriminator.weights.h5").unlink()
    train(tiny_shards, gan, tmp_path / "alone", epochs=1)
    train(tiny_shards, tiny_models / "gan", tmp_path / "beside", epochs=1, feature_weight=0.0)
    assert files(tmp_path / "alone") == files(tmp_path / "beside")
    assert "feature" not in history(tmp_path / "alone")
    with pytest.raises(InputError, match=r"discriminator\.weights\.h5: weights cannot be read: missing"):
        train(tiny_shards, gan, tmp_path / "none", epochs=1, feature_weight=0.1)


def test_operations(tiny_models, tiny_shards, tmp_path, capsys):
    counts = []
    for weight in (0.0, 0.1):
        train(tiny_shards, tiny_models / "gan", tmp_path / str(weight), epochs=1, feature_weight=weight)
        said = "".join(capsys.readouterr())
        counts.append(float(re.search(r"\(([\d.]+) MFLOP an image", said).group(1)))
    maps = maps_of(load_model(tiny_models / "gan").model.networks["discriminator"])
    assert counts[1] - counts[0] == pytest.approx(3e-6 * forward_flops(maps), abs=0.1)


@needs_bfloat16
def test_cut_off_the_result_is_the_same(tiny_models, tiny_shards, tmp_path, monkeypatch):
    bfloat = FLOAT32.model_copy(update={"precision": "mixed_bfloat16"})
    options = {"epochs": 3, "augment": {"contrast": 0.2}, "train_params": bfloat}
    metrics = train(tiny_shards, tiny_models / "gan", tmp_path / "whole", **options)
    save, saves = States.save, []

    class Killed(BaseException):
        pass

    def save_and_die(self, images, state):
        save(self, images, state)
        saves.append(images)
        if len(saves) == 8:
            raise Killed

    monkeypatch.setattr(States, "save", save_and_die)
    with pytest.raises(Killed):
        train(tiny_shards, tiny_models / "gan", tmp_path / "part", **options)
    shutil.rmtree(tmp_path / "part" / "report")  # as DVC does
    assert train(tiny_shards, tiny_models / "gan", tmp_path / "part", **options) == metrics
    assert saves[8] > saves[7]
    assert files(tmp_path / "part") == files(tmp_path / "whole")


def test_a_conditioned_gan_is_told_the_labels(conditioned_models, tiny_shards, tmp_path):
    metrics = train(tiny_shards, conditioned_models / "gan", tmp_path, epochs=3, condition_dropout=0.0)
    model = load_model(conditioned_models / "gan", inverter=tmp_path / "model")
    shards = Shards(tiny_shards)
    images = shards.images("valid")
    labels, z = shards.attributes("valid")[["Left", "Bright"]].to_numpy(), model.encode(images)
    told, untold = (np.mean((model.decode(z, known) - images / 255) ** 2) for known in (labels, None))
    assert metrics["valid_mse"] == pytest.approx(told, rel=1e-3) != pytest.approx(untold, rel=1e-2)


def test_not_a_gan_of_these_images(tiny_models, tiny_shards, tmp_path):
    with pytest.raises(InputError, match=r"vae: not a GAN of \(16, 16, 3\) images; run the train_gan stage again"):
        train(tiny_shards, tiny_models / "vae", tmp_path, epochs=1)
    with pytest.raises(InputError, match=r"none: no model.json there; train the model first"):
        train(tiny_shards, tmp_path / "none", tmp_path, epochs=1)
    with pytest.raises(InputError, match=r"^widths: 6 widths halve 16x16 images"):
        train(tiny_shards, tiny_models / "gan", tmp_path, epochs=1, widths=(8,) * 6)
    assert not (tmp_path / "model").exists()
