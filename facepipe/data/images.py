"""Pictures: decode whatever Pillow reads, crop, resize, to uint8 arrays."""

import io
import math
import struct
import warnings
import zlib

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 50_000_000  # a small file can announce a huge picture (decompression bomb)
# what Pillow's decoders raise on damaged files; there is no common base class
_DECODE_ERRORS = (
    OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError, struct.error, zlib.error,
    RuntimeError, Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip


class ImageError(ValueError):
    """A picture cannot be used; the message is the reason for rejected.csv."""


def decode(data):
    """Decode an encoded picture.

    Args:
        data: bytes of any format that Pillow reads; of an animation the first frame.

    Returns:
        PIL image, upright (EXIF orientation applied), mode "L" for gray pictures (1, 8 or 16 bit) and "RGB" for all
        others; transparency is laid over white.

    Raises:
        ImageError: not a picture, damaged, cut off, or more than MAX_PIXELS.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
            if image.width * image.height > MAX_PIXELS:
                raise ImageError(f"{image.width}x{image.height} pixels, more than {MAX_PIXELS}")
            image.load()
            return _to_gray_or_rgb(ImageOps.exif_transpose(image))
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError("not a picture that Pillow can read") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError(f"more than {MAX_PIXELS} pixels") from None
    except _DECODE_ERRORS as error:
        raise ImageError(f"damaged: {error}") from None


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


def resize(image, height, width):
    """Resize a PIL image to (height, width) with antialiased bicubic interpolation.

    Pillow widens the bicubic kernel when it shrinks, so nothing aliases; this is the resize that Parmar et al.
    2022 ("On Aliased Resizing and Surprising Subtleties in GAN Evaluation") found safe for generative metrics.
    Lanczos is as sharp but rings more at hard edges; box is blurrier. No reducing_gap: it is a faster approximation.
    """
    if image.size == (width, height):
        return image
    return image.resize((width, height), Image.Resampling.BICUBIC)


def to_array(image, channels):
    """A PIL image in mode "L" or "RGB" as uint8 (H, W, channels); channels 1 is ITU-R 601 luma, 3 repeats gray."""
    return np.atleast_3d(np.asarray(image.convert("L" if channels == 1 else "RGB")))


def prepare(data, fractions, image_shape):
    """Encoded picture to a training image: decode, crop, resize.

    Args:
        data: bytes.
        fractions: as for `crop_box`.
        image_shape: (H, W, C), C 1 or 3.

    Returns:
        (image, box): uint8 (H, W, C), and the crop box in pixels of the upright source picture.

    Raises:
        ImageError: see `decode`.
    """
    height, width, channels = image_shape
    image = decode(data)
    box = crop_box(image.size, fractions, aspect=width / height)
    if channels == 1:
        image = image.convert("L")  # before resizing: a third of the work
    return to_array(resize(image.crop(box), height, width), channels), box


def to_uint8(x):
    """Floats in [0, 1] (clipped) as uint8, halves rounded up; any shape."""
    return np.floor(np.clip(x, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def _round(x):
    return math.floor(x + 0.5 + 1e-9)  # 1e-9: 35/218*109 is 17.5 but for the last bit


def _to_gray_or_rgb(image):
    if image.mode in ("RGB", "L"):
        if "transparency" not in image.info:
            return image
    elif image.mode == "1":
        return image.convert("L")
    elif image.mode.startswith("I"):  # 16 bit; Pillow's own conversion clips at 255
        pixels = np.asarray(image).astype(np.int64)
        if pixels.min() < 0 or pixels.max() > 65535:
            raise ImageError("integer pixels beyond 16 bits")
        return Image.fromarray(((pixels + 128) // 257).astype(np.uint8))
    elif image.mode == "F":
        raise ImageError("floating point pixels, whose range is unknown")
    if image.has_transparency_data:
        gray = image.mode in ("L", "LA", "La")
        layer = image.convert("RGBA")
        flat = Image.alpha_composite(Image.new("RGBA", image.size, "white"), layer)
        return flat.convert("L" if gray else "RGB")
    return image.convert("RGB")
