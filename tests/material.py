"""Data for tests: whole arrays as a folder of shards, zips as other programs write them."""

import struct
import zlib

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


def write_unflagged_zip(path, contents, encoding, system=0, extra=lambda raw: b""):
    """Write a zip whose names lack the flag that says UTF-8.

    Args:
        path: the file.
        contents: {name: bytes}.
        encoding: of the names.
        system: what it says it was written on: 0 DOS, 3 Unix.
        extra: bytes of a name -> bytes of its extra fields.

    Returns:
        path.
    """
    records, directory = b"", b""
    for name, data in contents.items():
        raw = name.encode(encoding)
        field = extra(raw)
        begin = struct.pack("<HHHHH", 20, 0, 0, 0, 33)
        sizes = struct.pack("<LLLHH", zlib.crc32(data), len(data), len(data), len(raw), len(field))
        directory += b"PK\x01\x02" + bytes([20, system]) + begin + sizes
        directory += struct.pack("<HHHLL", 0, 0, 0, 0o100644 << 16, len(records)) + raw + field
        records += b"PK\x03\x04" + begin + sizes + raw + field + data
    end = struct.pack("<HHHHLLH", 0, 0, len(contents), len(contents), len(directory), len(records), 0)
    path.write_bytes(records + directory + b"PK\x05\x06" + end)
    return path
