import keras
import numpy as np
import pytest
import tensorflow as tf

from facepipe.networks import strided
from facepipe.networks.strided import convolve, convolve_transpose, kernel_gradient
from tests.conftest import needs_bfloat16


def numbers(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def both_orders(function, x, kernel):
    """Value, gradients, and the gradients of a penalty on the gradient of x (as R1 has it)."""
    with tf.GradientTape() as outer:
        outer.watch(kernel)
        with tf.GradientTape() as inner:
            inner.watch([x, kernel])
            y = function(x, kernel)
            loss = tf.reduce_sum(tf.sin(y))
        first = inner.gradient(loss, [x, kernel])
        with tf.GradientTape() as slope:
            slope.watch(x)
            loss = tf.reduce_sum(tf.sin(function(x, kernel)))
        penalty = tf.reduce_sum(tf.square(slope.gradient(loss, x)))
    return [y, *first, outer.gradient(penalty, kernel)]


@pytest.mark.parametrize("size", [(8, 8), (7, 10), (5, 3)])
def test_a_convolution_with_all_its_gradients(size):
    x, kernel = numbers(2, *size, 3), numbers(4, 4, 3, 5, seed=1) * 0.2
    ours = both_orders(convolve, x, kernel)
    theirs = both_orders(lambda x, kernel: tf.nn.conv2d(x, kernel, 2, "SAME"), x, kernel)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [(8, 8), (7, 10)])
def test_a_transposed_convolution_with_all_its_gradients(size):
    x, kernel = numbers(2, -(-size[0] // 2), -(-size[1] // 2), 5), numbers(4, 4, 3, 5, seed=1) * 0.2
    ours = both_orders(lambda x, kernel: convolve_transpose(x, kernel, size), x, kernel)
    shape = (2, *size, 3)
    theirs = both_orders(lambda x, kernel: tf.nn.conv2d_transpose(x, kernel, shape, 2, "SAME"), x, kernel)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", pytest.param("mixed_bfloat16", marks=needs_bfloat16)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", ["Conv2D", "Conv2DTranspose"])
def test_the_layers_are_those_of_keras(monkeypatch, name, bias, dtype):
    calls = []
    monkeypatch.setattr(strided, "kernel_gradient", lambda *maps: calls.append(1) or kernel_gradient(*maps))
    # as wide as it takes for the products
    x = numbers(3, 6, 6, 64)
    options = {"use_bias": bias, "bias_initializer": "random_normal"}
    layers = [
        getattr(strided, name)(64, dtype=dtype, **options),
        getattr(keras.layers, name)(64, 4, 2, "same", dtype="float32", **options),
    ]
    for layer in layers:
        layer.build(x.shape)
    layers[1].set_weights(layers[0].get_weights())
    results = []
    for layer in layers:
        with tf.GradientTape() as tape:
            y = tf.cast(layer(x), tf.float32)
            loss = tf.reduce_sum(tf.square(y))
        results.append([y, *tape.gradient(loss, layer.trainable_variables)])
    for a, b in zip(*results, strict=True):
        assert a.dtype == b.dtype == tf.float32
        scale = float(tf.reduce_max(tf.abs(b)))  # of a sum of many terms, some of which nearly cancel
        np.testing.assert_allclose(a, b, atol=scale * (1e-5 if dtype == "float32" else 2e-2))
    assert len(calls) == (dtype == "mixed_bfloat16")
