"""Labels of the user's own pictures by the folders that they lie in: attributes, and the split."""

import functools
import posixpath
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from facepipe.core.names import folded
from facepipe.datasets.labels import Labels
from facepipe.datasets.names import composed, own_name, some
from facepipe.datasets.own_table import find_table, read_table
from facepipe.datasets.split_words import part_called, splits_called
from facepipe.errors import FieldError, InputError
from facepipe.tables.columns import cannot_be_attribute

MAX_FOLDERS = 32  # that are attributes; of more each is a person's, as it seems
NAMED = 5  # of folders in a message
_WHO = "a table with the column identity"
_PERSON = re.compile(r"(person|people|subject|participant|individual|identity|proband)[ _-]?\w{1,8}")


def read_folder(folder, items, split="auto"):
    """`Labels` of the user's own pictures by the raw folder, see `read_own`."""
    return read_own(items, functools.partial(find_table, Path(folder)), split)


def read_own(items, find, split="auto"):
    """`Labels` of a folder (or archive) of the user's own pictures.

    Sub-folders: those directly below the deepest folder that holds all the pictures are attributes, 1 for pictures in
    them (at any depth), 0 for those in the others, NaN for pictures beside them, which have not been sorted. None are
    taken from more than `MAX_FOLDERS` sub-folders, nor where all are named by numbers: such folders divide the
    pictures, they do not describe them. More than `MAX_FOLDERS` are `people`, unless the table says who is who: were
    they albums, nothing would be lost, and of few folders a split might get none. Names that differ in upper and lower
    case alone are one attribute.

    Where the sub-folders, or those one level below, are called train, valid and test (see `split_words`), they are
    the split, and the others the attributes.

    labels.csv is read by `read_table`. What it says goes before what the folders say.

    Args:
        items: list of (id, member name), all of the archive's pictures: what they have in common counts.
        find: the folder that holds all of them -> the table, as of `find_table`.
        split: `preprocess.config.Preprocess.split`. Where some folders are called like splits and some are not,
            "official" takes the former for the split, "hash" all of them for attributes.

    Raises:
        FieldError: there are such folders, and `split` is "auto".
        InputError: labels.csv is broken or names none of the pictures; a name that no attribute can have.
    """
    ids = pd.Index([id for id, _ in items], name="id", dtype=str)
    paths = [composed(member) for _, member in items]
    root = common_folder(paths)
    _tell_renamed(paths, ids)
    below = [path[len(root) :] for path in paths]
    found = _read_split_folders(below, split)
    splits = {}
    if found is not None:
        splits, below = {id: name for id, name in zip(ids, found.splits, strict=True) if name}, found.paths
        below = [path.removeprefix(common_folder(below)) for path in below]
    sorted_into, people = _read_sub_folders(below, ids)
    table = find(root)
    if table is None:
        return Labels(pd.DataFrame(index=ids), None, {}, splits or None, sorted_into, people)
    path, data = table
    labels = read_table(path, ids, paths, root, data)
    named = {folded(name): name for name in labels.attributes}
    sorted_into = sorted_into.rename(columns=lambda name: named.get(folded(name), name))
    _tell_contradictions(path, sorted_into, splits if split != "hash" else {}, labels)
    splits, people = splits | (labels.splits or {}), None if labels.identities else people
    return labels._replace(splits=splits or None, sorted_into=sorted_into, people=people)


def _tell_renamed(paths, ids):
    """Say for how many pictures the id is another than the path, see `names.safe_id`, `names.distinct_id`."""
    if renamed := [pair for pair in zip(paths, ids, strict=True) if pair[0].replace("/", "~") != pair[1]]:
        pictures = "1 picture has" if len(renamed) == 1 else f"{len(renamed)} pictures have"
        print(
            f"folder: {pictures} an id that is not the name, since that is no safe name of a file, or another "
            f"picture's, too; the first, {some(renamed[0][:1])[1:-1]}: {renamed[0][1]}"
        )


def _tell_contradictions(path, sorted_into, splits, labels):
    """Say for how many pictures the table says otherwise than the folders: attributes, {id: split}."""
    common = sorted_into.columns.intersection(labels.attributes.columns)
    folders, table = sorted_into[common], labels.attributes[common]
    other = (folders != table) & folders.notna() & table.notna()
    moved = [id for id, split in (labels.splits or {}).items() if splits.get(id, split) != split]
    ids = dict.fromkeys([*other.index[other.any(axis=1)], *moved])
    counts = [f"{name} {count}" for name, count in (*other.sum().items(), ("split", len(moved))) if count]
    if ids:
        print(
            f"{path}: {len(ids)} of {len(other)} pictures lie in folders that say otherwise {some(list(ids))}, by "
            f"column: {', '.join(counts)}; the table wins"
        )


