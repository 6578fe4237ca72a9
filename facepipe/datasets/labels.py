"""Labels of the data sets that come with them, in files (synthetic, CelebA, LFW) or in names (UTKFace, yearbook)."""

import array
import itertools
import math
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from facepipe.datasets.names import slashes
from facepipe.errors import InputError
from facepipe.tables.cells import Cells, short
from facepipe.tables.columns import cannot_be_attribute
from facepipe.tables.sheets import named_columns, open_sheet
from facepipe.tables.text import bounded_lines, column_rows, open_text

SPLIT_CODES = {"0": "train", "1": "valid", "2": "test"}
ATTRIBUTE_CODES = {"-1": 0, "1": 1}
# its label files as CSVs, as mirrors distribute them
CELEBA_TABLES = {
    "list_attr_celeba.txt": "list_attr_celeba.csv",
    "list_eval_partition.txt": "list_eval_partition.csv",
    "identity_CelebA.txt": "identity_CelebA.csv",
}

# <age>_<gender>_<race>_<date>.jpg.chip.jpg, with up to two fields lost or empty; the official archives also have
# "24_0_1_20170116220224657 .jpg.chip.jpg", "44_1_4_20170116235150272.pg.chip.jpg", "53__0_20170116184028385.jpg"
UTKFACE = re.compile(
    r"(?:.*/)?(?P<id>(?P<age>\d{1,3})_(?P<fields>(?:\d*_){0,2})\d{8,}[^/_]*\.jpe?g)", re.ASCII | re.DOTALL
)
# <F or M>/<year>_<state>_<city>_<school>_<number>.png
YEARBOOK = re.compile(r"(?:.*/)?(?P<part>[FM])/(?P<id>(?P<year>\d{4})_[^/]+\.png)", re.ASCII | re.DOTALL)
MAX_AGE = 120
CHILD_BELOW, SENIOR_FROM = 13, 60  # years
MALE = {"0": 1.0, "1": 0.0}  # UTKFace's code of the gender
RACES = ("White", "Black", "Asian", "Indian")  # UTKFace's codes 0 to 3; 4 is any other


class Labels(NamedTuple):
    """What is known of a data set's pictures beside their pixels.

    Attributes:
        attributes: DataFrame indexed by id (str), float32 columns with 1.0, 0.0 or NaN (unknown); it may lack ids,
            know others than the archive has, or have no columns.
        factors: DataFrame indexed by id, float64 columns of continuous values, NaN unknown; None: there are none.
        identities: {id: identity} as far as label files tell; what names tell is `Source.match`'s.
        splits: {id: "train", "valid" or "test"}, the official split; None: the set has none.
        sorted_into: DataFrame as `attributes`, what the folders say that own pictures lie in, where `attributes` does
            not know; None: nothing. Of one picture in two folders both are true.
        people: {id: name of a folder} where own pictures lie in a folder for each person, as it seems: a guess that
            keeps them in one split, where `identities` does not know; None: nothing seems so.
    """

    attributes: pd.DataFrame
    factors: pd.DataFrame | None
    identities: dict
    splits: dict | None
    sorted_into: pd.DataFrame | None = None
    people: dict | None = None

    def completed(self):
        """The same with `sorted_into` filled into `attributes`."""
        if self.sorted_into is None:
            return self
        attributes = self.attributes.reindex(self.sorted_into.index)
        for name, column in self.sorted_into.items():
            attributes[name] = attributes[name].fillna(column) if name in attributes else column
        return self._replace(attributes=attributes, sorted_into=None)


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
        folder: where list_attr_celeba.txt, list_eval_partition.txt and maybe identity_CelebA.txt lie; each may be one
            of `CELEBA_TABLES` instead.
        items: list of (id, member name); the result shares their ids, which saves 36 MB of the same text.

    Raises:
        InputError: a file is missing or broken.
    """
    folder, known = Path(folder), {id: id for id, _ in items}
    attributes, partition, identities = (
        folder / (table if (folder / table).exists() else name) for name, table in CELEBA_TABLES.items()
    )
    return Labels(
        (read_attribute_table if attributes.suffix == ".csv" else read_attribute_list)(attributes, known),
        factors=None,
        identities=read_identities(identities, known) if identities.exists() else {},
        splits=read_partition(partition, known),
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
        for name in probabilities.columns:
            if reason := cannot_be_attribute(name):
                raise InputError(f"{predicted}: row 1: no attribute can be called {name}: {reason}; rename it")
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
        InputError: another format; names the row.
    """
    known, ids, values = known or {}, [], bytearray()
    with open_text(path) as file:
        head = [*itertools.islice(bounded_lines(file, path), 2), "", ""]
        count, names = head[0].strip(), head[1].split()
        if not re.fullmatch(r"\d{1,12}", count, re.ASCII) or not names:
            raise InputError(f"{path}: row 1: expected the number of images, then a row of attribute names")
        if len(set(names)) < len(names):
            raise InputError(f"{path}: row 2: attributes need different names")
        for name in names:
            if reason := cannot_be_attribute(name):
                raise InputError(f"{path}: row 2: no attribute can be called {name}: {reason}")
        for row, cells in column_rows(file, path, len(names) + 1, start=3):
            id = cells.pop(0)
            values += _coded(cells, ATTRIBUTE_CODES, names, f"{path}: row {row}")
            ids.append(known.get(id, id))
    if len(ids) != int(count):
        raise InputError(f"{path}: row 1 says {int(count)} images, found {len(ids)} rows; is the file cut off?")
    return _attributes(ids, values, names)


