"""Grids that look for faults: the test images given back worst, and the training images nearest to random faces."""

import numpy as np

from facepipe.core.determinism import rng
from facepipe.core.pictures import to_float
from facepipe.report.grids import decode, sheet, test_images

WORST_OF = 256  # test images, at most
NEAREST_OF = 20_000  # training images, at most
COMPARED_SIDE = 16  # pixels a side, or a little more, that images are averaged down to before they are compared
BATCH = 500


def worst_grid(model, shards, params):
    """Of `worst_of(shards)` random test images those with the largest squared error, above their reconstructions.

    Args:
        model: with an encoder.
        shards: `facepipe.shards.shards.Shards`.
        params: `facepipe.report.config.RenderReports`; `columns` images are shown, the worst first.

    Returns:
        uint8 (H', W', 3).
    """
    images, labels = test_images(model, shards, worst_of(shards), params.seed)
    decoded = decode(model, model.encode(images), labels)
    errors = np.square(to_float(images) - to_float(decoded)).mean(axis=(1, 2, 3))
    worst = np.argsort(-errors, kind="stable")[: params.columns]
    texts = [f"{error:.4f}" for error in errors[worst]]
    rows = [images[worst], decoded[worst]]
    return sheet(rows, ["original", "reconstruction"], texts)


def worst_of(shards):
    """Among how many test images the worst ones are looked for."""
    return min(WORST_OF, shards.count("test"))


def nearest_grids(faces, shards, params):
    """Random faces, each above the nearest of `nearest_of(shards)` training images, drawn at random.

    Near is what differs least in its squared pixels, averaged down to about `COMPARED_SIDE` a side.

    Args:
        faces: {model: uint8 (n, H, W, C)}, of which the first `params.columns` are shown.
        shards: `facepipe.shards.shards.Shards`.
        params: `facepipe.report.config.RenderReports`.

    Returns:
        {model: uint8 (H', W', 3)}.
    """
    shown = {name: each[: params.columns] for name, each in faces.items()}
    wanted = _small(np.concatenate(list(shown.values())))
    chosen = np.sort(rng(params.seed, "render", "train").permutation(shards.count("train"))[:NEAREST_OF])
    least, nearest = np.full(len(wanted), np.inf), np.zeros(len(wanted), int)
    for start in range(0, len(chosen), BATCH):
        rows = chosen[start : start + BATCH]
        small = _small(shards.gather("train", rows))
        distances = np.stack([np.square(small - each).sum(axis=1) for each in wanted])
        found = distances.argmin(axis=1)
        closer = distances.min(axis=1) < least
        least, nearest = np.where(closer, distances.min(axis=1), least), np.where(closer, rows[found], nearest)
    grids, place = {}, 0
    for name, each in shown.items():
        pairs = [each, shards.gather("train", nearest[place : place + len(each)])]
        grids[name] = sheet(pairs, ["random face", "nearest"])
        place += len(each)
    return grids


def nearest_of(shards):
    """Among how many training images the nearest ones are looked for."""
    return min(NEAREST_OF, shards.count("train"))


def _small(images):
    """uint8 (n, H, W, C) as float32 (n, d), averaged over blocks; pixels that fill no block at the edges are left."""
    count, height, width, channels = images.shape
    block = max(1, min(height, width) // COMPARED_SIDE)
    rows, columns = height // block, width // block
    cut = to_float(images[:, : rows * block, : columns * block])
    return cut.reshape(count, rows, block, columns, block, channels).mean(axis=(2, 4)).reshape(count, -1)
