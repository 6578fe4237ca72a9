"""Which rows a step sees, as a function of (seed, epoch); and preparing batches ahead of the step that uses them."""

from concurrent.futures import ThreadPoolExecutor

from facepipe.core.determinism import rng


def epoch_order(seed, epoch, total, count):
    """The rows of one epoch, in order: a new random subset of the split without repetition.

    Args:
        seed, epoch: ints; the result is a function of these alone.
        total: int, rows in the split.
        count: int <= total, rows to draw.

    Returns:
        int64 (count,).
    """
    return rng(seed, "order", epoch).permutation(total)[:count]


def ahead(make, start, stop):
    """Yield make(start), ... make(stop - 1), each computed in a thread while the caller uses the one before.

    An exception in `make` is raised where its value would have come.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        following = pool.submit(make, start) if start < stop else None
        for index in range(start, stop):
            value = following.result()
            if index + 1 < stop:
                following = pool.submit(make, index + 1)
            yield value
