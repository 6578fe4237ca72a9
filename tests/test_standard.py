"""Standardised latents."""

import numpy as np

from facepipe.latents.pca import fit_pca
from facepipe.latents.standard import fit_standard, standard_of

Z = (np.random.default_rng(0).normal(size=(500, 4)) * [1, 100, 0.01, 0] + [0, 5000, -1, 3]).astype(np.float32)


def test_mean_0_and_standard_deviation_1():
    x = fit_standard(Z).standardise(Z)
    np.testing.assert_allclose(x.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(x.std(0), [1, 1, 1, 0], atol=1e-6)


def test_a_move_and_back():
    standard, move = fit_standard(Z), np.array([1.0, -2, 3, 4])
    np.testing.assert_allclose(standard.standardised_move(standard.move(move)), [1, -2, 3, 0])
    np.testing.assert_allclose(standard.standardise(Z[:1] + standard.move(move)) - standard.standardise(Z[:1]),
                               [[1, -2, 3, 0]], rtol=1e-3)  # fmt: skip


def test_the_components_tell_it_as_well():
    given, from_components = fit_standard(Z), standard_of(fit_pca(Z))
    np.testing.assert_allclose(from_components.mean, given.mean, rtol=1e-5)
    np.testing.assert_allclose(from_components.sd[:2], given.sd[:2], rtol=2e-3)  # divided by n - 1
    assert from_components.sd[3] == given.sd[3] == 0
