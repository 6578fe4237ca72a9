"""How smoothly a model goes from one face to another: the path that features of its interpolations take.

Inspired by perceptual path length (Karras et al. 2019, "A style-based generator architecture for generative adversarial
networks", section 4.1), which is how far features move for a tiny step. Here both numbers are ratios over whole paths,
which depend neither on the scale of the features nor on how far apart two faces are.
"""

import numpy as np

from facepipe.latents.paths import interpolate

STEPS = 8  # of each path: nine faces


def paths(z, labels, method):
    """The latents of every path, from the first of `z` to the second, from the third to the fourth, ...

    Args:
        z: float (2 p, d).
        labels: float (2 p, k), unknown ones NaN: they count as half-way between with and without.
        method: as in `latents.paths.interpolate`; labels go straight.

    Returns:
        (float32 (p (STEPS + 1), d), float32 (p (STEPS + 1), k)), the faces of a path together.
    """
    labels = np.nan_to_num(labels, nan=0.5)
    pairs = range(0, len(z), 2)
    z = [interpolate(z[i], z[i + 1], STEPS + 1, method) for i in pairs]
    return np.concatenate(z), np.concatenate([interpolate(labels[i], labels[i + 1], STEPS + 1) for i in pairs])


def straightness(features):
    """How direct the paths are: the distance of their ends over the length of the path, the mean over the paths.

    Args:
        features: float (p, n, d), n >= 2 faces on each of p >= 1 paths, at equal steps.

    Returns:
        float in [0, 1]; 1 where the features go straight from one end to the other. Low where an interpolation
        leads through other faces. A path on which nothing changes counts as straight.
    """
    steps = _steps(features)
    ends = np.linalg.norm(np.asarray(features[:, -1], np.float64) - features[:, 0], axis=-1)
    return _mean_ratio(ends, steps.sum(axis=1))


def evenness(features):
    """How even the steps are: the mean step over the largest, the mean over the paths.

    Args:
        features: as for `straightness`.

    Returns:
        float in [1 / (n - 1), 1]; 1 where all steps of a path are equally long. Low where a face stays as it is and
        then jumps. A path on which nothing changes counts as even.
    """
    steps = _steps(features)
    return _mean_ratio(steps.mean(axis=1), steps.max(axis=1))


def _steps(features):
    """float64 (p, n - 1): how far each step goes."""
    if features.ndim != 3 or len(features) == 0 or features.shape[1] < 2:
        raise ValueError(f"expected features (paths, faces, d), one path and two faces at least, got {features.shape}")
    return np.linalg.norm(np.diff(np.asarray(features, np.float64), axis=1), axis=-1)


def _mean_ratio(part, whole):
    # rounding may take the ratio of equal numbers above 1
    return float(np.minimum(np.divide(part, whole, out=np.ones_like(part), where=whole > 0), 1).mean())
