"""Losses against their formulas in numpy and scipy."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import norm

from facepipe.metrics import reconstruction
from facepipe.models.ae import losses
from facepipe.models.vae import losses as elbo

random = np.random.default_rng(0)
X = random.random((3, 4, 5, 2)).astype(np.float32)
LOGITS = random.normal(0, 2, (3, 4, 5, 2)).astype(np.float32)
RECON = 1 / (1 + np.exp(-LOGITS.astype(np.float64)))


def mean(values):
    return values.reshape(3, -1).mean(axis=1)


@pytest.mark.parametrize(
    "name, expected",
    [
        ("mse", mean((X - RECON) ** 2)),
        ("l1", mean(np.abs(X - RECON))),
        ("bce", mean(-X * np.log(RECON) - (1 - X) * np.log(1 - RECON))),
    ],
)
def test_reconstruction(name, expected):
    np.testing.assert_allclose(losses.RECONSTRUCTION[name](X, LOGITS), expected, rtol=1e-4)


@pytest.mark.parametrize("shape", [(16, 16, 3), (8, 11, 1), (40, 25, 2)])
def test_ssim_is_that_of_the_metrics(shape):
    x = random.random((5, *shape)).astype(np.float32)
    logits = (np.log(x + 0.1) - np.log(1.1 - x) + random.normal(0, 0.5, x.shape)).astype(np.float32)
    expected = 1 - reconstruction.ssim(x, 1 / (1 + np.exp(-logits)))
    assert expected.max() - expected.min() > 1e-3
    np.testing.assert_allclose(losses.ssim(x, logits), expected, atol=1e-5)
    exact = np.clip(x, 1e-3, 1 - 1e-3)
    np.testing.assert_allclose(losses.ssim(exact, np.log(exact / (1 - exact))), 0, atol=1e-5)


def test_ssim_has_its_gradient():
    x = random.random((2, 16, 16, 3)).astype(np.float32)
    logits, step = random.normal(0, 1, (2, *x.shape)).astype(np.float32)
    with tf.GradientTape() as tape:
        logits = tf.constant(logits)
        tape.watch(logits)
        loss = losses.ssim(x, logits)
    slope = tf.reduce_sum(tape.gradient(loss, logits) * step, axis=(1, 2, 3))
    expected = (losses.ssim(x, logits + 0.01 * step) - losses.ssim(x, logits - 0.01 * step)) / 0.02
    np.testing.assert_allclose(slope, expected, rtol=0.02, atol=1e-4)


def test_a_mixture_is_the_weighted_sum():
    loss, terms = losses.mixture({"l1": 0.5, "mse": 2.0}, X, LOGITS)
    np.testing.assert_allclose(loss, 0.5 * mean(np.abs(X - RECON)) + 2 * mean((X - RECON) ** 2), rtol=1e-5)
    assert list(terms) == ["l1", "mse"]
    np.testing.assert_array_equal(terms["l1"], losses.l1(X, LOGITS))


def test_capacity_pulls_from_both_sides():
    kl = tf.constant([1.0, 3.0])
    for nats, distance, slope in ((1.5, 0.5, 1.0), (2.5, 0.5, -1.0)):
        with tf.GradientTape() as tape:
            tape.watch(kl)
            loss = elbo.capacity(kl, tf.reduce_mean(kl), nats)
        np.testing.assert_allclose(np.mean(loss), distance, rtol=1e-6)
        np.testing.assert_allclose(tape.gradient(loss, kl), [slope, slope])


def test_gaussian_is_the_likelihood_at_the_optimal_variance():
    batch_mse = np.mean((X - RECON) ** 2)
    expected = mean(-norm.logpdf(X, RECON, np.sqrt(batch_mse)))
    np.testing.assert_allclose(elbo.gaussian_nll(X, LOGITS, np.float32(batch_mse)), expected, rtol=1e-4)
    for other in (0.8, 1.2):
        assert -norm.logpdf(X, RECON, np.sqrt(batch_mse) * other).mean() > expected.mean()


def test_gaussian_gradient_is_that_of_the_log_of_the_mse():
    logits = tf.constant(LOGITS)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        batch_mse = tf.reduce_mean(losses.mse(X, logits))
        ours = tf.reduce_mean(elbo.gaussian_nll(X, logits, batch_mse))
        paper = 0.5 * tf.math.log(batch_mse)
    np.testing.assert_allclose(tape.gradient(ours, logits), tape.gradient(paper, logits), atol=1e-7)


def test_kl_divergence():
    mu, logvar = random.normal(0, 1, (2, 6)), random.normal(0, 1, (2, 6))
    # by numerical integration of q log(q / p)
    grid = np.linspace(-40, 40, 160001)
    q = norm.pdf(grid, mu[..., None], np.exp(logvar / 2)[..., None])
    ratio = norm.logpdf(grid, mu[..., None], np.exp(logvar / 2)[..., None]) - norm.logpdf(grid)
    expected = np.trapezoid(q * ratio, grid, axis=-1)
    np.testing.assert_allclose(elbo.kl_divergence(mu, logvar), expected, rtol=1e-4)


def test_free_bits_take_the_pressure_off_small_dimensions():
    kl = tf.constant([[0.1, 2.0], [0.3, 4.0]])
    with tf.GradientTape() as tape:
        tape.watch(kl)
        pressed = elbo.free_bits(kl, tf.reduce_mean(kl, axis=0), 0.5)
    np.testing.assert_allclose(pressed, [[0.5, 2.0], [0.5, 4.0]])
    np.testing.assert_allclose(tape.gradient(pressed, kl), [[0, 1], [0, 1]])


@pytest.mark.parametrize("name", ["mse", "l1", "bce"])
def test_the_gradient_is_that_of_a_mean(name):
    weights = tf.constant([1.0, -2.0, 0.5])
    logits = tf.constant(LOGITS)

    def gradient(values):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = tf.reduce_sum(weights * values(logits))
        return tape.gradient(loss, logits)

    plain = {
        "mse": lambda logits: tf.square(X - tf.sigmoid(logits)),
        "l1": lambda logits: tf.abs(X - tf.sigmoid(logits)),
        "bce": lambda logits: tf.nn.sigmoid_cross_entropy_with_logits(labels=X, logits=logits),
    }[name]
    np.testing.assert_array_equal(
        gradient(lambda logits: losses.RECONSTRUCTION[name](X, logits)),
        gradient(lambda logits: tf.reduce_mean(tf.reshape(plain(logits), (3, -1)), axis=1)),
    )
