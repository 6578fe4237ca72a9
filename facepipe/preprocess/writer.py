"""Write shards: uint8 images as .npy files of bounded size, with an index and tables of ids and attributes (CSV)."""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from facepipe.core.files import describe_files, write_csv, write_sealed
from facepipe.preprocess.rejected import write_rejected
from facepipe.shards.shards import ID_COLUMNS, SPLITS, VERSION, OpenFiles

ROWS_AT_ONCE = 10_000  # of a table


class ShardWriter:
    """Write images into the rows planned for them, in any order; rows never written are dropped at the end.

    Which shard an image lies in depends on the plan alone, so the bytes do not depend on who writes when. A shard
    that loses images holds fewer than planned, and one that loses all of them is left out of the index.

    Args:
        folder: an existing, empty folder.
        counts: {"train": n, "valid": n, "test": n}, planned images per split.
        image_shape: (H, W, C).
        shard_mb: upper bound of a shard's pixels in 10**6 bytes (one image at least).
    """

    def __init__(self, folder, counts, image_shape, shard_mb=64.0):
        self.folder = Path(folder)
        self.image_shape = tuple(int(n) for n in image_shape)
        self._per_shard = max(1, int(shard_mb * 1e6 // np.prod(self.image_shape)))
        self._written = {split: np.zeros(counts.get(split, 0), dtype=bool) for split in SPLITS}
        self._shards = {}  # (split, number): (path, planned samples, bytes before the first)
        self._files = OpenFiles(os.O_WRONLY)

    def put(self, split, row, image):
        """Write one uint8 (H, W, C) image into the planned row `row` of `split`."""
        number, offset = divmod(row, self._per_shard)
        if (split, number) not in self._shards:
            planned = min(self._per_shard, len(self._written[split]) - number * self._per_shard)
            path = self.folder / f"{split}-{number:05d}.npy"
            self._shards[split, number] = str(path), planned, self._create(path, planned)
        path, _, header = self._shards[split, number]
        image = np.ascontiguousarray(image, dtype=np.uint8)
        if image.shape != self.image_shape:
            raise ValueError(f"image of shape {image.shape}, expected {self.image_shape}")
        # not a memory map: its pages would count as this process's memory, and a full disk would kill it
        handle, left, place = self._files.handle(path), memoryview(image).cast("B"), header + offset * image.nbytes
        while left:
            done = os.pwrite(handle, left, place)
            left, place = left[done:], place + done
        self._written[split][row] = True

    def finish(self, dataset, ids, attributes=None, factors=None, rejected=(), credits=None, framing=None):
        """Close the shards and write index.json and the tables.

        Args:
            dataset: str, the data set's name.
            ids: {split: DataFrame, or what makes one}, one row per *planned* row with the ID_COLUMNS other than split
                and row (those left out are written empty).
            attributes: DataFrame indexed by id, columns 0/1/NaN; ids it lacks get empty cells. None: no attributes.
            factors: DataFrame indexed by id of continuous values, or None.
            rejected: (source, reason) pairs.
            credits: dict that goes into index.json as it is (licence, citation, crop), or None.
            framing: see `Shards`.

        Returns:
            {"train": n, "valid": n, "test": n}, images written.
        """
        attributes = pd.DataFrame() if attributes is None else attributes
        self._files.close()
        splits = {split: self._close(split) for split in SPLITS}
        table = pd.concat([self._id_table(split, ids.get(split, [])) for split in SPLITS], ignore_index=True)
        table[ID_COLUMNS].to_csv(self.folder / "ids.csv", index=False, lineterminator="\n")
        _write_table(self.folder / "attributes.csv", table["id"], attributes, "{:.0f}".format)
        if factors is not None:
            _write_table(self.folder / "factors.csv", table["id"], factors, repr)
        write_rejected(self.folder / "rejected.csv", rejected)
        tables = [path.name for path in self.folder.glob("*.csv")]
        write_sealed(
            self.folder / "index.json",
            {
                "version": VERSION,
                "dataset": dataset,
                "image_shape": list(self.image_shape),
                "attributes": list(attributes.columns),
                "framing": framing,
                "splits": splits,
                "tables": describe_files(self.folder, tables),
            }
            | (credits or {}),
        )
        return {split: entry["samples"] for split, entry in splits.items()}

    def _create(self, path, samples):
        """Make a shard without pixels; the length of its header in bytes."""
        shape = (samples, *self.image_shape)
        with open(path, "wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
            header = file.tell()
            file.truncate(header + int(np.prod(shape)))
        return header

    def _close(self, split):
        """The split's entry in index.json."""
        shards = []
        for number in sorted(n for name, n in self._shards if name == split):
            path, planned, _ = self._shards[split, number]
            kept = self._written[split][number * self._per_shard :][:planned]
            if not kept.all():
                images = np.load(path)[kept]
                np.save(path, images)
            name = os.path.basename(path)
            shards.append({"file": name, "samples": int(kept.sum())} | describe_files(self.folder, [name])[name])
        return {"samples": sum(shard["samples"] for shard in shards), "shards": shards}

    def _id_table(self, split, rows):
        table = pd.DataFrame(rows, columns=ID_COLUMNS[2:])[self._written[split]].reset_index(drop=True)
        table.insert(0, "row", np.arange(len(table)))
        table.insert(0, "split", split)
        return table


def _write_table(path, ids, table, text):
    """Write `table`'s rows for `ids` with text(value) in the cells; nothing where a value or an id is missing."""
    whole = table.reindex(pd.Index(ids, name="id"))

    def rows():
        for start in range(0, len(whole), ROWS_AT_ONCE):
            part = whole[start : start + ROWS_AT_ONCE]
            for name, row in zip(part.index, part.to_numpy(dtype=float).tolist(), strict=True):
                yield [name, *(None if value != value else text(value) for value in row)]

    write_csv(path, ["id", *table.columns], rows())
