import numpy as np
import pytest

from facepipe.latents.statistics import kl_per_dimension
from facepipe.networks.health import active_units
from tests.standins import latents


def test_active_units_by_the_variance_of_mu():
    mu = latents()
    assert active_units(mu.var(axis=0)).tolist() == [True, False, False, True, False]
    assert active_units(mu.var(axis=0), 1e-3).tolist() == [True, False, False, True, True]


def test_kl_against_numerical_integration():
    mu, logvar = np.array([[0.0, 1.0, -2.0]]), np.array([[0.0, -1.0, 0.5]])
    x = np.linspace(-40, 40, 200_001)[:, None]
    log_q = -0.5 * (np.log(2 * np.pi) + logvar + (x - mu) ** 2 / np.exp(logvar))
    log_p = -0.5 * (np.log(2 * np.pi) + x**2)
    integral = (np.exp(log_q) * (log_q - log_p)).sum(axis=0) * (x[1, 0] - x[0, 0])
    assert kl_per_dimension(mu, logvar) == pytest.approx(integral, abs=1e-6)
    assert kl_per_dimension(np.repeat(mu, 4, axis=0), np.repeat(logvar, 4, axis=0)) == pytest.approx(integral, abs=1e-6)
