"""Latents as CSV: a row per face, columns id, split, z000, z001, ...; edited in a spreadsheet and read back exactly."""

import csv
import re
import unicodedata
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from facepipe.errors import InputError
from facepipe.files import atomic_file
from facepipe.latents.vectors import format_vector, read_vectors, short, z_columns

ID_BYTES = 200  # with a suffix added, still a file name on every file system
_SUFFIX = re.compile(r"\.(png|jpe?g)$", re.IGNORECASE)


class Latents(NamedTuple):
    """A table of latents.

    ids list of n str; splits list of n str ("" where unknown); z float32 (n, d); extra {column: list of n str},
    the other columns (attributes, notes) in the order of the file.
    """

    ids: list
    splits: list
    z: np.ndarray
    extra: Mapping = MappingProxyType({})


def write_latents(path, ids, split, z, latent_dim=None):
    """Write latents with 9 significant digits, from which float32 reads back to the same bits.

    Args:
        path: the CSV file; written atomically.
        ids: list of n str, different, each fit to name a file.
        split: str, the same for all rows.
        z: float32 (n, d), or an iterable of such arrays with n rows in all, so that a large split need not
            be in memory at once.
        latent_dim: int, d; needed only where there are no rows.

    Raises:
        InputError: an id that cannot name a file, or a latent that is not finite.
    """
    check_ids(path, ids)
    chunks = [z] if isinstance(z, np.ndarray) else z
    names, header = iter(ids), None
    with atomic_file(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        for chunk in chunks:
            if header is None:
                header = ["id", "split", *z_columns(chunk.shape[1])]
                writer.writerow(header)
            finite = np.isfinite(chunk).all(axis=1)
            for name, values, good in zip(islice(names, len(chunk)), chunk, finite, strict=True):
                if not good:
                    raise InputError(f"{path}: {short(name)}: the latent holds NaN or infinity; did training diverge?")
                writer.writerow([name, split, *format_vector(values)])
        if header is None:
            writer.writerow(["id", "split", *z_columns(latent_dim)])
        if next(names, None) is not None:
            raise ValueError(f"{path}: more ids than latents")


def write_table(path, table):
    """Write a table with all its columns: id, split, the extra ones, then the latent, exact as in `write_latents`.

    Args:
        path: the file, written atomically; its suffix says how: .csv or .tsv (separated by tabs).
        table: `Latents`.

    Raises:
        InputError: another suffix, an id that cannot name a file, or a latent that is not finite.
    """
    path = Path(path)
    check_ids(path, table.ids)
    separator = {".csv": ",", ".tsv": "\t"}.get(path.suffix.lower())
    if separator is None:
        raise InputError(f"{path}: cannot tell the format from the suffix {path.suffix!r}; use .csv or .tsv")
    with atomic_file(path) as file:
        writer = csv.writer(file, delimiter=separator, lineterminator="\n")
        writer.writerow(["id", "split", *table.extra, *z_columns(table.z.shape[1])])
        for name, split, values, *others in zip(table.ids, table.splits, table.z, *table.extra.values(), strict=True):
            if not np.isfinite(values).all():
                raise InputError(f"{path}: {short(name)}: the latent holds NaN or infinity")
            writer.writerow([name, split, *others, *format_vector(values)])


def read_latents(path, latent_dim=None, model_name=None):
    """Read a table of latents, or a plain text file of one latent with one number a line.

    The table needs a column `id` and z000, z001, ... in order; `split` is optional, other columns (attributes,
    notes) are kept as text where they have a name. A plain file is one row whose id is the file's stem.

    Args:
        path: the file.
        latent_dim: int, the model's; None takes what is there.
        model_name: str, for the message where the two differ.

    Returns:
        `Latents`, n >= 1; row i of it is row i + 2 of the spreadsheet.

    Raises:
        InputError: one line with file, row (as a spreadsheet counts: the header is row 1) and column.
    """
    ids, cells, z = read_vectors(path, "id", optional=None, latent_dim=latent_dim, model_name=model_name, plain=True)
    check_ids(path, ids)
    return Latents(ids, cells.pop("split", [""] * len(ids)), z, cells)


def check_ids(path, ids):
    """Raise InputError where an id cannot name a file, or two are one name to a file system that ignores case."""
    seen = {}
    for row, name in enumerate(ids, 2):
        where = f"{path}: row {row}, column id"
        problem = _problem(name)
        if problem:
            raise InputError(f"{where}: {short(name)} {problem}")
        earlier, same = seen.setdefault(_fold(name), (row, name))
        if earlier != row:
            case = "" if same == name else f" as {short(same)}, the same name where upper and lower case are one"
            raise InputError(f"{where}: {short(name)} is already in row {earlier}{case}; ids must differ")


def picture_names(ids, path="latents"):
    """File names of the pictures: `<id>.png`; an id that ends in .png, .jpg or .jpeg has that replaced.

    Args:
        ids: list of n str that passed `check_ids`.
        path: where they come from, for the message.

    Returns:
        List of n str, different even to a file system that ignores case.

    Raises:
        InputError: two ids would be written to the same file.
    """
    names, owner = [], {}
    for i, name in enumerate(ids):
        picture = (_SUFFIX.sub("", name) or name) + ".png"
        first = owner.setdefault(_fold(picture), i)
        if first != i:
            raise InputError(
                f"{path}: row {i + 2}, column id: {short(name)} would be written to {short(picture)}, "
                f"as {short(ids[first])} of row {first + 2} is; rename one"
            )
        names.append(picture)
    return names


def _fold(name):
    # file names are compared like this where case and Unicode form do not count
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _problem(name):
    """Why `name` cannot be an id, as the end of a sentence; None where it can."""
    if not name:
        return "is empty; each row needs an id, which names its picture"
    if "/" in name or "\\" in name or name.startswith("."):
        return "looks like a path; an id is a file name such as face-1, without folders or a leading dot"
    if not name.isprintable() or name != name.strip():
        return "has a control character in it or a space at an end; an id is a file name such as face-1"
    if len(name.encode("utf-8")) > ID_BYTES:
        return f"is longer than the {ID_BYTES} bytes that a file name can have"
    return None
