"""Encoded pictures of any format to upright gray or RGB pixels; JPEGs at a reduced size where that is enough."""

import functools
import io
import re
import struct
import warnings
import zlib
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from facepipe.datasets.magic import is_heif

try:
    import simplejpeg
except ImportError:
    simplejpeg = None

APP1 = b"\xff\xe1"  # EXIF or XMP, which may turn the picture

# (n, margin): a JPEG may be decoded at 1/n of its size if what is cut out of it is then still `margin` times as large
# as what it becomes; for what this costs see `Picture.decode`
REDUCTIONS = ((8, 1.5), (4, 1.25), (2, 1.0))
HEIC = "a HEIC picture, which needs pip install 'facepipe[heic]'"
ORIENTATION = 0x0112  # the EXIF tag
_JPEG = ("JPEG", "MPO")  # MPO: several JPEGs in a file, as some cameras write
# EXIF orientation: (what makes it upright, whether this turns round the x axis, the y axis)
_UPRIGHT = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT, True, False),
    3: (Image.Transpose.ROTATE_180, True, True),
    4: (Image.Transpose.FLIP_TOP_BOTTOM, False, True),
    5: (Image.Transpose.TRANSPOSE, False, False),
    6: (Image.Transpose.ROTATE_270, True, False),
    7: (Image.Transpose.TRANSVERSE, True, True),
    8: (Image.Transpose.ROTATE_90, False, True),
}
# Of 16-bit pixels: a photograph that uses less than a sixteenth of their range is near black, or its numbers have 8, 10
# or 12 bits. One file cannot tell, and guesses could differ within a set, so none is brightened by a guess.
BRIGHT_16 = 4096
# what Pillow's decoders raise on damaged files; there is no common base class
_DECODE_ERRORS = (
    OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError, struct.error, zlib.error,
    RuntimeError,
)  # fmt: skip
# about odd files; what matters about them is an ImageError. Not around each call: that would be one image in a hundred
warnings.filterwarnings("ignore", module=r"PIL\.")


class ImageError(ValueError):
    """A picture cannot be used; the message, one line, is the reason for rejected.csv."""


class Decoded(NamedTuple):
    """Pixels of a picture, and where they lie in it.

    Attributes:
        image: PIL image, upright, mode "L" or "RGB".
        scale: int, pixels of the full size that a pixel of `image` covers each way; 1: decoded at full size.
        offset: (x, y), pixels of the full size by which `image` begins left of and above the picture (its size is
            rounded up to whole pixels, and turning it upright can bring the surplus to the left or the top).
        high: int, of pixels of 16 bits the brightest number, to 255 more or less; None: they have others.
    """

    image: Image.Image
    scale: int
    offset: tuple[int, int]
    high: int | None = None

    def place(self, x, y):
        """A point in pixels of the full-size picture (0, 0: the corner of its first pixel), in those of `image`."""
        return (x + self.offset[0]) / self.scale, (y + self.offset[1]) / self.scale

    def box(self, box):
        """(left, top, right, bottom) in pixels of the full-size picture, in those of `image`."""
        return (*self.place(*box[:2]), *self.place(*box[2:])) if self.scale > 1 else box


