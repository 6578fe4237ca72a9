"""The faces nearest to a latent."""

import numpy as np

CHUNK = 256  # latents whose distances are in memory at once


def nearest(x, others, count, same=None):
    """The nearest rows by Euclidean distance.

    Args:
        x: float (n, d), standardised latents.
        others: float (m, d).
        count: int, how many to give for each; fewer where there are not so many.
        same: list of n ints, a row of `others` that is the face itself and does not count, or None.

    Returns:
        (rows, distances): int64 (n, k), float64 (n, k), the nearest first, equal ones in order of their rows.
    """
    others = np.asarray(others, np.float64)
    squares = (others**2).sum(1)
    leave_out = same is not None and any(row is not None for row in same)
    count = min(count, len(others) - leave_out)
    rows, distances = [], []
    for start in range(0, len(x), CHUNK):
        part = np.asarray(x[start : start + CHUNK], np.float64)
        squared = (part**2).sum(1)[:, None] + squares - 2 * part @ others.T
        if leave_out:
            for i, row in enumerate(same[start : start + CHUNK]):
                if row is not None:
                    squared[i, row] = np.inf
        chosen = np.argsort(squared, axis=1, kind="stable")[:, :count]
        rows.append(chosen)
        # the differences themselves: the expanded square loses digits where two faces are close
        distances.append(np.linalg.norm(part[:, None] - others[chosen], axis=2))
    return np.concatenate(rows), np.concatenate(distances)
