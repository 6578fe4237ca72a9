"""The linear path beside an autoencoder's convolutions: from an image to as many numbers as latents, and back."""

import keras
import numpy as np

from facepipe.networks.maps import folded_shape
from facepipe.networks.patches import cropped

# pixels a side: the path sees larger images as the means of square cells, so its kernels stay small
FINEST = 64


def cell_side(image_shape):
    """Pixels a side of the cells of (h, w, c) images, int; 1 where neither side is above `FINEST`."""
    return -(-max(image_shape[:2]) // FINEST)


def means_of_cells(images, side):
    """uint8 (n, h, w, c) -> uint8 (n, ceil(h / side), ceil(w / side), c), rounded; cells at the edge may be cut."""
    if side == 1:
        return images
    height, width = images.shape[1:3]
    sums = images.astype(np.float32)
    for axis, length in ((1, height), (2, width)):
        sums = np.add.reduceat(sums, range(0, length, side), axis)
    return np.rint(sums * (_dilution(images.shape[1:], side) / side**2)).astype(np.uint8)


def _dilution(image_shape, side):
    """Pixels of a whole cell over those of each, float32 (ceil(h / side), ceil(w / side), 1): 1 except at the edge."""
    rows, columns = (
        np.minimum(side, length - np.arange(0, length, side)).astype(np.float32) for length in image_shape[:2]
    )
    return side**2 / (rows[:, None, None] * columns[None, :, None])


def to_numbers(x, count, name):
    """Keras images (n, h, w, c) in [-1, 1] -> float32 (n, count), by a kernel that no training changes; 0 at first."""
    height, width, channels = x.shape[1:]
    side = cell_side((height, width, channels))
    if side > 1:
        rows, columns, _ = folded_shape((height, width, channels), side)
        x = keras.layers.ZeroPadding2D(
            ((0, rows * side - height), (0, columns * side - width)), dtype="float32", name=f"{name}_pad"
        )(x)
        x = keras.layers.AveragePooling2D(side, dtype="float32", name=f"{name}_cells")(x)
    x = keras.layers.Flatten(dtype="float32", name=f"{name}_flatten")(x)
    return _fixed(count, name)(x)


def to_image(z, image_shape, name):
    """Keras (n, k) -> float32 (n, h, w, c), the way back; a cell's pixels are equal."""
    side = cell_side(image_shape)
    (rows, columns, _), channels = folded_shape(image_shape, side), image_shape[2]
    x = _fixed(rows * columns * channels, name)(z)
    x = keras.layers.Reshape((rows, columns, channels), dtype="float32", name=f"{name}_map")(x)
    if side > 1:
        x = keras.layers.UpSampling2D(side, dtype="float32", name=f"{name}_cells")(x)
    return cropped(x, image_shape[:2], "float32", f"{name}_cut")


def _fixed(units, name):
    return keras.layers.Dense(units, kernel_initializer="zeros", trainable=False, dtype="float32", name=name)


def encoding(mean, directions, image_shape):
    """Kernel and bias of `to_numbers` that take an image to (cells - mean) @ directions.

    Args:
        mean: float32 (d,), of the cells in [0, 1].
        directions: float32 (d, k).
        image_shape: (h, w, c).

    Returns:
        list of float32 (d, k) and (k,).
    """
    whole = np.repeat(_dilution(image_shape, cell_side(image_shape)), image_shape[2], axis=2)
    # the layer sees 2 cells - 1, and of a cut cell the part that there is
    return [0.5 * whole.reshape(-1, 1) * directions, (0.5 - mean) @ directions]
