"""The table of labels that users write for their own pictures: which file it is, and what it says."""

import array

import numpy as np
import pandas as pd

from facepipe.core.files import read_json
from facepipe.datasets.archive import list_members, read_members
from facepipe.datasets.labels import Labels
from facepipe.datasets.members import MemberError
from facepipe.datasets.names import LABELS, composed, is_hidden, is_labels, member_name, some
from facepipe.errors import InputError
from facepipe.tables.cells import WORDS, Cells, short, zero_one
from facepipe.tables.columns import KEYS, cannot_be_attribute
from facepipe.tables.sheets import named_columns, open_sheet

SPLITS = ("train", "valid", "test")


def find_table(folder, root):
    """(path of labels.csv, None), or (its name for messages, bytes) where the archive has it; None: there is none."""
    path = folder / LABELS
    if path.exists():
        return path, None
    described = folder / "dataset.json"
    if described.exists():
        archive = folder / read_json(described)["archive"]
        members = {member.name: member for member in list_members(archive) if is_labels(member.name)}
        if (chosen := choose_table(members, root)) is not None:
            member, name = members[chosen], f"{archive}: {chosen}"
            if member.refused:
                raise InputError(f"{name}: {member.refused}")
            data = dict(read_members(archive, [member]))[member.name]
            if isinstance(data, MemberError):
                raise InputError(f"{name}: {data}")
            return name, data
    return None


def choose_table(names, root):
    """Of `names` of files the table that is read, or None.

    It is called labels.csv, in any case, and lies at the top or in `root`, the folder that holds all the pictures; of
    several the highest one, of those the one in lower case.
    """
    ranks = {}
    for name in names:
        folder, _, file = composed(name).rpartition("/")
        if is_labels(name) and not is_hidden(name) and folder in ("", root.removesuffix("/")):
            ranks[name] = (folder != "", file != LABELS, name)
    return min(ranks, key=ranks.get, default=None)


def read_table(path, ids, paths, root="", data=None):
    """Labels from CSV as `facepipe.tables.sheets` reads it: a row of column names, then a row per picture.

    One column, called file, image, name or id, names the picture: by its path below the top folder, by its file name
    where no other picture has the same, or by its id. Of the others (all optional)
        identity    is who it is, any text;
        split       is train, valid or test;
        a column of 0/1, -1/1, true/false or yes/no (see `facepipe.tables.cells.WORDS`) is an attribute;
        another column of numbers is a factor (0,5 is a number, too, where commas do not separate the cells).
    An empty cell means unknown. A column without any value is left out. A line each says how many rows name no picture,
    and how many pictures have no row.

    Args:
        path: the file; with `data` its name for messages.
        ids: pandas Index of the pictures' ids.
        paths: list of str, their paths, in the same order.
        root: the top folder within `paths`, "" or ending in "/".
        data: bytes, the file's content, or None.

    Returns:
        `Labels`, tables with a row for every picture; splits None where no row has one.

    Raises:
        InputError: names the row and the column; also if no row names a picture.
    """
    places, unknown = {}, []
    with open_sheet(path, data, trim=True) as sheet:
        sheet = named_columns(sheet)
        key, find = _key_column(sheet.header, path), _Finder(ids, paths, root)
        texts = {"identity": _Texts("identity"), "split": _Texts("split", SPLITS)}
        numbers = Cells(sheet.separator != ",", "a number, true/false, yes/no or empty")
        readers = [texts.get(name.lower()) or _Numbers(name, numbers) for name in sheet.header if name != key]
        at = sheet.header.index(key)
        for row, cells in sheet.rows:
            where, name = f"{path}: row {row}", cells.pop(at)
            place = find(name, f"{where}, column {key}")
            if place is None:
                unknown.append((row, name))
                continue
            if place in places:
                raise InputError(f"{where}, column {key}: {name!r} is the picture of row {places[place]}, too")
            places[place] = row
            for reader, cell in zip(readers, cells, strict=True):
                reader.add(cell, where)
    if unknown:
        missing = f"the first, row {unknown[0][0]}: {unknown[0][1]!r}"
        if not places:
            first = f"{paths[0][len(root) :]!r}" if paths else "none"
            raise InputError(f"{path}: names none of the pictures ({missing}); they are {first} and so on")
        print(f"{path}: {len(unknown)} rows name no picture, {missing}")
    if without := [name[len(root) :] for place, name in enumerate(paths) if place not in places]:
        print(f"{path}: {len(without)} of {len(paths)} pictures have no row {some(without)}: nothing is known of them")
    rows_of = np.fromiter(places, int, len(places))
    tables = {"attribute": {}, "factor": {}}
    while readers:  # each goes as soon as its column is there
        reader = readers.pop(0)
        kind = reader.kind()
        if kind == "attribute" and (reason := cannot_be_attribute(reader.name)):
            raise InputError(f"{path}: row 1, column {reader.name}: cannot be an attribute: {reason}; rename it")
        if kind in tables:
            column = np.full(len(ids), np.nan, np.float32 if kind == "attribute" else np.float64)
            column[rows_of] = reader.values()
            tables[kind][reader.name] = column
    identities, splits = (
        {ids[place]: text for place, text in zip(places, texts[name].texts, strict=False) if text}
        for name in ("identity", "split")
    )
    factors = pd.DataFrame(tables["factor"], index=ids, copy=False) if tables["factor"] else None
    return Labels(pd.DataFrame(tables["attribute"], index=ids, copy=False), factors, identities, splits or None)


