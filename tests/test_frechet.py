import numpy as np
import pytest
import scipy.linalg

from facepipe.metrics.frechet import frechet


def draw(n, d, seed, mean=0.0, scale=1.0):
    return np.random.default_rng(seed).standard_normal((n, d)) @ np.diag(np.full(d, scale)) + mean


def by_scipy(x, y):
    """The formula of Heusel et al. 2017, eq. 6, with scipy's root of a matrix."""
    c1, c2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(c1 @ c2).real
    return np.square(x.mean(axis=0) - y.mean(axis=0)).sum() + np.trace(c1 + c2 - 2 * root)


@pytest.mark.parametrize("seed", range(3))
def test_equals_the_formula(seed):
    mix = np.random.default_rng(seed).standard_normal((5, 5))
    x, y = draw(60, 5, seed) @ mix, draw(40, 5, seed + 9, mean=0.4, scale=1.5)
    assert frechet(x, y) == pytest.approx(by_scipy(x, y), rel=1e-9)


def test_known_answers():
    x = draw(50, 4, 0)
    assert frechet(x, x) == pytest.approx(0, abs=1e-12)
    # moved by 3 in each of 4 dimensions; twice as wide: tr(C + 4 C - 2 * 2 C) = tr C
    assert frechet(x, x + 3) == pytest.approx(36)
    center = x.mean(axis=0)
    assert frechet(x, center + 2 * (x - center)) == pytest.approx(np.trace(np.cov(x, rowvar=False)))


def test_fewer_samples_than_features():
    x, y = draw(6, 20, 1), draw(8, 20, 2)
    c1, c2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    eigenvalues = np.linalg.eigvals(c1 @ c2).real.clip(0)
    expected = np.square(x.mean(axis=0) - y.mean(axis=0)).sum() + np.trace(c1 + c2) - 2 * np.sqrt(eigenvalues).sum()
    assert frechet(x, y) == pytest.approx(expected, rel=1e-5)
    assert frechet(x.astype(np.float32), y) == pytest.approx(frechet(x, y), rel=1e-5) and frechet(y, x) > 0


def test_one_sample_has_no_covariance():
    with pytest.raises(ValueError, match="at least 2 samples"):
        frechet(draw(1, 3, 0), draw(5, 3, 0))
