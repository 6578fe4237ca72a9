"""How much of the decoded picture each latent dimension makes, measured with the decoder."""

import numpy as np

from facepipe.core.determinism import rng

DECODED = 4096  # pictures at most for `variance_explained`, but for very long latents
ROWS = (4, 64)  # the fewest and most latents of which each dimension is changed
_CHUNK = 256  # decoded at once


def influence(model, mean, sd):
    """How the picture changes where one dimension goes from one standard deviation below the mean to one above.

    Args:
        model: has decode(z float32 (n, d)) -> float32 (n, H, W, C) in [0, 1].
        mean, sd: float (d,), of the training latents.

    Returns:
        float64 (d,): root mean squared difference of the two pictures' pixels, the other dimensions at their means.
    """
    low, high = (np.float32(mean + sign * np.diag(sd)) for sign in (-1, 1))
    return np.concatenate(
        [
            np.sqrt(_squares(model.decode(low[start : start + _CHUNK]), model.decode(high[start : start + _CHUNK])))
            for start in range(0, len(sd), _CHUNK)
        ]
    )


def variance_explained(model, z, mean, seed):
    """Which share of the pictures' variance goes where one dimension is held at its mean.

    Args:
        model: as for `influence`.
        z: float32 (n, d), n >= 1; of them as many as `DECODED` and `ROWS` allow are drawn.
        mean: float (d,), of the training latents.
        seed: int.

    Returns:
        float64 (d,), >= 0: mean squared change of the pixels, over the mean squared distance of the pictures from
        their mean picture. Sums to 1 for a linear decoder and uncorrelated dimensions; all 0 where the pictures
        are one.
    """
    count = min(len(z), int(np.clip(DECODED // z.shape[1], *ROWS)))
    rows = np.asarray(z[np.sort(rng(seed, "variance").permutation(len(z))[:count])], np.float32)
    pictures = model.decode(rows)
    total = _squares(pictures, pictures.mean(axis=0, keepdims=True)).mean()
    lost = np.empty(z.shape[1])
    for i in range(z.shape[1]):
        held = rows.copy()
        held[:, i] = mean[i]
        lost[i] = _squares(pictures, model.decode(held)).mean()
    return lost / total if total else np.zeros_like(lost)


def _squares(a, b):
    """Mean squared difference of each picture's pixels, float64 (n,)."""
    return ((a.astype(np.float64) - b) ** 2).mean(axis=(1, 2, 3))
