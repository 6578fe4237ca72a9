"""Standardised latents: every dimension with mean 0 and standard deviation 1 over the training images."""

from typing import NamedTuple

import numpy as np

CONSTANT = 1e-6  # what varies by less, relative to its size, is rounding: there is nothing to divide by


class Standard(NamedTuple):
    """mean, sd: float64 (d,); sd is 0 for a dimension that does not vary, whose standardised value is 0."""

    mean: np.ndarray
    sd: np.ndarray

    def standardise(self, z):
        """Latents (n, d) -> float64 (n, d)."""
        return (np.asarray(z, np.float64) - self.mean) * self._inverse()

    def move(self, x):
        """A move in standardised latents (..., d) as one in latents, float64 (..., d)."""
        return np.asarray(x, np.float64) * self.sd

    def standardised_move(self, vector):
        """A move in latents (..., d) as one in standardised latents, float64 (..., d)."""
        return np.asarray(vector, np.float64) * self._inverse()

    def _inverse(self):
        return np.divide(1.0, self.sd, out=np.zeros_like(self.sd), where=self.sd > 0)


def fit_standard(z):
    """The `Standard` of latents float (n, d)."""
    z = np.asarray(z, np.float64)
    return _without_constant(z.mean(0), z.std(0))


def standard_of(pca):
    """The `Standard` of the latents that a `facepipe.latents.pca.PCA` was fitted to."""
    variances = (pca.components.astype(np.float64) ** 2 * pca.sd.astype(np.float64)[:, None] ** 2).sum(0)
    return _without_constant(pca.mean.astype(np.float64), np.sqrt(variances))


def _without_constant(mean, sd):
    return Standard(mean, np.where(sd > CONSTANT * np.maximum(np.abs(mean), sd.max()), sd, 0.0))
