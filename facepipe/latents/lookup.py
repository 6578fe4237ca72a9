"""Faces by id in the exported latents of a model."""

from pathlib import Path

import numpy as np

from facepipe.errors import InputError, suggest
from facepipe.latents.table import Latents, read_latents, stem
from facepipe.latents.vectors import short

SPLITS = ("test", "valid", "train", "sample")  # where to look, the small ones first


def find_faces(ids, folder, own=None, latent_dim=None, model_name=None):
    """The rows of these ids, from a table of one's own or the model's exported latents.

    Args:
        ids: list of str; 000001 also finds 000001.jpg.
        folder: such as data/latents/vae, with <split>.csv.
        own: path of a table that is looked through first, or None.
        latent_dim, model_name: as in `read_latents`.

    Returns:
        `Latents` in the order of `ids`, repeats allowed, without extra columns.

    Raises:
        InputError: an id that is nowhere, with the nearest that is somewhere; no latents at all.
    """
    folder, found, seen = Path(folder), {}, []
    paths = [folder / f"{split}.csv" for split in SPLITS]
    paths = ([Path(own)] if own else []) + [path for path in paths if path.is_file()]
    if not paths:
        raise InputError(f"{folder}: no latents there; `dvc repro export_latents` makes them, or name a --table")
    for path in paths:
        table = read_latents(path, latent_dim, model_name)
        places = {stem(name): row for row, name in reversed(list(enumerate(table.ids)))}
        places |= {name: row for row, name in enumerate(table.ids)}
        for name in ids:
            if name not in found and name in places:
                row = places[name]
                found[name] = table.ids[row], table.splits[row], table.z[row]
        if len(found) == len(set(ids)):
            ids, splits, z = zip(*(found[name] for name in ids), strict=True)
            return Latents(list(ids), list(splits), np.stack(z))
        seen += table.ids
    missing = next(name for name in ids if name not in found)
    where = ", ".join(map(str, paths))
    raise InputError(f"no face {short(missing)} in {where}{suggest(missing, seen)}")
