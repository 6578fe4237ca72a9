"""Rows of decoded faces as one file, a labelled picture or an animation, by the suffix; pictures as an animation."""

from pathlib import Path

import numpy as np
from PIL import Image

from facepipe.core.files import atomic_file, check_file
from facepipe.core.pictures import save_png, tile
from facepipe.draw.grids import labelled, shown_scale
from facepipe.errors import InputError

PICTURES = (".png", ".gif", ".webp")
FRAME_MS, SLOW_FRAME_MS = 100, 300  # of faces that change little by little; of grids
QUALITY = 80  # of grids, as WebP
ENLARGED = 2  # times as large as in a grid of the report
ENDS = 5  # times as long is the first and the last frame shown


def check_picture(path, others=()):
    """The lower-case suffix of a picture to be written, or one of `others`.

    Raises:
        InputError: it is none of them, or there can be no such file.
    """
    suffix, known = Path(path).suffix.lower(), (*PICTURES, *others)
    if suffix not in known:
        raise InputError(f"{path}: cannot tell the format from the suffix {suffix!r}; use {', '.join(known)}")
    check_file(path)
    return suffix


def save_strips(path, rows, row_labels=None, column_labels=None):
    """Write rows of faces as `path` says: .png all of them, labelled; .gif and .webp a frame a column, to and fro.

    Args:
        path: the file, written atomically; equal faces give equal bytes for one Pillow version.
        rows: sequence of uint8 (n_i, H, W, C); for an animation all of one length.
        row_labels, column_labels: as in `facepipe.draw.grids.labelled`; animations have none.
    """
    suffix, scale = check_picture(path), ENLARGED * shown_scale(rows[0].shape[1:])
    if suffix == ".png":
        save_png(path, labelled(rows, row_labels, column_labels, scale=scale))
        return
    columns = max(1, round(len(rows) ** 0.5))
    stills = [tile(np.stack(column).repeat(scale, 1).repeat(scale, 2), columns) for column in zip(*rows, strict=True)]
    frames = [Image.fromarray(still) for still in stills + stills[-2:0:-1]]
    durations = [FRAME_MS] * len(frames)
    durations[0] = durations[len(stills) - 1] = ENDS * FRAME_MS
    _animate(path, frames, durations, {".gif": "GIF", ".webp": "WEBP"}[suffix], lossless=suffix == ".webp")


def save_animation(path, pictures):
    """Write pictures as an animated WebP that begins again and again, the first and the last shown longer.

    Args:
        path: the file, written atomically; equal pictures give equal bytes for one Pillow version.
        pictures: sequence of n >= 1 RGB `PIL.Image.Image` of one size.
    """
    durations = [ENDS * FRAME_MS, *[SLOW_FRAME_MS] * (len(pictures) - 2), 2 * ENDS * FRAME_MS][-len(pictures) :]
    _animate(path, pictures, durations, "WEBP", quality=QUALITY)


def _animate(path, frames, durations, kind, **options):
    with atomic_file(path, "wb") as file:
        frames[0].save(
            file, format=kind, save_all=True, append_images=frames[1:], duration=durations, loop=0, **options
        )
