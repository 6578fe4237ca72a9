"""Small encoded pictures for tests."""

import io

import numpy as np
from PIL import Image

RAMP = np.tile(np.arange(0, 256, 16, dtype=np.uint8), (12, 1))  # 12 x 16 gray


def encoded(image, kind="png", **options):
    """A PIL image as the bytes of a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def color():
    """A PIL image, 12 x 16 RGB, another gradient in each channel."""
    return Image.fromarray(np.stack([RAMP, 255 - RAMP, RAMP // 2], axis=-1))
