"""Patches and cuts: what TensorFlow and Keras do, forward and backward."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from facepipe.networks import patches


def numbers(*shape, dtype=tf.float32):
    return tf.cast(np.random.default_rng(0).normal(size=shape), dtype)


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16, tf.uint8])
@pytest.mark.parametrize("patch", [2, 3])
def test_folding_is_space_to_depth(patch, dtype):
    x = tf.cast(100 * numbers(2, 6, 12, 5) + 100, dtype)
    np.testing.assert_array_equal(patches.fold(x, patch), tf.nn.space_to_depth(x, patch))


@pytest.mark.parametrize("shape", [(8, 12, 3), (7, 10, 1), (9, 5, 2)])
def test_folded_and_unfolded(shape):
    inputs = keras.Input(shape)
    middle = patches.folded(inputs, 4, "float32", "fold")
    assert middle.shape[1:] == patches.folded_shape(shape, 4)
    outputs = patches.unfolded(middle, 4, shape[:2], "float32", "unfold")
    x = numbers(2, *shape)
    there, back = keras.Model(inputs, [middle, outputs])(x)
    np.testing.assert_array_equal(back, x)
    # zeros at the bottom and the right
    padded = np.zeros((2, *(4 * side for side in middle.shape[1:3]), shape[2]), np.float32)
    padded[:, : shape[0], : shape[1]] = x
    np.testing.assert_array_equal(there, tf.nn.space_to_depth(padded, 4))
    assert patches.folded(inputs, 1, "float32", "fold") is inputs
    assert patches.unfolded(inputs, 1, shape[:2], "float32", "unfold") is inputs


def test_cropping_and_its_gradient_are_those_of_keras():
    x, upstream = numbers(2, 6, 7, 3), numbers(2, 4, 4, 3)
    results = []
    for kind in (patches.Cropping2D, keras.layers.Cropping2D):
        layer = kind(((0, 2), (1, 2)))
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x) * upstream)
        results.append((layer(x), tape.gradient(loss, x)))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_nothing_to_crop():
    x = keras.Input((5, 6, 3))
    assert patches.cropped(x, (5, 6), "float32", "cut") is x
    assert patches.cropped(x, (4, 6), "float32", "cut").shape == (None, 4, 6, 3)
