"""What each latent dimension does: statistics and histograms over many images, and the file that holds them."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from facepipe.core.files import write_csv
from facepipe.errors import InputError
from facepipe.networks.health import dead_dimensions

BINS = 24
_ROWS = 4096  # in memory at once, as float64


def statistics(z, prior=None):
    """What each latent dimension does over a set of images.

    Args:
        z: float (n, d) latents, n >= 1, an array or memory map.
        prior: float (m, d), what the model's random faces are decoded from, or None: z stands for that, too.

    Returns:
        DataFrame of d rows: dimension (0..d-1), min, max, mean, sd (population), zero_share (of exact
        zeros, 0..1), total_activation (sum of |z|), dead (0 or 1, see `networks.health`), low and high: the usual
        range, that of z and of `prior`, beyond which users are warned.
    """
    count = len(z)
    low, high = (edge([edge(part, axis=0) for part in _parts(z)], axis=0) for edge in (np.min, np.max))
    mean = sum(part.sum(axis=0) for part in _parts(z)) / count
    sd = np.sqrt(sum(((part - mean) ** 2).sum(axis=0) for part in _parts(z)) / count)
    return pd.DataFrame(
        {
            "dimension": np.arange(z.shape[1]),
            "min": low,
            "max": high,
            "mean": mean,
            "sd": sd,
            "zero_share": sum((part == 0).sum(axis=0) for part in _parts(z)) / count,
            "total_activation": sum(np.abs(part).sum(axis=0) for part in _parts(z)),
            "dead": dead_dimensions(sd).astype(int),
            "low": low if prior is None else np.minimum(low, prior.min(axis=0)),
            "high": high if prior is None else np.maximum(high, prior.max(axis=0)),
        }
    )


def histograms(z, low, high):
    """How often each dimension has which value.

    Args:
        z: float (n, d), as for `statistics`.
        low, high: float (d,), the ranges, cut into `BINS` equal bins.

    Returns:
        int64 (d, BINS); where low is high, all rows are in the first bin.
    """
    counts = np.zeros((z.shape[1], BINS), np.int64)
    width = np.where(high > low, high - low, 1)
    dimensions = np.arange(z.shape[1])
    for part in _parts(z):
        bins = np.clip((part - low) / width * BINS, 0, BINS - 1).astype(np.int64)
        counts += np.bincount((dimensions * BINS + bins).ravel(), minlength=counts.size).reshape(counts.shape)
    return counts


def write_statistics(path, table, counts):
    """Write <model>.stats.csv.

    Args:
        path: the file, written atomically.
        table: DataFrame, a row per dimension; floats get 9 significant digits.
        counts: int (d, BINS), written as the columns bin00, bin01, ... from min to max.
    """
    names = [f"bin{i:02d}" for i in range(counts.shape[1])]
    rows = ([*row, *bins] for row, bins in zip(table.itertuples(index=False), counts.tolist(), strict=True))
    write_csv(path, [*table.columns, *names], rows, digits=9)


def read_statistics(path):
    """The DataFrame that `write_statistics` wrote; InputError where there is none, or something else."""
    path = Path(path)
    try:
        table = pd.read_csv(path)
        bins = [name for name in table if name.startswith("bin")]
        numbers = table[["min", "max", "low", "high", "mean", "sd", "rank", *bins]].to_numpy(np.float64)
    except FileNotFoundError:
        raise InputError(f"{path}: not found; `dvc repro export_latents` makes it") from None
    except (ValueError, KeyError, csv.Error, OSError) as error:
        problem = f"not statistics of latents: {' '.join(str(error).split())}"
        raise InputError(f"{path}: {problem}; `dvc repro export_latents` makes them") from None
    if not np.isfinite(numbers).all():
        raise InputError(f"{path}: has cells that are empty or not finite; `dvc repro export_latents` makes it again")
    return table


def _parts(z):
    for start in range(0, len(z), _ROWS):
        yield np.asarray(z[start : start + _ROWS], np.float64)


def kl_per_dimension(mu, logvar):
    """KL(q(z|x) || N(0, I)) of each dimension, averaged over the images: (mu^2 + exp(logvar) - 1 - logvar) / 2.

    Args:
        mu, logvar: float (n, d).

    Returns:
        float64 (d,), nats, >= 0.
    """
    mu, logvar = np.asarray(mu, np.float64), np.asarray(logvar, np.float64)
    return 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).mean(axis=0)
