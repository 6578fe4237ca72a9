"""Rows of texts and latents to CSV, TSV or Parquet, one latent also to plain text: exact, atomic, in parts."""

import contextlib
import csv
from pathlib import Path

from facepipe.core.files import atomic_file, check_file
from facepipe.errors import InputError, suggest
from facepipe.latents import parquet

SEPARATORS = {".csv": ",", ".tsv": "\t"}
PARQUET = ".parquet"
PLAIN = ".txt"  # a latent alone, one number a line


def check_suffix(path, rows=1):
    """The suffix of a table's path, in lower case.

    Raises:
        InputError: it names no format that can hold so many rows, or there can be no such file.
    """
    suffix = Path(path).suffix.lower()
    known = [*SEPARATORS, PARQUET, PLAIN]
    if suffix not in known:
        raise InputError(f"{path}: cannot write {suffix!r} files{suggest(suffix, known)}; use {', '.join(known)}")
    check_file(path)
    if suffix == PARQUET:
        parquet.import_pyarrow(path)
    if suffix == PLAIN and rows != 1:
        raise InputError(f"{path}: a text file holds one face, not {rows}; use {', '.join(known[:-1])}")
    return suffix


@contextlib.contextmanager
def row_writer(path, texts, vector):
    """A function write(columns, z) for the rows of a new file, which replaces `path` when the block ends well.

    Args:
        path: the file; its suffix says how it is written: .csv, .tsv, .parquet or .txt, which has only numbers.
        texts: names of the columns of texts.
        vector: names of the columns of the latent.

    write takes columns, lists of n str, one for each name in `texts`, and z, finite float32 (n, d). A float32
    written with 9 significant digits reads back to the same bits.

    Raises:
        InputError: another suffix, or Parquet where pyarrow is not installed.
    """
    suffix = check_suffix(path)
    if suffix == PARQUET:
        with atomic_file(path, "wb") as file, contextlib.closing(parquet.Writer(path, file, texts, vector)) as writer:
            yield writer.write
        return
    with atomic_file(path) as file:
        yield _plain_writer(file) if suffix == PLAIN else _text_writer(file, SEPARATORS[suffix], texts, vector)


def _plain_writer(file):
    return lambda columns, z: file.writelines(f"{number:.9g}\n" for number in z.ravel().tolist())


def _text_writer(file, separator, texts, vector):
    # one format for a whole row takes half the time of csv.writer with a format for each number
    row = separator.join(["%s"] + ["%.9g"] * len(vector)) + "\n"
    line = csv.writer(_Line, delimiter=separator, lineterminator="\n").writerow

    def write(columns, z):
        cells = zip(*columns, strict=True)
        file.writelines(row % (line(texts)[:-1], *numbers) for texts, numbers in zip(cells, z.tolist(), strict=True))

    file.write(line([*texts, *vector]))
    return write


class _Line:
    """What `csv.writer` writes to, to get a row as text."""

    write = str
