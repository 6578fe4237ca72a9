"""The Frechet distance of two sets of features, each as a Gaussian (Heusel et al. 2017, "GANs trained by a TTUR")."""

import numpy as np


def frechet(real, fake):
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of means m and covariances C: FID, on any features.

    Few samples make it larger (Chong & Forsyth 2020), so compare only values of as many samples.

    Args:
        real: float (m, d) features of real images, m >= 2.
        fake: float (n, d) features of generated images, n >= 2.

    Returns:
        float >= 0, in the features' units squared; 0 where means and covariances are equal.
    """
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    if min(len(real), len(fake)) < 2:
        raise ValueError(f"a covariance needs at least 2 samples, got {len(real)} and {len(fake)}")
    a, b = ((x - x.mean(axis=0)) / np.sqrt(len(x) - 1) for x in (real, fake))
    # the eigenvalues of C1 C2 are the squared singular values of C1^(1/2) C2^(1/2)
    root = np.linalg.svd(_root(a) @ _root(b), compute_uv=False).sum()
    shift = np.square(real.mean(axis=0) - fake.mean(axis=0)).sum()
    return float(max(0.0, shift + np.square(a).sum() + np.square(b).sum() - 2 * root))


def _root(centered):
    """The symmetric root (d, d) of the covariance of rows."""
    values, vectors = np.linalg.eigh(centered.T @ centered)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
