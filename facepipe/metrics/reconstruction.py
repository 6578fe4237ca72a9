"""How close a reconstruction is to its image."""

import numpy as np

WINDOW, SIGMA, K1, K2 = 11, 1.5, 0.01, 0.03  # Wang et al. 2004, section III-B


def _check(x, y):
    if x.shape != y.shape or x.ndim != 4:
        raise ValueError(f"expected two arrays of one shape (n, H, W, C), got {x.shape} and {y.shape}")


def mse(x, y):
    """Mean squared error of each image.

    Args:
        x, y: float (n, H, W, C) in [0, 1].

    Returns:
        float64 (n,): mean over pixels and channels.
    """
    _check(x, y)
    return np.square(x.astype(np.float64) - y).mean(axis=(1, 2, 3))


def psnr(x, y):
    """Peak signal-to-noise ratio of each image in dB: -10 log10(MSE), data range 1.

    Args:
        x, y: float (n, H, W, C) in [0, 1].

    Returns:
        float64 (n,), at most 100: equal images would give infinity, and spoil the mean.
    """
    return -10 * np.log10(np.maximum(mse(x, y), 1e-10))


def ssim(x, y):
    """Structural similarity of each image (Wang et al. 2004, "Image quality assessment").

    Gaussian window 11 x 11 with sigma 1.5, K1 0.01, K2 0.03, data range 1; the index is averaged over the
    places where the window fits and over the channels. Images smaller than 11 pixels get the largest odd
    window that fits.

    Args:
        x, y: float (n, H, W, C) in [0, 1].

    Returns:
        float64 (n,), at most 1; 1 for equal images.
    """
    _check(x, y)
    height, width = x.shape[1:3]
    size = min(WINDOW, height - (height + 1) % 2, width - (width + 1) % 2)
    rows, columns = _band(height, size), _band(width, size).T

    def blur(images):
        return rows @ images @ columns  # the window is separable: two matrix products

    x, y = (a.astype(np.float64).transpose(0, 3, 1, 2) for a in (x, y))
    mean_x, mean_y = blur(x), blur(y)
    variance_x, variance_y = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2
    covariance = blur(x * y) - mean_x * mean_y
    c1, c2 = K1**2, K2**2
    numerator = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    denominator = (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    return (numerator / denominator).mean(axis=(1, 2, 3))


def _band(length, size):
    """Matrix (length - size + 1, length) that slides a Gaussian window of `size` taps along an axis."""
    taps = np.exp(-0.5 * ((np.arange(size) - size // 2) / SIGMA) ** 2)
    taps /= taps.sum()
    band = np.zeros((length - size + 1, length))
    for i in range(len(band)):
        band[i, i : i + size] = taps
    return band
