"""Whether there is a face in a picture: dlib's detector, of histograms of gradients, not of a network."""

import functools

import numpy as np
from PIL import Image

from facepipe.core.pictures import to_rgb
from facepipe.features.identity import missing

# what a picture's shorter side is enlarged to: the detector's smallest face is 80 pixels wide
SIDE, BORDER = 160, 0.25


def finds_face(images):
    """Which pictures dlib's frontal face detector (King 2009; Dalal & Triggs 2005) finds a face in.

    Args:
        images: uint8 (n, H, W, C), C 1 or 3; enlarged, with a border that repeats their edge, so that a face
            which fills the picture has room.

    Returns:
        bool (n,).

    Raises:
        InputError: the extra `identity` is not installed.
    """
    detector, images = _detector(), to_rgb(images)
    height, width = images.shape[1:3]
    scale = SIDE / min(height, width)
    size, border = (round(width * scale), round(height * scale)), round(BORDER * SIDE)
    found = []
    for image in images:
        large = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
        large = np.pad(large, ((border, border), (border, border), (0, 0)), "edge")
        found.append(len(detector(np.ascontiguousarray(large), 0)) > 0)
    return np.array(found, bool)


@functools.cache
def _detector():
    try:
        import dlib
    except ModuleNotFoundError:
        raise missing("dlib") from None
    return dlib.get_frontal_face_detector()
