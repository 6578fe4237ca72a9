"""Files whose rows are a name and a vector z000, z001, ...: reading, with every mistake named by row and column."""

import itertools
from array import array
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facepipe.errors import InputError
from facepipe.latents import parquet
from facepipe.tables.cells import Cells, short
from facepipe.tables.columns import VECTOR, is_vector_column
from facepipe.tables.sheets import MAX_COLUMNS, open_sheet

FORMS = {"z": "latent columns", "pc": "columns of principal components"}
_NUMBERS = 2**15  # converted at once


class Vectors(NamedTuple):
    """Named vectors: keys list of n str, cells {column: list of n str} of the columns asked for, z float32 (n, d)."""

    keys: list
    cells: dict
    z: np.ndarray


class _Layout(NamedTuple):
    form: str  # see FORMS
    at: dict  # number of the vector: where its column stands
    kept: dict  # name of another column: where it stands


class Parts(NamedTuple):
    """`Vectors` of which only some numbers are there, or whose numbers are coordinates.

    z float32 (n, k); form "z" or "pc" (see `FORMS`); columns list of k int, which numbers of the vector they are.
    """

    keys: list
    cells: dict
    z: np.ndarray
    form: str
    columns: list


def z_columns(latent_dim, form="z"):
    """The column names of a latent: z000, z001, ..., z1000, ...; form "pc": pc000, ... of its principal components."""
    return [f"{form}{i:03d}" for i in range(latent_dim)]


def format_vector(values):
    """Texts of a float32 vector, 9 significant digits each: they read back to the same bits."""
    return [f"{value:.9g}" for value in np.asarray(values, np.float32).tolist()]


def read_vectors(path, key, required=(), optional=(), latent_dim=None, model_name=None, empty_ok=False):
    """Read a table with a header. Rows are counted as a spreadsheet does: the header is row 1.

    CSV as `facepipe.tables.sheets` reads it, or Parquet. The columns may stand in any order; those not asked for
    are ignored.

    Args:
        path: the file.
        key: name of the column that names the row.
        required: names of other columns that must be there, to return.
        optional: names of columns to return where they are there; None: all columns that have a name.
        latent_dim: int, how many z columns there should be; None takes what is there.
        model_name: str, whose latent_dim that is, for the message.
        empty_ok: whether a header without rows is right.

    Returns:
        `Vectors`.

    Raises:
        InputError: one line with file, row and column, whatever is in the file.
    """
    parts = read_parts(path, key, required, optional, latent_dim, model_name, empty_ok)
    return Vectors(parts.keys, parts.cells, parts.z)


def read_parts(
    path,
    key,
    required=(),
    optional=(),
    latent_dim=None,
    model_name=None,
    empty_ok=False,
    plain=False,
    forms=("z",),
    partial=False,
    only=None,
):
    """Read a table as `read_vectors` does, or something like it.

    Args:
        plain: also take a text file of one number a line: one vector, named by the file's stem.
        forms: which of `FORMS` to take; the file has columns of one of them.
        partial: whether columns of the vector may be missing.
        only: set of keys; rows of others are passed over, and there may be none left. None: all rows.
        others: as in `read_vectors`.

    Returns:
        `Parts`.

    Raises:
        InputError: as in `read_vectors`.
    """
    path = Path(path)

    def layout(header):
        _check_names(path, header, (key, *required), each=optional is None)
        form, at = _vector_columns(path, header, forms)
        _check_columns(path, form, at, latent_dim, model_name, partial)
        others = header if optional is None else optional
        kept = (name for name in (key, *required, *others) if name in header and name)
        return _Layout(form, at, {name: header.index(name) for name in kept if not is_vector_column(name)})

    if parquet.is_parquet(path):
        header = parquet.read_header(path)
        form, at, kept = layout(header)
        z, cells = parquet.read_columns(path, [header[at[i]] for i in sorted(at)], list(kept), key, only)
    else:
        with open_sheet(path) as sheet:
            if plain and Cells(comma=True).numbers([sheet.first]) is not None:
                return _read_plain(path, sheet.encoding, latent_dim, model_name)
            form, at, kept = layout(sheet.header)
            z, cells = _read_rows(path, sheet, [at[i] for i in sorted(at)], kept, key, only)
    if not len(z) and not empty_ok and only is None:
        raise InputError(f"{path}: a header but no rows; expected at least one row below it")
    return Parts(cells.pop(key), cells, z, form, sorted(at))


def check_latent_dim(path, found, latent_dim, model_name, form="z"):
    """Raise InputError where a file's number of latent columns is not the model's; latent_dim None: any will do."""
    if latent_dim not in (None, found):
        model = f"model {model_name}" if model_name else "the model"
        raise InputError(
            f"{path}: has {found} {FORMS[form]}, {model} has {latent_dim}; was it exported from another model?"
        )


