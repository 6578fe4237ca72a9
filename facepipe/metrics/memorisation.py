"""Whether generated images are copies of training images."""

import numpy as np
from scipy.spatial.distance import cdist

BLOCK = 1024  # rows of a distance matrix held at once


def memorisation(samples, train, held_out):
    """Share of the samples whose nearest training image is nearer than their nearest held-out image.

    A half where the model does not know which of the two it was trained on; 1 where it copies (the idea of Meehan et
    al. 2020, "A non-parametric test to detect data-copying in generative models", as a share). A tie counts half.

    Args:
        samples: float (n, d) features of generated images.
        train, held_out: float (m, d) features of as many real images each.

    Returns:
        float in [0, 1].
    """
    if len(train) != len(held_out):
        raise ValueError(f"as many training as held-out images are needed, got {len(train)} and {len(held_out)}")
    to_train, to_held_out = (_nearest(samples, real) for real in (train, held_out))
    return float((to_train < to_held_out).mean() + 0.5 * (to_train == to_held_out).mean())


def _nearest(samples, real):
    blocks = range(0, len(samples), BLOCK)
    return np.concatenate([cdist(samples[i : i + BLOCK], real).min(axis=1) for i in blocks])