def common_folder(paths):
    """The deepest folder that holds all of `paths`, "" or ending in "/"."""
    ends = [posixpath.dirname(composed(path)) for path in (min(paths), max(paths))] if paths else [""]
    root = posixpath.commonpath(ends)
    return f"{root}/" if root else ""


class _SplitFolders(NamedTuple):
    splits: list  # of each picture, None: it lies in none of these folders
    paths: list  # without them


def _read_split_folders(paths, split):
    """`_SplitFolders` of paths below what they have in common; None: there are none. `split`: as in `read_folder`."""
    parts = [path.split("/") for path in paths]
    for level in (0, 1):
        names = [each[level] if len(each) > level + 1 else None for each in parts]
        named = _splits_named(set(names) - {None})
        splits = [named.get(name) for name in names]
        # further down, one folder called test is a folder like others
        if not named or (level and len(set(splits) - {None}) < 2):
            continue
        others = sorted(set(names) - named.keys() - {None})
        if others and split == "hash":
            return None
        said, beside = (_listed([f"{name}/" for name in folders]) for folders in (sorted(named), others))
        if others and split == "auto":
            raise FieldError(
                "split",
                f"{said} may be a split, but there is {beside}, too; say official if they are the split (pictures in "
                "others are left out), hash if all of these are attributes",
            )
        print(f"folder: taken for the split: {said}")
        return _SplitFolders(splits, ["/".join(each[:level] + each[level + 1 :]) for each in parts])
    return None


def _splits_named(folders):
    """{folder: its split} of those that are called so; dev and eval beside a train alone, else names like others."""
    splits = splits_called(sorted(folders))
    if "train" not in splits.values():
        return {name: split for name, split in splits.items() if part_called(name) in ("valid", "test")}
    return splits


def _listed(names):
    """Some names as text: a, b and c; of many the first."""
    if len(names) > NAMED:
        names = [*names[:NAMED], f"{len(names) - NAMED} more"]
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _read_sub_folders(paths, ids):
    """(DataFrame of attributes, {id: folder} of `Labels.people`)."""
    firsts = [path.partition("/")[0] if "/" in path else None for path in paths]
    alike, people = {}, None  # folders that are one attribute
    for name in sorted({first for first in firsts if first is not None}):
        alike.setdefault(folded(name.strip()), []).append(name)
    if len(alike) > MAX_FOLDERS:
        print(
            f"folder: {len(alike)} sub-folders are more than {MAX_FOLDERS}: they are not taken for attributes, but for "
            f"people, each of whom is in one split where a hash divides the pictures; {_WHO} goes before"
        )
        person = {each: own_name(names[0].strip()) for names in alike.values() for each in names}
        people = {id: person[first] for id, first in zip(ids, firsts, strict=True) if first is not None}
        alike = {}
    elif alike and all(name.isdecimal() for name in alike):
        print(
            f"folder: sub-folders named by numbers ({min(alike)} and so on) are not taken for attributes; if they are "
            f"people, {_WHO} keeps each in one split"
        )
        alike = {}
    elif alike and all(_PERSON.fullmatch(name) for name in alike):
        print(
            f"folder: {min(alike)}/ and so on are taken for attributes; if they are people, {_WHO} keeps each in one "
            "split"
        )
    columns = [own_name(names[0].strip()) for names in alike.values()]
    if bad := [f"{name}/" for name in columns if cannot_be_attribute(name)]:
        reason = cannot_be_attribute(bad[0][:-1])
        raise InputError(f"folder: sub-folders that cannot be attributes: {_listed(bad)}: {reason}; rename them")
    for name, names in zip(columns, alike.values(), strict=True):
        if name != composed(names[0].strip()):
            print(
                f"folder: {names[0]}/ is called {name} as an attribute: tables and file names cannot have it as it is"
            )
        if len(names) > 1:
            print(f"folder: {_listed([f'{each}/' for each in names])} are taken for one attribute, {name}")
    places = {name: place for place, names in enumerate(alike.values()) for name in names}
    deeper = [path.split("/")[1:-1] for path in paths]
    if second := sorted({folders[0] for folders in deeper if folders}):
        below = " and those below" if any(len(folders) > 1 for folders in deeper) else ""
        print(
            f"folder: sub-folders of the second level {some(second)}{below} are not used as attributes; name their "
            "folder as dataset.archive, or use labels.csv"
        )
    values = np.full((len(paths), len(columns)), np.nan, np.float32)
    for row, first in enumerate(firsts):
        if first in places:
            values[row] = 0.0
            values[row, places[first]] = 1.0
    return pd.DataFrame(values, index=ids, columns=columns, copy=False), people
