"""What else changes along a direction: its cosines with the others, and how it moves the scores of the others."""

import numpy as np

from facepipe.directions.fitting import logistic

MIN_PROBE = 10  # positives, and as many negatives, among the held-out images


def cosines(moves):
    """Cosines of every two directions: float (k, d) in standardised latents -> float64 (k, k)."""
    units = moves / np.linalg.norm(moves, axis=1, keepdims=True)
    return np.clip(units @ units.T, -1, 1)


def fit_probes(held_x, held_labels):
    """Judges that had no part in the directions: a logistic regression an attribute, fitted to held-out images only.

    Args:
        held_x: float (m, d), standardised latents.
        held_labels: float (m, a), 1 with, 0 without, NaN unknown.

    Returns:
        Float64 (a, d), weights of scores with standard deviation 1 over the held-out images; NaN where an attribute
        has fewer than MIN_PROBE positives or negatives.
    """
    probes = np.full((held_labels.shape[1], held_x.shape[1]), np.nan)
    for i, column in enumerate(held_labels.T):
        known = ~np.isnan(column)
        positive = column[known] > 0.5
        if min(positive.sum(), (~positive).sum()) >= MIN_PROBE:
            weights = logistic(held_x[known], positive)
            spread = (held_x @ weights).std()
            if spread > 0:
                probes[i] = weights / spread
    return probes


def side_effects(moves, own, probes):
    """How much every attribute's score moves at strength 1, in standard deviations of that score.

    Args:
        moves: float (k, d), directions in standardised latents.
        own: int (k,), the place of each direction's own attribute among the probes.
        probes: float (a, d) as from `fit_probes`.

    Returns:
        (effects, relative): float64 (k, a); relative to the effect on the direction's own attribute, NaN where that
        is not a gain.
    """
    effects = moves @ probes.T
    gains = effects[np.arange(len(moves)), np.asarray(own, int)][:, None]
    with np.errstate(invalid="ignore"):
        return effects, effects / np.where(gains > 0, gains, np.nan)
