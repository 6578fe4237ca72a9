"""A GAN anchored to photographs: the encoder it takes, what it keeps of each, refusals."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from facepipe.errors import InputError
from facepipe.models.gan.anchor import Anchor
from facepipe.models.gan.config import TrainGAN
from facepipe.models.gan.operations import passes
from facepipe.models.gan.start import encoder_network
from facepipe.models.load import load_model
from facepipe.shards.shards import Shards
from tests.trainings import train as train_model

PARAMS = {
    "discriminator_widths": (8, 8), "batch_size": 16, "images": 640, "truncation": 1.0, "generator_learning_rate": 2e-2,
    "ema_half_life_kimg": 0.05,
}  # fmt: skip


@pytest.fixture(scope="module")
def trained(tiny_models, tiny_shards, tiny_params, tmp_path_factory):
    """Folders of GANs that began as the tiny autoencoder, by the weight of their anchor."""
    found = {}
    for weight in (0.0, 30.0):
        folder = tmp_path_factory.mktemp("anchored")
        params = TrainGAN(**PARAMS, init_from=str(tiny_models / "ae"), anchor_weight=weight, anchor_face_weight=0.5)
        train_model("gan", tiny_params[0], params, tiny_shards, folder / "gan", folder / "report")
        found[weight] = folder
    return found


@pytest.mark.parametrize("name", ["ae", "vae"])
def test_the_encoder_is_that_of_the_model_it_starts_from(name, tiny_models, tiny_shards):
    images = Shards(tiny_shards).images("test")
    network, model = encoder_network(tiny_models / name, "float32"), load_model(tiny_models / name)
    found = network(images.astype(np.float32) / 127.5 - 1.0).numpy()
    np.testing.assert_allclose(found, model.encode(images), atol=1e-4)
    assert found.std() > 0.1 and not network.trainable_weights


def test_an_anchored_generator_goes_on_giving_photographs_back(trained, tiny_models, tiny_shards):
    images = Shards(tiny_shards).images("train", 0, 64)
    z, error = load_model(tiny_models / "ae").encode(images), {}
    for weight, folder in trained.items():
        error[weight] = np.abs(load_model(folder / "gan").decode(z) - images / 255.0).mean()
    assert error[30.0] < 0.8 * error[0.0], error


def test_history_says_how_near_it_stays(trained):
    history = pd.read_csv(trained[30.0] / "report/history.csv")
    np.testing.assert_allclose(history["anchor"], history["l1"] + 0.5 * history["face"], rtol=1e-3)
    assert not {"anchor", "l1", "face"} & set(pd.read_csv(trained[0.0] / "report/history.csv").columns)


def test_the_distance_is_none_to_an_image_itself_and_grows_away_from_it(tiny_shards):
    images = tf.constant(Shards(tiny_shards).images("test")[:8], tf.float32) / 127.5 - 1.0
    anchor = Anchor(None, 1.0)
    assert float(tf.reduce_max(anchor.terms(images, images)["anchor"])) == 0.0
    near, far = (anchor.terms(images, images * factor) for factor in (0.9, 0.5))
    assert (near["l1"].numpy() < far["l1"].numpy()).all() and (near["face"].numpy() < far["face"].numpy()).all()
    expected = 0.5 * np.abs(images.numpy()).mean((1, 2, 3)) * 0.1
    np.testing.assert_allclose(near["l1"].numpy(), expected, rtol=1e-4)
    assert Anchor(None, 0.0).terms(images, images * 0.9).keys() == {"anchor", "l1"}


def test_it_takes_twice_the_passes_of_the_generator():
    assert passes(True, True) == (3, 7) and passes(True, True, anchored=True) == (6, 11)
    assert passes(True, False, anchored=True) == (2, 9)


@pytest.mark.parametrize("start", [None, "gan"])
def test_there_must_be_an_encoder(start, tiny_models, tiny_shards, tiny_params, tmp_path):
    init_from = start and str(tiny_models / start)
    params = TrainGAN(**PARAMS, init_from=init_from, anchor_weight=1.0)
    with pytest.raises(InputError, match="anchor_weight: needs init_from to name an autoencoder or a VAE"):
        train_model("gan", tiny_params[0], params, tiny_shards, tmp_path / "gan", tmp_path / "report")
    assert not (tmp_path / "gan").exists()
