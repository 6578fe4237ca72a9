"""Losses of the GAN against numbers worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from facepipe.models.gan import losses as adversarial
from facepipe.models.gan.config import TrainGAN

REAL, FAKE = np.array([2.0, -0.5], np.float32), np.array([-3.0, 0.5], np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x.astype(np.float64)))


def test_non_saturating():
    d, g = adversarial.non_saturating(REAL, FAKE)
    np.testing.assert_allclose(d, -np.log(sigmoid(REAL)) - np.log(1 - sigmoid(FAKE)), rtol=1e-5)
    np.testing.assert_allclose(g, -np.log(sigmoid(FAKE)), rtol=1e-5)


def test_hinge():
    d, g = adversarial.hinge(REAL, FAKE)
    np.testing.assert_allclose(d, [0.0, 3.0])
    np.testing.assert_allclose(g, [3.0, -0.5])


def test_relativistic_compares_pairs():
    d, g = adversarial.relativistic(REAL, FAKE)
    np.testing.assert_allclose(d, -np.log(sigmoid(REAL - FAKE)), rtol=1e-5)
    np.testing.assert_allclose(g, -np.log(sigmoid(FAKE - REAL)), rtol=1e-5)


def test_bce_smooths_the_target_of_real_images_alone():
    d, g = adversarial.bce(REAL, FAKE, 0.1)
    p, q = sigmoid(REAL), sigmoid(FAKE)
    np.testing.assert_allclose(d, -0.9 * np.log(p) - 0.1 * np.log(1 - p) - np.log(1 - q), rtol=1e-5)
    # by hand: .9 softplus(-2) + .1 softplus(2) + softplus(-3) = .114236 + .212693 + .048587
    assert float(d[0]) == pytest.approx(0.375516, abs=1e-5)
    np.testing.assert_allclose(g, -np.log(q), rtol=1e-5)
    for smoothed, plain in zip(adversarial.bce(REAL, FAKE, 0.0), adversarial.non_saturating(REAL, FAKE), strict=True):
        np.testing.assert_array_equal(smoothed, plain)
    # D is best at p(real) = 0.9, not at certainty
    logits = tf.Variable(np.log([0.9 / 0.1]).astype(np.float32))
    with tf.GradientTape() as tape:
        loss = adversarial.bce(logits, FAKE[:1], 0.1)[0]
    assert abs(float(tape.gradient(loss, logits)[0])) < 1e-6


def test_wasserstein():
    d, g = adversarial.wasserstein(REAL, FAKE)
    np.testing.assert_allclose(d, [-5.0, 1.0])
    np.testing.assert_allclose(g, [3.0, -0.5])


@pytest.mark.parametrize("loss", ["non_saturating", "relativistic", "hinge", "bce", "wasserstein_gp"])
def test_params_name_the_loss(loss):
    params = TrainGAN(epochs=1, loss=loss, label_smoothing=0.2, r1_gamma=0.0)
    expected = {
        "non_saturating": adversarial.non_saturating(REAL, FAKE), "hinge": adversarial.hinge(REAL, FAKE),
        "relativistic": adversarial.relativistic(REAL, FAKE), "bce": adversarial.bce(REAL, FAKE, 0.2),
        "wasserstein_gp": adversarial.wasserstein(REAL, FAKE),
    }[loss]  # fmt: skip
    for ours, theirs in zip(adversarial.losses_of(params, REAL, FAKE), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def half_square(x):
    """A critic whose slope is the image itself."""
    return 0.5 * tf.reduce_sum(tf.square(x), axis=(1, 2, 3))


def test_squared_slope():
    x = tf.constant(np.array([[3.0, 4.0], [1.0, 0.0]], np.float32).reshape(2, 1, 2, 1))
    logits, squared = adversarial.squared_slope(half_square, x)
    np.testing.assert_allclose(logits, [12.5, 0.5])
    np.testing.assert_allclose(squared, [25.0, 1.0])


def test_slope_penalty_at_the_interpolates():
    real = tf.constant(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32).reshape(2, 1, 2, 1))
    fake = tf.constant(np.array([[0.0, 0.0], [2.0, 0.0]], np.float32).reshape(2, 1, 2, 1))
    share = tf.constant([0.6, 0.25])
    # at (1.8, 2.4) the slope is 3, at (1.5, 0) it is 1.5
    np.testing.assert_allclose(adversarial.slope_penalty(half_square, real, fake, share), [4.0, 0.25], rtol=1e-5)


def test_gradient_of_the_penalty_reaches_the_critic_and_is_finite_where_the_slope_is_zero():
    weight = tf.Variable(3.0)
    images = tf.zeros((2, 1, 2, 1))
    with tf.GradientTape() as tape:
        # logit = w (x1 + x2): slope w sqrt(2) everywhere
        penalty = adversarial.slope_penalty(
            lambda x: weight * tf.reduce_sum(x, axis=(1, 2, 3)), images, images, tf.constant([0.5, 0.5])
        )
        loss = tf.reduce_mean(penalty)
    # d/dw (w sqrt 2 - 1)^2 = 2 sqrt 2 (w sqrt 2 - 1)
    assert float(tape.gradient(loss, weight)) == pytest.approx(2 * 2**0.5 * (3 * 2**0.5 - 1), rel=1e-5)
    with tf.GradientTape() as tape:
        flat = adversarial.slope_penalty(lambda x: weight * half_square(x), images, images, tf.constant([0.5, 0.5]))
        loss = tf.reduce_mean(flat)
    assert np.isfinite(float(tape.gradient(loss, weight)))
    np.testing.assert_allclose(flat, [1.0, 1.0], rtol=1e-5)


def test_penalties_of_real_and_generated_images():
    real, fake = (tf.constant(np.array(v, np.float32).reshape(1, 1, 2, 1)) for v in ([3.0, 4.0], [1.0, 2.0]))
    params = TrainGAN(epochs=1, r2=True)
    real_logits, fake_logits, penalties = adversarial.judge(params, half_square, real, fake, None, True)
    np.testing.assert_allclose([real_logits[0], fake_logits[0]], [12.5, 2.5])
    assert {name: float(value[0]) for name, value in penalties.items()} == {"r1": 25.0, "r2": 5.0}
    params = TrainGAN(epochs=1)
    assert list(adversarial.judge(params, half_square, real, fake, None, True)[2]) == ["r1"]
    assert adversarial.judge(params, half_square, real, fake, None, False)[2] == {}
