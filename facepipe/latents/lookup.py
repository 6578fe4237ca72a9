"""Faces by id, from a table of one's own and from the exported latents of a model."""

from pathlib import Path

import numpy as np

from facepipe.errors import InputError, suggest
from facepipe.latents.cells import short
from facepipe.latents.exported import find_rows, tables_in
from facepipe.latents.table import Latents, read_latents, stem

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
