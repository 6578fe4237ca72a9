"""Read shards: uint8 images in .npy files of bounded size, with an index and tables of ids and attributes (CSV)."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from facepipe.errors import InputError
from facepipe.files import read_json

VERSION = 1
SPLITS = ("train", "valid", "test")
ID_COLUMNS = ["split", "row", "id", "identity", "source", "left", "top", "right", "bottom"]


class Shards:
    """Read a shards folder; pixels are memory-mapped, nothing is loaded until asked for.

    Args:
        folder: e.g. "data/shards".

    Attributes:
        image_shape: (H, W, C).
        dataset: str.
        attribute_names: list of str.
        splits: {"train": n, "valid": n, "test": n}.
        sha256: hex digest of index.json's bytes; names the pixels, since the index holds every shard's digest.

    Raises:
        InputError: no index, another version, a shard missing or of the wrong size. The shards' digests are
            not checked here (it would read every byte): see `verify`.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        path = self.folder / "index.json"
        try:
            index = read_json(path)
        except FileNotFoundError:
            raise InputError(f"{path}: not found; run the preprocess stage (dvc repro preprocess)") from None
        except ValueError:
            raise InputError(f"{path}: not valid JSON; run the preprocess stage again") from None
        if not isinstance(index, dict) or index.get("version") != VERSION:
            found = index.get("version") if isinstance(index, dict) else None
            raise InputError(f"{path}: version: found {found}, expected {VERSION}; run the preprocess stage again")
        try:
            self.image_shape = tuple(int(n) for n in index["image_shape"])
            self.dataset = index["dataset"]
            self.attribute_names = list(index["attributes"])
            self.splits = {split: int(index["splits"][split]["samples"]) for split in SPLITS}
            self._shards = {split: index["splits"][split]["shards"] for split in SPLITS}
            for split in SPLITS:
                self._check(split)
        except (KeyError, TypeError) as error:
            raise InputError(f"{path}: incomplete ({error}); run the preprocess stage again") from None
        self.sha256 = sha256(path)
        # row at which each shard begins, and the end
        self._starts = {split: np.cumsum([0] + [shard["samples"] for shard in self._shards[split]]) for split in SPLITS}
        self._maps = {}
        self._tables = {}

    def count(self, split):
        """Number of images in `split`."""
        return self.splits[split]

    def gather(self, split, rows):
        """Images by row.

        Args:
            split: "train", "valid" or "test".
            rows: int (n,), any order, repeats allowed.

        Returns:
            uint8 (n, H, W, C), a copy.

        Raises:
            IndexError: a row outside [0, count).
        """
        rows = np.asarray(rows, dtype=np.int64)
        if rows.size and not (rows.min() >= 0 and rows.max() < self.splits[split]):
            raise IndexError(f"{split}: rows must be in [0, {self.splits[split]})")
        images = np.empty((len(rows), *self.image_shape), dtype=np.uint8)
        numbers = np.searchsorted(self._starts[split], rows, side="right") - 1
        for number in np.unique(numbers):
            here = np.flatnonzero(numbers == number)
            images[here] = self._map(split, number)[rows[here] - self._starts[split][number]]
        return images

    def images(self, split, start=0, stop=None):
        """Images [start, stop) of `split` as uint8 (n, H, W, C); stop None: to the end."""
        return self.gather(split, np.arange(*slice(start, stop).indices(self.splits[split])))

    def ids(self, split):
        """The ids of `split` in row order, list of str."""
        return self.table(split)["id"].tolist()

    def table(self, split):
        """`split`'s part of ids.csv as a DataFrame of str (columns `ID_COLUMNS`)."""
        return self._split(self._table("ids.csv"), split)

    def attributes(self, split):
        """DataFrame indexed by id, one float column per attribute: 1.0, 0.0 or NaN (unknown)."""
        return self._numbers("attributes.csv", split)[self.attribute_names]

    def factors(self, split):
        """DataFrame indexed by id of the continuous factors (synthetic faces), or None where there are none."""
        return self._numbers("factors.csv", split) if (self.folder / "factors.csv").exists() else None

    def verify(self):
        """Read every shard and compare its sha256 with the index.

        Raises:
            InputError: the first shard that differs.
        """
        for split in SPLITS:
            for shard in self._shards[split]:
                path = self.folder / shard["file"]
                if sha256(path) != shard["sha256"]:
                    raise InputError(f"{path}: sha256 differs from index.json; run the preprocess stage again")

    def _check(self, split):
        pixels = int(np.prod(self.image_shape))
        for shard in self._shards[split]:
            path = self.folder / shard["file"]
            size = path.stat().st_size if path.is_file() else None
            if size is None:
                raise InputError(f"{path}: not found, but index.json lists it; run the preprocess stage again")
            if size != shard["bytes"] or size <= shard["samples"] * pixels:
                raise InputError(
                    f"{path}: {size} bytes, expected {shard['bytes']} for {shard['samples']} images; "
                    "run the preprocess stage again"
                )
        if self.splits[split] != sum(shard["samples"] for shard in self._shards[split]):
            raise InputError(f"{self.folder / 'index.json'}: {split}: samples differ from the sum of its shards")

    def _map(self, split, number):
        if (split, number) not in self._maps:
            shard = self._shards[split][number]
            path = self.folder / shard["file"]
            try:
                array = np.load(path, mmap_mode="r")
            except ValueError:
                raise InputError(f"{path}: not a .npy file; run the preprocess stage again") from None
            if array.dtype != np.uint8 or array.shape != (shard["samples"], *self.image_shape):
                raise InputError(
                    f"{path}: holds {array.dtype} {list(array.shape)}, expected uint8 "
                    f"{[shard['samples'], *self.image_shape]}; run the preprocess stage again"
                )
            self._maps[split, number] = array
        return self._maps[split, number]

    def _table(self, name):
        """A whole table as text; its order is that of ids.csv."""
        if name not in self._tables:
            path = self.folder / name
            try:
                # a person may be called NA or None: no cell means "missing" but the empty one
                table = pd.read_csv(path, dtype=str, keep_default_na=False)
            except FileNotFoundError:
                raise InputError(f"{path}: not found; run the preprocess stage again") from None
            if len(table) != sum(self.splits.values()):
                raise InputError(
                    f"{path}: {len(table)} rows, expected {sum(self.splits.values())} (one an image); "
                    "run the preprocess stage again"
                )
            self._tables[name] = table
        return self._tables[name]

    def _split(self, table, split):
        start = sum(self.splits[earlier] for earlier in SPLITS[: SPLITS.index(split)])
        return table.iloc[start : start + self.splits[split]].reset_index(drop=True)

    def _numbers(self, name, split):
        table = self._split(self._table(name), split).set_index("id")
        return table.replace("", "nan").astype(float)


def sha256(path):
    """Hex sha256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
