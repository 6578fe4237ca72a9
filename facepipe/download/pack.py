"""The user's own folder of pictures: packed into one zip, without devices and other files."""

import os
import stat
import zipfile
from pathlib import Path

from facepipe.core.files import atomic_file
from facepipe.datasets.magic import LOOK, is_picture
from facepipe.datasets.names import LAYOUT, is_hidden, is_labels, member_name, read_name, some
from facepipe.download.remarks import Remarks
from facepipe.errors import InputError

MAX_BYTES = 2**30  # of one file; no picture is as large
MAX_DEPTH = 64  # folders within folders; each keeps one file open
DEVICE = "a device, pipe or socket"
NOWHERE = "a link that leads nowhere"
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can say


def pack(folder, zip_path, remarks=None):
    """Put a folder's pictures, and its labels.csv, into a zip, as they are.

    The same files give the same bytes: members are sorted by name, uncompressed, without their times and modes.
    Hidden files and folders, __MACOSX, and files that are no pictures, neither by their suffix nor by their first
    bytes, nor called labels.csv, are left out. A link to a file stands for that file, wherever it lies (DVC makes
    such links into its cache), if that is a picture by its first bytes; links to folders are not followed.

    Args:
        folder: the folder.
        zip_path: the zip to write or replace (atomically).
        remarks: `Remarks`, told of files that are no pictures and of names that are not UTF-8; None: nobody.

    Returns:
        list of (name, reason), printable: what should have been read, but was not: links that lead nowhere, or to
        folders, devices, sockets, files and folders that may not be read.

    Raises:
        InputError: no such folder, no picture in it, more pictures that are links to nowhere than others, or a file
            that breaks off while it is read.
    """
    folder, skipped, remarks = Path(folder), [], remarks or Remarks()
    try:
        top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise InputError(f"{folder}: cannot be read as a folder: {(error.strerror or str(error)).lower()}") from None
    try:
        with atomic_file(zip_path, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            for path, handle in _walk(top, "", skipped, remarks):
                name, table = read_name(os.fsencode(path))
                name = member_name(name)
                if table:
                    remarks.guessed(name, table)
                if name in archive.NameToInfo:
                    skipped.append((name, "another file has this name, too"))
                    continue
                if is_labels(name):
                    remarks.labels.append(name)
                else:
                    remarks.pictures.append(name)
                _add(archive, name, handle, folder)
            nowhere = [name for name, reason in skipped if reason == NOWHERE and LAYOUT.fullmatch(name)]
            if len(nowhere) > len(remarks.pictures):
                raise InputError(f"{folder}: {missing(nowhere)}; {len(remarks.pictures)} other pictures")
            if not remarks.pictures:
                others = f"; found {remarks.found()}" if remarks.kinds else ""
                first = f"; {len(skipped)} left out, the first, {skipped[0][0]}: {skipped[0][1]}" if skipped else ""
                raise InputError(f"{folder}: no picture in it (.jpg, .png and so on){others}{first}")
    finally:
        os.close(top)
    return skipped


def missing(names):
    """What to say of links that lead nowhere, as where git-annex or DVC has not brought what they stand for."""
    lead = "link leads" if len(names) == 1 else "links lead"
    return f"{len(names)} {lead} nowhere {some(names, 1)}: get the files first (git annex get ., or dvc pull)"


def _walk(folder, prefix, skipped, remarks):
    """Yield (path, open file descriptor) of the files to pack, sorted by path; each is closed at the next step.

    Opening within the open folder, without following what was no link before, holds even if somebody swaps a folder
    for a link meanwhile.
    """
    with os.scandir(folder) as entries:
        # with a "/" a folder comes where its files' paths belong
        entries = sorted(entries, key=lambda e: e.name + "/" * e.is_dir(follow_symlinks=False))
    for entry in entries:
        path, inside, link = prefix + entry.name, entry.is_dir(follow_symlinks=False), entry.is_symlink()
        if is_hidden(entry.name):
            remarks.no_picture(path)
            continue
        named = LAYOUT.fullmatch(entry.name) is not None or is_labels(path)  # what should be read
        reason = _refuse(entry, path)
        if reason is None:
            try:
                # O_NONBLOCK: opening a pipe would wait for somebody to write into it
                flags = os.O_RDONLY | os.O_NONBLOCK | (0 if link else os.O_NOFOLLOW)
                handle = os.open(entry.name, flags, dir_fd=folder)
            except OSError as error:
                reason, named = f"cannot be read: {(error.strerror or str(error)).lower()}", True
        if reason is not None:
            if named or inside or link:
                skipped.append((member_name(path), reason))
            else:
                remarks.no_picture(path)
            continue
        try:
            if inside:
                yield from _walk(handle, f"{path}/", skipped, remarks)
                continue
            reason = _refuse_content(handle, entry.name, link, named, path)
            if reason is None:
                yield path, handle
            elif named:
                skipped.append((member_name(path), reason))
            else:
                remarks.no_picture(path)
        finally:
            os.close(handle)


def _refuse(entry, path):
    """Why an entry is not to be opened, or None."""
    if entry.is_dir(follow_symlinks=False):
        return f"more than {MAX_DEPTH} folders deep" if path.count("/") >= MAX_DEPTH else None
    if not entry.is_symlink():
        return None if entry.is_file() else DEVICE
    try:
        mode = entry.stat().st_mode
    except OSError:  # also a link to itself
        return NOWHERE
    if stat.S_ISDIR(mode):
        return "a link to a folder; such links are not followed"
    return None if stat.S_ISREG(mode) else f"a link to {DEVICE}"


def _refuse_content(handle, name, link, named, path):
    """Why an open file is not to be packed, or None; of one not `named` as a picture any reason will do."""
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):  # it has changed since
        return DEVICE
    if not is_labels(path) and (link or not named):
        try:
            start = os.pread(handle, LOOK, 0)
        except OSError as error:
            return f"cannot be read: {(error.strerror or str(error)).lower()}"
        # anything could lie elsewhere; only a picture is meant
        if not is_picture(start, name):
            return "a link to what is no picture"
    return f"{status.st_size} bytes, more than {MAX_BYTES}" if status.st_size > MAX_BYTES else None


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
