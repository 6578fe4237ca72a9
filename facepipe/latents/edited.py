"""A table that somebody edited, made ready to decode: completed from a base face, held against the usual range."""

from pathlib import Path

import numpy as np

from facepipe.errors import InputError
from facepipe.latents.folder import base_face, pca_path, stats_path
from facepipe.latents.pca import load_pca
from facepipe.latents.statistics import read_statistics
from facepipe.latents.table import read_latents
from facepipe.latents.vectors import check_latent_dim, z_columns

FAR = 0.5  # of the width of the usual range; a value that lies further outside is worth a warning
_NAMED = 3  # warnings in full


def read_edited(path, folder, latent_dim=None, model_name=None, base=None, clip=False, conditions=()):
    """Read a table in any form that `facepipe.latents.table.read_latents` takes.

    Args:
        path: the file.
        folder: the model's exported latents, e.g. data/latents/vae: its PCA (that beside the file goes first), its
            statistics and the base face are there.
        latent_dim, model_name: as in `read_latents`.
        base: id of the exported face that gives the columns which are missing; None: none may be missing.
        clip: whether to bring every value into the usual range of the model's latents.
        conditions: attributes that the model was conditioned on, whose columns are the base's, too, where missing.

    Returns:
        (`Latents`, warnings): list of str, a line each, about values far outside that range (see `statistics`). There
        are none where the statistics of the model are not there.

    Raises:
        InputError: as in `read_latents`; an unknown base; clip without statistics.
    """
    beside = pca_path(Path(path).parent)
    face = None if base is None else base_face(folder, base, latent_dim)
    table = read_latents(
        path,
        latent_dim,
        model_name,
        base=None if face is None else face.z[0],
        pca=lambda: load_pca(beside if beside.exists() else pca_path(folder)),
    )
    if face is not None:
        labels = {name: face.extra[name] * len(table.ids) for name in conditions if name in face.extra}
        table = table._replace(extra=labels | table.extra)
    stats = stats_path(folder)
    if not clip and not stats.exists():
        return table, []
    ranges = read_statistics(stats)
    if latent_dim is None:
        check_latent_dim(path, table.z.shape[1], len(ranges), model_name)
    if len(ranges) != table.z.shape[1]:
        raise InputError(f"{stats}: has {len(ranges)} dimensions, the model {latent_dim}; run `dvc repro`")
    low, high = ranges["low"].to_numpy(np.float32), ranges["high"].to_numpy(np.float32)
    if clip:
        return table._replace(z=np.clip(table.z, low, high)), []
    return table, _far_outside(path, table.z, low, high)


def _far_outside(path, z, low, high):
    """Warnings about values further than `FAR` of the range's width outside it."""
    margin = FAR * (high - low)
    rows, columns = np.nonzero((z < low - margin) | (z > high + margin))
    names = z_columns(z.shape[1])
    lines = [
        f"{path}: row {row + 2}, column {names[i]}: {z[row, i]:.4g} is far outside {low[i]:.4g} .. {high[i]:.4g}, "
        "the range of the model's latents"
        for row, i in zip(rows[:_NAMED], columns[:_NAMED], strict=True)
    ]
    if len(rows) > _NAMED:
        lines.append(f"{path}: {len(rows) - _NAMED} more values are far outside; --clip brings all into the range")
    return lines
