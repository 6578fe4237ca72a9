"""Read shards: uint8 images in .npy files of bounded size, with an index and tables of ids and attributes (CSV)."""

import collections
import csv
import hashlib
import json
import math
import os
import weakref
from pathlib import Path

import numpy as np
import pandas as pd

from facepipe.core.files import check_bytes, check_seal, describes_files, read_json, say_unchecked
from facepipe.core.zips import BROKEN_ARRAYS
from facepipe.errors import InputError

VERSION = 4
# 3 had checksums of shards alone
READABLE = (3, VERSION)
AGAIN = "`dvc repro -f preprocess` makes it again"
SPLITS = ("train", "valid", "test")
# left to bottom: the crop in pixels of the upright source, width and height the source's, angle degrees
ID_COLUMNS = [
    *("split", "row", "id", "identity", "source"),
    *("left", "top", "right", "bottom", "width", "height", "angle"),
]
MAX_OPEN = 256  # shards held open at a time


class Shards:
    """Read a shards folder; nothing is loaded until asked for.

    Pixels are read, not memory-mapped: the pages of a map count as the process's memory, and random order touches all.

    Args:
        folder: e.g. "data/shards".

    Attributes:
        image_shape: (H, W, C).
        dataset: str.
        attribute_names: list of str.
        framing: how the images were made of their pictures, see `photos.read_photos`; None: not known.
        splits: {"train": n, "valid": n, "test": n}.
        sha256: hex digest of the index but for what it says of the tables; names the pixels, since the index holds
            every shard's digest.

    A shard's bytes are compared with the index when the first of its images is read, those of a table when it is read:
    whoever reads a few images does not wait for all, and who reads all hashes 1 GB a second once, before an hour of
    training.

    Raises:
        InputError: no index, one that is not as it was written or another version, a shard missing or of the wrong
            size; later, where a shard or table is read that is not as it was written.
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
        if not isinstance(index, dict) or index.get("version") not in READABLE:
            found = repr(index.get("version"))[:50] if isinstance(index, dict) else None
            raise InputError(f"{path}: version: found {found}, expected {VERSION}; run the preprocess stage again")
        self._unchecked = index["version"] != VERSION  # the index and its tables
        if self._unchecked:
            say_unchecked(path)
        else:
            check_seal(path, index, AGAIN)
        try:
            self.image_shape = tuple(index["image_shape"])
            self.dataset = index["dataset"]
            self.attribute_names = list(index["attributes"])
            self.framing = index["framing"]
            self.splits = {split: index["splits"][split]["samples"] for split in SPLITS}
            self._shards = {split: index["splits"][split]["shards"] for split in SPLITS}
            self._tables = {} if self._unchecked else index["tables"]
            _check_numbers(self.image_shape, self.splits, self._shards)
            if not all(isinstance(name, str) for name in self.attribute_names):
                raise TypeError("attributes should be names")
            if not describes_files(self._tables):
                raise TypeError("tables should have sizes and checksums")
            for split in SPLITS:
                self._check(split)
            pixels = {key: value for key, value in index.items() if key not in ("tables", "sha256")}
            self.sha256 = hashlib.sha256(json.dumps(pixels, sort_keys=True).encode()).hexdigest()
        except (KeyError, TypeError, AttributeError) as error:
            problem = " ".join(str(error).split())[:150]
            raise InputError(f"{path}: incomplete ({problem}); run the preprocess stage again") from None
        # row at which each shard begins, and the end
        self._starts = {split: np.cumsum([0] + [shard["samples"] for shard in self._shards[split]]) for split in SPLITS}
        self._paths = {split: [str(self.folder / shard["file"]) for shard in self._shards[split]] for split in SPLITS}
        self._files = OpenFiles(os.O_RDONLY)
        self._headers = {}  # path: bytes before the first pixel

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
        size = int(np.prod(self.image_shape))
        within = ((rows - self._starts[split][numbers]) * size).tolist()
        buffer = memoryview(images).cast("B") if rows.size else b""
        for i, (number, offset) in enumerate(zip(numbers.tolist(), within, strict=True)):
            handle, header = self._open(split, number)
            if os.preadv(handle, [buffer[i * size : (i + 1) * size]], header + offset) != size:
                raise InputError(f"{self._paths[split][number]}: cut off; run the preprocess stage again")
        return images

    def images(self, split, start=0, stop=None):
        """Images [start, stop) of `split` as uint8 (n, H, W, C); stop None: to the end."""
        return self.gather(split, np.arange(*slice(start, stop).indices(self.splits[split])))

    def ids(self, split):
        """The ids of `split` in row order, list of str."""
        return self._table("ids.csv", split, {"id": str})["id"].tolist()

    def table(self, split):
        """`split`'s part of ids.csv as a DataFrame of str (columns `ID_COLUMNS`)."""
        return self._table("ids.csv", split, dict.fromkeys(ID_COLUMNS, str))

    def attributes(self, split):
        """DataFrame indexed by id, one float32 column per attribute: 1.0, 0.0 or NaN (unknown)."""
        types = {"id": str} | dict.fromkeys(self.attribute_names, "float32")
        return self._table("attributes.csv", split, types).set_index("id")[self.attribute_names]

    def factors(self, split):
        """DataFrame indexed by id of the continuous factors (age, year, ...; float64), or None: there are none."""
        path = self.folder / "factors.csv"
        if not (path.exists() if self._unchecked else path.name in self._tables):
            return None
        self._check_table(path)
        try:
            with open(path, encoding="utf-8", newline="") as file:
                names = next(csv.reader(file), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{path}: {error}; run the preprocess stage again") from None
        return self._table("factors.csv", split, {n: str if n == "id" else float for n in names}).set_index("id")

    def verify(self):
        """Read every shard and compare it with the index.

        Raises:
            InputError: the first shard that differs.
        """
        for split in SPLITS:
            for number in range(len(self._shards[split])):
                self._open(split, number)

    def _check(self, split):
        pixels = math.prod(self.image_shape)
        for shard in self._shards[split]:
            name = shard["file"]
            if not isinstance(name, str) or Path(name).name != name or not name.isprintable():
                raise TypeError(f"{split}: a shard is not the name of a file in this folder")
            path = self.folder / name
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

    def _open(self, split, number):
        """(file descriptor, bytes before the first pixel) of a shard, whose bytes are checked the first time."""
        path = self._paths[split][number]
        if path not in self._headers:
            shard = self._shards[split][number]
            check_bytes(path, shard, AGAIN)
            expected = [shard["samples"], *self.image_shape]
            try:
                with open(path, "rb") as file:
                    np.lib.format.read_magic(file)
                    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
                    header = file.tell()
            except BROKEN_ARRAYS:
                raise InputError(f"{path}: not a .npy file; run the preprocess stage again") from None
            if dtype != np.uint8 or fortran or list(shape) != expected:
                raise InputError(
                    f"{path}: holds {dtype} {list(shape)}, expected uint8 {expected}; run the preprocess stage again"
                )
            self._headers[path] = header
        return self._files.handle(path), self._headers[path]

    def _table(self, name, split, types):
        """The split's rows of a table with the columns `types`; the order of all tables is that of ids.csv."""
        path = self.folder / name
        self._check_table(path)
        try:
            # a person may be called NA or None: no cell means "missing" but the empty one of a number
            missing = {column: [""] for column, kind in types.items() if kind is not str}
            table = pd.read_csv(path, usecols=list(types), dtype=types, keep_default_na=False, na_values=missing)
        except ValueError as error:
            raise InputError(f"{path}: {' '.join(str(error).split())}; run the preprocess stage again") from None
        if len(table) != sum(self.splits.values()):
            raise InputError(
                f"{path}: {len(table)} rows, expected {sum(self.splits.values())} (one an image); "
                "run the preprocess stage again"
            )
        start = sum(self.splits[earlier] for earlier in SPLITS[: SPLITS.index(split)])
        return table[start : start + self.splits[split]].reset_index(drop=True)

    def _check_table(self, path):
        check_bytes(path, self._tables.get(path.name), AGAIN)


class OpenFiles:
    """File descriptors by path; the least recently used are closed beyond MAX_OPEN."""

    def __init__(self, flags):
        self._flags = flags
        self._handles = collections.OrderedDict()
        weakref.finalize(self, _close, self._handles)  # before the interpreter takes modules apart, unlike __del__

    def handle(self, path):
        """The descriptor of `path`, opened where it is not open."""
        if path in self._handles:
            self._handles.move_to_end(path)
        else:
            if len(self._handles) >= MAX_OPEN:
                os.close(self._handles.popitem(last=False)[1])
            self._handles[path] = os.open(path, self._flags)
        return self._handles[path]

    def close(self):
        """Close them all."""
        _close(self._handles)


def _check_numbers(shape, splits, shards):
    """TypeError where the sizes of an index are not whole numbers from 0 on, those of an image from 1."""
    listed = [shard for split in SPLITS for shard in shards[split]]
    if not describes_files(dict(enumerate(listed))):
        raise TypeError("shards should have sizes and checksums")
    sizes = [*splits.values(), *(shard[key] for shard in listed for key in ("samples", "bytes"))]
    if len(shape) != 3 or not all(type(size) is int and size > 0 for size in shape):
        raise TypeError("image_shape should be three whole numbers above 0")
    if not all(type(size) is int and 0 <= size < 2**63 for size in sizes):
        raise TypeError("samples and bytes should be whole numbers from 0 on")


def _close(handles):
    while handles:
        os.close(handles.popitem()[1])
