import numpy as np
import pytest

from facepipe.metrics import prdc as module
from facepipe.metrics.prdc import prdc


def draw(n, shift=0.0, scale=1.0, seed=0, d=4):
    return (np.random.default_rng(seed).standard_normal((n, d)) * scale + shift).astype(np.float32)


def naive_prdc(real, fake, k):
    """The definitions of Kynkaanniemi et al. 2019 (eq. 1-2) and Naeem et al. 2020 (eq. 3-4), point by point."""

    def distance(a, b):
        return np.linalg.norm(a.astype(float) - b.astype(float))

    def radius(points, i):
        return sorted(distance(points[i], p) for j, p in enumerate(points) if j != i)[k - 1]

    real_radius = [radius(real, i) for i in range(len(real))]
    fake_radius = [radius(fake, i) for i in range(len(fake))]
    inside_real = [[distance(r, f) <= real_radius[i] for f in fake] for i, r in enumerate(real)]
    inside_fake = [[distance(r, f) <= fake_radius[j] for j, f in enumerate(fake)] for r in real]
    return (
        np.mean([any(inside_real[i][j] for i in range(len(real))) for j in range(len(fake))]),
        np.mean([any(row) for row in inside_fake]),
        sum(map(sum, inside_real)) / (k * len(fake)),
        np.mean([any(row) for row in inside_real]),
    )


@pytest.mark.parametrize(("k", "shift", "scale"), [(1, 0, 1), (3, 0.7, 0.5), (5, 0, 2)])
def test_equals_the_naive_definition(k, shift, scale, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 16)  # several blocks, the last one partial
    real, fake = draw(40), draw(30, shift, scale, seed=1)
    assert prdc(real, fake, k) == pytest.approx(naive_prdc(real, fake, k))


def test_equal_sets_score_one():
    x = draw(50)
    assert prdc(x, x, 3)[:2] == (1, 1) and prdc(x, x, 3).coverage == 1


def test_far_sets_score_zero():
    assert prdc(draw(50), draw(50, shift=100, seed=1), 3) == (0, 0, 0, 0)


def test_collapse_keeps_precision_and_loses_recall():
    real = draw(200)
    score = prdc(real, np.repeat(real[:1], 200, axis=0), 3)
    assert score.precision == 1 and score.recall < 0.02 and score.coverage < 0.1


@pytest.mark.parametrize("k", [0, 10])
def test_neighbours_must_exist(k):
    with pytest.raises(ValueError, match="below the number of samples"):
        prdc(draw(10), draw(20), k)
