"""The order of a latent's dimensions, the most influential first."""

import csv
from pathlib import Path

import numpy as np

from facepipe.errors import InputError
from facepipe.latents.vectors import z_columns


def by_influence(latents, name, sd):
    """Dimensions in the order of their influence on the picture.

    Args:
        latents: folder of the exported latents; <name>/<name>.stats.csv has a row a dimension, with `rank` (1 is the
            most influential). A model of which no images were encoded has none: the largest sd comes first.
        name: the model's.
        sd: float (d,).

    Returns:
        Int (d,).

    Raises:
        InputError: the file is not about these dimensions.
    """
    path = Path(latents) / name / f"{name}.stats.csv"
    if not path.exists():
        return np.argsort(-np.asarray(sd), kind="stable")
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    try:
        ranks = {row["dimension"]: int(row["rank"]) for row in rows}
        order = sorted(range(len(sd)), key=lambda i: ranks[z_columns(len(sd))[i]])
    except (KeyError, TypeError, ValueError):
        raise InputError(
            f"{path}: not the statistics of {len(sd)} dimensions; run `dvc repro export_latents`"
        ) from None
    return np.array(order)
