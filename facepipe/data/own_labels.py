"""Labels of pictures of one's own: sub-folders as attributes, and a CSV table."""

import io
import posixpath
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd

from facepipe.data.archive import MemberError, list_members, read_members
from facepipe.data.folder import LABELS
from facepipe.data.label_table import read_table
from facepipe.data.labels import Labels
from facepipe.data.names import safe_id, slashes
from facepipe.data.textfiles import open_text
from facepipe.errors import InputError
from facepipe.files import read_json

MAX_FOLDERS = 32


def read_folder(folder, items):
    """`Labels` of a folder (or archive) of pictures of one's own.

    Sub-folders: those directly below the deepest folder that holds all the pictures are attributes, 1 for pictures in
    them (at any depth), 0 for those in the others, NaN for pictures beside them, which nobody has sorted. None are
    taken from more than `MAX_FOLDERS` sub-folders, nor where all are named by numbers: such folders divide the
    pictures, they do not describe them.

    labels.csv, in `folder` or in the archive, at its top or at that of the pictures: see `label_table.read_table`. What
    it says of an attribute goes before what the sub-folders say.

    Args:
        folder: the raw folder.
        items: list of (id, member name), all of the archive's pictures: what they have in common counts.

    Raises:
        InputError: labels.csv is broken or names none of the pictures.
    """
    folder = Path(folder)
    ids = pd.Index([id for id, _ in items], name="id", dtype=str)
    paths = [unicodedata.normalize("NFC", slashes(member)) for _, member in items]
    root = posixpath.commonpath([posixpath.dirname(path) for path in (min(paths), max(paths))]) if paths else ""
    root = f"{root}/" if root else ""
    sorted_into = _read_sub_folders([path[len(root) :] for path in paths], ids)
    file, name = _open_table(folder, root)
    if file is None:
        return Labels(sorted_into, None, {}, None)
    with file as lines:
        table = read_table(lines, name, ids, paths, root)
    attributes = table.attributes
    for name, column in sorted_into.items():
        attributes[name] = attributes[name].fillna(column) if name in attributes else column
    return table._replace(attributes=attributes)


def _read_sub_folders(paths, ids):
    firsts = [path.partition("/")[0] if "/" in path else None for path in paths]
    names = sorted({first for first in firsts if first is not None})
    if len(names) > MAX_FOLDERS:
        print(f"folder: {len(names)} sub-folders are more than {MAX_FOLDERS}: they are not taken for attributes")
        names = []
    elif names and all(name.isdecimal() for name in names):
        print(f"folder: sub-folders named by numbers ({names[0]} and so on) are not taken for attributes")
        names = []
    places = {name: place for place, name in enumerate(names)}
    values = np.full((len(paths), len(names)), np.nan, np.float32)
    for row, first in enumerate(firsts):
        if first in places:
            values[row] = 0.0
            values[row, places[first]] = 1.0
    columns = [safe_id(name) for name in names]
    if "id" in columns:
        raise InputError("folder: a sub-folder called id cannot be an attribute; give it another name")
    return pd.DataFrame(values, index=ids, columns=columns, copy=False)


def _open_table(folder, root):
    """(context manager of the open labels.csv, its name for messages), or (None, None)."""
    path = folder / LABELS
    if path.exists():
        return open_text(path, newline=""), str(path)
    described = folder / "dataset.json"
    if described.exists():
        archive = folder / read_json(described)["archive"]
        for member in [m for m in list_members(archive) if slashes(m.name) in (LABELS, root + LABELS)]:
            name = f"{archive}: {member.name}"
            if member.refused:
                raise InputError(f"{name}: {member.refused}")
            data = dict(read_members(archive, [member]))[member.name]
            if isinstance(data, MemberError):
                raise InputError(f"{name}: {data}")
            return io.StringIO(_decode(data, name), newline=""), name
    return None, None


def _decode(data, name):
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{name}: not UTF-8 text; save it as UTF-8") from None
