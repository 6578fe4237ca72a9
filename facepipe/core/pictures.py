"""Pictures of many images: tiling, enlarging, PNG files with reproducible bytes."""

import io

import numpy as np
from PIL import Image

from facepipe.core.files import atomic_file


def to_uint8(x):
    """Floats in [0, 1] (clipped) as uint8, halves rounded up; any shape."""
    return np.floor(np.clip(x, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def to_float(x):
    """float32; uint8 as in [0, 1]; any shape."""
    return x.astype(np.float32) / np.float32(255) if x.dtype == np.uint8 else x.astype(np.float32)


def to_rgb(images):
    """Gray to RGB by repetition; RGB as it is.

    Args:
        images: uint8 (n, H, W, C), C 1 or 3.

    Returns:
        uint8 (n, H, W, 3).
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(f"images must be uint8 (n, H, W, 1 or 3), got {images.dtype} {images.shape}")
    return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images


def tile(images, columns, pad=2, background=255):
    """Lay images out in reading order.

    Args:
        images: uint8 (n, H, W, C), n >= 1, C 1 or 3.
        columns: int, images per row (fewer when n is smaller); the last row may be partial.
        pad: int, pixels between images and around them.
        background: int in 0..255, gray level of the padding and of empty places.

    Returns:
        uint8 (rows * (H + pad) + pad, columns * (W + pad) + pad, 3).
    """
    images = to_rgb(images)
    count, height, width, _ = images.shape
    if count == 0 or columns < 1:
        raise ValueError(f"a grid needs at least one image and one column, got {count} and {columns}")
    columns = min(columns, count)
    rows = -(-count // columns)
    grid = np.full((rows * (height + pad) + pad, columns * (width + pad) + pad, 3), background, np.uint8)
    for i, image in enumerate(images):
        top = pad + (i // columns) * (height + pad)
        left = pad + (i % columns) * (width + pad)
        grid[top : top + height, left : left + width] = image
    return grid


def enlarge(images, scale):
    """Repeat every pixel `scale` times in both directions: uint8 (n, H, W, C) -> (n, H*scale, W*scale, C)."""
    return np.asarray(images).repeat(scale, axis=1).repeat(scale, axis=2)


def save_png(path, image):
    """Write a PNG atomically; equal pictures give equal bytes.

    Args:
        path: the file; its folder is made if missing.
        image: as for `png_bytes`.
    """
    data = png_bytes(image)
    with atomic_file(path, "wb") as file:
        file.write(data)


def png_bytes(image):
    """A picture as PNG, bytes; equal pictures give equal bytes for one Pillow version.

    Args:
        image: uint8 (H, W), (H, W, 1) or (H, W, 3).

    Raises:
        ValueError: another dtype.
    """
    image = np.asarray(image)
    if image.dtype != np.uint8:
        raise ValueError(f"a picture must be uint8, got {image.dtype}")
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    with io.BytesIO() as file:
        Image.fromarray(image).save(file, format="PNG")
        return file.getvalue()
