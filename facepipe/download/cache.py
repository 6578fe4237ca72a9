"""The shared cache of downloads: each file once, checked before use, by one process at a time."""

import contextlib
import errno
import fcntl
import hashlib
import os
from pathlib import Path

from facepipe.core.files import read_json, sha256, write_json
from facepipe.download.drive import discard_drive_parts, receive_from_drive
from facepipe.download.remote import FIRST_WAIT, TRUST, Unavailable, bytes_of, discard, disk_full, receive
from facepipe.errors import InputError

DRIVE = "https://drive.google.com/file/d/"  # a browser opens it, too


class Missing(InputError):
    """No address has the file, and asking again will not help."""


def cache_folder():
    """Where downloads are kept: $FACEPIPE_CACHE, else $XDG_CACHE_HOME/facepipe, else ~/.cache/facepipe."""
    if own := os.environ.get("FACEPIPE_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "facepipe"


def obtain(file, check=None, advice="", first_wait=FIRST_WAIT):
    """A local copy of a remote file: the cached one if it is sound, else downloaded.

    The addresses are tried in turn. What came of a download that was cut off, killed or ran out of disk stays in the
    cache, and the next run goes on with it. A second process that wants the same file waits for the first.

    A file with a checksum is kept under that; one without under its address, and it is taken as it was when it came:
    remove it to have it downloaded again.

    Args:
        file: `registry.RemoteFile`.
        check: called with the path of a file that no checksum vouches for; raises InputError where it is not what
            is wanted. Such a file is not kept.
        advice: what the user can do where no address gives it; ends the message.
        first_wait: see `remote.receive`.

    Returns:
        `Path` in the cache; not to be changed.

    Raises:
        Missing: the addresses do not have it (404, refused).
        InputError: it cannot be had for another reason, is not what was expected, or there is no room.
    """
    path = cache_folder() / f"{_key(file)}-{file.name}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path, file.name):
            if not _usable(path, file):
                _download(file, path, check, advice, first_wait)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(path.parent) from None
        if error.errno is None:  # not of the file system: requests says so where certificates are missing
            raise InputError(f"{file.name}: not downloaded: {error}") from None
        raise InputError(
            f"{path.parent}: cannot be used as cache: {error.strerror}; "
            "set FACEPIPE_CACHE to a folder that you can write to"
        ) from None
    return path


def _key(file):
    known = [*file.checksums.values()] or [hashlib.sha256(repr((file.urls, file.gdrive)).encode()).hexdigest()]
    return known[0][:12]


@contextlib.contextmanager
def _locked(path, name):
    with open(_beside(path, ".lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{name}: another process is downloading it; waiting", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _beside(path, suffix):
    return path.with_name(path.name + suffix)


def _usable(path, file):
    """Whether the cached file is there and sound; removes it where it is not."""
    if not path.exists():
        return False
    problem = file.problem(path)
    if problem is None and not file.checksums:
        with contextlib.suppress(FileNotFoundError, ValueError):
            expected = read_json(_beside(path, ".json"))["sha256"]
            if sha256(path) == expected:
                return True
        problem = "not as it was downloaded"
    if problem:
        print(f"{path}: damaged ({problem}); removed, downloading it again", flush=True)
        path.unlink()
    return not problem


def _download(file, path, check, advice, first_wait):
    part = _beside(path, ".part")
    failures = []
    for url in (*file.urls, *([DRIVE + file.gdrive] if file.gdrive else [])):
        try:
            _from_address(url, part, file, check, first_wait)
        except Unavailable as failure:
            failures.append((url, failure))
            continue
        write_json(_beside(path, ".json"), {"sha256": sha256(part), "url": url})
        os.replace(part, path)
        discard(part)
        return
    reasons = "; ".join(f"{url}: {failure}" for url, failure in failures) or "no address of it is known"
    kind = Missing if all(failure.gone for _, failure in failures) else InputError
    raise kind(f"{file.name}: not downloaded: {reasons}" + (f"; {advice}" if advice else ""))


def _from_address(url, part, file, check, first_wait):
    """Fill `part` with the right bytes, or remove it and raise `Unavailable`."""
    while True:
        if url.startswith(DRIVE):
            pieced = receive_from_drive(url.removeprefix(DRIVE), part)
        else:
            pieced = receive(url, part, file.name, file.bytes, bool(file.checksums), first_wait)
        problem = _problem(part, file, check)
        if problem is None:
            return
        discard(part)
        discard_drive_parts(part)
        if not pieced:
            raise Unavailable(f"{problem}; the wrong file is removed{f'; {TRUST}' if file.checksums else ''}")
        print(f"{file.name}: {problem}; it was put together from several answers, so once more from the start")


def _problem(part, file, check):
    problem = file.problem(part)
    if problem is None and not file.checksums:
        if bytes_of(part) == 0:
            return "it is empty"
        if _is_web_page(part):
            return "it is a web page"
        try:
            if check:
                check(part)
        except InputError as error:
            return str(error).removeprefix(f"{part}: ")
    elif problem and _is_web_page(part):
        problem += " (it is a web page)"
    return problem


def _is_web_page(path):
    with open(path, "rb") as file:
        return file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype html", b"<html"))
