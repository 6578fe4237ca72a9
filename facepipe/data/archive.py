"""Read pictures out of zip and tar archives without ever unpacking them to files."""

import bz2
import contextlib
import gzip
import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path

from facepipe.errors import InputError

MAX_MEMBER_BYTES = 64 * 2**20  # one encoded picture; anything larger is refused unread
# NotImplementedError (an unknown compression method) is a RuntimeError, and so is a wrong password
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError)


class MemberError(ValueError):
    """One member cannot be read; the message is the reason for rejected.csv."""


def archive_kind(path):
    """The kind of an archive by content, not by name: "zip", or "tar" (also tar.gz, tar.bz2, tar.xz).

    Raises:
        InputError: missing, a folder, or neither of them.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder, expected an archive file (.zip, .tar, .tar.gz)")
    if not path.is_file():
        raise InputError(f"{path}: no such file, expected an archive (.zip, .tar, .tar.gz)")
    if zipfile.is_zipfile(path):
        return "zip"
    with contextlib.suppress(*_BROKEN):
        if tarfile.is_tarfile(path):
            return "tar"
    raise InputError(f"{path}: neither a zip nor a tar archive (incomplete download?)")


def list_members(path):
    """Names of the members of an archive, in archive order.

    Yields:
        (name, reason): reason is None for a regular file of acceptable size, else why it is refused (a link, a
        device, encrypted, too large, a name that leaves the archive). Folders are left out.

    Raises:
        InputError: no archive, or broken or cut off in the middle.
    """
    if archive_kind(path) == "zip":
        with _open_zip(path) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield info.filename, _refuse_zip(info)
    else:
        for info, _ in _walk_tar(path):
            if not info.isdir():
                yield info.name, _refuse_tar(info)


def read_tar(path, names):
    """Contents of the members `names` of a tar, in one sequential pass (a tar.gz has no random access).

    Yields:
        (name, bytes) in archive order; of members with equal names the first. Stops after the last of `names`.

    Raises:
        InputError: broken or cut off in the middle.
    """
    wanted = set(names)
    for info, data in _walk_tar(path, wanted):
        if data is not None:
            wanted.remove(info.name)
            yield info.name, data
            if not wanted:
                return


class ZipReader:
    """Random access to the members of a zip; each worker process opens its own."""

    def __init__(self, path):
        self._archive = _open_zip(path)

    def read(self, name):
        """The bytes of member `name`.

        Raises:
            MemberError: damaged (wrong checksum), encrypted or too large.
        """
        # getinfo has the last of equal names, list_members the order of all: equal names are refused by the caller
        info = self._archive.getinfo(name)
        if reason := _refuse_zip(info):
            raise MemberError(reason)
        try:
            return self._archive.read(info)
        except _BROKEN as error:
            raise MemberError(f"cannot be read from the zip: {error}") from None


def _open_zip(path):
    try:
        return zipfile.ZipFile(path)
    except _BROKEN as error:
        raise InputError(f"{path}: broken zip archive: {error}; download it again") from None


def _walk_tar(path, wanted=()):
    """Yield (TarInfo, bytes for acceptable members named in `wanted`, else None); only ever seeks forward."""
    try:
        with _open_stream(path) as stream, tarfile.open(fileobj=_LastBlock(stream), mode="r:") as archive:
            for info in archive:
                data = None
                if info.name in wanted and _refuse_tar(info) is None:
                    data = archive.extractfile(info).read()
                yield info, data
                archive.members.clear()  # or every header of a large archive stays in memory
            # tarfile takes a broken header for the end
            if not archive.fileobj.last or any(archive.fileobj.last):
                raise tarfile.ReadError(f"broken or cut off at byte {archive.offset}")
    except _BROKEN as error:
        raise InputError(f"{path}: broken or incomplete tar archive: {error}; download it again") from None


def _open_stream(path):
    with open(path, "rb") as file:
        magic = file.read(6)
    for start, module in ((b"\x1f\x8b", gzip), (b"BZh", bz2), (b"\xfd7zXZ\0", lzma)):
        if magic.startswith(start):
            return module.open(path)
    return open(path, "rb")


class _LastBlock:
    """A stream that remembers what was read last: a tar ends in blocks of zeros."""

    def __init__(self, stream):
        self._stream = stream
        self.last = b""
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size):
        self.last = self._stream.read(size)
        return self.last


def _refuse_name(name):
    parts = re.split(r"[/\\]", name)
    if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in name:
        return "refused: the name leads out of the archive"
    return None


def _refuse_size(size):
    return f"refused: {size} bytes, more than {MAX_MEMBER_BYTES}" if size > MAX_MEMBER_BYTES else None


def _refuse_zip(info):
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "refused: not a regular file"
    if info.flag_bits & 0x1:
        return "refused: encrypted"
    return _refuse_name(info.filename) or _refuse_size(info.file_size)


def _refuse_tar(info):
    if not info.isreg():
        return "refused: not a regular file"
    return _refuse_name(info.name) or _refuse_size(info.size)
