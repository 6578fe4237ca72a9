"""Plain JPEGs decoded by simplejpeg where it is installed: the pixels of Pillow's libjpeg in two thirds of the time."""

from typing import NamedTuple

try:
    import simplejpeg
except ImportError:
    simplejpeg = None

APP1 = b"\xff\xe1"  # EXIF or XMP, which may turn the picture


class Header(NamedTuple):
    """What a plain JPEG says of itself: size (width, height) in pixels, and whether it is gray."""

    size: tuple[int, int]
    gray: bool


def read_header(data):
    """The `Header` of a plain JPEG: gray or YCbCr, without EXIF. None for anything else, which is left to Pillow."""
    # within the compressed pixels 0xff is followed by 0x00 or a restart marker
    if simplejpeg is None or data[:2] != b"\xff\xd8" or APP1 in data:
        return None
    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    return Header((width, height), colorspace == "Gray") if colorspace in ("Gray", "YCbCr") else None


def decode(data, header, reduction, gray):
    """Decode a plain JPEG.

    Args:
        data: bytes.
        header: its `Header`.
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
