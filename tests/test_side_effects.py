"""Cosines and side effects of directions."""

import numpy as np

from facepipe.directions.side_effects import MIN_PROBE, cosines, fit_probes, side_effects
from tests.test_fitting import correlated


def test_cosines():
    found = cosines(np.array([[1.0, 0], [3, 3], [0, -2]]))
    np.testing.assert_allclose(found, [[1, 0.5**0.5, 0], [0.5**0.5, 1, -(0.5**0.5)], [0, -(0.5**0.5), 1]], atol=1e-12)


def test_a_probe_scores_with_standard_deviation_1_what_it_was_fitted_to():
    x, labels = correlated(400, 0)
    probes = fit_probes(x, labels)
    np.testing.assert_allclose((x @ probes.T).std(0), 1)
    assert np.argmax(np.abs(probes), axis=1).tolist() == [0, 1]


def test_a_rare_attribute_has_no_probe():
    x, labels = correlated(100, 0)
    labels[:, 1] = np.arange(100) < MIN_PROBE - 1
    probes = fit_probes(x, labels)
    assert np.isnan(probes[1]).all() and np.isfinite(probes[0]).all()
    assert np.isfinite(fit_probes(x, np.where(labels == 0, np.nan, labels))).sum() == 0  # only positives are known


def test_effects_are_those_of_strength_1_and_relative_to_the_own():
    probes = np.array([[1.0, 0], [0.5, 0.5], [np.nan, np.nan]])
    effects, relative = side_effects(np.array([[2.0, 0], [0, -1]]), [0, 1], probes)
    np.testing.assert_allclose(effects, [[2, 1, np.nan], [0, -0.5, np.nan]])
    np.testing.assert_allclose(relative[0], [1, 0.5, np.nan])
    assert np.isnan(relative[1]).all()  # it moves its own score the wrong way
