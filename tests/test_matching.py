"""Distances between maps: by hand, and through every discriminator."""

import numpy as np
import pytest
import tensorflow as tf

from facepipe.models.gan.discriminators import discriminator, maps_of
from facepipe.networks.matching import distance, mean_distance


def test_by_hand():
    real = tf.constant([[[[1.0, -3.0]]], [[[2.0, 2.0]]]])  # mean size 2
    made = tf.constant([[[[1.0, -2.0]]], [[[0.0, 2.0]]]])
    np.testing.assert_allclose(distance(real, made), [0.25, 0.5], rtol=1e-5)
    assert distance(tf.cast(real, tf.bfloat16), real).dtype == tf.float32


@pytest.mark.parametrize("architecture", ["dcgan", "residual"])
@pytest.mark.parametrize("spectral", [False, True])
@pytest.mark.parametrize("group", [0, 4])
def test_maps_of_each_image_alone(architecture, spectral, group):
    network = discriminator(architecture, (16, 16, 3), (8, 10), 0, "float32", spectral, conditions=2, group=group)
    maps = maps_of(network)
    x = np.random.default_rng(0).random((5, 16, 16, 3), np.float32)
    assert [each.shape for each in maps(x)] == [(5, 8, 8, 8), (5, 4, 4, 10)]
    for together, alone in zip(maps(x), maps(x[:1]), strict=True):
        np.testing.assert_allclose(together[:1], alone, atol=1e-5)
    made = tf.Variable(x[::-1])
    with tf.GradientTape() as tape:
        found = mean_distance(maps(x), maps(made))
    assert found.shape == (5,) and (found[:2].numpy() > 0).all() and found[2] == 0
    assert (np.abs(tape.gradient(found, made)).sum((1, 2, 3))[[0, 1, 3, 4]] > 0).all()
    np.testing.assert_allclose(mean_distance(maps(x), maps(x)), 0)
