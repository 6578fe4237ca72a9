"""The grids that a training leaves: a few of them, evenly spread, with captions and as an animation."""

import numpy as np

from facepipe.draw.strips import save_animation
from facepipe.errors import InputError
from facepipe.report.page.reading import read_rgb

MOST_FRAMES = 24


def frames(folder):
    """The grids of a training, from the first to the last, evenly spread where there are more than `MOST_FRAMES`.

    Args:
        folder: Path of the grids, which are named after their epochs.

    Returns:
        list of (path, caption).

    Raises:
        InputError: the folder has no grids.
    """
    paths = sorted(folder.glob("*.png"))
    if not paths:
        raise InputError(f"{folder}: no grids; run the training stage again")
    chosen = np.unique(np.linspace(0, len(paths) - 1, MOST_FRAMES).round().astype(int))
    return [(paths[i], f"epoch {int(paths[i].stem)}" if int(paths[i].stem) else "before training") for i in chosen]


def save_progress(folder, path):
    """Write the `frames` of a training as an animated WebP, those of the last one's size.

    Args:
        folder: Path of the grids.
        path: the file.

    Raises:
        InputError: the folder has no grids, or a damaged one.
    """
    pictures = [read_rgb(each) for each, _ in frames(folder)]
    save_animation(path, [picture for picture in pictures if picture.size == pictures[-1].size])
