"""Data for tests: whole arrays as a folder of shards."""

from facepipe.core.files import atomic_folder
from facepipe.preprocess.writer import ShardWriter


def write_shards(folder, images, dataset="arrays", ids=None, attributes=None, factors=None, shard_mb=64.0):
    """Write whole arrays as a shards folder (atomically).

    Args:
        folder: the folder to make or replace.
        images: {"train": uint8 (n, H, W, C), "valid": ..., "test": ...}; a split may be left out (then empty).
        dataset: str.
        ids: {split: list of n ids}; None: train-000000.png and so on.
        attributes: DataFrame indexed by id with columns 0/1/NaN, or None.
        factors: DataFrame indexed by id, or None.
        shard_mb: as for `ShardWriter`.
    """
    if ids is None:
        ids = {split: [f"{split}-{row:06d}.png" for row in range(len(array))] for split, array in images.items()}
    with atomic_folder(folder) as temporary:
        shape = next(iter(images.values())).shape[1:]
        writer = ShardWriter(temporary, {split: len(array) for split, array in images.items()}, shape, shard_mb)
        for split, array in images.items():
            for row, image in enumerate(array):
                writer.put(split, row, image)
        rows = {split: [{"id": name, "source": name} for name in names] for split, names in ids.items()}
        writer.finish(dataset, rows, attributes, factors)
