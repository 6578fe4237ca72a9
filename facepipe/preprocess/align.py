"""Faces found by MTCNN, and pictures turned, shifted and scaled so that the eyes come to fixed places."""

import contextlib
import functools
import math
from typing import NamedTuple

import numpy as np
from PIL import Image

from facepipe.preprocess.decode import ImageError, Picture, reduction
from facepipe.quiet import import_tensorflow

# Of the shorter side, which lies centred in the image. Medians over 597 CelebA faces, in the usual 148x148 crop, are
# (0.372, 0.521) and (0.629, 0.521) by `detect_faces`; here evened out, so that a mirrored face is aligned too
EYES = ((0.372, 0.52), (0.628, 0.52))
MIN_DISTANCE = 3.0  # pixels between the eyes; with fewer there is nothing to be seen
MAX_DISTANCE = 0.75  # of the picture's longer side; no face is that large and yet found
DETECTION_SIZE = 640  # pixels, the longer side of the copy that faces are looked for in
MIN_FACE = 20  # pixels of that copy, the smallest face that MTCNN looks for
MIN_CONFIDENCE = 0.9  # of 800 LFW portraits the least sure is 0.929; below 0.9 stand backs of heads and lettering
MIN_FRONTAL = 0.2  # distance of the eyes / height of the face; 0.34 from the front, 0.16 in full profile


class Face(NamedTuple):
    """A face in a picture; all in pixels of the upright picture, (0, 0) the corner of its first pixel.

    Attributes:
        left_eye: (x, y) of the eye on the picture's left.
        right_eye: (x, y) of the eye on the picture's right.
        box: (left, top, right, bottom) of the face from forehead to chin.
        confidence: in [MIN_CONFIDENCE, 1].
    """

    left_eye: tuple[float, float]
    right_eye: tuple[float, float]
    box: tuple[float, float, float, float]
    confidence: float


class Placement(NamedTuple):
    """Where an aligned image lies in its picture, in pixels of the upright full-size picture.

    Attributes:
        centre: (x, y) of the image's centre.
        pitch: pixels of the picture to a pixel of the image.
        angle: radians by which the face is turned clockwise.
        target: (width, height) of the image.
    """

    centre: tuple[float, float]
    pitch: float
    angle: float
    target: tuple[int, int]

    @property
    def box(self):
        """(left, top, right, bottom), ints: what the image shows once the picture is turned upright about `centre`."""
        (x, y), (width, height) = self.centre, (self.pitch * side / 2 for side in self.target)
        return tuple(math.floor(edge + 0.5) for edge in (x - width, y - height, x + width, y + height))


def place(eyes, size, target, at=EYES):
    """The similarity transform (no mirroring) that brings the eyes to `at`.

    Args:
        eyes: ((x, y), (x, y)), the eye on the picture's left and that on its right, as in `Face`.
        size: (width, height) of the upright picture.
        target: (width, height) of the image wanted; of one that is not square the centred square counts.
        at: ((x, y), (x, y)) of that square, the second eye to the right of the first and as high.

    Returns:
        `Placement`.

    Raises:
        ImageError: eyes (almost) in one place, too far apart to be those of one face, or outside the picture.
    """
    (x0, y0), (x1, y1) = eyes
    x, y, distance = (x0 + x1) / 2, (y0 + y1) / 2, math.hypot(x1 - x0, y1 - y0)
    if not (0 <= x <= size[0] and 0 <= y <= size[1]):  # also where a coordinate is NaN
        raise ImageError(f"the eyes lie outside the picture, at {x:.0f}, {y:.0f} of {size[0]}x{size[1]} pixels")
    if distance < MIN_DISTANCE:
        raise ImageError(f"the eyes are {distance:.1f} pixels apart, at least {MIN_DISTANCE:g} are needed")
    if distance > MAX_DISTANCE * max(size):
        raise ImageError(f"the eyes are {distance:.0f} pixels apart, in a picture of {size[0]}x{size[1]} pixels")
    side = min(target)
    pitch = distance / ((at[1][0] - at[0][0]) * side)
    angle = math.atan2(y1 - y0, x1 - x0)
    # from between the eyes to the image's centre
    right, down = (pitch * side * (0.5 - (at[0][axis] + at[1][axis]) / 2) for axis in (0, 1))
    cos, sin = math.cos(angle), math.sin(angle)
    return Placement((x + cos * right - sin * down, y + sin * right + cos * down), pitch, angle, tuple(target))


