"""Atomic writes: a file is either the old one or the new one, never half of one."""

import contextlib
import csv
import glob
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from facepipe.errors import InputError

MAX_JSON = 2**24  # bytes; as Python objects that can be twenty times as much


@contextlib.contextmanager
def atomic_file(path, mode="w", **options):
    """Open a temporary file beside `path`; rename it over `path` when the block ends well.

    Args:
        path: the final file; its folder is made if missing.
        mode: "w" (UTF-8 text, newlines as written) or "wb".
        **options: passed to `open`.

    On any exception the temporary file is removed and `path` is left as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if "b" not in mode:
        options = {"encoding": "utf-8", "newline": ""} | options
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=_prefix(path), suffix=".tmp")
    os.close(handle)
    try:
        with open(temporary, mode, **options) as file:
            yield file
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp makes 0600
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def atomic_folder(path):
    """Yield an empty temporary folder beside `path`; it replaces `path` when the block ends well.

    On any exception the temporary folder is removed and `path` is left as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=_prefix(path), suffix=".tmp"))
    old = temporary.with_suffix(".old")
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        if path.exists():
            os.replace(path, old)
        os.replace(temporary, path)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        if old.exists() and not path.exists():
            os.replace(old, path)
        raise


def existing_part(path):
    """`path`, or the nearest of the folders that it is to lie in, whichever is there."""
    path = Path(path)
    return next(place for place in (path, *path.absolute().parents) if os.path.lexists(place))


def check_file(path):
    """Raise InputError where `path` cannot become a file; makes nothing."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file")
    place = existing_part(path.absolute().parent)
    if not place.is_dir():
        raise InputError(f"{path}: {place} is a file; name one in a folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(f"{path}: cannot be written there: Permission denied")


def remove_leftovers(*paths):
    """Remove what a process that was killed while it wrote one of `paths` left beside it; no other may be writing."""
    for path in map(Path, paths):
        for leftover in path.parent.glob(glob.escape(_prefix(path)) + "*"):
            if leftover.suffix in (".tmp", ".old"):
                remove(leftover)


def remove(path):
    """Remove the file or folder `path`, if there is one."""
    path = Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(path, value):
    """Write `value` as JSON with sorted keys, two spaces and a final newline (same value, same bytes)."""
    with atomic_file(path) as file:
        json.dump(value, file, indent=2, sort_keys=True, allow_nan=False)
        file.write("\n")


def write_csv(path, header, rows, digits=None):
    """Write a CSV file atomically; see `write_rows`."""
    with atomic_file(path) as file:
        write_rows(file, header, rows, digits)


def write_facts(path, facts, digits=None):
    """Write numbers as a table that `dvc plots` shows and that is no metric of DVC's: model, metric, value.

    Args:
        path: the CSV file, written atomically.
        facts: {what they are of, such as "vae" or "data": {name: int, float or None, which is left out}}.
        digits: as for `write_rows`.
    """
    rows = ((name, key, value) for name, found in facts.items() for key, value in found.items() if value is not None)
    write_csv(path, ("model", "metric", "value"), rows, digits)


def write_rows(file, header, rows, digits=None):
    """Write a CSV table to an open text file: commas, quotes only where they are needed, "\\n" at the end of a row.

    Args:
        file: open for text, with newline="".
        header: sequence of str.
        rows: iterable of sequences of str, int, float or None, which is an empty cell.
        digits: int, significant digits of floats; None: as many as it takes to read back the same float.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    if digits is None:
        writer.writerows(rows)
    else:
        writer.writerows([f"{v:.{digits}g}" if isinstance(v, float) else v for v in row] for row in rows)


def read_json(path):
    """The value in the JSON file `path`; ValueError as of `parse_json`."""
    with open(path, "rb") as file:
        return parse_json(file.read(MAX_JSON + 1))


def parse_json(data):
    """The value in UTF-8 bytes of JSON; ValueError: it is none, nested too deeply, or of more than `MAX_JSON` bytes."""
    if len(data) > MAX_JSON:
        raise ValueError(f"more than {MAX_JSON} bytes of JSON")
    try:
        return json.loads(data.decode("utf-8"))
    except RecursionError:
        raise ValueError("lists and objects within each other too often") from None


def _prefix(path):
    """How the names of the temporary files and folders for `path` begin."""
    return f".{path.name[:40]}."


def sha256(path):
    """Hex sha256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _umask():
    umask = os.umask(0)
    os.umask(umask)
    return umask
