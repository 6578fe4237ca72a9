"""Precision, recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020) on any features."""

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

BLOCK = 1024  # rows of a distance matrix held at once


class PRDC(NamedTuple):
    precision: float  # share of the fakes that lie within some real image's neighbourhood: quality
    recall: float  # share of the reals that lie within some fake image's neighbourhood: diversity
    density: float  # real neighbourhoods around a fake, over k: quality, robust to outliers; may exceed 1
    coverage: float  # share of the reals with a fake in their neighbourhood: diversity, robust to outliers


def prdc(real, fake, k):
    """Overlap of two sets of features; a neighbourhood is the closed ball that reaches to the k-th neighbour.

    Args:
        real: float (m, d), m > k.
        fake: float (n, d), n > k.
        k: int >= 1, neighbours (of the same set, the point itself not counted).

    Returns:
        `PRDC` of floats, each in [0, 1] except density.
    """
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    if not 1 <= k < min(len(real), len(fake)):
        raise ValueError(f"k {k} must be at least 1 and below the number of samples, {len(real)} and {len(fake)}")
    real_radius, fake_radius = _radii(real, k), _radii(fake, k)
    in_some_real = np.zeros(len(fake), bool)
    in_some_fake, covered = (np.zeros(len(real), bool) for _ in range(2))
    hits = 0
    for start in range(0, len(real), BLOCK):
        rows = slice(start, start + BLOCK)
        distance = cdist(real[rows], fake)
        inside_real = distance <= real_radius[rows, None]
        in_some_real |= inside_real.any(axis=0)
        covered[rows] = inside_real.any(axis=1)
        hits += int(inside_real.sum())
        in_some_fake[rows] = (distance <= fake_radius).any(axis=1)
    return PRDC(float(in_some_real.mean()), float(in_some_fake.mean()), hits / (k * len(fake)), float(covered.mean()))


def _radii(features, k):
    """float64 (n,): each point's distance to its k-th nearest neighbour (the 0-th is the point itself)."""
    blocks = range(0, len(features), BLOCK)
    return np.concatenate([np.partition(cdist(features[i : i + BLOCK], features), k, axis=1)[:, k] for i in blocks])
