"""Atomic writes: a file is either the old one or the new one, never half of one."""

import contextlib
import csv
import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from facepipe.errors import InputError

MAX_JSON = 2**24  # bytes; as Python objects that can be twenty times as much
# names that no other program gives: what ends so and nobody holds is swept
UNFINISHED = ".facepipe-tmp"
_swept, _said = set(), set()  # paths, once a process


@contextlib.contextmanager
def atomic_file(path, mode="w", **options):
    """Open a temporary file beside `path`; rename it over `path` when the block ends well.

    Args:
        path: the final file; its folder is made if missing.
        mode: "w" (UTF-8 text, newlines as written) or "wb".
        **options: passed to `open`.

    On any exception the temporary file is removed and `path` is left as it was. What a killed process leaves is
    removed by the next one that writes into the folder.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if "b" not in mode:
        options = {"encoding": "utf-8", "newline": ""} | options
    with _held(path.parent, path.name, lambda **name: _closed(tempfile.mkstemp(**name))) as temporary:
        with open(temporary, mode, **options) as file:
            yield file
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes 0600
        os.replace(temporary, path)


@contextlib.contextmanager
def atomic_folder(path):
    """Yield an empty temporary folder beside `path`; it replaces `path` when the block ends well.

    On any exception the temporary folder is removed and `path` is left as it was. Of two processes that make the same
    folder the last one's stands.
    """
    path = Path(path)
    with temporary_folder(path.parent, path.name) as place:
        new, old = place / "new", place / "old"
        new.mkdir()
        yield new
        with locked(path.parent):
            if path.exists():
                os.replace(path, old)
            try:
                os.replace(new, path)
            except BaseException:
                if old.exists():
                    os.replace(old, path)
                raise


@contextlib.contextmanager
def temporary_folder(beside, name):
    """Yield an empty folder in the folder `beside`, which is made if missing; it is removed when the block ends.

    What a killed process leaves is removed by the next one that writes there.
    """
    beside = Path(beside)
    beside.mkdir(parents=True, exist_ok=True)
    with _held(beside, name, tempfile.mkdtemp) as place:
        yield place


@contextlib.contextmanager
def locked(folder):
    """A block that no two processes are in for the same folder at a time; the second one waits.

    Where the file system has no such locks, as some network disks, nobody waits.
    """
    handle = _lock(folder, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


@contextlib.contextmanager
def _held(folder, name, make):
    """Yield the `Path` of a temporary file or folder that is locked, so that nobody sweeps it, and removed at the end.

    A lock goes with its process, whatever ends that, on this machine or on another one that shares the disk; a process
    number would be given to another process one day.
    """
    if folder.absolute() not in _swept:
        _swept.add(folder.absolute())
        sweep(folder)
    while True:
        path = Path(make(dir=folder, prefix=f".{name[:40]}.", suffix=UNFINISHED))
        handle = _lock(path, fcntl.LOCK_EX)
        if path.exists():  # else another process swept it before it was locked
            break
    try:
        yield path
    finally:
        with contextlib.suppress(OSError):
            remove(path)
        if handle is not None:
            os.close(handle)


def sweep(folder):
    """Remove what processes that are no more left half written in a folder; what a living one holds stays."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name.startswith(".") and entry.name.endswith(UNFINISHED):
                handle = _lock(entry.path, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if handle is not None:
                    with contextlib.suppress(OSError):  # another process sweeps, too
                        remove(entry.path)
                    os.close(handle)


def take_lock(path, what):
    """Lock the file `path`, which is made if missing, until it is closed or the process ends.

    Args:
        path: the file; it holds the number of the process.
        what: str, what that process does, for the message: "trains this".

    Returns:
        The open file.

    Raises:
        InputError: another process has it.
    """
    file = open(path, "a+", encoding="utf-8")  # noqa: SIM115
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        with file:
            raise InputError(f"process {file.read()} {what}; wait for it or end it") from None
    except OSError:
        pass  # a file system without locks
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def is_locked(path):
    """Whether another process, or another part of this one, holds the lock of a file or folder."""
    handle = _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if handle is not None:
        os.close(handle)
    return handle is None and os.path.exists(path)


def _lock(path, how):
    """A handle that locks the file or folder; None: another one has it, or its file system has no such locks."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.flock(handle, how)
    except OSError:
        os.close(handle)
        return None
    return handle


def _closed(made):
    os.close(made[0])
    return made[1]


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


def write_sealed(path, value):
    """Write a dict as `write_json` does, with the sha256 of its other entries as its entry sha256: see `check_seal`."""
    write_json(path, value | {"sha256": _seal(value)})


def check_seal(path, value, again):
    """Raise InputError where a dict, read from `path`, is not what `write_sealed` wrote; again: see `damaged`."""
    if value.get("sha256") != _seal(value):
        raise damaged(path, "damaged: its sha256 does not fit", again)


def _seal(value):
    rest = {key: entry for key, entry in value.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def describe_files(folder, names):
    """{name: {"bytes": int, "sha256": str}} of files in a folder."""
    paths = {name: Path(folder) / name for name in names}
    return {name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for name, path in paths.items()}


def describes_files(value):
    """Whether a value, read from JSON, has what `describe_files` gives; more beside it is allowed."""
    return isinstance(value, dict) and all(
        isinstance(entry, dict) and isinstance(entry.get("bytes"), int) and isinstance(entry.get("sha256"), str)
        for entry in value.values()
    )


def check_bytes(path, described, again):
    """Raise InputError where a file is not the one that `describe_files` described.

    Args:
        path: the file.
        described: its entry, or None, where nothing is known of it but that it has to be there.
        again: as for `damaged`.
    """
    try:
        size = os.stat(path).st_size
        if described is None:
            return
        if size != described["bytes"]:
            raise damaged(path, f"damaged: {size} bytes, not {described['bytes']}", again)
        if sha256(path) != described["sha256"]:
            raise damaged(path, "damaged: its sha256 does not fit", again)
    except (FileNotFoundError, NotADirectoryError):
        raise damaged(path, "missing", again) from None


def damaged(path, problem, again):
    """The InputError for a file that is not as a stage wrote it.

    Args:
        path: the file.
        problem: str, what is wrong with it.
        again: str, what makes it again, such as "`dvc repro -f preprocess`".
    """
    # DVC looks at a file's time before its bytes: one that rots in silence would stay
    first = "" if problem == "missing" else "remove it, then "
    return InputError(f"{path}: {problem}; {first}`dvc checkout` brings it back out of DVC's cache, or {again}")


def say_unchecked(path):
    """Say on stderr, once a process, that what lies at `path` was made before there were checksums."""
    if path not in _said:
        _said.add(path)
        said = "made by an earlier facepipe, without checksums: not checked; `dvc repro` renews it"
        print(f"{path}: {said}", file=sys.stderr)


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


def sha256(path):
    """Hex sha256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _umask():
    umask = os.umask(0)
    os.umask(umask)
    return umask