def cut(decoded, placement):
    """The aligned image.

    The picture is sampled by bicubic interpolation on a turned grid that is an integer number n of times as fine as
    the image's, and at least as fine as its own, and then resized by 1/n with the antialiased bicubic filter of
    `images.resize`. A picture more than six times as fine is first reduced by averaging blocks of pixels, so
    that still at least three are left to a pixel of the image. Outside of the picture its edge pixels are repeated.

    Args:
        decoded: `decode.Decoded`.
        placement: `Placement`.

    Returns:
        PIL image of the placement's target size, of the picture's mode.
    """
    (width, height), angle = placement.target, placement.angle
    pitch, (x, y) = placement.pitch / decoded.scale, decoded.place(*placement.centre)
    block = int(pitch / 3) if pitch > 6 else 1
    pitch, x, y = pitch / block, x / block, y / block
    fine = math.ceil(pitch)
    margin = 2 * fine if fine > 1 else 0  # what the filter sees beyond the box
    step, grid = pitch / fine, (fine * width + 2 * margin, fine * height + 2 * margin)
    a, b = step * math.cos(angle), step * math.sin(angle)
    # half the turned grid's extent, and two pixels that the interpolation sees
    reach = [(abs(u) * grid[0] + abs(v) * grid[1]) / 2 + 2 for u, v in ((a, b), (b, a))]
    patch, left, top = _patch(decoded.image, block, (x - reach[0], y - reach[1], x + reach[0], y + reach[1]))
    x, y = x - left, y - top
    matrix = (a, -b, x - (a * grid[0] - b * grid[1]) / 2, b, a, y - (b * grid[0] + a * grid[1]) / 2)
    box = (margin, margin, grid[0] - margin, grid[1] - margin)
    bands = []
    for band in patch.split():
        # as floats: of 8-bit pixels Pillow's transform cuts off the fraction, which makes them darker
        turned = band.convert("F").transform(grid, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
        turned = turned if fine == 1 else turned.resize((width, height), Image.Resampling.BICUBIC, box=box)
        bands.append(np.floor(np.clip(np.asarray(turned), 0, 255) + 0.5).astype(np.uint8))
    return Image.fromarray(bands[0] if len(bands) == 1 else np.stack(bands, axis=-1))


def _patch(image, block, wanted):
    """A part of the picture, in blocks of block x block pixels, edges repeated where it reaches outside.

    Args:
        image: PIL image, mode "L" or "RGB".
        block: int.
        wanted: (left, top, right, bottom) in blocks, floats; in part inside the picture.

    Returns:
        (PIL image, left, top): ints, where it begins, in blocks.
    """
    first, last = [math.floor(edge) for edge in wanted[:2]], [math.ceil(edge) for edge in wanted[2:]]
    begin = [max(edge, 0) for edge in first]
    end = [min(edge, -(-size // block)) for edge, size in zip(last, image.size, strict=True)]
    corner = [min(edge * block, size) for edge, size in zip(end, image.size, strict=True)]
    box = (begin[0] * block, begin[1] * block, *corner)
    image = image.crop(box) if block == 1 else image.reduce(block, box)
    outside = [(inner - low, high - outer) for low, inner, outer, high in zip(first, begin, end, last, strict=True)]
    if outside != [(0, 0), (0, 0)]:
        pixels = np.asarray(image)
        image = Image.fromarray(np.pad(pixels, [*outside[::-1], (0, 0)][: pixels.ndim], mode="edge"))
    return image, *first


def detect_faces(data, max_pixels):
    """Find the faces of a picture with MTCNN (Zhang et al. 2016), in a copy of at most 640 pixels on the longer side.

    The first call of a process loads TensorFlow. Where that is not in use yet, and no number of threads has been
    chosen, it is limited to one thread and the CPU: results do not depend on how many processes share the work.

    Args:
        data: bytes, an encoded picture.
        max_pixels: int, see `decode.Picture`.

    Returns:
        list of `Face`, the largest first; [] where there is none.

    Raises:
        ImageError: no usable picture, or all faces in it are in profile (they cannot be aligned by their eyes; where
            other faces are found too, those in profile are left out).
    """
    picture = Picture(data, max_pixels)
    shrink = min(1.0, DETECTION_SIZE / max(picture.size))
    size = [max(1, round(side * shrink)) for side in picture.size]
    if min(size) < MIN_FACE:
        return []
    decoded = picture.decode(reduction(picture.size, size))
    copy = decoded.image.convert("RGB").resize(size, Image.Resampling.BICUBIC, box=decoded.box((0, 0, *picture.size)))
    faces, profiles = [], 0
    for row in _detector()(np.asarray(copy)):
        face = _face(row, size, [full / side for full, side in zip(picture.size, size, strict=True)])
        if face.confidence < MIN_CONFIDENCE:
            continue
        if math.dist(face.left_eye, face.right_eye) < MIN_FRONTAL * (face.box[3] - face.box[1]):
            profiles += 1
        else:
            faces.append(face)
    if profiles and not faces:
        raise ImageError("the face is in profile")
    return sorted(faces, key=lambda f: (f.box[0] - f.box[2]) * (f.box[3] - f.box[1]))


def _face(row, size, scale):
    """`Face` from a row of MTCNN's result: image, x, y, x, y, confidence, x of five landmarks, y of five."""
    # The package samples with tf.image.crop_and_resize, which lays 0 and 1 on the centres of the first and the last
    # pixel; and it counts a box's pixels one too many and takes one off a landmark's place. Both can be seen when one
    # face is pasted at several places and in several sizes, and so can it that this undoes them (tests/test_align.py)
    width, height = ((side - 1) / side for side in size)
    xs, ys = row[6:8] * width + 0.5 + (0.7, 0.3), row[11:13] * height + 0.5 + 0.63
    left, right = (tuple(float(v) for v in point * scale) for point in np.stack([xs, ys], axis=1))
    box = tuple(float(v) for v in row[1:5] * np.tile(scale, 2))
    return Face(left, right, box, float(row[5]))


@functools.cache
def _detector():
    """A function of a uint8 (H, W, 3) array that returns float64 (n, 16) rows, see `_face`; one per process."""
    import_tensorflow()
    import tensorflow as tf

    if tf.config.threading.get_intra_op_parallelism_threads() == 0:  # nobody has chosen a number
        with contextlib.suppress(RuntimeError):  # in use already
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(1)
            tf.config.set_visible_devices([], "GPU")
    from mtcnn import MTCNN

    # the package builds its layers without a policy of their own
    policy = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy("float32")
    detector = MTCNN()
    tf.keras.mixed_precision.set_global_policy(policy)
    signature = [tf.TensorSpec((None, None, None, 3), tf.float32)]
    for stage in detector.stages:
        # as graphs: the same numbers in a third of the time
        stage._model = tf.function(stage.model, input_signature=signature, autograph=False)
    return functools.partial(detector.detect_faces, output_type="numpy", box_format="xyxy")
