"""Where a model's exported latents lie, and faces by id in them."""

from pathlib import Path

import numpy as np

from facepipe.errors import InputError, suggest
from facepipe.latents.cells import short
from facepipe.latents.table import Latents, read_latents, stem

SPLITS = ("test", "valid", "train", "sample")  # where to look, the small ones first
_FORMATS = (".csv", ".parquet")
_PICTURES = (".jpg", ".png", ".jpeg")


def table_of(folder, split):
    """Path of the table of a split in a folder such as data/latents/vae, or None where there is none."""
    paths = (Path(folder) / f"{split}{suffix}" for suffix in _FORMATS)
    return next((path for path in paths if path.is_file()), None)


def find_faces(ids, folder, own=None, latent_dim=None, model_name=None):
    """The rows of these ids, from a table of one's own or the model's exported latents.

    Args:
        ids: list of str; 000001 also finds 000001.jpg.
        folder: such as data/latents/vae, with tables named by their split.
        own: path of a table that is looked through first, or None.
        latent_dim, model_name: as in `read_latents`.

    Returns:
        `Latents` in the order of `ids`, repeats allowed, without extra columns.

    Raises:
        InputError: an id that is nowhere, with the nearest that is somewhere; no latents at all.
    """
    paths = [Path(own)] if own else []
    paths += [path for path in (table_of(folder, split) for split in SPLITS) if path]
    if not paths:
        raise InputError(f"{folder}: no latents there; `dvc repro export_latents` makes them, or name a --table")
    found = {}
    for path in paths:
        missing = [name for name in ids if name not in found]
        wanted = {name + suffix for name in missing for suffix in ("", *_PICTURES)}
        table = read_latents(path, latent_dim, model_name, only=wanted)
        places = {stem(name): row for row, name in reversed(list(enumerate(table.ids)))}
        places |= {name: row for row, name in enumerate(table.ids)}
        for name in missing:
            if name in places:
                row = places[name]
                found[name] = table.ids[row], table.splits[row], table.z[row]
        if len(found) == len(set(ids)):
            ids, splits, z = zip(*(found[name] for name in ids), strict=True)
            return Latents(list(ids), list(splits), np.stack(z))
    missing = next(name for name in ids if name not in found)
    known = [name for path in paths for name in read_latents(path).ids]
    raise InputError(f"no face {short(missing)} in {', '.join(map(str, paths))}{suggest(missing, known)}")