def _read_rows(path, sheet, at, kept, key, only):
    """(z float32 (n, len(at)), {column: list of n str}) of the rows of a sheet; at, kept: where the columns stand."""
    values, texts, cells = array("f"), {name: [] for name in kept}, Cells(comma=sheet.separator != ",")
    # neighbours are cut out in one piece
    piece = slice(at[0], at[0] + len(at)) if at == list(range(at[0], at[0] + len(at))) else None
    rows = (pair for pair in _without_gaps(path, sheet.rows) if only is None or pair[1][kept[key]] in only)
    while block := list(itertools.islice(rows, max(1, _NUMBERS // len(at)))):
        there = []
        for _, line in block:
            there += line[piece] if piece else [line[i] for i in at]
        numbers = cells.numbers(there)
        if numbers is None:
            i, problem = cells.first_problem(there)
            row, column = block[i // len(at)][0], sheet.header[at[i % len(at)]]
            raise InputError(f"{path}: row {row}, column {column}: {problem}")
        values.frombytes(numbers.astype(np.float32).tobytes())
        for name, i in kept.items():
            texts[name] += [line[i] for _, line in block]
    z = np.frombuffer(values, np.float32) if values else np.empty(0, np.float32)
    return z.reshape(-1, len(at)), texts


def _without_gaps(path, rows):
    # later checks count rows from the first
    for expected, (row, cells) in enumerate(rows, 2):
        if row != expected:
            raise InputError(f"{path}: row {expected}: blank, with more rows below; remove it")
        yield row, cells


def _read_plain(path, encoding, latent_dim, model_name):
    texts = [line.strip() for line in path.read_text(encoding=encoding).splitlines()]
    while not texts[-1]:
        texts.pop()
    cells = Cells(comma=True)
    numbers = cells.numbers(texts)
    if numbers is None:
        i, problem = cells.first_problem(texts)
        raise InputError(f"{path}: row {i + 1}: {problem}")
    check_latent_dim(path, len(numbers), latent_dim, model_name)
    return Parts([path.stem], {}, numbers.astype(np.float32)[None], "z", list(range(len(numbers))))


def _vector_columns(path, header, forms):
    """(form, {number: where its column stands}); InputError where they are misspelled, mixed or absent."""
    where, found = f"{path}: row 1", {form: {} for form in FORMS}
    for i, name in enumerate(header):
        match = VECTOR.match(name)
        if not match:
            continue
        form, number = match[1].lower(), int(match[2][:9])
        right = f"{form}{number:03d}"
        if name != right:
            raise InputError(f"{where}, column {short(name)}: not the name of a latent column; did you mean {right}?")
        if number in found[form]:
            raise InputError(f"{where}: 2 columns named {name}; latent columns are z000, z001, ..., each once")
        found[form][number] = i
    there = [form for form in FORMS if found[form]]
    if not there:
        raise InputError(f"{where}: no latent columns; expected z000,z001,...")
    if len(there) > 1:
        raise InputError(f"{where}: both {' and '.join(FORMS.values())}; remove one kind, they say the same")
    if there[0] not in forms:
        raise InputError(f"{where}: {FORMS[there[0]]}, where {' or '.join(FORMS[form] for form in forms)} are expected")
    return there[0], found[there[0]]


def _check_names(path, header, once, each):
    """InputError where a column of `once` is not there once, or (each) another name stands twice."""
    if len(header) > MAX_COLUMNS:  # of Parquet; of a sheet it is known
        raise InputError(f"{path}: {len(header)} columns, more than {MAX_COLUMNS}")
    for name in once:
        if header.count(name) != 1:
            count = "no column" if name not in header else f"{header.count(name)} columns"
            raise InputError(f"{path}: row 1: {count} named {name}; expected a header {once[0]},...,z000,z001,...")
    counts = Counter(header) if each else {}
    twice = [name for name in counts if counts[name] > 1 and name and not is_vector_column(name)]
    if twice:
        raise InputError(f"{path}: row 1: {counts[twice[0]]} columns named {short(twice[0])}; rename one")


def _check_columns(path, form, at, latent_dim, model_name, partial):
    count = max(at) + 1
    if latent_dim is not None and count > latent_dim:
        check_latent_dim(path, count, latent_dim, model_name, form)
    if not partial and len(at) < (latent_dim or count):
        missing = next(i for i in itertools.count() if i not in at)
        problem = f"row 1: no column {form}{missing:03d}"
        if missing == len(at):
            problem = (
                f"has {count} {FORMS[form]}, {f'model {model_name}' if model_name else 'the model'} has {latent_dim}"
            )
        raise InputError(f"{path}: {problem}; `facepipe decode --base ID` takes missing ones from another face")