def read_attribute_table(path, known=None):
    """The same as CSV: a header, the id in the first column; -1/1, or 0/1 throughout.

    Args, result and errors are those of `read_attribute_list`.
    """
    known, ids, values, without = known or {}, [], bytearray(), set()
    with open_sheet(path, trim=True) as sheet:
        sheet = named_columns(sheet)
        names = sheet.header[1:]
        if not names or "id" in names:
            raise InputError(f"{path}: row 1: expected image_id, then the names of attributes, none of them id")
        for row, (id, *cells) in _unique(path, sheet.rows):
            without |= {"0", "-1"}.intersection(cells)
            if len(without) == 2:
                raise InputError(f"{path}: row {row}: both 0 and -1 up to here; write all of those without one way")
            values += _coded(cells, ATTRIBUTE_CODES | {"0": 0}, names, f"{path}: row {row}")
            ids.append(known.get(id, id))
    return _attributes(ids, values, names)


def _coded(cells, codes, names, where):
    try:
        return bytes(map(codes.__getitem__, cells))
    except KeyError:
        column = next(i for i, cell in enumerate(cells) if cell not in codes)
        raise InputError(f"{where}, column {names[column]}: should be -1 or 1, found {cells[column]!r}") from None


def _attributes(ids, values, names):
    table = np.array(values).reshape(len(ids), len(names)).astype(np.float32)
    return pd.DataFrame(table, index=pd.Index(ids, name="id", dtype=str), columns=names, copy=False)


def read_partition(path, known=None):
    """CelebA's list_eval_partition: rows of id and 0 (train), 1 (valid) or 2 (test), as {id: split}.

    `path` is a list or a CSV, by its suffix; `known` as for `read_attribute_list`.
    """
    known, splits = known or {}, {}
    for row, id, code in _pairs(path):
        if code not in SPLIT_CODES:
            raise InputError(f"{path}: row {row}: should be 0, 1 or 2, found {code!r}")
        splits[known.get(id, id)] = SPLIT_CODES[code]
    return splits


def read_identities(path, known=None):
    """CelebA's identity_CelebA: rows of id and the person's number, as {id: identity (str)}.

    `path` is a list or a CSV, by its suffix; `known` as for `read_attribute_list`.
    """
    known, people, identities = known or {}, {}, {}
    for _, id, person in _pairs(path):
        identities[known.get(id, id)] = people.setdefault(person, person)
    return identities


def _pairs(path):
    """(row, id, text) of a list of two columns, or of a CSV of two under a header."""
    if Path(path).suffix != ".csv":
        with open_text(path) as file:
            for row, (id, text) in column_rows(file, path, 2):
                yield row, id, text
        return
    with open_sheet(path, trim=True) as sheet:
        sheet = named_columns(sheet)
        if len(sheet.header) != 2:
            raise InputError(f"{path}: row 1: {len(sheet.header)} columns, expected 2: image_id and its value")
        for row, (id, text) in _unique(path, sheet.rows):
            yield row, id, text


def _unique(path, rows):
    """The (row, cells) of a sheet whose first cells all differ; InputError where they do not."""
    seen = set()
    for row, cells in rows:
        if cells[0] in seen:
            raise InputError(f"{path}: row {row}: {cells[0]} is there twice")
        seen.add(cells[0])
        yield row, cells


