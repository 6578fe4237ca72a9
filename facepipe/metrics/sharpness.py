"""How much fine structure images have."""

import numpy as np

from facepipe.core.pictures import to_rgb

LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
BATCH = 256


def gradient_energy(images):
    """Mean squared difference of neighbouring pixels' luma, down and across.

    Blurred images have less of it than photographs, noise and checkerboards more. Divide by that of originals.

    Args:
        images: uint8 (n, H, W, C), C 1 or 3, H and W at least 2.

    Returns:
        float64 (n,), of luma in [0, 1].
    """
    images = to_rgb(images)
    found = [np.empty(0)]
    for start in range(0, len(images), BATCH):
        luma = images[start : start + BATCH] / 255 @ LUMA
        found.append(sum(np.square(np.diff(luma, axis=axis)).mean(axis=(1, 2)) for axis in (1, 2)))
    return np.concatenate(found)