class Picture:
    """A picture before its pixels are wanted: of a JPEG only the header is read.

    Args:
        data: bytes of any format that Pillow reads (EPS, a program for an interpreter, is refused), with the extra heic
            also HEIC.
        max_pixels: int; a small file can announce a huge picture.

    Attributes:
        size: (width, height) of the upright picture.

    Raises:
        ImageError: not a picture, damaged, or too many pixels.
    """

    def __init__(self, data, max_pixels):
        self._data, self._max_pixels = data, max_pixels
        self._plain = read_jpeg_header(data)
        if self._plain is None:
            self._open()
        else:
            self.size = self._plain.size
            self._check_size(self.size)

    def _open(self):
        if is_heif(self._data) and not _reads_heif():
            raise ImageError(HEIC)
        with _Reasons(self._max_pixels):
            self._image = image = Image.open(io.BytesIO(self._data))
            self._check_size(image.size)
            if image.format == "EPS":
                raise ImageError("EPS is a program, not a picture")
            self._bits = _bits(image)  # known until it is loaded
            if image.format not in _JPEG:
                image.load()  # before the EXIF is read: of a PNG it can stand at the end, TIFF applies it by itself
            self._orientation = _orientation(image)
        turned = self._orientation in (5, 6, 7, 8)
        self.size = image.size[::-1] if turned else image.size

    def _check_size(self, size):
        if size[0] * size[1] > self._max_pixels:
            raise ImageError(_too_many(self._max_pixels))

    def decode(self, reduction=1, gray=False):
        """Decode the pixels.

        A JPEG is decoded at 1/`reduction` of its size, by smaller inverse cosine transforms, as libjpeg does it. What
        is made of it then differs from that made of the full size by (PSNR in dB: mean, worst of 500 photographs of
        LFW, and of their middles at CelebA's size; tests/test_decode.py::test_what_reducing_costs measures it)
            1/2: LFW 162 -> 64 px 47.3, 42.0; 162 -> 80 44.2, 37.8; CelebA 148 -> 64 46.1, 41.1; 148 -> 74 42.1, 35.8
            1/4: LFW 162 -> 32 px 41.6, 37.0; CelebA 148 -> 29 41.4, 36.2
            1/8: LFW 162 -> 13 px 40.6, 35.3
        Without the margins in REDUCTIONS the mean at 1/4 would come down to 37, at 1/8 to 33.

        Args:
            reduction: 1, 2, 4 or 8, see the function `reduction`; never reduced to nothing. Not for other formats.
            gray: whether luma is enough: spares a colour JPEG the conversion to RGB, else changes nothing.

        Returns:
            `Decoded`; of an animation the first frame. Mode "L" for gray pictures (1, 8, 16 or 32 bit; and colour
            JPEGs where `gray`), "RGB" for all others; transparency is laid over white. Colour profiles are not
            applied. Integers of 32 bits are taken as they are up to 255, else as 16 bits.

        Raises:
            ImageError: damaged, cut off, or pixels of a kind that has no one meaning as a picture: floats, integers
                beyond 16 bits, 16 bits of which none reaches `BRIGHT_16`.
        """
        if self._plain is not None:
            pixels = decode_jpeg(self._data, self._plain, reduction, gray)
            if pixels is not None:
                return Decoded(Image.fromarray(pixels), reduction, (0, 0))
            self._open()
        image = self._image
        width, height = image.size
        scale = 1
        with _Reasons(self._max_pixels):
            if image.format in _JPEG:
                if reduction > 1 or gray:
                    least = (max(1, width // reduction), max(1, height // reduction))
                    _, box = image.draft("L" if gray else None, least)
                    scale = round(width / box[2])
                image.load()
        high = _brightest(image, self._bits)
        image = _to_gray_or_rgb(image, high)
        if self._orientation not in _UPRIGHT:
            return Decoded(image, scale, (0, 0), high)
        transpose, turns_x, turns_y = _UPRIGHT[self._orientation]
        image = image.transpose(transpose)
        surplus = [size * scale - full for size, full in zip(image.size, self.size, strict=True)]
        return Decoded(image, scale, (surplus[0] if turns_x else 0, surplus[1] if turns_y else 0), high)


@functools.cache
def _reads_heif():
    """Teach Pillow to read HEIC, turned upright; False: the extra is not installed."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def reduction(source, target):
    """By how much a JPEG may be reduced while it is decoded.

    Args:
        source: (width, height) of what is cut out of the picture, in its pixels.
        target: (width, height) that it is resized to.

    Returns:
        The largest of 8, 4, 2 that REDUCTIONS allows, or 1.
    """
    ratio = min(source[0] / target[0], source[1] / target[1])
    for divisor, margin in REDUCTIONS:
        if ratio >= divisor * margin:
            return divisor
    return 1


def _orientation(image):
    """What the EXIF (or XMP) says; 1 where it says nothing or cannot be read, as viewers take it."""
    try:
        return image.getexif().get(ORIENTATION, 1)
    except _DECODE_ERRORS:
        return 1


class _Reasons:
    """A context in which Pillow's errors become ImageErrors and max_pixels is its limit."""

    def __init__(self, max_pixels):
        self._max_pixels = max_pixels

    def __enter__(self):
        self._limit = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = self._max_pixels / 2  # above this Pillow warns, above twice this it raises

    def __exit__(self, kind, error, traceback):
        Image.MAX_IMAGE_PIXELS = self._limit
        if error is None or isinstance(error, ImageError):
            return
        if isinstance(error, UnidentifiedImageError):
            raise ImageError("not a picture that Pillow can read") from None
        if isinstance(error, Image.DecompressionBombError):
            raise ImageError(_too_many(self._max_pixels)) from None
        if isinstance(error, MemoryError):
            raise ImageError("damaged: its decoder wants more memory than there is") from None
        if isinstance(error, _DECODE_ERRORS):
            raise ImageError(f"damaged: {' '.join(str(error).split())}") from None


def _too_many(max_pixels):
    return f"more than {max_pixels} pixels (preprocess.max_pixels)"


def _bits(image):
    """How many bits a channel has in the file: 16, 32, or 8 for all else; `image` as it was opened."""
    args = [tile[3] for tile in image.tile]
    modes = {str(each[0] if isinstance(each, tuple) and each else each) for each in args}
    if any(";32" in mode for mode in modes):
        return 32
    deep = image.mode.startswith("I") or any(re.match(r"(L|LA|RGB|RGBA|RGBX|RGBa);16", mode) for mode in modes)
    return 16 if deep else 8


def _brightest(image, bits):
    """Of 16-bit pixels the brightest number, see `Decoded`; bits: see `_bits`."""
    if image.mode.startswith("I"):
        low, high = image.getextrema()
        if low < 0 or high > 65535:
            raise ImageError("integer pixels beyond 16 bits")
        if bits != 16 and high <= 255:
            return None
    elif bits == 16:  # Pillow has kept the upper 8 of them
        high = 256 * max(high for _, high in _extrema(image)) + 255
    else:
        return None
    if high < BRIGHT_16:
        raise ImageError(
            f"16-bit pixels, none above {high} of 65535: nearly black, or numbers of 8 to 12 bits; save it with 8 bits"
        )
    return high


def _to_gray_or_rgb(image, high):
    """The image in mode "L" or "RGB"; high: see `_brightest`."""
    if image.mode.startswith("I"):  # Pillow's own conversion clips at 255
        pixels = np.asarray(image).astype(np.uint32)
        pixels = pixels if high is None else (pixels + 128) // 257
        return Image.fromarray(pixels.astype(np.uint8))
    if image.mode in ("RGB", "L"):
        if "transparency" not in image.info:
            return image
    elif image.mode == "1":
        return image.convert("L")
    elif image.mode == "F":
        raise ImageError("floating point pixels, whose range is unknown")
    elif image.mode == "LAB":
        raise ImageError("pixels in the Lab colour space, for which Pillow has no conversion")
    if image.has_transparency_data:
        gray = image.mode in ("L", "LA", "La")
        layer = image.convert("RGBA")
        flat = Image.alpha_composite(Image.new("RGBA", image.size, "white"), layer)
        return flat.convert("L" if gray else "RGB")
    return image.convert("RGB")


def _extrema(image):
    """(lowest, highest) of each channel but transparency."""
    return [image.getchannel(band).getextrema() for band in image.getbands() if band not in ("A", "a", "X")]


class JPEGHeader(NamedTuple):
    """What a plain JPEG says of itself: size (width, height) in pixels, and whether it is gray."""

    size: tuple[int, int]
    gray: bool


def read_jpeg_header(data):
    """The `JPEGHeader` of a plain JPEG: gray or YCbCr, without EXIF. None for the rest, which is left to Pillow."""
    # within the compressed pixels 0xff is followed by 0x00 or a restart marker
    if simplejpeg is None or data[:2] != b"\xff\xd8" or APP1 in data:
        return None
    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    return JPEGHeader((width, height), colorspace == "Gray") if colorspace in ("Gray", "YCbCr") else None


def decode_jpeg(data, header, reduction, gray):
    """Decode a plain JPEG.

    Args:
        data: bytes.
        header: its `JPEGHeader`.
        reduction: 1, 2, 4 or 8.
        gray: whether luma is enough.

    Returns:
        uint8 (ceil(height / reduction), ceil(width / reduction), 3), or of two dimensions if gray; None where that
        would be less than a pixel, or the data are not flawless: whether they will do is for Pillow to say.
    """
    if min(header.size) < reduction:
        return None
    width, height = (-(-side // reduction) for side in header.size)
    gray = gray or header.gray
    try:
        pixels = simplejpeg.decode_jpeg(data, "GRAY" if gray else "RGB", min_height=height, min_width=width)
    except ValueError:
        return None
    return pixels[..., 0] if gray else pixels
