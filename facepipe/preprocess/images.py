"""Encoded pictures to training images: crop (a box, the centre, everything, or by the eyes), resize, uint8 arrays."""

import math
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image

from facepipe.preprocess import align
from facepipe.preprocess.decode import ImageError as ImageError
from facepipe.preprocess.decode import Picture, reduction


class Framing(NamedTuple):
    """What is made of every picture.

    Attributes:
        image_shape: (H, W, C), C 1 (ITU-R 601 luma) or 3.
        crop: (left, top, right, bottom) in [0, 1] of the picture's size, cut down to the target's shape about its
            centre; "center": the largest centred box of that shape; "none": the whole picture, with black beside or
            above and below where its shape is another.
        max_pixels: int, larger pictures are refused before they are decoded.
    """

    image_shape: tuple[int, int, int]
    crop: tuple[float, float, float, float] | Literal["center", "none"]
    max_pixels: int


class Prepared(NamedTuple):
    """A training image and where it comes from.

    Attributes:
        image: uint8 (H, W, C).
        box: (left, top, right, bottom), ints, pixels of the upright picture; reaches outside of it where the image was
            padded ("none") or aligned. An aligned image shows this box after the picture was turned by -`angle`
            about the box's centre.
        size: (width, height) of the upright picture.
        angle: degrees by which the face was turned clockwise; 0.0 where not aligned.
        high: as of `decode.Decoded`.
    """

    image: np.ndarray
    box: tuple[int, int, int, int]
    size: tuple[int, int]
    angle: float
    high: int | None


def prepare(data, framing, eyes=None, at=align.EYES):
    """Encoded picture to a training image.

    A JPEG much larger than the target is decoded at 1/2, 1/4 or 1/8 (see `Picture.decode` for when, and what that
    changes); any other is decoded in full. Then one resize: see `resize`; aligned: see `align.cut`.

    Args:
        data: bytes.
        framing: `Framing`.
        eyes: None, or ((x, y), (x, y)), the eye on the picture's left and that on its right, in pixels of the upright
            picture: the image is then aligned by them, whatever `framing.crop` says.
        at: where the eyes come to, see `align.place`.

    Returns:
        `Prepared`.

    Raises:
        ImageError: see `Picture` and `align.place`.
    """
    height, width, channels = framing.image_shape
    picture = Picture(data, framing.max_pixels)
    size, gray = picture.size, channels == 1
    if eyes is not None:
        placement = align.place(eyes, size, (width, height), at)
        sides = (placement.pitch * width, placement.pitch * height)
        decoded = picture.decode(reduction(sides, (2 * width, 2 * height)), gray)  # 2: left for turning
        image = align.cut(_channels(decoded, gray), placement)
        return Prepared(to_array(image, channels), placement.box, size, math.degrees(placement.angle), decoded.high)
    if framing.crop == "none":
        source = (0, 0, *size)
        box, inner = padded_box(size, (width, height))
    else:
        source = crop_box(size, None if framing.crop == "center" else framing.crop, aspect=width / height)
        box, inner = source, (width, height)
    divisor = reduction((source[2] - source[0], source[3] - source[1]), inner)
    decoded = _channels(picture.decode(divisor, gray), gray)
    image = resize(decoded.image, inner[1], inner[0], decoded.box(source))
    if inner != (width, height):
        whole = Image.new(image.mode, (width, height))
        whole.paste(image, ((width - inner[0]) // 2, (height - inner[1]) // 2))
        image = whole
    return Prepared(to_array(image, channels), box, size, 0.0, decoded.high)


def crop_box(size, fractions=None, aspect=None):
    """The crop in pixels.

    Args:
        size: (width, height) of the picture.
        fractions: (left, top, right, bottom) in [0, 1] of the picture's size; None: the whole picture.
        aspect: width / height of the target. A box of another shape is cut down to it about its centre, since
            resizing it as it is would stretch faces. None: leave the box as it is.

    Returns:
        (left, top, right, bottom), ints, halves rounded up, at least one pixel each way.
    """
    width, height = size
    left, top, right, bottom = fractions or (0.0, 0.0, 1.0, 1.0)
    left, top = min(_round(left * width), width - 1), min(_round(top * height), height - 1)
    right, bottom = max(_round(right * width), left + 1), max(_round(bottom * height), top + 1)
    if aspect is not None:
        box_width, box_height = right - left, bottom - top
        new_width = min(box_width, max(1, _round(box_height * aspect)))
        new_height = min(box_height, max(1, _round(box_width / aspect)))
        left, top = left + (box_width - new_width) // 2, top + (box_height - new_height) // 2
        right, bottom = left + new_width, top + new_height
    return left, top, right, bottom


def padded_box(size, target):
    """Fit a whole picture into the target.

    Args:
        size: (width, height) of the picture.
        target: (width, height).

    Returns:
        (box, inner): the box of the target's shape around the picture, in the picture's pixels, ints; and the
        (width, height) that the picture has in the target, where it lies in the middle; at least one pixel each way.
    """
    scale = min(target[0] / size[0], target[1] / size[1])
    inner = tuple(min(full, max(1, _round(side * scale))) for side, full in zip(size, target, strict=True))
    # rounded down to the left, so that the middle of the target is that of the picture
    low = [-(((full - within) // 2) / scale) for full, within in zip(target, inner, strict=True)]
    high = [edge + full / scale for edge, full in zip(low, target, strict=True)]
    return tuple(_round(edge) for edge in low + high), inner


def resize(image, height, width, box=None):
    """Resize a PIL image, or a box of it, to (height, width) with antialiased bicubic interpolation.

    This is part of what every metric means: Pillow's BICUBIC, the Keys kernel with a = -0.5, in both directions one
    after the other, rounded to 8 bits after each. Pillow widens the kernel when it shrinks, so nothing aliases; it is
    the resize that Parmar et al. 2022 ("On Aliased Resizing and Surprising Subtleties in GAN Evaluation") found safe
    for generative metrics. Lanczos is as sharp but rings more at hard edges; box is blurrier. No reducing_gap: it
    is a faster approximation.

    Near the edges of a box the kernel sees the pixels outside of it, as if the whole picture were resized and then
    cut; at the edges of the picture it is cut off and its weights are scaled to sum to one.

    Args:
        image: PIL image, mode "L" or "RGB".
        height, width: int.
        box: (left, top, right, bottom), ints or floats, within the image; None: all of it.

    Returns:
        PIL image; the same pixels where the box has the size wanted and begins on a pixel.
    """
    whole = (0, 0, *image.size)
    box = box or whole
    if box[2] - box[0] == width and box[3] - box[1] == height and box == tuple(int(edge) for edge in box):
        return image if box == whole else image.crop(box)
    return image.resize((width, height), Image.Resampling.BICUBIC, box=box)


def to_array(image, channels):
    """A PIL image in mode "L" or "RGB" as uint8 (H, W, channels); channels 1 is ITU-R 601 luma, 3 repeats gray."""
    mode = "L" if channels == 1 else "RGB"
    array = np.asarray(image if image.mode == mode else image.convert(mode))
    return array[..., None] if channels == 1 else array


def _channels(decoded, gray):
    if gray and decoded.image.mode != "L":
        return decoded._replace(image=decoded.image.convert("L"))  # before resizing: a third of the work
    return decoded


def _round(x):
    return math.floor(x + 0.5 + 1e-9)  # 1e-9: 35/218*109 is 17.5 but for the last bit
