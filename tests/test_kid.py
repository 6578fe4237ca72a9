import numpy as np
import pytest

from facepipe.features.kid import kid, polynomial_mmd2


def draw(n, d=6, shift=0.0, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32) + np.float32(shift)


def naive_mmd2(x, y):
    """Binkowski et al. 2018, equation 4: sums over pairs."""

    def k(a, b):
        return (float(np.dot(a.astype(float), b.astype(float))) / len(a) + 1) ** 3

    m, n = len(x), len(y)
    xx = sum(k(x[i], x[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    yy = sum(k(y[i], y[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return xx + yy - 2 * sum(k(a, b) for a in x for b in y) / (m * n)


def test_mmd_equals_the_naive_definition():
    x, y = draw(9), draw(7, shift=0.5, seed=1)
    assert polynomial_mmd2(x, y) == pytest.approx(naive_mmd2(x, y), rel=1e-10)


def test_mmd_needs_two_of_each():
    with pytest.raises(ValueError, match="at least 2"):
        polynomial_mmd2(draw(1), draw(5))


def test_kid_is_zero_on_average_for_one_distribution_and_grows_with_distance():
    real = draw(1500)
    same, sd = kid(real, draw(1500, seed=1), 50, 200, seed=0)
    near, far = (kid(real, draw(1500, shift=s, seed=1), 50, 200, seed=0)[0] for s in (0.3, 1.0))
    assert abs(same) < 0.05 and 0 < sd < 0.2
    assert 0.3 < near < far


def test_kid_sees_collapse_at_the_same_mean():
    real = draw(400)
    collapsed = np.repeat(real.mean(axis=0, keepdims=True), 400, axis=0)
    assert kid(real, collapsed, 20, 100, seed=0)[0] > 0.1


def test_whole_sets_as_the_only_subset():
    x, y = draw(30), draw(30, shift=1, seed=1)
    mean, sd = kid(x, y, 1, 30, seed=0)
    assert mean == pytest.approx(polynomial_mmd2(x, y)) and sd == 0


def test_equal_arguments_give_equal_results_and_seeds_matter():
    x, y = draw(100), draw(100, seed=1)
    assert kid(x, y, 5, 20, seed=3) == kid(x, y, 5, 20, seed=3) != kid(x, y, 5, 20, seed=4)


def test_subsets_larger_than_the_sets_are_refused():
    with pytest.raises(ValueError, match="subset_size 11"):
        kid(draw(20), draw(10), 2, 11, seed=0)
