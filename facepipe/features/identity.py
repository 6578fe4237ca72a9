"""Who a face is: the 128 numbers of dlib's face recognition network, from chips cut by the eyes."""

import functools
import math
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from facepipe.core.pictures import to_rgb
from facepipe.errors import FieldError

BATCH = 64
PACKAGES = ("dlib", "face_recognition_models")
CHIP_SIZE = 150
# where the eyes lie in the chips that the network was trained on: the middle of each one's corners in dlib's template
# (get_face_chip_details in image_transforms/interpolation.h), with its border of a quarter
CHIP_EYES = ((0.318, 0.314), (0.669, 0.314))


def chips(images, eyes=None):
    """Cut faces as dlib's recognition network wants them.

    Args:
        images: uint8 (n, H, W, C), C 1 (repeated to RGB) or 3.
        eyes: ((x, y), (x, y)) of the left and the right eye in each image, as fractions of its width and height, at
            about one height; None: not known, each image is squashed to a chip.

    Returns:
        uint8 (n, 150, 150, 3), by Pillow's bilinear filter; what lies outside of an image repeats its edge.
    """
    images = to_rgb(images)
    height, width = images.shape[1:3]
    box = (0.0, 0.0, width, height) if eyes is None else _box(eyes, width, height)
    margin = max(0, *(math.ceil(side) for side in (-box[0], -box[1], box[2] - width, box[3] - height)))
    images = np.pad(images, ((0, 0), (margin, margin), (margin, margin), (0, 0)), "edge")
    box, size = tuple(side + margin for side in box), (CHIP_SIZE, CHIP_SIZE)
    cut = [Image.fromarray(image).resize(size, Image.Resampling.BILINEAR, box) for image in images]
    return np.stack(cut) if cut else np.empty((0, *size, 3), np.uint8)


def _box(eyes, width, height):
    """The square of a chip in pixels: left, top, right, bottom."""
    (x0, y0), (x1, y1) = eyes
    (left, level), (right, _) = CHIP_EYES
    side = (x1 - x0) * width / (right - left)
    x, y = (x0 + x1) / 2 * width - (left + right) / 2 * side, (y0 + y1) / 2 * height - level * side
    return x, y, x + side, y + side


def descriptors(images, eyes=None):
    """What dlib's recognition network (King 2017, a ResNet-29, trained on 3 million faces) says of faces.

    Two pictures of one person are usually less than 0.6 apart, by the Euclidean distance, those of two people more.

    Args:
        images, eyes: as in `chips`. Without eyes people are told apart less well, and all distances are smaller.

    Returns:
        float32 (n, 128); a row depends on its image alone, to within float32 rounding.

    Raises:
        InputError: the extra `identity` is not installed.
    """
    network = _network()
    found = [np.empty((0, 128), np.float32)]
    for start in range(0, len(images), BATCH):
        batch = chips(images[start : start + BATCH], eyes)
        found.append(np.array([list(row) for row in network.compute_face_descriptor(list(batch), 0)], np.float32))
    return np.concatenate(found)


@functools.cache
def _network():
    try:
        import dlib
        import face_recognition_models
    except ModuleNotFoundError as error:
        raise missing(error.name) from None
    folder = Path(face_recognition_models.__file__).parent / "models"
    return dlib.face_recognition_model_v1(str(folder / "dlib_face_recognition_resnet_model_v1.dat"))


def missing(package, field="extractor"):
    """The FieldError that says that the extra `identity` is not installed."""
    return FieldError(field, f"dlib needs the package {package}; pip install 'facepipe[identity]', or choose mtcnn")


def check_installed(extractor, field):
    """FieldError where the extractor is dlib and its packages are missing; they are not imported."""
    for package in PACKAGES if extractor == "dlib" else ():
        if find_spec(package) is None:
            raise missing(package, field)
