"""Tables of latents: a row per face, columns id, split, z000, z001, ...; edited in a spreadsheet, read back exactly."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from facepipe.core.names import folded, picture_name
from facepipe.errors import InputError
from facepipe.latents.rows import check_suffix, row_writer
from facepipe.latents.vectors import check_latent_dim, read_parts, z_columns
from facepipe.tables.cells import short
from facepipe.tables.columns import is_vector_column

ID_BYTES = 200  # with a suffix added, still a file name on every file system


class Latents(NamedTuple):
    """A table of latents.

    ids list of n str; splits list of n str ("" where unknown); z float32 (n, d); extra {column: list of n str},
    the other columns (attributes, notes) in the order of the file.
    """

    ids: list
    splits: list
    z: np.ndarray
    extra: Mapping = MappingProxyType({})


def take(table, rows):
    """`Latents` with these rows (sequence of int) of `table`, in this order."""
    extra = {name: [cells[i] for i in rows] for name, cells in table.extra.items()}
    return Latents([table.ids[i] for i in rows], [table.splits[i] for i in rows], table.z[list(rows)], extra)


def write_latents(path, ids, split, z, latent_dim=None, extra=None, form="z"):
    """Write latents with 9 significant digits, from which float32 reads back to the same bits.

    Args:
        path: the file, .csv, .tsv, .parquet, or .txt for the numbers of a single latent; written atomically.
        ids: list of n str, different, each fit to name a file.
        split: str, the same for all rows, or list of n str.
        z: float32 (n, d), or an iterable of such arrays with n rows in all, so that a large split need not
            be in memory at once.
        latent_dim: int, d; needed only where there are no rows.
        extra: {column: list of n str} of other columns, or None.
        form: "z", or "pc" where z are coordinates along principal components.

    Raises:
        InputError: an id that cannot name a file, a column whose name has another meaning, a latent that is not
            finite.
    """
    extra = extra or {}
    check_ids(path, ids)
    check_suffix(path, len(ids))
    for name in extra:
        if name in ("", "id", "split") or is_vector_column(name):
            raise InputError(f"{path}: no column can be named {short(name)}, which has another meaning; rename it")
    splits = [split] * len(ids) if isinstance(split, str) else split
    chunks = iter([z] if isinstance(z, np.ndarray) else z)
    chunk = next(chunks, None)
    columns = z_columns(latent_dim if chunk is None else chunk.shape[1], form)
    start = 0
    with row_writer(path, ["id", "split", *extra], columns) as write:
        while chunk is not None:
            texts = [column[start : start + len(chunk)] for column in (ids, splits, *extra.values())]
            finite = np.isfinite(chunk).all(axis=1)
            if not finite.all():
                name = short(ids[start + int(np.argmin(finite))])
                raise InputError(f"{path}: {name}: the latent holds NaN or infinity; did training diverge?")
            write(texts, chunk)
            start += len(chunk)
            chunk = next(chunks, None)
        if start != len(ids):
            raise ValueError(f"{path}: {len(ids)} ids for {start} latents")


def write_table(path, table):
    """Write a `Latents` with all its columns as `write_latents` does: id, split, the extra ones, then the latent."""
    write_latents(path, table.ids, table.splits, table.z, extra=table.extra)


def read_latents(path, latent_dim=None, model_name=None, base=None, pca=None, only=None):
    """Read a table of latents, or a plain text file of one latent with one number a line.

    The table, CSV in the ways that spreadsheets write it or Parquet, needs a column `id` and z000, z001, ...; or
    pc000, pc001, ..., coordinates along principal components. `split` is optional, other columns (attributes, notes)
    are kept as text where they have a name. A plain file is one row whose id is the file's stem.

    Args:
        path: the file.
        latent_dim: int, the model's; None takes what is there.
        model_name: str, for the message where the two differ.
        base: float32 (d,), the latent that columns which are missing are taken from; None: none may be missing.
        pca: function that returns the model's `facepipe.latents.pca.PCA`, called where the file has the columns
            pc000, ...; None: those are refused.
        only: set of ids; other rows are passed over. None: all rows.

    Returns:
        `Latents`; row i of it is row i + 2 of the spreadsheet. n >= 1 unless `only` is given.

    Raises:
        InputError: one line with file, row (as a spreadsheet counts: the header is row 1) and column.
    """
    parts = read_parts(
        path,
        "id",
        optional=None,
        latent_dim=latent_dim,
        model_name=model_name,
        plain=True,
        forms=("z", "pc") if pca else ("z",),
        partial=base is not None,
        only=only,
    )
    ids, cells, z = parts.keys, parts.cells, parts.z
    check_ids(path, ids)
    components = pca() if parts.form == "pc" else None
    count = max(parts.columns) + 1
    if components is not None and (base is None or count > len(components.mean)):
        check_latent_dim(path, count, len(components.mean), model_name, parts.form)
    if base is not None:
        whole = base[None] if components is None else components.project(base[None])
        whole = np.repeat(whole, len(z), axis=0)
        whole[:, parts.columns] = z
        z = whole
    if components is not None:
        z = components.restore(z)
    return Latents(ids, cells.pop("split", [""] * len(ids)), z, cells)


def check_ids(path, ids):
    """Raise InputError where an id cannot name a file, or two are one name to a file system that ignores case."""
    seen = {}
    for row, name in enumerate(ids, 2):
        where = f"{path}: row {row}, column id"
        problem = _problem(name)
        if problem:
            raise InputError(f"{where}: {short(name)} {problem}")
        earlier, same = seen.setdefault(folded(name), (row, name))
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
        picture = picture_name(name)
        first = owner.setdefault(folded(picture), i)
        if first != i:
            raise InputError(
                f"{path}: row {i + 2}, column id: {short(name)} would be written to {short(picture)}, "
                f"as {short(ids[first])} of row {first + 2} is; rename one"
            )
        names.append(picture)
    return names


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