def _key_column(columns, path):
    keys = [name for name in columns if name.lower() in KEYS]
    if len(keys) != 1:
        found = " and ".join(keys) if keys else ", ".join(columns)
        raise InputError(f"{path}: row 1: one column should name the picture: file, image, name or id; found {found}")
    return keys[0]


class _Finder:
    """Finds the picture that a cell names."""

    def __init__(self, ids, paths, root):
        self.paths, self.root = paths, root
        self.by_path = _places(paths)
        self.by_id = _places(ids)
        self.by_name = _places([path.rpartition("/")[2] for path in paths])

    def __call__(self, cell, where):
        """Its place in `paths`; None: there is no such picture."""
        given = composed(cell)
        for name in dict.fromkeys((given, member_name(given))):
            exact = ((self.root + name, self.by_path), (name, self.by_path), (name, self.by_id))
            found = {place for key, table in exact for place in table.get(key, ())}
            cure = "rename one of them"
            if not found:
                found, cure = set(self.by_name.get(name, ())), "give the path"
            if len(found) > 1:
                same = ", ".join(self.paths[place][len(self.root) :] for place in sorted(found)[:2])
                raise InputError(f"{where}: several pictures are called {name} ({same}); {cure}")
            if found:
                return found.pop()
        return None


def _places(keys):
    """{key: tuple of the places where it stands, two at most}."""
    places = {}
    for place, key in enumerate(keys):
        places[key] = (*places.get(key, ())[:1], place)
    return places


class _Texts:
    """A column of text, or of certain words."""

    def __init__(self, name, allowed=None):
        self.name, self.allowed, self.texts = name, allowed, []

    def add(self, cell, where):
        if self.allowed:
            cell = cell.lower()
        if cell and self.allowed and cell not in self.allowed:
            raise InputError(
                f"{where}, column {self.name}: should be {', '.join(self.allowed)} or empty, found {short(cell)}"
            )
        if not cell.isprintable():
            raise InputError(f"{where}, column {self.name}: should be printable text, found {short(cell)}")
        self.texts.append(cell)

    def kind(self):
        return "text"


class _Numbers:
    """A column of numbers or of yes and no."""

    def __init__(self, name, cells):
        self.name, self.cells = name, cells  # `Cells` of the whole table
        self.numbers = array.array("d")
        self.word = None  # (where, text) of the first yes, no, true, false

    def add(self, cell, where):
        number = self.cells.label(cell)
        if number is None:
            raise InputError(f"{where}, column {self.name}: {self.cells.first_problem([cell])[1]}")
        if self.word is None and cell.lower() in WORDS:
            self.word = where, cell
        self.numbers.append(number)

    def kind(self):
        """What it is: "attribute" or "factor"; None: no row has a value."""
        numbers = np.array(self.numbers)
        if np.isnan(numbers).all():
            return None
        if zero_one(numbers) is not None:
            return "attribute"
        if self.word:
            where, text = self.word
            raise InputError(f"{where}, column {self.name}: should be a number as in other rows, found {text!r}")
        return "factor"

    def values(self):
        """float64 (rows,); an attribute's are 1.0, 0.0 or NaN."""
        numbers = np.array(self.numbers)
        return zero_one(numbers) if self.kind() == "attribute" else numbers
