"""The table of labels that users write for their own pictures: which file it is, and what it says."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd

from facepipe.core.files import read_json
from facepipe.datasets.archive import list_members, read_members
from facepipe.datasets.finder import Finder
from facepipe.datasets.labels import Labels
from facepipe.datasets.members import MemberError
from facepipe.datasets.names import LABELS, composed, is_hidden, is_labels, some
from facepipe.datasets.own_columns import Ignored, Numbers, Splits, Texts
from facepipe.errors import InputError
from facepipe.tables.cells import Cells
from facepipe.tables.columns import KEYS, cannot_be_attribute, is_index, is_key
from facepipe.tables.sheets import named_columns, open_sheet

_KEYS = "file, image, name or id"
LOOK_ROWS = 50  # by which the column that names the pictures is told from others
INDEX = "unnamed: 0"  # as pandas calls a first column without a name


def find_table(folder, root):
    """(the user's name of labels.csv, bytes), from `folder` or from the archive in it; None: there is none.

    Args:
        folder: the raw folder; its dataset.json has what the user calls the files there, see `download.fetch.fetch`.
        root: the folder that holds all the pictures, in the archive.
    """
    path, described = folder / LABELS, folder / "dataset.json"
    described = read_json(described) if described.exists() else {}
    given = described.get("given", {})  # an earlier facepipe does not say
    if path.exists():
        return given.get(LABELS) or path, path.read_bytes()
    if "archive" not in described:
        return None
    archive = folder / described["archive"]
    members = {member.name: member for member in list_members(archive) if is_labels(member.name)}
    if (chosen := choose_table(members, root)) is None:
        return None
    called = given.get("archive") or str(archive)
    name = f"{called}{'/' if Path(called).expanduser().is_dir() else ': '}{chosen}"
    return name, read_within(archive, members[chosen], name)


def read_within(archive, member, name):
    """bytes of a table in the archive; name: for messages; InputError: it cannot be read."""
    if member.refused:
        raise InputError(f"{name}: {member.refused}")
    data = dict(read_members(archive, [member]))[member.name]
    if isinstance(data, MemberError):
        raise InputError(f"{name}: {data}")
    return data


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

    One column, called file, image, name or id, or as `columns.is_key` has it, names the picture: by its path below the
    top folder, by its file name where no other picture has the same, by its id, or nearly so, see `Finder`. Of the
    others (all optional)
        identity    is who it is, any text;
        split, partition    is train, valid or test, see `own_columns.Splits`;
        a column of 0/1, -1/1, true/false or yes/no (see `facepipe.tables.cells.WORDS`) is an attribute;
        another column of numbers is a factor (0,5 is a number, too, where commas do not separate the cells).
    An empty cell means unknown, and so do NaN and the like in a column of numbers. A column without any value is left
    out, and so is an index without a name. A line each says what of this had to be guessed, how many rows name no
    picture, and how many pictures have no row.

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
        if len(sheet.header) > 1 and not sheet.header[0]:
            sheet = sheet._replace(header=[INDEX, *sheet.header[1:]])
        sheet, find = named_columns(sheet), Finder(ids, paths, root)
        numbers = Cells(sheet.separator != ",", "a number, true/false, yes/no or empty")
        sheet, key, others = _key_column(sheet, find, numbers)
        readers = [_reader(name, sheet.header, others, numbers) for name in sheet.header if name != key]
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
        rows = "1 row names" if len(unknown) == 1 else f"{len(unknown)} rows name"
        print(f"{path}: {rows} no picture, {missing}")
    if without := [name[len(root) :] for place, name in enumerate(paths) if place not in places]:
        print(f"{path}: {len(without)} of {len(paths)} pictures have no row {some(without)}: nothing is known of them")
    _tell_nearly(path, find)
    _tell_read(path, readers)
    rows_of = np.fromiter(places, int, len(places))
    tables, texts = {"attribute": {}, "factor": {}}, {"identity": {}, "split": {}}
    while readers:  # each goes as soon as its column is there
        reader = readers.pop(0)
        kind = reader.kind()
        if kind == "attribute" and (reason := cannot_be_attribute(reader.name)):
            raise InputError(f"{path}: row 1, column {reader.name}: cannot be an attribute: {reason}; rename it")
        if kind in tables:
            column = np.full(len(ids), np.nan, np.float32 if kind == "attribute" else np.float64)
            column[rows_of] = reader.values()
            tables[kind][reader.name] = column
        elif kind in texts:
            texts[kind] = {ids[place]: text for place, text in zip(places, reader.values(), strict=True) if text}
    factors = pd.DataFrame(tables["factor"], index=ids, copy=False) if tables["factor"] else None
    attributes = pd.DataFrame(tables["attribute"], index=ids, copy=False)
    return Labels(attributes, factors, texts["identity"], texts["split"] or None)


def _key_column(sheet, find, numbers):
    """(sheet, name of the column that names the pictures, set of those that could, and are not to be read).

    Of several that could it is the one whose first cells name pictures, best exactly.
    """
    path, named = sheet.path, [name for name in sheet.header if is_key(name)]
    if not named and sheet.header[0] == INDEX:
        named = [INDEX]  # of a table by pandas whose index names the pictures
    if not named:
        raise InputError(f"{path}: row 1: one column should name the picture: {_KEYS}; found {', '.join(sheet.header)}")
    if len(named) == 1:
        if named[0].lower() not in KEYS:
            print(f"{path}: column {1 if named[0] == INDEX else named[0]} is taken to name the pictures")
        return sheet, named[0], set()
    rows = list(itertools.islice(sheet.rows, LOOK_ROWS))
    sheet = sheet._replace(rows=itertools.chain(rows, sheet.rows))
    columns = {name: [cells[sheet.header.index(name)] for _, cells in rows] for name in named}
    found = {name: [find.look(cell) for cell in cells] for name, cells in columns.items()}
    scores = {name: _score(looks) for name, looks in found.items()}
    key = max(named, key=scores.get)
    alike = [name for name in named if scores[name] == scores[key]]
    pictures = {tuple(look.places for look in found[name]) for name in alike}
    if not any(scores[key]) or len(pictures) > 1:
        if len(alike := [name for name in alike if name.lower() in KEYS]) != 1:
            raise InputError(f"{path}: row 1: one column should name the picture: {_KEYS}; found {' and '.join(named)}")
        (key,) = alike
    # numbers under such a name may be anything
    others = [
        name
        for name in named
        if name != key and (name.lower() in KEYS or any(numbers.label(cell) is None for cell in columns[name]))
    ]
    unread = f"; not read: {', '.join(others)}" if others else ""
    print(f"{path}: column {key} is taken to name the pictures{unread}")
    return sheet, key, set(others)


def _score(looks):
    """(how many name one picture exactly, how many nearly)."""
    one = [look.nearly for look in looks if len(look.places) == 1]
    return one.count(False), one.count(True)


def _reader(name, header, others, numbers):
    """What reads the column of this name."""
    if name in others or is_index(name):
        return Ignored(name)
    lower = name.lower()
    if lower == "identity":
        return Texts(name)
    if lower == "split" or (lower == "partition" and "split" not in map(str.lower, header)):
        return Splits(name)
    return Numbers(name, numbers)


def _tell_nearly(path, find):
    if find.nearly:
        where, cell, picture = find.first
        rows = "1 row calls its picture" if find.nearly == 1 else f"{find.nearly} rows call their pictures"
        first = f"{where.removeprefix(f'{path}: ')}: {cell!r} is taken for {picture}"
        print(f"{path}: {rows} otherwise than the files are called; the first, {first}")


def _tell_read(path, readers):
    """Say in a line each what of the columns' cells was understood, and how."""
    if index := [reader.name for reader in readers if is_index(reader.name)]:
        first = "column 1, which has no name," if index[0] == INDEX else index[0]
        print(f"{path}: {' and '.join([first, *index[1:]])} is taken for pandas' index, and not read")
    columns = [reader for reader in readers if isinstance(reader, Numbers)]
    if words := [f"{reader.name} ({', '.join(sorted(reader.words))})" for reader in columns if reader.words]:
        print(f"{path}: words taken for 0 and 1: {'; '.join(words)}")
    if unknown := {reader.name: reader.unknown for reader in columns if reader.unknown}:
        total, names = sum(unknown.values()), some(list(unknown))
        cells = "1 cell says" if total == 1 else f"{total} cells say"
        print(f"{path}: {cells} NaN, NA, None or null, and count as empty, in columns {names}")
    for reader in readers:
        if isinstance(reader, Splits) and (said := reader.said()):
            print(f"{path}: column {reader.name}: {said}")
