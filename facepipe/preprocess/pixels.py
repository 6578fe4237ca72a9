"""Statistics of a split's pixels in one pass over the shards, in memory that does not grow with their number."""

from typing import NamedTuple

import numpy as np
from PIL import Image

CHUNK_BYTES = 12_000_000  # of uint8 pixels; as float32 four times as many
CHUNK_IMAGES = 1024
# float32 holds integers up to 2**24: sums within these bounds are exact, hence independent of order and threads
EXACT_SQUARES = 256  # 256 * 255**2 < 2**24
assert CHUNK_IMAGES * 255 < 2**24 and EXACT_SQUARES * 255**2 < 2**24


class PixelSums(NamedTuple):
    """Sums over the images of a split, pixels in 0..255; all of them whole numbers, exact.

    Attributes:
        total: float64 (H, W, C).
        squares: float64 (H, W, C), of the squared pixels.
        groups: float64 (G, H, W, C), over each group's images.
        histogram: int64 (C, 256), how often each value occurs.
    """

    total: np.ndarray
    squares: np.ndarray
    groups: np.ndarray
    histogram: np.ndarray


def pixel_sums(shards, split, groups):
    """Add up the images of `split`.

    Args:
        shards: `facepipe.shards.shards.Shards`.
        split: "train", "valid" or "test".
        groups: bool (n, G), the groups that each of the split's n images belongs to; G may be 0.

    Returns:
        `PixelSums`.
    """
    height, width, channels = shards.image_shape
    size = height * width * channels
    sums, squares = np.zeros((1 + groups.shape[1], size)), np.zeros(size)
    counts = np.zeros((channels, 256), dtype=np.int64)
    for start, images in chunks(shards, split):
        counts += histogram(images)
        x = images.reshape(len(images), size).astype(np.float32)
        members = np.ones((sums.shape[0], len(x)), dtype=np.float32)
        members[1:] = groups[start : start + len(x)].T
        sums += members @ x
        for block in range(0, len(x), EXACT_SQUARES):
            part = x[block : block + EXACT_SQUARES]
            np.multiply(part, part, out=part)
            squares += np.ones(len(part), dtype=np.float32) @ part
    shape = shards.image_shape
    return PixelSums(sums[0].reshape(shape), squares.reshape(shape), sums[1:].reshape(-1, *shape), counts)


def pixel_histogram(shards, split):
    """How often each value occurs in each channel of `split`: int64 (C, 256)."""
    parts = (histogram(images) for _, images in chunks(shards, split))
    return sum(parts, start=np.zeros((shards.image_shape[2], 256), dtype=np.int64))


def chunks(shards, split):
    """Yield (first row, uint8 (n, H, W, C)) over `split`, some megabytes at a time."""
    step = int(np.clip(CHUNK_BYTES // np.prod(shards.image_shape), 1, CHUNK_IMAGES))
    for start in range(0, shards.count(split), step):
        yield start, shards.images(split, start, start + step)


def histogram(images):
    """How often each value occurs in each channel of uint8 (n, H, W, C), C 1 or 3: int64 (C, 256).

    Pillow counts; that is four times as fast as `np.bincount`, which first copies the pixels to int64.
    """
    *_, width, channels = images.shape
    rows = images.reshape(-1, width) if channels == 1 else images.reshape(-1, width, channels)
    return np.array(Image.fromarray(rows).histogram(), dtype=np.int64).reshape(channels, 256)


def channel_statistics(counts):
    """Mean, standard deviation and extremes of pixels in [0, 1] from their histogram.

    Args:
        counts: int (256,), at least one of them positive.

    Returns:
        {"mean", "sd", "min", "max", "share_0", "share_255"}: floats; the shares are those of pixels that are
        exactly black or white in this channel.
    """
    total, values = counts.sum(), np.arange(256) / 255
    mean = counts @ values / total
    present = np.flatnonzero(counts)
    return {
        "mean": mean,
        "sd": np.sqrt(counts @ (values - mean) ** 2 / total),
        "min": values[present[0]],
        "max": values[present[-1]],
        "share_0": counts[0] / total,
        "share_255": counts[255] / total,
    }
