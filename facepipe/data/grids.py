"""Labelled grids: rows of images with text beside and above them."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facepipe.data.pictures import enlarge, to_rgb

INK = (34, 34, 34)
SHOWN_SIZE = 64  # smaller pictures are enlarged to about this many pixels in a grid


def shown_scale(image_shape):
    """How many times as large images of (H, W, C) are drawn in a grid, int >= 1."""
    return max(1, round(SHOWN_SIZE / max(image_shape[:2])))


def shortened(text, most=30):
    """`text` on one line, cut where it is longer than `most` letters: names of attributes come from users."""
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 3] + "..."


def labelled(rows, row_labels=None, column_labels=None, scale=1, pad=2, font_size=12):
    """Rows of images with text to the left of each row and above each column.

    Args:
        rows: sequence of uint8 (n_i, H, W, C), C 1 or 3; rows may differ in length, not in image size.
        row_labels: one string per row, or None; long ones are cut.
        column_labels: one string per column (of the longest row), or None.
        scale: int >= 1, every pixel is drawn scale x scale times.
        pad: int, pixels between images and around them.
        font_size: int, pixels; a column label wider than its image is drawn smaller, down to 6 pixels.

    Returns:
        uint8 (H', W', 3): black text on white; equal input gives equal bytes for one Pillow version.
    """
    rows = [enlarge(to_rgb(row), scale) for row in rows]
    columns = max((len(row) for row in rows), default=0)
    if columns == 0:
        raise ValueError("a grid needs at least one image")
    for name, labels, expected in (("row", row_labels, len(rows)), ("column", column_labels, columns)):
        if labels is not None and len(labels) != expected:
            raise ValueError(f"{len(labels)} {name} labels for {expected} {name}s")
    height, width = rows[0].shape[1:3]
    row_labels = None if row_labels is None else [shortened(text, 40) for text in row_labels]

    font = ImageFont.load_default(size=font_size)
    left = 0 if row_labels is None else max(_text_width(font, text) for text in row_labels) + 8
    top = 0 if column_labels is None else font_size + 8
    size = (left + columns * (width + pad) + pad, top + len(rows) * (height + pad) + pad)
    canvas = Image.new("RGB", size, (255, 255, 255))
    draw = ImageDraw.Draw(canvas)
    for r, row in enumerate(rows):
        y = top + pad + r * (height + pad)
        for c, image in enumerate(row):
            canvas.paste(Image.fromarray(image), (left + pad + c * (width + pad), y))
        if row_labels is not None:
            draw.text((left - 4, y + height // 2), row_labels[r], fill=INK, font=font, anchor="rm")
    for c, text in enumerate(map(shortened, column_labels or ())):
        middle = left + pad + c * (width + pad) + width // 2
        draw.text((middle, top // 2 + 1), text, fill=INK, font=_fitting(text, width, font_size), anchor="mm")
    return np.asarray(canvas)


def captioned(rows, captions, scale=1, pad=2, font_size=12):
    """Rows of images with a text under each.

    Args:
        rows: sequence of uint8 (n_i, H, W, C), C 1 or 3.
        captions: list of lists of n_i strings; one wider than its image is drawn smaller, down to 6 pixels, then cut.
        scale, pad, font_size: as in `labelled`.

    Returns:
        uint8 (H', W', 3), as from `labelled`.
    """
    rows = [enlarge(to_rgb(row), scale) for row in rows]
    height, width = rows[0].shape[1:3]
    size = ((max(map(len, rows))) * (width + pad) + pad, len(rows) * (height + font_size + 4 + pad) + pad)
    canvas = Image.new("RGB", size, (255, 255, 255))
    draw = ImageDraw.Draw(canvas)
    for r, (row, texts) in enumerate(zip(rows, captions, strict=True)):
        top = pad + r * (height + font_size + 4 + pad)
        for c, (image, text) in enumerate(zip(row, texts, strict=True)):
            left, text = pad + c * (width + pad), " ".join(text.split())
            canvas.paste(Image.fromarray(image), (left, top))
            font = _fitting(text, width, font_size)
            while _text_width(font, text) > width and len(text) > 4:
                text = text[:-4] + "..."
            draw.text((left + width // 2, top + height + font_size // 2 + 2), text, fill=INK, font=font, anchor="mm")
    return np.asarray(canvas)


def _text_width(font, text):
    return int(np.ceil(font.getlength(text)))


def _fitting(text, width, size):
    font = ImageFont.load_default(size=size)
    while size > 6 and _text_width(font, text) > width:
        size -= 1
        font = ImageFont.load_default(size=size)
    return font
