"""The grid of a conditioned model: the same latents under each combination of its labels."""

import itertools

import numpy as np

from facepipe.core.pictures import to_uint8
from facepipe.report.grids import sheet

# with more attributes than this, one at a time instead of every combination
MOST_COMBINED = 3


def combinations(names):
    """The rows of the grid.

    Args:
        names: the k attributes that the model is conditioned on.

    Returns:
        (labels, texts): float32 (rows, k) of 1, 0 and, in the last row, NaN; list of str. All combinations for k up to
        `MOST_COMBINED`; else none of them, then each alone. Last: all unknown.
    """
    if len(names) <= MOST_COMBINED:
        known = np.array(list(itertools.product((0, 1), repeat=len(names))), np.float32)
    else:
        known = np.eye(len(names) + 1, len(names), k=-1, dtype=np.float32)
    texts = [", ".join(itertools.compress(names, row)) or "without" for row in known]
    unknown = np.full((1, len(names)), np.nan, np.float32)
    return np.concatenate([known, unknown]), [*texts, "unknown"]


def conditions_grid(model, shards, params):
    """A latent from the model's own sampler in each column, a combination of labels in each row."""
    z = model.sample_latents(params.columns, params.seed)
    labels, texts = combinations(model.condition_on)
    rows = [to_uint8(model.decode(z, np.tile(row, (len(z), 1)))) for row in labels]
    return sheet(rows, texts)
