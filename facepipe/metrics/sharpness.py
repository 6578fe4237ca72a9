"""How much fine structure images have."""

import numpy as np

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
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(f"images must be uint8 (n, H, W, 1 or 3), got {images.dtype} {images.shape}")
    found = [np.empty(0)]
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH] / 255
        luma = batch @ LUMA if batch.shape[-1] == 3 else batch[..., 0]
        found.append(sum(np.square(np.diff(luma, axis=axis)).mean(axis=(1, 2)) for axis in (1, 2)))
    return np.concatenate(found)
