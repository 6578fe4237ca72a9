"""Blocks: sizes that are odd or not square, seeds, batch normalisation against Keras' own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from facepipe.networks.layers import BatchNorm, Initializers, convolutions, deconvolutions
from tests.conftest import needs_bfloat16


@pytest.mark.parametrize("patch", [1, 3])
@pytest.mark.parametrize("shape", [(16, 16, 3), (17, 23, 1), (30, 18, 3)])
def test_down_and_up_again_for_any_size(shape, patch):
    widths = (4, 6) if patch == 1 else (4,)
    down = convolutions("down", shape, widths, 0, "float32", patch=patch)
    up = deconvolutions("up", 5, shape, widths[::-1], 0, "float32", batch_norm=True, patch=patch)
    assert down(np.zeros((2, *shape), np.float32)).shape[0] == 2
    logits = up(np.ones((2, 5), np.float32))
    assert logits.shape == (2, *shape) and logits.dtype == tf.float32


@needs_bfloat16
def test_mixed_precision_keeps_logits_and_weights_in_float32():
    up = deconvolutions("up", 5, (16, 16, 3), (6, 4), 0, "mixed_bfloat16", batch_norm=True)
    assert up(np.ones((2, 5), np.float32)).dtype == tf.float32
    assert {w.dtype for w in up.weights} == {"float32"}
    assert up.get_layer("up_deconv0").compute_dtype == "bfloat16"


def test_initial_weights_depend_on_seed_and_name_alone():
    first, again = (Initializers(3).he("conv1")((3, 3, 8, 8)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, Initializers(4).he("conv1")((3, 3, 8, 8)))
    assert not np.array_equal(first, Initializers(3).he("conv2")((3, 3, 8, 8)))


@pytest.mark.parametrize(
    "dtype, tolerance", [("float32", 1e-5), pytest.param("mixed_bfloat16", 0.05, marks=needs_bfloat16)]
)
def test_batch_norm_equals_keras(dtype, tolerance):
    x = np.random.default_rng(0).normal(3, 2, (8, 5, 6, 4)).astype(np.float32)
    ours, theirs = BatchNorm(dtype=dtype), keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-3)
    np.testing.assert_allclose(
        tf.cast(ours(x, training=True), tf.float32), theirs(x, training=True), atol=tolerance, rtol=tolerance
    )
    np.testing.assert_allclose(ours.moving_mean, theirs.moving_mean, rtol=0.01)
    # the fused kernel keeps the unbiased variance, Keras' layer the biased one: n / (n - 1), n = 8 * 5 * 6
    np.testing.assert_allclose(ours.moving_variance, theirs.moving_variance, rtol=0.01)
    theirs.moving_variance.assign(ours.moving_variance)
    inference = tf.cast(ours(x, training=False), tf.float32)
    np.testing.assert_allclose(inference, theirs(x, training=False), atol=tolerance * 2, rtol=tolerance * 2)
