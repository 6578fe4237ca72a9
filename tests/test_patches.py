"""Patches and cuts: what TensorFlow and Keras do, forward and backward."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from facepipe.models.gan.generator import residual_generator
from facepipe.models.load import load_model
from facepipe.networks import patches
from facepipe.networks.layers import deconvolutions
from facepipe.training.optimizer import Adam


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


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("architecture", ["dcgan", "residual"])
def test_no_checkerboard_in_an_even_map_before_and_after_a_step(architecture, channels):
    if architecture == "residual":
        net = residual_generator(4, (16, 16, channels), (8, 8), 0, "float32")
    else:
        net = deconvolutions("decoder", 4, (16, 16, channels), (8, 8), 0, "float32", True)
    layer = next(each for each in reversed(net.layers) if isinstance(each, keras.layers.Conv2DTranspose))
    maps = keras.Model(layer.input, net.output)
    flat = tf.ones((1, *layer.input.shape[1:]))
    assert np.ptp(maps(flat)[0, 4:-4, 4:-4], axis=(0, 1)).max() < 1e-5
    before = layer.get_weights()
    optimizer = Adam(1e-2)
    optimizer.build(net.trainable_variables)
    optimizer.apply([numbers(*each.shape) for each in net.trainable_variables], net.trainable_variables)
    moved = max(np.abs(new - old).mean() for new, old in zip(layer.get_weights(), before, strict=True))
    assert np.ptp(maps(flat)[0, 4:-4, 4:-4], axis=(0, 1)).max() < 1e-5 and moved > 1e-3
    # what is even already stays as it is
    np.testing.assert_allclose(patches.Even()(tf.convert_to_tensor(layer.kernel)), layer.kernel, atol=1e-6)


@pytest.mark.parametrize("name", ["ae", "vae", "gan"])
def test_trained_pictures_have_no_checkerboard_of_the_last_layer(name, tiny_workspace):
    model = load_model(tiny_workspace / "models" / name).model
    network = model.networks["generator" if name == "gan" else "decoder"]
    layer = next(each for each in reversed(network.layers) if isinstance(each, keras.layers.Conv2DTranspose))
    sums = np.asarray(layer.kernel).reshape(2, 2, 2, 2, *layer.kernel.shape[2:]).sum((0, 2))
    np.testing.assert_allclose(sums, np.broadcast_to(sums.mean((0, 1)), sums.shape), atol=1e-5)
