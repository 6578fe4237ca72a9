"""Kernel Inception Distance (Binkowski et al. 2018, "Demystifying MMD GANs") on any features."""

import numpy as np

from facepipe.core.determinism import rng


def polynomial_mmd2(x, y):
    """Unbiased squared maximum mean discrepancy under the kernel k(a, b) = (a.b / d + 1)^3.

    Args:
        x: float (m, d) features, m >= 2.
        y: float (n, d) features, n >= 2.

    Returns:
        float; 0 on average where both come from one distribution (so it may be negative).
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    m, n, d = len(x), len(y), x.shape[1]
    if min(m, n) < 2:
        raise ValueError(f"the unbiased estimate needs at least 2 samples of each, got {m} and {n}")
    xx, yy, xy = ((a @ b.T / d + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    within_x = (xx.sum() - np.trace(xx)) / (m * (m - 1))
    within_y = (yy.sum() - np.trace(yy)) / (n * (n - 1))
    return float(within_x + within_y - 2 * xy.mean())


def kid(real, fake, subsets, subset_size, seed):
    """KID: the mean of `polynomial_mmd2` over random subsets.

    Args:
        real: float (m, d) features of real images.
        fake: float (n, d) features of generated images.
        subsets: int, how many draws.
        subset_size: int >= 2, samples of each kind per draw, without replacement; at most min(m, n).
        seed: int.

    Returns:
        (mean, standard deviation over the subsets): floats. The deviation is that of one draw, not of the mean.
    """
    if subset_size > min(len(real), len(fake)):
        raise ValueError(f"subset_size {subset_size} is more than the {min(len(real), len(fake))} samples")
    values = []
    for i in range(subsets):
        generator = rng(seed, "kid", i)
        rows = [generator.choice(len(features), subset_size, replace=False) for features in (real, fake)]
        values.append(polynomial_mmd2(real[rows[0]], fake[rows[1]]))
    return float(np.mean(values)), float(np.std(values))
