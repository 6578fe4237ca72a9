"""A table of latents to a folder: one PNG per row, all of them as a grid, a contact sheet, a comparison."""

import contextlib
import math
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from facepipe.data.grids import contact_sheet, shown_scale
from facepipe.data.pictures import save_png, tile, to_uint8
from facepipe.errors import InputError
from facepipe.files import existing_part
from facepipe.latents.cells import short
from facepipe.latents.table import picture_names
from facepipe.latents.vectors import check_latent_dim
from facepipe.report.compare import comparison
from facepipe.report.faces import decode_faces

GRID, SHEET, COMPARE = "grid.png", "sheet.png", "compare.png"
GRID_FACES = 1000  # grid and sheet show the first so many rows


def decode_table(model, table, out, columns=None, path="latents", sheet=False, known=None):
    """Decode latents into a folder: `<id>.png` for each row, and grid.png of (the first 1000 of) them.

    The pictures are made in a temporary folder and moved when all of them are there; other files in `out` stay.

    Args:
        model: has name, latent_dim and what `facepipe.report.faces.decode_faces` asks for.
        table: `facepipe.latents.table.Latents`.
        out: the folder; made if missing.
        columns: int, of the grid; None: as many as rows, or one more.
        path: where the table comes from, for messages.
        sheet: whether to make sheet.png, the grid with the ids under the faces.
        known: what `facepipe.report.compare.known_faces` found for the table's ids, for compare.png: original,
            reconstruction and the row's face side by side. None or empty: no such picture.

    Returns:
        List of n str, the file names of the pictures in row order.

    Raises:
        InputError: latents of another size, ids that name one file twice or are called grid, sheet or compare,
            what `decode_faces` refuses, a folder that cannot be written.
    """
    check_latent_dim(path, table.z.shape[1], model.latent_dim, model.name)
    names = picture_names(table.ids, path)
    for row, name in enumerate(names, 2):
        if name.casefold() in (GRID, SHEET, COMPARE):
            where = f"{path}: row {row}, column id"
            raise InputError(f"{where}: {short(table.ids[row - 2])} would be {name.casefold()}; rename it")
    out = Path(out)
    made = [*names, GRID, *([SHEET] if sheet else []), *([COMPARE] if known else [])]
    check_folder(out, made)
    columns = columns or math.ceil(math.sqrt(min(len(names), GRID_FACES)))
    with _all_at_once(out) as folder:
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
    return names


def write_pairs(out, names, images, recons):
    """Write each image beside its reconstruction.

    Args:
        out: the folder; made if missing, other files in it stay.
        names: list of n str, the file names.
        images: uint8 (n, H, W, C).
        recons: float32 (n, H, W, C) in [0, 1].

    Raises:
        InputError: a folder that cannot be written.
    """
    with _all_at_once(Path(out)) as folder:
        for name, image, recon in zip(names, images, to_uint8(recons), strict=True):
            save_png(folder / name, tile(np.stack([image, recon]), 2))


@contextlib.contextmanager
def _all_at_once(out):
    """Yield a temporary folder; at the end its files are moved to `out`, unless something went wrong."""
    try:
        beside = out if out.is_dir() else out.parent  # so that moving stays on one file system
        beside.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=beside, prefix=".decode.", suffix=".tmp"))
        try:
            yield temporary
            out.mkdir(exist_ok=True)
            for path in sorted(temporary.iterdir()):
                os.replace(path, out / path.name)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
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
