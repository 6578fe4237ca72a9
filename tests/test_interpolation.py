"""Smoothness of interpolations: known answers, and against plain loops."""

import itertools
import math

import numpy as np
import pytest
from scipy.spatial.distance import euclidean

from facepipe.latents.paths import slerp
from facepipe.metrics.interpolation import STEPS, evenness, paths, straightness


def test_known_answers():
    line = np.linspace([1, 2], [4, 6], 6)[None]
    assert (straightness(line), evenness(line)) == pytest.approx((1, 1))
    corner = np.array([[[0, 0], [3, 0], [3, 4]]])  # 3 to the right, 4 up: 5 apart after 7
    assert straightness(corner) == pytest.approx(5 / 7) and evenness(corner) == pytest.approx(3.5 / 4)
    jump = np.array([[[0], [0], [0], [1]]])
    assert straightness(jump) == 1 and evenness(jump) == pytest.approx(1 / 3)
    there_and_back = np.array([[[0], [1], [0]]])
    assert straightness(there_and_back) == 0 and evenness(there_and_back) == 1
    half_circle = np.stack([[math.cos(a), math.sin(a)] for a in np.linspace(0, math.pi, 1001)])[None]
    assert straightness(half_circle) == pytest.approx(2 / math.pi, abs=1e-5)
    both = np.concatenate([corner, np.linspace([[0, 0]], [[1, 1]], 3, axis=1)])
    assert straightness(both) == pytest.approx((5 / 7 + 1) / 2), "the mean over the paths"


def test_nothing_that_changes_counts_as_smooth():
    still = np.full((2, 5, 3), 7, np.float32)
    assert straightness(still) == evenness(still) == 1


@pytest.mark.parametrize("shape", [(1, 2, 1), (7, 9, 64)])
def test_against_plain_loops(shape):
    features = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    ratios = []
    for path in features:
        lengths = [euclidean(a, b) for a, b in itertools.pairwise(path)]
        ratios.append((euclidean(path[0], path[-1]) / sum(lengths), sum(lengths) / len(lengths) / max(lengths)))
    assert (straightness(features), evenness(features)) == pytest.approx(np.mean(ratios, axis=0), rel=1e-6)


@pytest.mark.parametrize("change", [lambda x: 1e-3 * x, lambda x: x + 50, lambda x: x[:, ::-1]])
def test_scale_place_and_sense_do_not_matter(change):
    features = np.random.default_rng(1).normal(size=(4, 6, 8))
    assert straightness(change(features)) == pytest.approx(straightness(features))
    assert evenness(change(features)) == pytest.approx(evenness(features))


@pytest.mark.parametrize("shape", [(5, 3), (0, 5, 3), (2, 1, 3)])
def test_what_is_no_way(shape):
    with pytest.raises(ValueError, match="one path and two faces at least"):
        straightness(np.zeros(shape))


def test_ways_go_from_latent_to_latent_and_from_label_to_label():
    z = np.random.default_rng(2).normal(size=(4, 6)).astype(np.float32)
    found, labels = paths(z, np.array([[0, np.nan], [1, 1], [1, 0], [1, 0]]), "slerp")
    assert found.shape == (2 * (STEPS + 1), 6) and found.dtype == np.float32 and labels.shape == (2 * (STEPS + 1), 2)
    assert found[[0, STEPS, STEPS + 1, -1]] == pytest.approx(z, abs=1e-6)
    assert found[STEPS // 2] == pytest.approx(slerp(z[0], z[1], 0.5))
    assert labels[: STEPS + 1, 0] == pytest.approx(np.arange(STEPS + 1) / STEPS)
    assert labels[: STEPS + 1, 1] == pytest.approx(np.linspace(0.5, 1, STEPS + 1)), "unknown: half-way"
    assert (labels[STEPS + 1 :] == [1, 0]).all()
