"""Losses against their formulas in numpy and scipy."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import norm

from facepipe.models import losses

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


def test_gaussian_is_the_likelihood_at_the_optimal_variance():
    batch_mse = np.mean((X - RECON) ** 2)
    expected = mean(-norm.logpdf(X, RECON, np.sqrt(batch_mse)))
    np.testing.assert_allclose(losses.gaussian_nll(X, LOGITS, np.float32(batch_mse)), expected, rtol=1e-4)
    for other in (0.8, 1.2):
        assert -norm.logpdf(X, RECON, np.sqrt(batch_mse) * other).mean() > expected.mean()


def test_gaussian_gradient_is_that_of_the_log_of_the_mse():
    logits = tf.constant(LOGITS)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        batch_mse = tf.reduce_mean(losses.mse(X, logits))
        ours = tf.reduce_mean(losses.gaussian_nll(X, logits, batch_mse))
        paper = 0.5 * tf.math.log(batch_mse)
    np.testing.assert_allclose(tape.gradient(ours, logits), tape.gradient(paper, logits), atol=1e-7)


def test_kl_divergence():
    mu, logvar = random.normal(0, 1, (2, 6)), random.normal(0, 1, (2, 6))
    # by numerical integration of q log(q / p)
    grid = np.linspace(-40, 40, 160001)
    q = norm.pdf(grid, mu[..., None], np.exp(logvar / 2)[..., None])
    ratio = norm.logpdf(grid, mu[..., None], np.exp(logvar / 2)[..., None]) - norm.logpdf(grid)
    expected = np.trapezoid(q * ratio, grid, axis=-1)
    np.testing.assert_allclose(losses.kl_divergence(mu, logvar), expected, rtol=1e-4)


def test_free_bits_take_the_pressure_off_small_dimensions():
    kl = tf.constant([[0.1, 2.0], [0.3, 4.0]])
    with tf.GradientTape() as tape:
        tape.watch(kl)
        pressed = losses.free_bits(kl, tf.reduce_mean(kl, axis=0), 0.5)
    np.testing.assert_allclose(pressed, [[0.5, 2.0], [0.5, 4.0]])
    np.testing.assert_allclose(tape.gradient(pressed, kl), [[0, 1], [0, 1]])
