"""Labels of the data sets that come with label files: synthetic, CelebA, LFW."""

import array
import math
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from facepipe.data.textfiles import column_rows, csv_table, open_text
from facepipe.errors import InputError

SPLIT_CODES = {"0": "train", "1": "valid", "2": "test"}
ATTRIBUTE_CODES = {"-1": 0, "1": 1}


class Labels(NamedTuple):
    """What is known of a data set's pictures beside their pixels.

    Attributes:
        attributes: DataFrame indexed by id (str), float32 columns with 1.0, 0.0 or NaN (unknown); it may lack ids,
            know others than the archive has, or have no columns.
        factors: DataFrame indexed by id, float64 columns of continuous values, NaN unknown; None: there are none.
        identities: {id: identity} as far as label files tell; what names tell is `Source.match`'s.
        splits: {id: "train", "valid" or "test"}, the official split; None: the set has none.
    """

    attributes: pd.DataFrame
    factors: pd.DataFrame | None
    identities: dict
    splits: dict | None


def read_nothing(folder, items):
    """`Labels` of a set whose labels, if any, are identities in the names."""
    return Labels(pd.DataFrame(), None, {}, None)


def read_synthetic(folder, items):
    """`Labels` of the synthetic faces: attributes and factors of each.

    Args:
        folder: where list_attr_synthetic.txt and factors.csv lie.
        items: list of (id, member name).

    Raises:
        InputError: a file is missing or broken.
    """
    folder = Path(folder)
    attributes = read_attribute_list(folder / "list_attr_synthetic.txt")
    return Labels(attributes, read_factors(folder / "factors.csv"), {}, None)


def read_celeba(folder, items):
    """`Labels` of CelebA: 40 attributes, the official split, identities where identity_CelebA.txt is there.

    Args:
        folder: where list_attr_celeba.txt, list_eval_partition.txt and maybe identity_CelebA.txt lie.
        items: list of (id, member name); the result shares their ids, which saves 36 MB of the same text.

    Raises:
        InputError: a file is missing or broken.
    """
    folder, known = Path(folder), {id: id for id, _ in items}
    identities = folder / "identity_CelebA.txt"
    return Labels(
        read_attribute_list(folder / "list_attr_celeba.txt", known),
        factors=None,
        identities=read_identities(identities, known) if identities.exists() else {},
        splits=read_partition(folder / "list_eval_partition.txt", known),
    )


def read_lfw(folder, items):
    """`Labels` of LFW from name lists, completed by predicted probabilities; whichever of the files are there.

    male_names.txt / female_names.txt give Male, SMILE_list.txt / NON-SMILE_list.txt give Smiling (one image name a
    line; a name in both lists counts as unknown). attributes_predicted.csv (name, probabilities; 1 from 0.5 up)
    fills what the lists leave unknown and adds its other columns.

    Args:
        folder: where they lie.
        items: list of (id, member name).

    Raises:
        InputError: a file is broken.
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
        probabilities = _read_numbers(predicted, "name", 0.0, 1.0, "a probability in [0, 1]")
        table = table.combine_first((probabilities >= 0.5).astype(float))
        table = table[[*columns, *(c for c in table.columns if c not in columns)]]
    return Labels(table.astype(np.float32), None, {}, None)


def read_attribute_list(path, known=None):
    """CelebA's list_attr format: a count, a line of names, then rows of id and -1/1.

    Args:
        path: the file.
        known: {id: id}, strings to share; None: none.

    Returns:
        DataFrame indexed by id (str), one float32 column per attribute: 1.0 or 0.0.

    Raises:
        InputError: another format; names the line.
    """
    known, ids, values = known or {}, [], bytearray()
    with open_text(path) as file:
        count, names = file.readline().strip(), file.readline().split()
        if not re.fullmatch(r"\d{1,12}", count, re.ASCII) or not names:
            raise InputError(f"{path}: line 1: expected the number of images, then a line of attribute names")
        if len({"id", *names}) != len(names) + 1:
            raise InputError(f"{path}: line 2: attributes need names of their own, none twice and none called id")
        for line, cells in column_rows(file, path, len(names) + 1, start=3):
            id = cells.pop(0)
            try:
                values += bytes(map(ATTRIBUTE_CODES.__getitem__, cells))
            except KeyError:
                column = next(i for i, cell in enumerate(cells) if cell not in ATTRIBUTE_CODES)
                raise InputError(
                    f"{path}: line {line}: {names[column]}: should be -1 or 1, found {cells[column]!r}"
                ) from None
            ids.append(known.get(id, id))
    if len(ids) != int(count):
        raise InputError(f"{path}: line 1 says {int(count)} images, found {len(ids)} rows; is the file cut off?")
    table = np.array(values).reshape(len(ids), len(names)).astype(np.float32)
    return pd.DataFrame(table, index=pd.Index(ids, name="id", dtype=str), columns=names, copy=False)


def read_partition(path, known=None):
    """CelebA's list_eval_partition: rows of id and 0 (train), 1 (valid) or 2 (test), as {id: split}.

    `known` as for `read_attribute_list`.
    """
    known, splits = known or {}, {}
    with open_text(path) as file:
        for line, (id, code) in column_rows(file, path, 2):
            if code not in SPLIT_CODES:
                raise InputError(f"{path}: line {line}: should be 0, 1 or 2, found {code!r}")
            splits[known.get(id, id)] = SPLIT_CODES[code]
    return splits


def read_identities(path, known=None):
    """CelebA's identity_CelebA: rows of id and the person's number, as {id: identity (str)}.

    `known` as for `read_attribute_list`.
    """
    known, people, identities = known or {}, {}, {}
    with open_text(path) as file:
        for _, (id, person) in column_rows(file, path, 2):
            identities[known.get(id, id)] = people.setdefault(person, person)
    return identities


def read_factors(path):
    """factors.csv of the synthetic faces: id and continuous factors, as a DataFrame indexed by id (float64)."""
    return _read_numbers(path, "id", -math.inf, math.inf, "a finite number")


def _read_names(path):
    if not path.exists():
        return set()
    with open_text(path) as file:
        return set(file.read().split())


def _read_numbers(path, key, low, high, what):
    """A CSV table of finite numbers in [low, high], float64, indexed by its column `key`, which is unique."""
    values, ids = array.array("d"), {}
    with open_text(path, newline="") as file:
        columns, rows, _ = csv_table(file, path)
        if key not in columns:
            raise InputError(f"{path}: line 1: no column {key}")
        place = columns.index(key)
        names = [name for name in columns if name != key]
        for line, cells in rows:
            id = cells.pop(place)
            if id in ids:
                raise InputError(f"{path}: line {line}: {key}: {id} is there twice")
            ids[id] = None
            for name, cell in zip(names, cells, strict=True):
                try:
                    number = float(cell)
                except ValueError:
                    number = math.nan
                if not (math.isfinite(number) and low <= number <= high):
                    raise InputError(f"{path}: line {line}: {name}: should be {what}, found {cell!r}")
                values.append(number)
    table = np.array(values).reshape(len(ids), len(names))
    return pd.DataFrame(table, index=pd.Index(ids, name=key, dtype=str), columns=names, copy=False)
