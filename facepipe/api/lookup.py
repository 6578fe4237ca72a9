"""Faces by id, from the user's own table and from the exported latents of a model."""

from pathlib import Path

import numpy as np
from scipy.spatial.distance import cdist

from facepipe.core.names import stem
from facepipe.errors import InputError, suggest
from facepipe.latents.folder import tables_in
from facepipe.latents.table import Latents, read_latents
from facepipe.tables.cells import short

CHUNK = 256  # latents whose distances are in memory at once


class _Wanted:
    """The names that faces are asked for by: their ids, or those without .png, .jpg or .jpeg, in any case."""

    def __init__(self, names):
        self._names = set(names)

    def __contains__(self, id_):
        return id_ in self._names or stem(id_) in self._names


def find_faces(ids, folder, own=None, latent_dim=None, model_name=None, columns=()):
    """The rows of these ids.

    Args:
        ids: list of str; 000001 also finds 000001.jpg or 000001.JPG, where there is no 000001.
        folder: the model's exported latents, such as data/latents/vae.
        own: path of a table that goes before them, or None.
        latent_dim, model_name: as in `read_latents`.
        columns: names of extra columns to keep; of a face whose table lacks one the cell is empty.

    Returns:
        `Latents` in the order of `ids`, repeats allowed, with those of `columns` that any of the faces' tables has.

    Raises:
        InputError: an id that is nowhere, with the nearest that is somewhere; one that two faces answer to; no latents
            at all.
    """
    wanted = _Wanted(ids)
    paths = ([Path(own)] if own else []) + tables_in(folder)
    places, alike = {}, {}
    for path in paths:
        table = read_latents(path, latent_dim, model_name, only=wanted)
        for i, name in enumerate(table.ids):
            if name not in places:
                places[name] = table, i
                alike.setdefault(stem(name), []).append(name)
    found = [places.get(name) or places.get(_the_only(name, alike)) for name in ids]
    if None in found:
        missing = ids[found.index(None)]
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


def _the_only(name, alike):
    """The one id that is `name` and a picture's suffix, None: there is none; InputError where there are several."""
    ids = alike.get(name, [None])
    if len(ids) > 1:
        raise InputError(f"{short(name)} may be {' or '.join(map(short, ids))}; name one of them")
    return ids[0]


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
    leave_out = same is not None and any(row is not None for row in same)
    count = min(count, len(others) - leave_out)
    rows, distances = [], []
    for start in range(0, len(x), CHUNK):
        # sums of squared differences: |x|^2 + |y|^2 - 2xy, though faster, loses digits where two faces are close
        every = cdist(x[start : start + CHUNK], others)
        if leave_out:
            for i, row in enumerate(same[start : start + CHUNK]):
                if row is not None:
                    every[i, row] = np.inf
        chosen = np.argsort(every, axis=1, kind="stable")[:, :count]
        rows.append(chosen)
        distances.append(np.take_along_axis(every, chosen, axis=1))
    return np.concatenate(rows), np.concatenate(distances)
