"""Readers of the data sets' label files: tables indexed by id with 1.0, 0.0 or NaN (unknown)."""

import io
import math
from pathlib import Path

import numpy as np
import pandas as pd

from facepipe.errors import InputError

SPLIT_CODES = {"0": "train", "1": "valid", "2": "test"}


def read_attribute_list(path):
    """CelebA's list_attr format: a count, a line of names, then rows of id and -1/1.

    Returns:
        DataFrame indexed by id (str), one float column per attribute: 1.0 or 0.0.

    Raises:
        InputError: another format; names the line.
    """
    path = Path(path)
    text = _read_text(path)
    count, names, *_ = (*text.split("\n", 2), "", "")
    count, names = count.strip(), names.split()
    if not count.isdigit() or not names:
        raise InputError(f"{path}: line 1: expected the number of images, then a line of attribute names")
    if len({"id", *names}) != len(names) + 1:
        raise InputError(f"{path}: line 2: attributes need names of their own, none twice and none called id")
    table = _read_columns(path, ["id", *names], skiprows=2)
    if len(table) != int(count):
        raise InputError(f"{path}: line 1 says {count} images, found {len(table)} rows; is the file cut off?")
    table = table.set_index("id")
    bad = ~table.isin(["-1", "1"])
    if bad.to_numpy().any():
        row, column = (places[0] for places in bad.to_numpy().nonzero())
        value = table.iat[row, column]
        raise InputError(f"{path}: line {row + 3}: {names[column]}: should be -1 or 1, found {value!r}")
    return (table == "1").astype(float)


def read_partition(path):
    """CelebA's list_eval_partition: rows of id and 0 (train), 1 (valid) or 2 (test), as {id: split}."""
    table = _read_columns(Path(path), ["id", "split"])
    bad = ~table["split"].isin(list(SPLIT_CODES))
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise InputError(f"{path}: line {row + 1}: should be 0, 1 or 2, found {table['split'][row]!r}")
    return dict(zip(table["id"], table["split"].map(SPLIT_CODES), strict=True))


def read_identities(path):
    """CelebA's identity_CelebA: rows of id and the person's number, as {id: identity (str)}."""
    table = _read_columns(Path(path), ["id", "identity"])
    return dict(zip(table["id"], table["identity"], strict=True))


def read_factors(path):
    """factors.csv of the synthetic faces: id and continuous factors, as a DataFrame indexed by id (float)."""
    table = _read_csv(path, "id")
    return _numbers(path, table, -math.inf, math.inf, "a finite number")


def read_lfw(folder):
    """LFW's name lists as attributes, completed by predicted probabilities; whichever of the files are there.

    male_names.txt / female_names.txt give Male, SMILE_list.txt / NON-SMILE_list.txt give Smiling (one image name a
    line; a name in both lists counts as unknown). attributes_predicted.csv (name, probabilities; 1 from 0.5 up)
    fills what the lists leave unknown and adds its other columns.

    Returns:
        DataFrame indexed by image name; float columns with 1.0, 0.0 or NaN.
    """
    folder = Path(folder)
    columns = {}
    for attribute, positives, negatives in (
        ("Male", "male_names.txt", "female_names.txt"),
        ("Smiling", "SMILE_list.txt", "NON-SMILE_list.txt"),
    ):
        yes, no = _read_names(folder / positives), _read_names(folder / negatives)
        if yes or no:
            columns[attribute] = pd.Series({n: float(n in yes) for n in sorted(yes ^ no)}, dtype=float)
    table = pd.DataFrame(columns)
    predicted = folder / "attributes_predicted.csv"
    if predicted.exists():
        table = table.combine_first(_read_probabilities(predicted))
        table = table[[*columns, *(c for c in table.columns if c not in columns)]]
    return table


def _read_names(path):
    return set(_read_text(path).split()) if path.exists() else set()


def _read_probabilities(path):
    return (_numbers(path, _read_csv(path, "name"), 0.0, 1.0, "a probability in [0, 1]") >= 0.5).astype(float)


def _read_csv(path, key):
    """A CSV table of str, indexed by its column `key`, which is unique."""
    try:
        table = pd.read_csv(io.StringIO(_read_text(path)), dtype=str, keep_default_na=False, index_col=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path}: {_one_line(error)}") from None
    if key not in table.columns:
        raise InputError(f"{path}: line 1: no column {key}")
    if table[key].duplicated().any():
        row = int(table[key].duplicated().to_numpy().argmax())
        raise InputError(f"{path}: line {row + 2}: {key}: {table[key][row]} is there twice")
    return table.set_index(key)


def _numbers(path, table, low, high, what):
    """`table` as float; InputError at the first cell that is not a finite number in [low, high]."""
    numbers = table.apply(pd.to_numeric, errors="coerce").astype(float)
    good = np.isfinite(numbers.to_numpy()) & (numbers >= low).to_numpy() & (numbers <= high).to_numpy()
    if not good.all():
        row, column = (places[0] for places in (~good).nonzero())
        cell = f"line {row + 2}: {table.columns[column]}"
        raise InputError(f"{path}: {cell}: should be {what}, found {table.iat[row, column]!r}")
    return numbers


def _read_columns(path, columns, skiprows=0):
    """Whitespace-separated columns as a DataFrame of str, the first unique."""
    rows = [line.split() for line in _read_text(path).splitlines()[skiprows:]]
    while rows and not rows[-1]:
        rows.pop()
    seen = set()
    for number, row in enumerate(rows, start=skiprows + 1):
        if len(row) != len(columns):
            raise InputError(f"{path}: line {number}: {len(row)} columns, expected {len(columns)}")
        if row[0] in seen:
            raise InputError(f"{path}: line {number}: {row[0]} is there twice")
        seen.add(row[0])
    return pd.DataFrame(rows, columns=columns, dtype=str)


def _read_text(path):
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text") from None


def _one_line(error):
    return " ".join(str(error).split())
