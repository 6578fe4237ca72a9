"""Principal components of a model's latents: the few numbers that say most, and the way back."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from facepipe.core.arrays import read_arrays, write_arrays
from facepipe.core.zips import BROKEN_ARRAYS, reason
from facepipe.errors import InputError
from facepipe.networks.samplers import check_shape, finite_array


class PCA(NamedTuple):
    """mean float32 (d,); components float32 (d, d), orthonormal rows, the largest variance first; sd float32 (d,).

    A component's largest entry is positive, so that equal latents give equal signs.
    """

    mean: np.ndarray
    components: np.ndarray
    sd: np.ndarray

    def project(self, z):
        """Latents (n, d) -> coordinates float32 (n, d)."""
        z = np.asarray(z, np.float64)
        return ((z - self.mean) @ self.components.T.astype(np.float64)).astype(np.float32)

    def restore(self, coordinates):
        """Coordinates (n, k), k <= d, those left out 0 -> latents float32 (n, d)."""
        coordinates = np.asarray(coordinates, np.float64)
        kept = self.components[: coordinates.shape[1]].astype(np.float64)
        return (self.mean + coordinates @ kept).astype(np.float32)

    def save(self, path):
        """Write to `path` (.npz) atomically; equal PCAs give equal bytes."""
        write_arrays(path, self._asdict())


def fit_pca(chunks):
    """The PCA of latents, in one pass.

    Args:
        chunks: iterable of float (n, d), at least two rows in all; or one such array.

    Returns:
        `PCA`.

    Raises:
        ValueError: fewer than two rows.
    """
    count, origin = 0, None
    for chunk in [chunks] if isinstance(chunks, np.ndarray) else chunks:
        chunk = np.asarray(chunk, np.float64)
        if origin is None:
            # sums are of distances to some latent: no digits are lost where the mean is far from 0
            origin, total, products = chunk[0].copy(), 0.0, 0.0
        chunk = chunk - origin
        count, total, products = count + len(chunk), total + chunk.sum(0), products + chunk.T @ chunk
    if count < 2:
        raise ValueError(f"a PCA needs at least 2 rows, got {count}")
    mean = total / count
    variances, vectors = np.linalg.eigh((products - count * np.outer(mean, mean)) / (count - 1))
    components = vectors.T[::-1]
    largest = components[np.arange(len(components)), np.abs(components).argmax(axis=1)]
    components = components * np.sign(largest)[:, None]
    sd = np.sqrt(np.maximum(variances[::-1], 0))
    return PCA((origin + mean).astype(np.float32), components.astype(np.float32), sd.astype(np.float32))


def load_pca(path):
    """The `PCA` stored in `path`; InputError where there is none, or it is not as it was written, or something else."""
    path = Path(path)
    try:
        stored = read_arrays(path, "a stored PCA", "`dvc repro -f export_latents` makes it again")
        dimensions = {"mean": 1, "components": 2, "sd": 1}
        mean, components, sd = (finite_array(name, stored[name], dimensions[name]) for name in PCA._fields)
        check_shape("components", components, (len(mean), len(mean)))
        check_shape("sd", sd, mean.shape)
        return PCA(mean, components, sd)
    except InputError:  # which is a ValueError
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: not found; `dvc repro export_latents` makes it") from None
    except BROKEN_ARRAYS as error:
        raise InputError(f"{path}: not a stored PCA: {reason(error)}") from None
