"""Augmentation inside the step: flips and small changes of the training images, DiffAugment for the GAN."""

import math

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


def to_float(images, flip):
    """uint8 images (n, h, w, c) -> float32 in [0, 1], mirrored left to right where `flip` (bool (n,)) says so."""
    return tf.cast(mirror(images, flip), tf.float32) / 255.0  # bytes are mirrored: a quarter of the memory


def mirror(x, flip):
    """Images (n, h, w, c), mirrored left to right where `flip` (bool (n,)) says so."""
    # rows of three channels, and whole images, have quick kernels of their own
    mirrored = tf.reshape(tf.reverse(tf.reshape(x, (-1, *x.shape[2:])), [1]), tf.shape(x))
    return tf.raw_ops.Select(condition=flip, x=mirrored, y=x)


def change(x, noise, params):
    """The training images slightly changed, each in its own way.

    Brightness, saturation and contrast first (a result beyond [0, 1] is clipped), then rotation, zoom and shift about
    the centre, in one bilinear resampling; what comes in from outside is the image mirrored at its edge.

    Args:
        x: float32 images (n, h, w, c) in [0, 1].
        noise: float32 (n, 7) in [0, 1), from `draw`.
        params: `training.config.Augment`.

    Returns:
        float32 (n, h, w, c) in [0, 1].
    """
    # in [-1, 1)
    numbers = [2.0 * noise[:, i] - 1.0 for i in range(7)]
    if params.brightness or params.saturation or params.contrast:
        offset, *factors = (
            share * number[:, None, None, None]
            for share, number in zip((params.brightness, params.saturation, params.contrast), numbers, strict=False)
        )
        x = tf.clip_by_value(_color(x, offset, 1.0 + factors[0], 1.0 + factors[1]), 0.0, 1.0)
    if params.rotate or params.zoom or params.shift:
        angle = numbers[3] * math.radians(params.rotate)
        size = tf.exp(numbers[4] * math.log1p(params.zoom))
        x = _resample(x, angle, size, params.shift * numbers[5], params.shift * numbers[6])
    return x


def diffaugment(x, noise, policies):
    """Augment each image differentiably (Zhao et al. 2020): real and generated images alike.

    Args:
        x: float32 images (n, h, w, c) in [-1, 1].
        noise: float32 (n, 7) from `draw`.
        policies: names among `POLICIES`: color (brightness +-0.5, saturation x 0-2, contrast x 0.5-1.5), translation
            (by up to 1/8 of each side, gray filled), cutout (a gray square of half the side).

    Returns:
        float32 (n, h, w, c); color may leave [-1, 1].
    """
    if "color" in policies:
        values = [noise[:, i, None, None, None] for i in range(3)]
        x = _color(x, values[0] - 0.5, values[1] * 2, values[2] + 0.5)
    if "translation" in policies:
        x = tf.einsum("nij,njwc->niwc", _shift(noise[:, 3], x.shape[1]), x)
        x = tf.einsum("nij,nhjc->nhic", _shift(noise[:, 4], x.shape[2]), x)
    if "cutout" in policies:
        rows = _inside(noise[:, 5], x.shape[1])
        columns = _inside(noise[:, 6], x.shape[2])
        x = x * (1.0 - rows[:, :, None, None] * columns[:, None, :, None])
    return x


def _color(x, offset, saturation, contrast):
    """x + offset, then away from its gray by `saturation` and from its mean by `contrast`; all (n, 1, 1, 1)."""
    x = x + offset
    mean = tf.reduce_mean(x, axis=3, keepdims=True)
    x = (x - mean) * saturation + mean
    mean = tf.reduce_mean(x, axis=(1, 2, 3), keepdims=True)
    return (x - mean) * contrast + mean


def _resample(x, angle, size, down, right):
    """Images turned by `angle` (radians), `size` times as large, moved by shares of their sides; all (n,)."""
    height, width = x.shape[1:3]
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    cos, sin = tf.cos(angle) / size, tf.sin(angle) / size
    # from a place in the result to the place in x: back by the shift, then about the centre
    moved_x, moved_y = centre_x + right * width, centre_y + down * height
    zero = tf.zeros_like(cos)
    transforms = [cos, sin, centre_x - cos * moved_x - sin * moved_y,
                  -sin, cos, centre_y + sin * moved_x - cos * moved_y, zero, zero]  # fmt: skip
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=x,
        transforms=tf.stack(transforms, 1),
        output_shape=[height, width],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )


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
