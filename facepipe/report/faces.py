"""Rows of a table decoded to pictures, a chunk at a time."""

import numpy as np
from tqdm import tqdm

from facepipe.data.pictures import to_uint8
from facepipe.errors import InputError
from facepipe.latents.cells import short
from facepipe.latents.label_columns import labels_of

CHUNK = 256  # rows decoded at once


def decode_faces(model, table, path):
    """Decode a table; a conditioned model takes its labels from the table's columns.

    Args:
        model: has decode(z) -> float32 (n, H, W, C) in [0, 1], as `load_model` returns it; a conditioned one also
            condition_on, names, and decode(z, labels=).
        table: `facepipe.latents.table.Latents`.
        path: where the table comes from, for messages.

    Yields:
        uint8 (H, W, C) for each row.

    Raises:
        InputError: a label that is none, or latents so large that they decode to NaN.
    """
    labels = labels_of(table, getattr(model, "condition_on", ()), path)
    with tqdm(total=len(table.ids), desc="decode", unit="face", delay=2) as progress:
        for start in range(0, len(table.ids), CHUNK):
            rows = slice(start, start + CHUNK)
            given = {} if labels is None else {"labels": labels[rows]}
            images = model.decode(table.z[rows], **given)
            finite = np.isfinite(images).all(axis=(1, 2, 3))
            if not finite.all():
                name = table.ids[start + int(np.argmin(finite))]
                raise InputError(f"{path}: {short(name)}: decodes to NaN; its numbers are too large for a face")
            yield from to_uint8(images)
            progress.update(len(images))
