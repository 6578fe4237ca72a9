"""Is a latent space healthy? Per-dimension statistics, dead dimensions, active units, KL."""

import numpy as np
import pandas as pd

DEAD = 1e-4  # of the largest deviation among the dimensions


def statistics(z):
    """What each latent dimension does over a set of images.

    Args:
        z: float (n, d) latents.

    Returns:
        DataFrame of d rows: dimension (0..d-1), min, max, mean, sd (population), zero_share (of exact
        zeros, 0..1), total_activation (sum of |z|), dead (0 or 1, see `dead_dimensions`).
    """
    z = np.asarray(z, np.float64)
    return pd.DataFrame(
        {
            "dimension": np.arange(z.shape[1]),
            "min": z.min(axis=0),
            "max": z.max(axis=0),
            "mean": z.mean(axis=0),
            "sd": z.std(axis=0),
            "zero_share": (z == 0).mean(axis=0),
            "total_activation": np.abs(z).sum(axis=0),
            "dead": dead_dimensions(z).astype(int),
        }
    )


def dead_dimensions(z):
    """Which dimensions say nothing about the image: those that (nearly) never change.

    Args:
        z: float (n, d) latents.

    Returns:
        bool (d,): standard deviation at most 1e-4 of the largest among the dimensions. A dimension that is
        always zero is dead; so are all where none changes.
    """
    sd = np.asarray(z, np.float64).std(axis=0)
    return sd <= DEAD * sd.max()


def active_units(mu, threshold=0.01):
    """Which dimensions of a VAE carry information (Burda et al. 2016, "Importance weighted autoencoders").

    Args:
        mu: float (n, d), posterior means.
        threshold: float, in squared latent units.

    Returns:
        bool (d,): variance of mu over the images above the threshold.
    """
    return np.asarray(mu, np.float64).var(axis=0) > threshold


def kl_per_dimension(mu, logvar):
    """KL(q(z|x) || N(0, I)) of each dimension, averaged over the images: (mu^2 + exp(logvar) - 1 - logvar) / 2.

    Args:
        mu, logvar: float (n, d).

    Returns:
        float64 (d,), nats, >= 0.
    """
    mu, logvar = np.asarray(mu, np.float64), np.asarray(logvar, np.float64)
    return 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).mean(axis=0)
