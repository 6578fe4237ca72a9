"""The user's own folder of pictures: packed into one zip, without its links, devices and other files."""

import os
import stat
import zipfile
from pathlib import Path

from facepipe.core.files import atomic_file
from facepipe.datasets.names import LABELS, LAYOUT, member_name
from facepipe.errors import InputError

MAX_BYTES = 2**30  # of one file; no picture is as large
MAX_DEPTH = 64  # folders within folders; each keeps one file open
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can say


def pack(folder, zip_path):
    """Put a folder's pictures, and its labels.csv, into a zip, as they are; nothing outside the folder is read.

    The same files give the same bytes: members are sorted by name, uncompressed, without their times and modes.
    Hidden files and folders, __MACOSX, and files that are neither pictures by their suffix nor labels.csv at the top
    are left out.

    Args:
        folder: the folder.
        zip_path: the zip to write or replace (atomically).

    Returns:
        list of (name, reason), printable: what should have been read, but was not: links, devices, sockets, files and
        folders that may not be read.

    Raises:
        InputError: no such folder, no picture in it, or a file that breaks off while it is read.
    """
    folder, skipped, count = Path(folder), [], 0
    try:
        top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise InputError(f"{folder}: cannot be read as a folder: {(error.strerror or str(error)).lower()}") from None
    try:
        with atomic_file(zip_path, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            for path, handle in _walk(top, "", skipped):
                name = member_name(path)
                if name in archive.NameToInfo:
                    skipped.append((name, "another file has this name, too"))
                    continue
                count += name != LABELS
                _add(archive, name, handle, folder)
            if count == 0:
                first = f"; {len(skipped)} left out, the first, {skipped[0][0]}: {skipped[0][1]}" if skipped else ""
                raise InputError(f"{folder}: no picture in it (.jpg, .png and so on){first}")
    finally:
        os.close(top)
    return skipped


def _walk(folder, prefix, skipped):
    """Yield (path, open file descriptor) of the files to pack, sorted by path; each is closed at the next step.

    Opening within the open folder, without following links, holds even if somebody swaps a folder for a link meanwhile.
    """
    with os.scandir(folder) as entries:
        # with a "/" a folder comes where its files' paths belong
        entries = sorted(entries, key=lambda e: e.name + "/" * e.is_dir(follow_symlinks=False))
    for entry in entries:
        path, inside = prefix + entry.name, entry.is_dir(follow_symlinks=False)
        if entry.name.startswith(".") or entry.name == "__MACOSX":
            continue
        if not (inside or entry.is_symlink() or LAYOUT.fullmatch(entry.name) or path == LABELS):
            continue
        reason = _refuse(entry, path)
        if reason is None:
            try:
                # O_NONBLOCK: opening a pipe would wait for somebody to write into it
                handle = os.open(entry.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            except OSError as error:
                reason = f"cannot be read: {(error.strerror or str(error)).lower()}"
        if reason is not None:
            skipped.append((member_name(path), reason))
            continue
        try:
            size = os.fstat(handle).st_size
            if inside:
                yield from _walk(handle, f"{path}/", skipped)
            elif size > MAX_BYTES:
                skipped.append((member_name(path), f"{size} bytes, more than {MAX_BYTES}"))
            else:
                yield path, handle
        finally:
            os.close(handle)


def _refuse(entry, path):
    if entry.is_symlink():
        return "a link; links are not followed"
    if entry.is_dir(follow_symlinks=False):
        return f"more than {MAX_DEPTH} folders deep" if path.count("/") >= MAX_DEPTH else None
    return None if entry.is_file(follow_symlinks=False) else "a device, pipe or socket"


def _add(archive, name, handle, folder):
    """Copy an open file into the zip, a megabyte at a time."""
    info = zipfile.ZipInfo(name, _DATE)
    info.create_system, info.external_attr = 3, (stat.S_IFREG | 0o644) << 16
    size = left = os.fstat(handle).st_size
    info.file_size = size  # tells zipfile whether it needs 64 bits
    with archive.open(info, "w") as target:
        while left:
            try:
                data = os.read(handle, min(left, 2**20))
            except OSError as error:
                raise InputError(f"{folder / name}: breaks off: {(error.strerror or str(error)).lower()}") from None
            if not data:
                raise InputError(f"{folder / name}: became shorter while it was read; run again")
            target.write(data)
            left -= len(data)
