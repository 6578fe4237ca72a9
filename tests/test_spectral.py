"""Spectral normalisation against numpy's singular values; what moves the power iteration and what does not."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from facepipe.networks.spectral import SpectralConv, SpectralDeconv, SpectralDense, iterate_all
from tests.conftest import needs_bfloat16

KERNEL = keras.initializers.RandomNormal(stddev=1.0, seed=3)


def largest(kernel):
    return np.linalg.svd(np.reshape(kernel, (-1, np.shape(kernel)[-1])), compute_uv=False)[0]


@pytest.fixture(params=["conv", "deconv", "dense"])
def layer(request):
    layer = {
        "conv": lambda: SpectralConv(3, 6, 3, 2, KERNEL, name="conv"),
        "deconv": lambda: SpectralDeconv(3, 6, 3, 2, KERNEL, name="deconv"),
        "dense": lambda: SpectralDense(7, 5, KERNEL, name="dense"),
    }[request.param]()
    layer.build(None)
    return layer


def test_the_largest_singular_value_becomes_one(layer):
    before = largest(layer.normalized())
    for _ in range(200):
        layer.iterate()
    assert largest(layer.kernel) > 1.5
    assert largest(layer.normalized()) == pytest.approx(1, abs=1e-3)
    assert before > 1.001, "the first guess was not it already"
    np.testing.assert_allclose(layer.normalized(), layer.kernel / largest(layer.kernel), rtol=2e-3)


def test_one_iteration_is_that_of_the_paper(layer):
    w, u = np.reshape(layer.kernel, (-1, layer.shape[-1])), np.array(layer.u)
    v = w @ u / np.linalg.norm(w @ u)
    layer.iterate()
    np.testing.assert_allclose(layer.u, w.T @ v / np.linalg.norm(w.T @ v), rtol=1e-4, atol=1e-6)
    assert [weight.name for weight in layer.non_trainable_weights] == ["u"]


def test_a_call_changes_nothing_and_the_gradient_flows_through_sigma(layer):
    before = np.array(layer.u)
    x = tf.ones((2, 8, 8, 3)) if "conv" in layer.name else tf.ones((2, 7))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x))
    gradient = tape.gradient(loss, layer.kernel)
    np.testing.assert_array_equal(layer.u, before)
    # scaling the kernel does not change the layer, so the gradient is orthogonal to the kernel
    assert abs(float(tf.reduce_sum(gradient * layer.kernel))) < 1e-3 * float(tf.norm(gradient) * tf.norm(layer.kernel))


@pytest.mark.parametrize("stride", [1, 2])
def test_conv_is_keras_conv_with_the_normalised_kernel(stride):
    ours = SpectralConv(3, 6, 4, stride, KERNEL, name="conv")
    theirs = keras.layers.Conv2D(6, 4, stride, "same")
    x = np.random.default_rng(0).standard_normal((2, 9, 7, 3)).astype(np.float32)
    y = ours(x)
    theirs.build(x.shape)
    theirs.set_weights([np.array(ours.normalized()), np.array(ours.bias)])
    np.testing.assert_allclose(y, theirs(x), rtol=1e-4, atol=1e-5)
    assert y.shape[1:] == ours.compute_output_shape((None, 9, 7, 3))[1:]


def test_deconv_is_keras_transposed_conv_with_the_normalised_kernel():
    ours = SpectralDeconv(3, 6, 4, 2, KERNEL, name="deconv")
    theirs = keras.layers.Conv2DTranspose(6, 4, 2, "same")
    x = np.random.default_rng(0).standard_normal((2, 5, 7, 3)).astype(np.float32)
    y = ours(x)
    theirs.build(x.shape)
    theirs.set_weights([np.array(ours.normalized()), np.array(ours.bias)])
    np.testing.assert_allclose(y, theirs(x), rtol=1e-4, atol=1e-5)
    assert y.shape[1:] == ours.compute_output_shape((None, 5, 7, 3))[1:]


def test_deconv_is_at_most_twice_as_steep_as_its_kernel():
    # 4x4 at stride 2: a place of the result has parts of four kernels
    layer = SpectralDeconv(3, 6, 4, 2, KERNEL, name="deconv")
    layer.build(None)
    for _ in range(200):
        layer.iterate()
    x = tf.random.stateless_normal((1, 8, 8, 3), seed=(0, 1))
    for _ in range(50):
        with tf.GradientTape() as tape:
            tape.watch(x)
            size = tf.norm(layer(x))
        x = tape.gradient(size, x)
        x /= tf.norm(x)
    assert 1 < float(tf.norm(layer(x))) < 2.01


def test_without_bias():
    layer = SpectralDense(7, 5, KERNEL, use_bias=False, name="dense")
    np.testing.assert_array_equal(layer(np.zeros((2, 7), np.float32)), np.zeros((2, 5)))
    assert [weight.name for weight in layer.trainable_weights] == ["kernel"]


@needs_bfloat16
def test_in_mixed_precision_sigma_stays_float32():
    layer = SpectralConv(3, 6, 3, 1, KERNEL, dtype="mixed_bfloat16", name="conv")
    assert layer(tf.ones((1, 4, 4, 3))).dtype == tf.bfloat16
    assert {weight.dtype for weight in layer.weights} == {"float32"} and layer.normalized().dtype == tf.float32


def test_iterate_all_reaches_each_layer_of_a_network():
    inputs = keras.Input((4, 4, 1))
    x = SpectralConv(1, 5, 3, 1, KERNEL, name="conv")(inputs)
    network = keras.Model(inputs, SpectralDense(80, 2, KERNEL, name="dense")(keras.layers.Flatten()(x)))
    layers = [network.get_layer("conv"), network.get_layer("dense")]
    before = [np.array(layer.u) for layer in layers]
    iterate_all(network)
    assert all(not np.array_equal(layer.u, u) for layer, u in zip(layers, before, strict=True))
