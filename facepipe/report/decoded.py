"""A table of latents to a folder: one PNG per row, all of them as a grid, a contact sheet, a comparison."""

import contextlib
import math
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facepipe.core.files import existing_part, locked, temporary_folder
from facepipe.core.names import COMPARE, GRID, SHEET, SHEETS
from facepipe.core.pictures import save_png, tile, to_uint8
from facepipe.core.progress import Progress
from facepipe.draw.grids import contact_sheet, labelled, shown_scale
from facepipe.errors import InputError
from facepipe.latents.folder import find_rows
from facepipe.latents.label_columns import labels_of
from facepipe.latents.table import picture_names
from facepipe.latents.vectors import check_latent_dim
from facepipe.tables.cells import short

CHUNK = 256  # rows decoded at once
GRID_FACES = 1000  # rows of the grid and the sheet at most
COMPARED = 100  # rows of compare.png at most


class Written(NamedTuple):
    """What was written to a folder: `names` of the single pictures in row order, `sheets` of those of all of them.

    `replaced` are the names of those of them that were there before.
    """

    names: list[str]
    sheets: list[str]
    replaced: list[str]


def decode_table(model, table, out, columns=None, path="latents", sheet=False, known=None):
    """Decode latents into a folder: `<id>.png` for each row, and grid.png of (the first 1000 of) them.

    The pictures are made in a temporary folder and moved when all of them are there; other files in `out` stay.

    Args:
        model: has name, latent_dim and what `facepipe.report.decoded.decode_faces` asks for.
        table: `facepipe.latents.table.Latents`.
        out: the folder; made if missing.
        columns: int, of the grid; None: as many as rows, or one more.
        path: where the table comes from, for messages.
        sheet: whether to make sheet.png, the grid with the ids under the faces.
        known: what `facepipe.report.decoded.known_faces` found for the table's ids, for compare.png: original,
            reconstruction and the row's face side by side. None or empty: no such picture.

    Returns:
        `Written`.

    Raises:
        InputError: latents of another size, ids that name one file twice or are called grid, sheet or compare,
            what `decode_faces` refuses, a folder that cannot be written.
    """
    check_latent_dim(path, table.z.shape[1], model.latent_dim, model.name)
    names = picture_names(table.ids, path)
    for row, name in enumerate(names, 2):
        if name.casefold() in SHEETS:
            where = f"{path}: row {row}, column id"
            raise InputError(f"{where}: {short(table.ids[row - 2])} would be {name.casefold()}; rename it")
    out = Path(out)
    sheets = [GRID, *([SHEET] if sheet else []), *([COMPARE] if known else [])]
    check_folder(out, [*names, *sheets])
    columns = columns or math.ceil(math.sqrt(min(len(names), GRID_FACES)))
    with _all_at_once(out) as (folder, replaced):
        faces, compared = [], {}
        for id_, name, face in zip(table.ids, names, decode_faces(model, table, path), strict=True):
            save_png(folder / name, face)
            if len(faces) < GRID_FACES:
                faces.append(face)
            if known and id_ in known:
                compared[id_] = face
        save_png(folder / GRID, tile(np.stack(faces), columns))
        if sheet:
            scale = shown_scale(faces[0].shape)
            save_png(folder / SHEET, contact_sheet(np.stack(faces), table.ids[:GRID_FACES], columns, scale))
        if known:
            save_png(folder / COMPARE, comparison(known, compared))
    return Written(names, sheets, replaced)


def write_pairs(out, names, images, recons):
    """Write each image beside its reconstruction.

    Args:
        out: the folder; made if missing, other files in it stay.
        names: list of n str, the file names.
        images: uint8 (n, H, W, C).
        recons: float32 (n, H, W, C) in [0, 1].

    Returns:
        `Written`.

    Raises:
        InputError: a folder that cannot be written.
    """
    with _all_at_once(Path(out)) as (folder, replaced):
        for name, image, recon in zip(names, images, to_uint8(recons), strict=True):
            save_png(folder / name, tile(np.stack([image, recon]), 2))
    return Written(list(names), [], replaced)


@contextlib.contextmanager
def _all_at_once(out):
    """Yield (a temporary folder, a list); at the end its files are moved to `out`, unless something went wrong.

    The list then has the names of those that were in `out` before. Two processes do not move theirs at the same time:
    the pictures of all rows go with the single ones.
    """
    try:
        beside = out if out.is_dir() else out.parent  # so that moving stays on one file system
        with temporary_folder(beside, "decode") as temporary:
            replaced = []
            yield temporary, replaced
            out.mkdir(exist_ok=True)
            with locked(out):
                for path in sorted(temporary.iterdir()):
                    if os.path.lexists(out / path.name):
                        replaced.append(path.name)
                    os.replace(path, out / path.name)
    except OSError as error:
        raise InputError(f"{out}: cannot write the pictures there: {error.strerror}") from None


def check_folder(out, names=()):
    """Raise InputError where `out` cannot be a folder with files of these names; makes nothing."""
    out = Path(out)
    existing = existing_part(out)
    if not existing.is_dir():
        raise InputError(f"{out}: {'' if existing == out else f'{existing} '}is a file; name a folder for the pictures")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(f"{out}: cannot write the pictures there: Permission denied")
    for name in names:
        if (out / name).is_dir():
            raise InputError(f"{out / name}: is a folder, where a picture is to be written; move it")


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
        InputError: a cell of a label that is not between 0 and 1, or latents so large that they decode to NaN.
    """
    labels = labels_of(table, getattr(model, "condition_on", ()), path)
    with Progress("decode", len(table.ids), "faces") as progress:
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


def known_faces(model, ids, shards, folder):
    """Photographs and reconstructions of the faces that are known by their ids.

    Args:
        model: as in `facepipe.report.decoded.decode_table`.
        ids: list of str.
        shards: `facepipe.shards.shards.Shards`.
        folder: the model's exported latents.

    Returns:
        {id: (original, reconstruction)}, uint8 (H, W, C) each, of those of `ids` that are in both, in their order,
        `COMPARED` at most. Empty where the model makes pictures of another shape than the shards'.
    """
    if tuple(model.image_shape) != tuple(shards.image_shape):
        return {}
    places, wanted = {}, set(ids)
    for split in shards.splits:
        places |= {name: (split, row) for row, name in enumerate(shards.ids(split)) if name in wanted}
    chosen = [name for name in ids if name in places][:COMPARED]
    decoded = {}
    for path, table in find_rows(folder, chosen, model.latent_dim).items():
        decoded |= dict(zip(table.ids, decode_faces(model, table, path), strict=True))
    originals = {name: shards.gather(places[name][0], [places[name][1]])[0] for name in decoded}
    return {name: (originals[name], decoded[name]) for name in chosen if name in decoded}


def comparison(known, faces):
    """The sheet: a row for each face, original | reconstruction | edited.

    Args:
        known: {id: (original, reconstruction)} of `known_faces`, not empty.
        faces: {id: uint8 (H, W, C)}, the edited ones.

    Returns:
        uint8 (H', W', 3).
    """
    rows = [np.stack([*pair, faces[name]]) for name, pair in known.items()]
    return labelled(rows, list(known), ["original", "reconstruction", "edited"], shown_scale(rows[0].shape[1:]))