def read_factors(path):
    """factors.csv of the synthetic faces: id and continuous factors, as a DataFrame indexed by id (float64)."""
    return _read_numbers(path, "id", -math.inf, math.inf, "a number")


def _read_names(path):
    if not path.exists():
        return set()
    with open_text(path) as file:
        return {name for line in bounded_lines(file, path) for name in line.split()}


def _read_numbers(path, key, low, high, what):
    """A CSV table of finite numbers in [low, high], float64, indexed by its column `key`, which is unique."""
    values, ids = array.array("d"), {}
    with open_sheet(path, trim=True) as sheet:
        sheet = named_columns(sheet)
        if key not in sheet.header:
            raise InputError(f"{path}: row 1: no column {key}")
        place, readable = sheet.header.index(key), Cells(sheet.separator != ",", what)
        names = [name for name in sheet.header if name != key]
        for row, cells in sheet.rows:
            id = cells.pop(place)
            if id in ids:
                raise InputError(f"{path}: row {row}, column {key}: {id} is there twice")
            ids[id] = None
            numbers = readable.numbers(cells)
            if numbers is None:
                i, problem = readable.first_problem(cells)
                raise InputError(f"{path}: row {row}, column {names[i]}: {problem}")
            within = (low <= numbers) & (numbers <= high)
            if not within.all():
                i = int(np.argmin(within))
                raise InputError(f"{path}: row {row}, column {names[i]}: {short(cells[i])} is not {what}")
            values.frombytes(numbers.tobytes())
    table = np.array(values).reshape(len(ids), len(names))
    return pd.DataFrame(table, index=pd.Index(ids, name=key, dtype=str), columns=names, copy=False)


def read_utkface(folder, items):
    """`Labels` of UTKFace, from its names.

    Attributes Male; White, Black, Asian, Indian (another race: all four 0); Child (under 13 years), Senior (from 60
    on). Factor age, in years. What a name does not say for certain is NaN: an age over 120, another code, a field
    that is missing. Of two fields one of which is missing, 2, 3 and 4 can only be a race; 0 and 1 may be either.

    Args:
        folder: not used; there are no label files.
        items: list of (id, member name), names as `UTKFACE` has them.
    """
    rows = [_utkface_row(UTKFACE.fullmatch(slashes(member))) for _, member in items]
    values = np.array(rows, np.float32).reshape(len(items), 2 + len(RACES))
    age = values[:, -1]
    known = np.isfinite(age)
    index = pd.Index([id for id, _ in items], name="id", dtype=str)
    attributes = pd.DataFrame(values[:, :-1], index=index, columns=["Male", *RACES])
    attributes["Child"] = np.where(known, age < CHILD_BELOW, np.float32("nan")).astype(np.float32)
    attributes["Senior"] = np.where(known, age >= SENIOR_FROM, np.float32("nan")).astype(np.float32)
    return Labels(attributes, pd.DataFrame({"age": age.astype(float)}, index=index), {}, None)


def _utkface_row(name):
    fields = name["fields"].split("_")[:-1]
    if len(fields) == 2:
        gender, race = fields
    else:
        gender, race = "", fields[0] if fields and fields[0] not in MALE else ""
    races = [float(race == str(code)) for code in range(len(RACES))]
    if race not in ("0", "1", "2", "3", "4"):
        races = [math.nan] * len(RACES)
    age = float(name["age"])
    return [MALE.get(gender, math.nan), *races, age if age <= MAX_AGE else math.nan]


def read_yearbook(folder, items):
    """`Labels` of the yearbook portraits, from their names: attributes Male and one per decade, factor year.

    Args:
        folder: not used; there are no label files.
        items: list of (id, member name), names as `YEARBOOK` has them.

    Returns:
        `Labels` with attributes such as Decade_1950s, those that occur; years before 1800 and after 2099 are NaN.
    """
    names = [YEARBOOK.fullmatch(slashes(member)) for _, member in items]
    year = np.array([int(name["year"]) for name in names], float)
    year[(year < 1800) | (year > 2099)] = math.nan
    index = pd.Index([id for id, _ in items], name="id", dtype=str)
    columns = {"Male": np.array([name["part"] == "M" for name in names], np.float32)}
    decade = year // 10 * 10
    for start in np.unique(decade[np.isfinite(decade)]):
        columns[f"Decade_{start:.0f}s"] = np.where(np.isfinite(decade), decade == start, math.nan).astype(np.float32)
    return Labels(pd.DataFrame(columns, index=index), pd.DataFrame({"year": year}, index=index), {}, None)
