"""Principal components of images: where a linear path starts, and the floor that a network must beat."""

from dataclasses import dataclass

import numpy as np

from facepipe.core.determinism import rng


@dataclass(frozen=True)
class PixelPCA:
    """A linear autoencoder: float32 `mean` (d,) and orthonormal `components` (d, k), d = H * W * C."""

    mean: np.ndarray
    components: np.ndarray

    def reconstruct(self, images):
        """uint8 (n, H, W, C) -> float32 (n, H, W, C): the projection on the components, clipped to [0, 1]."""
        flat = _flat(images) - self.mean
        return np.clip(flat @ self.components @ self.components.T + self.mean, 0, 1).reshape(images.shape)


def fit_pca(batches, components, iterations=4, oversample=16, seed=0):
    """Principal components of images too many for memory: blocked subspace iteration.

    Randomised range finder with power iterations (Halko, Martinsson and Tropp 2011, algorithm 4.4), where
    every product with the covariance is a sum over batches. Holds a few (d, components + oversample)
    float32 matrices and one batch.

    Args:
        batches: function without arguments that returns an iterable of uint8 (b, H, W, C), the same batches
            at every call; it is called `iterations` + 2 times.
        components: int, k; no more than min(n - 1, d) come out.
        iterations: int, power iterations.
        oversample: int, extra directions carried along for accuracy.
        seed: int, of the random start.

    Returns:
        `PixelPCA`, on images scaled to [0, 1]; the components in the order of falling variance.
    """
    count, total = 0, 0
    for batch in batches():
        total = total + batch.reshape(len(batch), -1).sum(axis=0, dtype=np.int64)
        count += len(batch)
    if count < 2:
        raise ValueError(f"PCA needs at least 2 images, got {count}")
    mean = (total / (255 * count)).astype(np.float32)
    k = min(components, count - 1, mean.size)
    width = min(k + oversample, count, mean.size)

    def covariance_times(basis):
        product = np.zeros_like(basis)
        for batch in batches():
            flat = _flat(batch) - mean
            product += flat.T @ (flat @ basis)
        return product / count

    basis = rng(seed, "pca").standard_normal((mean.size, width), dtype=np.float32)
    for _ in range(iterations):
        basis, _ = np.linalg.qr(covariance_times(basis))
    # Rayleigh-Ritz: the eigenvectors of the covariance seen from within the subspace
    _, rotation = np.linalg.eigh((basis.T @ covariance_times(basis)).astype(np.float64))
    return PixelPCA(mean, basis @ rotation[:, ::-1][:, :k].astype(np.float32))


def _flat(images):
    return images.reshape(len(images), -1).astype(np.float32) / 255
