"""Is a latent space healthy? Active units of a VAE, and its KL."""

import numpy as np


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
