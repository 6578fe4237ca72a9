"""Latents by optimisation: nearer to the image than the encoder's, never farther, each row for itself."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from facepipe.models.inversion import VARIANCE, optimize
from facepipe.models.load import BATCH, load_model
from facepipe.models.steps import REFINING
from facepipe.shards.shards import Shards


def objective(model, x, z):
    error = np.sum((x - model.decode(z)) ** 2, axis=(1, 2, 3)) / (2 * VARIANCE)
    return error + 0.5 * np.sum(z**2, axis=1)


def test_a_linear_decoder_has_a_known_optimum():
    random = np.random.default_rng(0)
    matrix = random.standard_normal((3, 12)).astype(np.float32) / 10
    x = random.random((5, 2, 2, 3)).astype(np.float32)
    found = optimize(lambda z: tf.reshape(z @ matrix, (-1, 2, 2, 3)), x, tf.zeros((5, 3)), 800).numpy()
    flat = x.reshape(5, 12)
    exact = np.linalg.solve(matrix @ matrix.T / VARIANCE + np.eye(3), matrix @ flat.T / VARIANCE).T
    np.testing.assert_allclose(found, exact, atol=0.02)


@pytest.mark.parametrize("name", ["ae", "vae", "gan"])
def test_images_come_nearer(tiny_models, tiny_shards, name):
    model, images = load_model(tiny_models / name), Shards(tiny_shards).images("test")
    x, start, found = images / np.float32(255), model.encode(images), model.encode(images, 40)
    before, after = objective(model, x, start), objective(model, x, found)
    assert (after <= before * (1 + 1e-5)).all() and (after < before).mean() > 0.9
    np.testing.assert_array_equal(found, model.encode(images, 40))
    np.testing.assert_array_equal(model.encode(images, 0), start)


def test_more_steps_are_never_farther(tiny_models, tiny_shards):
    model, images = load_model(tiny_models / "gan"), Shards(tiny_shards).images("test")
    x = images / np.float32(255)
    found = [objective(model, x, model.encode(images, steps)) for steps in (0, 1, 3, 10, 30)]
    for fewer, more in itertools.pairwise(found):
        assert (more <= fewer * (1 + 1e-5)).all() and more.mean() < fewer.mean()


@pytest.mark.parametrize("name", ["ae", "vae", "gan"])
def test_photographs_are_refined_by_a_gan(tiny_models, tiny_shards, name):
    model, images = load_model(tiny_models / name), Shards(tiny_shards).images("test")
    expected = model.encode(images, REFINING if name == "gan" else 0)
    np.testing.assert_array_equal(model.encode_photos(images), expected)
    np.testing.assert_array_equal(model.encode_photos(images, 0), model.encode(images))


def test_a_row_does_not_depend_on_the_others(tiny_models):
    model = load_model(tiny_models / "vae")
    images = np.random.default_rng(0).integers(0, 256, (BATCH + 3, 16, 16, 3), np.uint8)
    together = model.encode(images, 5)
    np.testing.assert_array_equal(model.encode(images[[5, 6]], 5)[0], together[5])
    np.testing.assert_array_equal(model.encode(images[BATCH:], 5), together[BATCH:])
    assert model.encode(images[:0], 5).shape == (0, 4)
