"""Losses as pure functions; per-sample values, float32, reduced by the caller.

x: float32 images (n, h, w, c) in [0, 1]; logits: float32 (n, h, w, c), the reconstruction is their sigmoid.
"""

import numpy as np
import tensorflow as tf


@tf.custom_gradient
def _per_sample(values):
    """Mean of each image's values, (n, h, w, c) -> (n,); TensorFlow's own gradient divides after it has spread."""
    shape = tf.shape(values)
    rows = tf.reshape(values, (shape[0], -1))

    def gradient(upstream):
        share = upstream / tf.cast(tf.shape(rows)[1], upstream.dtype)
        return tf.broadcast_to(tf.reshape(share, (-1, 1, 1, 1)), shape)

    return tf.reduce_mean(rows, axis=1), gradient


def mse(x, logits):
    """Mean over pixels and channels of (x - recon)^2; float32 (n,)."""
    return _per_sample(tf.square(x - tf.sigmoid(logits)))


def l1(x, logits):
    """Mean over pixels and channels of |x - recon|; float32 (n,)."""
    return _per_sample(tf.abs(x - tf.sigmoid(logits)))


def bce(x, logits):
    """Mean over pixels and channels of -x log recon - (1 - x) log(1 - recon), in nats; float32 (n,)."""
    return _per_sample(tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits))


def ssim(x, logits):
    """1 - structural similarity of image and reconstruction (Wang et al. 2004), channel by channel; float32 (n,).

    Gaussian window 11 x 11 with sigma 1.5, or the largest odd one that fits the image, where it fits; constants for
    values in [0, 1]. From 0 (equal) to 2.
    """
    # variances do not see the shift, and small numbers keep more of them where a GPU rounds products to TF32
    a, b = x - 0.5, tf.sigmoid(logits) - 0.5
    mean_a, mean_b, square_a, square_b, product = tf.split(_blur(tf.concat([a, b, a * a, b * b, a * b], -1)), 5, -1)
    variances = square_a - mean_a**2 + square_b - mean_b**2
    covariance = product - mean_a * mean_b
    mean_x, mean_y = mean_a + 0.5, mean_b + 0.5
    c1, c2 = 0.01**2, 0.03**2
    numerator = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return 1.0 - _per_sample(numerator / ((mean_x**2 + mean_y**2 + c1) * (variances + c2)))


def _blur(maps):
    """SSIM's window over float32 (n, h, w, c), where it fits: one matrix product an axis, as it is separable."""
    height, width, channels = maps.shape[1:]
    size = min(11, height - (height + 1) % 2, width - (width + 1) % 2)
    rows, columns = _window(height, size), _window(width, size)
    lines = rows @ tf.reshape(maps, (-1, height, width * channels))
    blurred = columns @ tf.reshape(lines, (-1, width, channels))
    return tf.reshape(blurred, (-1, len(rows), len(columns), channels))


def _window(length, size):
    """float32 (length - size + 1, length): each row a Gaussian of `size` taps, one place further."""
    taps = np.exp(-0.5 * ((np.arange(size) - size // 2) / 1.5) ** 2)
    rows = [np.pad(taps / taps.sum(), (start, length - size - start)) for start in range(length - size + 1)]
    return np.array(rows, np.float32)


RECONSTRUCTION = {"mse": mse, "l1": l1, "bce": bce, "ssim": ssim}


def mixture(weights, x, logits):
    """A weighted sum of reconstruction losses.

    Args:
        weights: dict of float by name in `RECONSTRUCTION`.
        x, logits: as above.

    Returns:
        (loss, terms): float32 (n,), and a dict of float32 (n,), the losses before their weights.
    """
    terms = {name: RECONSTRUCTION[name](x, logits) for name in weights}
    return tf.add_n([weight * terms[name] for name, weight in weights.items()]), terms
