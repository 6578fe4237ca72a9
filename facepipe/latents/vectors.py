"""CSV files whose rows are a name and a vector z000, z001, ...: reading, with every mistake named by row and column."""

import csv
import itertools
import re
from array import array
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facepipe.errors import InputError

_LIMIT = float(np.finfo(np.float32).max) * (1 + 2**-25)  # float32 rounds to infinity from here on
_Z_LIKE = re.compile(r"\W*z\W*\d+", re.IGNORECASE)


class Vectors(NamedTuple):
    """Named vectors: keys list of n str, cells {column: list of n str} of the columns asked for, z float32 (n, d)."""

    keys: list
    cells: dict
    z: np.ndarray


def z_columns(latent_dim):
    """The column names of a latent: z000, z001, ..., z1000, ..."""
    return [f"z{i:03d}" for i in range(latent_dim)]


def format_vector(values):
    """Texts of a float32 vector, 9 significant digits each: they read back to the same bits."""
    return [f"{value:.9g}" for value in np.asarray(values, np.float32).tolist()]


def read_vectors(path, key, required=(), optional=(), latent_dim=None, model_name=None, plain=False, empty_ok=False):
    """Read a CSV with a header. Rows are counted as a spreadsheet does: the header is row 1.

    UTF-8 with or without BOM, any line ends, blank lines at the end. Columns not asked for are ignored.

    Args:
        path: the file.
        key: name of the column that names the row.
        required: names of other columns that must be there, to return.
        optional: names of columns to return where they are there; None: all columns that have a name.
        latent_dim: int, how many z columns there should be; None takes what is there.
        model_name: str, whose latent_dim that is, for the message.
        plain: also take a text file of one number a line: one vector, named by the file's stem.
        empty_ok: whether a header without rows is right.

    Returns:
        `Vectors`.

    Raises:
        InputError: one line with file, row and column, whatever is in the file.
    """
    path = Path(path)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            if not first:
                raise InputError(f"{path}: empty file; expected a header row {key},z000,z001,...")
            lines = itertools.chain([first], file)
            if plain and _float(first.strip()) is not None:
                return _read_plain(path, lines, latent_dim, model_name)
            vectors = _read_table(path, lines, key, required, optional, latent_dim, model_name)
    except UnicodeDecodeError:
        raise InputError(f"{path}: row {_undecodable_row(path)}: not UTF-8 text; save it as 'CSV UTF-8'") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; expected a CSV file") from None
    if not vectors.keys and not empty_ok:
        raise InputError(f"{path}: a header but no rows; expected at least one row below it")
    return vectors


def check_latent_dim(path, found, latent_dim, model_name):
    """Raise InputError where a file's number of latent columns is not the model's; latent_dim None: any will do."""
    if latent_dim not in (None, found):
        model = f"model {model_name}" if model_name else "the model"
        raise InputError(
            f"{path}: has {found} latent columns, {model} has {latent_dim}; was it exported from another model?"
        )


def short(text):
    """`text` as one line of at most some 40 characters, for messages."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _read_table(path, lines, key, required, optional, latent_dim, model_name):
    reader = csv.reader(lines, strict=True)
    row, blank, values = 0, None, array("f")
    try:
        header = next(reader)
        row = 1
        at = _z_positions(path, header, key, required, latent_dim, model_name)
        others = [name for i, name in enumerate(header) if i not in at and name] if optional is None else optional
        kept = {name: header.index(name) for name in (key, *required, *others) if name in header}
        cells = {name: [] for name in kept}
        for line in reader:
            row += 1
            if not any(line) or (len(line) == 1 and not line[0].strip()):
                blank = blank or row
                continue
            if blank:
                raise InputError(f"{path}: row {blank}: blank, with more rows below; remove it")
            if len(line) != len(header):
                raise InputError(f"{path}: row {row}: {len(line)} cells, the header has {len(header)}")
            texts = [line[i] for i in at]
            numbers = _floats(texts)
            if numbers is None:
                i, problem = _first_problem(texts)
                raise InputError(f"{path}: row {row}, column {header[at[i]]}: {problem}")
            values.extend(numbers)
            for name, i in kept.items():
                cells[name].append(line[i])
    except csv.Error as error:
        raise InputError(f"{path}: row {row + 1}: not valid CSV: {error}") from None
    return Vectors(cells.pop(key), cells, np.array(values, np.float32).reshape(-1, len(at)))


def _read_plain(path, lines, latent_dim, model_name):
    texts = [line.strip() for line in lines]
    while not texts[-1]:
        texts.pop()
    numbers = _floats(texts)
    if numbers is None:
        i, problem = _first_problem(texts)
        raise InputError(f"{path}: row {i + 1}: {problem}")
    check_latent_dim(path, len(numbers), latent_dim, model_name)
    return Vectors([path.stem], {}, np.array([numbers], np.float32))


def _z_positions(path, header, key, required, latent_dim, model_name):
    """Where z000, z001, ... stand in the header; InputError where it is not a header as it should be."""
    where = f"{path}: row 1"
    if len(header) == 1 and re.search(r"[;\t]", header[0]):
        raise InputError(f"{where}: the columns are not separated by commas; save it as 'CSV UTF-8 (comma delimited)'")
    for name in (key, *required):
        if header.count(name) != 1:
            count = "no column" if name not in header else f"{header.count(name)} columns"
            raise InputError(f"{where}: {count} named {name}; expected a header {key},...,z000,z001,...")
    at = [i for i, name in enumerate(header) if _Z_LIKE.match(name)]
    expected = z_columns(len(at))
    for name, i in zip(expected, at, strict=True):
        if header[i] != name:
            problem = "is missing" if name not in header else "is not in its place"
            raise InputError(
                f"{where}, column {short(header[i])}: {name} {problem}; latent columns are z000,z001,... in order"
            )
    if not at:
        raise InputError(f"{where}: no latent columns; expected z000,z001,...")
    check_latent_dim(path, len(at), latent_dim, model_name)
    return at


def _floats(texts):
    """The numbers in `texts`, or None where one is not a number that float32 can hold."""
    try:
        numbers = list(map(float, texts))
    except ValueError:
        return None
    # NaN fails every comparison; float() also takes 1_000 and the digits of other scripts
    if all(-_LIMIT < number < _LIMIT for number in numbers):
        joined = "".join(texts)
        if "_" not in joined and joined.isascii():
            return numbers
    return None


def _float(text):
    numbers = _floats([text])
    return numbers[0] if numbers else None


def _first_problem(texts):
    """(position, what is wrong) of the first of `texts` that `_floats` refuses."""
    i, text = next((i, text) for i, text in enumerate(texts) if _floats([text]) is None)
    if not text.strip():
        return i, "empty cell; expected a number"
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if number != number or text.strip().lower().lstrip("+-") in ("inf", "infinity"):
        return i, f"{short(text)} is not a finite number"
    if abs(number) >= _LIMIT:
        return i, f"{short(text)} is too large for float32 (at most 3.4e38)"
    comma = "; write decimals with a point" if re.fullmatch(r"\s*[+-]?\d+,\d+\s*", text) else ""
    return i, f"{short(text)} is not a number{comma}"


def _undecodable_row(path):
    data = path.read_bytes()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return data[: error.start].count(b"\n") + 1
    return 1
