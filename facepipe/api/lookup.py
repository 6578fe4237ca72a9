"""Faces by id, from a table of one's own and from the exported latents of a model."""

from pathlib import Path

import numpy as np

from facepipe.errors import InputError, suggest
from facepipe.latents.folder import find_rows, tables_in
from facepipe.latents.table import Latents, read_latents, stem
from facepipe.tables.cells import short

CHUNK = 256  # latents whose distances are in memory at once

_PICTURES = ("", ".jpg", ".png", ".jpeg")


def find_faces(ids, folder, own=None, latent_dim=None, model_name=None, columns=()):
    """The rows of these ids.

    Args:
        ids: list of str; 000001 also finds 000001.jpg.
        folder: the model's exported latents, such as data/latents/vae.
        own: path of a table that goes before them, or None.
        latent_dim, model_name: as in `read_latents`.
        columns: names of extra columns to keep; of a face whose table lacks one the cell is empty.

    Returns:
        `Latents` in the order of `ids`, repeats allowed, with those of `columns` that any of the faces' tables has.

    Raises:
        InputError: an id that is nowhere, with the nearest that is somewhere; no latents at all.
    """
    wanted = {name + suffix for name in ids for suffix in _PICTURES}
    tables = [read_latents(own, latent_dim, model_name, only=wanted)] if own else []
    places = {}
    for table in [*tables, *find_rows(folder, wanted, latent_dim).values()]:
        for i, name in enumerate(table.ids):
            places.setdefault(name, (table, i))
    found = [places.get(name) or _by_stem(name, places) for name in ids]
    if None in found:
        missing = ids[found.index(None)]
        paths = ([Path(own)] if own else []) + tables_in(folder)
        known = [name for path in paths for name in read_latents(path).ids]
        there = suggest(missing, known) or ("" if known else "; `dvc repro export_latents` makes them")
        raise InputError(f"no face {short(missing)} in {', '.join(map(str, [*([own] if own else []), folder]))}{there}")
    extra = {
        name: [table.extra[name][i] if name in table.extra else "" for table, i in found]
        for name in columns
        if any(name in table.extra for table, _ in found)
    }
    z = np.stack([table.z[i] for table, i in found])
    return Latents([table.ids[i] for table, i in found], [table.splits[i] for table, i in found], z, extra)


def _by_stem(name, places):
    return next((place for known, place in places.items() if stem(known) == name), None)


def nearest(x, others, count, same=None):
    """The nearest rows by Euclidean distance.

    Args:
        x: float (n, d), standardised latents.
        others: float (m, d).
        count: int, how many to give for each; fewer where there are not so many.
        same: list of n ints, a row of `others` that is the face itself and does not count, or None.

    Returns:
        (rows, distances): int64 (n, k), float64 (n, k), the nearest first, equal ones in order of their rows.
    """
    others = np.asarray(others, np.float64)
    squares = (others**2).sum(1)
    leave_out = same is not None and any(row is not None for row in same)
    count = min(count, len(others) - leave_out)
    rows, distances = [], []
    for start in range(0, len(x), CHUNK):
        part = np.asarray(x[start : start + CHUNK], np.float64)
        squared = (part**2).sum(1)[:, None] + squares - 2 * part @ others.T
        if leave_out:
            for i, row in enumerate(same[start : start + CHUNK]):
                if row is not None:
                    squared[i, row] = np.inf
        chosen = np.argsort(squared, axis=1, kind="stable")[:, :count]
        rows.append(chosen)
        # the differences themselves: the expanded square loses digits where two faces are close
        distances.append(np.linalg.norm(part[:, None] - others[chosen], axis=2))
    return np.concatenate(rows), np.concatenate(distances)
