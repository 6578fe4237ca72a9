"""Labelled grids: rows of images with text beside, above or under them."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facepipe.core.pictures import enlarge, to_rgb

INK = (34, 34, 34)
SHOWN_SIZE = 64  # smaller pictures are enlarged to about this many pixels in a grid


def shown_scale(image_shape):
    """How many times as large images of (H, W, C) are drawn in a grid, int >= 1."""
    return max(1, round(SHOWN_SIZE / max(image_shape[:2])))


def cells_of(width, height, image_shape, pad=2):
    """Where the pictures of a sheet lie that `tile` has made of images enlarged by `shown_scale`.

    Args:
        width, height: of the sheet, in pixels.
        image_shape: (H, W, C) of the images.
        pad: int, pixels between images and around them.

    Returns:
        list of (left, top, width, height), ints, in reading order; the last row's empty places are among them.
    """
    scale = shown_scale(image_shape)
    tall, wide = image_shape[0] * scale, image_shape[1] * scale
    rows, columns = (height - pad) // (tall + pad), (width - pad) // (wide + pad)
    return [
        (pad + column * (wide + pad), pad + row * (tall + pad), wide, tall)
        for row in range(rows)
        for column in range(columns)
    ]


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


def contact_sheet(images, captions, columns, scale=1, pad=6, font_size=12):
    """Images in reading order, each with its caption under it.

    Args:
        images: uint8 (n, H, W, C), n >= 1, C 1 or 3.
        captions: list of n str; one wider than its image is drawn smaller, down to 8 pixels, then cut.
        columns: int >= 1, images per row (fewer when n is smaller).
        scale: int >= 1, every pixel is drawn scale x scale times.
        pad: int, pixels between images and around them.
        font_size: int, pixels.

    Returns:
        uint8 (H', W', 3): black text on white; equal input gives equal bytes for one Pillow version.
    """
    images = enlarge(to_rgb(images), scale)
    count, height, width = images.shape[:3]
    if count == 0 or count != len(captions):
        raise ValueError(f"a contact sheet needs images and as many captions, got {count} and {len(captions)}")
    columns = min(columns, count)
    step_x, step_y = width + pad, height + font_size + 4 + pad
    canvas = Image.new("RGB", (columns * step_x + pad, -(-count // columns) * step_y + pad), (255, 255, 255))
    draw = ImageDraw.Draw(canvas)
    for i, (image, text) in enumerate(zip(images, captions, strict=True)):
        x, y = pad + (i % columns) * step_x, pad + (i // columns) * step_y
        canvas.paste(Image.fromarray(image), (x, y))
        font = _fitting(text, width, font_size, least=8)
        most = len(text)
        while most > 4 and _text_width(font, shortened(text, most)) > width:
            most -= 1
        middle = (x + width // 2, y + height + font_size // 2 + 3)
        draw.text(middle, shortened(text, most), fill=INK, font=font, anchor="mm")
    return np.asarray(canvas)


def _text_width(font, text):
    return int(np.ceil(font.getlength(text)))


def _fitting(text, width, size, least=6):
    font = ImageFont.load_default(size=size)
    while size > least and _text_width(font, text) > width:
        size -= 1
        font = ImageFont.load_default(size=size)
    return font
