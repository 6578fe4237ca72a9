"""DiffAugment (Zhao et al. 2020): differentiable augmentations for real and generated images alike."""

import numpy as np
import tensorflow as tf

POLICIES = ("color", "translation", "cutout")


def draw(generator, count):
    """The random numbers of one augmented batch.

    Args:
        generator: numpy Generator.
        count: int, images.

    Returns:
        float32 (count, 7) in [0, 1).
    """
    return generator.random((count, 7), np.float32)


def diffaugment(x, noise, policies):
    """Augment each image.

    Args:
        x: float32 images (n, h, w, c) in [-1, 1].
        noise: float32 (n, 7) from `draw`.
        policies: names among `POLICIES`: color (brightness +-0.5, saturation x 0-2, contrast x 0.5-1.5), translation
            (by up to 1/8 of each side, gray filled), cutout (a gray square of half the side).

    Returns:
        float32 (n, h, w, c); color may leave [-1, 1].
    """
    values = [noise[:, i, None, None, None] for i in range(7)]
    if "color" in policies:
        x = x + (values[0] - 0.5)
        mean = tf.reduce_mean(x, axis=3, keepdims=True)
        x = (x - mean) * (values[1] * 2) + mean
        mean = tf.reduce_mean(x, axis=(1, 2, 3), keepdims=True)
        x = (x - mean) * (values[2] + 0.5) + mean
    if "translation" in policies:
        x = tf.einsum("nij,njwc->niwc", _shift(noise[:, 3], x.shape[1]), x)
        x = tf.einsum("nij,nhjc->nhic", _shift(noise[:, 4], x.shape[2]), x)
    if "cutout" in policies:
        rows = _inside(noise[:, 5], x.shape[1])
        columns = _inside(noise[:, 6], x.shape[2])
        x = x * (1.0 - rows[:, :, None, None] * columns[:, None, :, None])
    return x


def _shift(fraction, side):
    """Matrices (n, side, side) that move rows by a whole number of pixels within +-side/8; zero (gray) comes in."""
    reach = max(1, round(side / 8))
    offset = tf.floor(fraction * (2 * reach + 1)) - reach
    position = tf.range(side, dtype=tf.float32)
    return tf.cast(position[None, :, None] - position[None, None, :] == offset[:, None, None], tf.float32)


def _inside(fraction, side):
    """(n, side): 1 within a window of half the side around a random centre."""
    centre = tf.floor(fraction * side)[:, None]
    return tf.cast(tf.abs(tf.range(side, dtype=tf.float32)[None] - centre) < side / 4, tf.float32)
