"""What `facepipe doctor` says of the user's own pictures: what download and preprocess would, before they run."""

import contextlib
import io
import os
from pathlib import Path

from facepipe.datasets.archive import archive_kind, list_members
from facepipe.datasets.names import is_hidden, is_labels, member_name, own_id, some
from facepipe.datasets.own import read_own
from facepipe.datasets.own_table import choose_table, read_within
from facepipe.datasets.sets import get_source
from facepipe.diagnosis import Problem
from facepipe.download.fetch import find_inputs
from facepipe.download.registry import read_entry
from facepipe.errors import FieldError, InputError

NAMED = 8  # attributes


def own_pictures(params):
    """Look at the names of the pictures and at their table; no picture is read, and a tar is not, which takes long.

    Args:
        params: `facepipe.config.Params`, of the data set folder.

    Returns:
        (rows, problems), as `checkup.examine`.
    """
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            said = _look(params.dataset, params.preprocess.split)
    except InputError as error:
        # the one value of another section that reading the labels can be about
        section = "preprocess" if str(error).startswith("split: ") else "dataset"
        text = f"params.yaml: {section}.{error}" if isinstance(error, FieldError) else str(error)
        return _rows(printed), [Problem(text, "mend that; facepipe doctor says whether it is right", True)]
    return [("pictures", said), *_rows(printed)], []


def _rows(printed):
    return [("pictures", line) for line in printed.getvalue().splitlines()]


def _look(dataset, split):
    archive, source = Path(dataset.archive).expanduser(), get_source(dataset.name)
    if archive.is_file() and archive_kind(archive) == "tar":
        return f"{dataset.archive}: a tar, which download will look into"
    _, *tables = find_inputs(dataset, source, read_entry("data/sources.yaml", dataset.name))
    within = _InFolder(archive) if archive.is_dir() else _InZip(archive, source)
    if not within.items:
        raise FieldError("archive", f"{dataset.archive}: no picture in it (.jpg, .png and so on)")

    def find(root):
        if tables:
            return str(tables[0][0]), tables[0][0].read_bytes()
        name = choose_table(within.tables, root)
        return None if name is None else (f"{dataset.archive}{within.mark}{name}", within.read(name))

    labels = read_own(within.items, find, split).completed()
    parts = [f"{len(within.items)} pictures"]
    for what, names in (("attributes", labels.attributes), ("factors", labels.factors)):
        if names is not None and len(names.columns):
            parts.append(f"{len(names.columns)} {what} {some(list(names.columns), NAMED)}")
    people = len(set((labels.identities or labels.people or {}).values()))
    parts += [f"{people} people"] if people else []
    parts += ["a split of their own"] if labels.splits else []
    return "; ".join(parts)


class _InFolder:
    """Pictures by their suffix, and what is called labels.csv, in a folder."""

    mark = "/"

    def __init__(self, folder):
        self._folder, self.items, self.tables = folder, [], {}
        match = get_source("folder").match
        for path, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if not is_hidden(name))
            for name in sorted(names):
                inside = os.path.relpath(os.path.join(path, name), folder)
                if is_labels(name):
                    self.tables[member_name(inside)] = inside
                elif match(inside):
                    self.items.append((own_id(inside), member_name(inside)))

    def read(self, name):
        return (self._folder / self.tables[name]).read_bytes()


class _InZip:
    """Pictures, and what is called labels.csv, in a zip."""

    mark = ": "

    def __init__(self, path, source):
        self._path, items, self.tables = path, {}, {}
        for member in list_members(path, look=source.look):
            if found := source.find(member):
                items[member.name] = found[0]
            elif is_labels(member.name):
                self.tables[member.name] = member
        self.items = [(id_, name) for name, id_ in items.items()]

    def read(self, name):
        return read_within(self._path, self.tables[name], f"{self._path}: {name}")
