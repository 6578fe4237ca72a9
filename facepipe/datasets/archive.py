"""Read pictures out of zip, tar and .mat archives without ever unpacking them to files."""

import bz2
import contextlib
import gzip
import hashlib
import lzma
import os
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facepipe.core.zips import BROKEN, open_zip, reason
from facepipe.errors import InputError

SIDE, PER_PERSON = 64, 10

MAX_MEMBER_BYTES = 64 * 2**20  # one encoded picture; anything larger is refused unread
_BROKEN = (*BROKEN, tarfile.TarError, lzma.LZMAError)
MAX_HEADER = 2**20  # of a tar: names and the like before a member, which tarfile reads whole
MAX_MEMBERS = 2**24  # of a tar; a zip's are bounded by its directory
MAX_MAT_PICTURES = 10_000
_PLACE = struct.Struct("<QQQLH")  # of a zip's member: header offset, compressed size, size, CRC-32, method


class MemberError(ValueError):
    """One member cannot be read; the message is the reason for rejected.csv."""


class Member(NamedTuple):
    """One member of an archive.

    Attributes:
        name: str.
        refused: why it will not be read (a link, a device, encrypted, too large, a name that leaves the archive),
            or None.
        key: bytes that are equal where the contents are; of a zip's members only CRC-32 and size, so equal keys may
            be of different contents. None, but for a zip, where not asked for.
        place: where it lies in the zip, for `read_place`; None in other archives.
    """

    name: str
    refused: str | None
    key: bytes | None = None
    place: bytes | None = None


def archive_kind(path):
    """The kind of an archive by content, not by name: "zip", "tar" (also tar.gz, tar.bz2, tar.xz) or "mat".

    Raises:
        InputError: missing, a folder, or none of them.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder, expected an archive file (.zip, .tar, .tar.gz)")
    if not path.is_file():
        raise InputError(f"{path}: no such file, expected an archive (.zip, .tar, .tar.gz)")
    try:
        if zipfile.is_zipfile(path):
            return "zip"
    except zipfile.BadZipFile as error:
        raise InputError(f"{path}: broken zip archive: {error}; download it again") from None
    if is_matfile(path):
        return "mat"
    with (
        contextlib.suppress(*_BROKEN),
        _open_stream(path) as stream,
        tarfile.open(fileobj=_LastBlock(stream), mode="r:"),  # is_tarfile reads whatever size the first header says
    ):
        return "tar"
    raise InputError(f"{path}: neither a zip nor a tar archive (incomplete download?)")


def list_members(path, max_bytes=MAX_MEMBER_BYTES, keys=False):
    """The members of an archive, in archive order; folders are left out.

    Args:
        path: zip, tar or mat.
        max_bytes: int, larger members are refused.
        keys: bool, whether to fill in `Member.key` (a tar's contents are hashed, which needs them read).

    Yields:
        `Member`.

    Raises:
        InputError: no archive, or broken or cut off in the middle.
    """
    kind = archive_kind(path)
    if kind == "zip":
        with _open_zip(path) as archive:
            # 600 bytes an entry: freed one by one while the callers' lists grow
            archive.NameToInfo.clear()
            entries = archive.filelist
            entries.reverse()
            while entries:
                info = entries.pop()
                if not info.filename.endswith("/"):  # is_dir fails at an empty name
                    yield _zip_member(info, max_bytes)
    elif kind == "mat":
        for name, data in mat_pictures(path):
            yield Member(name, None, digest(data) if keys else None)
    else:
        for info, data in _walk_tar(path, max_bytes, lambda name: keys):
            if not info.isdir():
                yield Member(info.name, _refuse_tar(info, max_bytes), digest(data) if data is not None else None)


def read_members(path, members, max_bytes=MAX_MEMBER_BYTES):
    """Contents of `members`, in one pass: zip and mat in the order given, a tar in its own.

    Args:
        path: the archive.
        members: list of `Member`, none of them refused. Of a tar's members with equal names the first is read.
        max_bytes: as for `list_members`.

    Yields:
        (name, bytes), or (name, `MemberError`) where one is damaged.

    Raises:
        InputError: the archive is broken or cut off.
    """
    kind = archive_kind(path)
    if kind == "zip":
        with open(path, "rb") as file:
            for member in members:
                try:
                    yield member.name, read_place(file, member.place)
                except MemberError as error:
                    yield member.name, error
    elif kind == "mat":
        contents = dict(mat_pictures(path))
        for member in members:
            yield member.name, contents[member.name]
    else:
        wanted = {member.name for member in members}
        for info, data in _walk_tar(path, max_bytes, lambda name: name in wanted):
            if data is not None:
                wanted.remove(info.name)
                yield info.name, data
                if not wanted:
                    return


def read_place(file, place):
    """Read one member of a zip.

    zipfile would parse the whole directory in each worker process: 120 MB for CelebA's 202,599 members.

    Args:
        file: the zip, open for reading.
        place: `Member.place`.

    Returns:
        bytes.

    Raises:
        MemberError: damaged.
    """
    offset, packed, size, crc, method = _PLACE.unpack(place)
    header = os.pread(file.fileno(), 30, offset)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise MemberError("cannot be read from the zip: no member at its place")
    name, extra = struct.unpack("<HH", header[26:])
    data = os.pread(file.fileno(), packed, offset + 30 + name + extra)
    try:
        if method == zipfile.ZIP_DEFLATED:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, size + 1)
    except zlib.error as error:
        raise MemberError(f"cannot be read from the zip: {error}") from None
    if len(data) != size or zlib.crc32(data) != crc:
        raise MemberError("cannot be read from the zip: its checksum is wrong")
    return data


def digest(data):
    """sha256 of bytes, 32 bytes."""
    return hashlib.sha256(data).digest()


def _zip_member(info, max_bytes):
    key = struct.pack("<LQ", info.CRC, info.file_size)
    refused = _refuse_zip(info, max_bytes)
    place = (info.header_offset, info.compress_size, info.file_size, info.CRC, info.compress_type)
    return Member(info.filename, refused, key, None if refused else _PLACE.pack(*place))


def _open_zip(path):
    try:
        return open_zip(path)
    except _BROKEN as error:
        raise InputError(f"{path}: broken zip archive: {error}; download it again") from None


def _walk_tar(path, max_bytes, wanted):
    """Yield (TarInfo, bytes for acceptable members whose name is `wanted`, else None); only ever seeks forward."""
    try:
        with _open_stream(path) as stream, tarfile.open(fileobj=_LastBlock(stream, max_bytes), mode="r:") as archive:
            for number, info in enumerate(archive, 1):
                if number > MAX_MEMBERS:
                    raise tarfile.ReadError(f"more than {MAX_MEMBERS} members")
                data = None
                if wanted(info.name) and _refuse_tar(info, max_bytes) is None:
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

    def __init__(self, stream, max_bytes=0):
        self._stream, self._most = stream, max(max_bytes, MAX_HEADER) + tarfile.BLOCKSIZE
        self.last = b""
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size):
        if not 0 <= size <= self._most:
            raise tarfile.ReadError(f"a header or member of {size} bytes")
        self.last = self._stream.read(size)
        return self.last


def _refuse_name(name):
    parts = re.split(r"[/\\]", name)
    if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in name:
        return "refused: the name leads out of the archive"
    return None


def _refuse_size(size, max_bytes):
    return f"refused: {size} bytes, more than {max_bytes} (preprocess.max_file_mb)" if size > max_bytes else None


def _refuse_zip(info, max_bytes):
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "refused: not a regular file"
    if info.flag_bits & 0x1:
        return "refused: encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"refused: compressed by method {info.compress_type}, not by deflate"
    if not 0 <= info.header_offset < 2**63:
        return "refused: does not lie in the file"
    # of what is compressed, too: that is read whole
    return _refuse_name(info.filename) or _refuse_size(max(info.file_size, info.compress_size), max_bytes)


def _refuse_tar(info, max_bytes):
    if not info.isreg():
        return "refused: not a regular file"
    return _refuse_name(info.name) or _refuse_size(info.size, max_bytes)


def is_matfile(path):
    """Whether the file begins as a MATLAB 5 file does."""
    with open(path, "rb") as file:
        return file.read(10) == b"MATLAB 5.0"


def mat_pictures(path):
    """The mat_pictures of the variable `faces`, uint8 or float (4096, n), one 64x64 picture a column, column by column.

    Yields:
        (name, bytes): "olivetti/s01_01.pgm" and on, ten a person, and the picture as a PGM file.

    Raises:
        InputError: not such a file, or damaged.
    """
    from scipy.io import loadmat, whosmat  # takes half a second
    from scipy.io.matlab import MatReadError

    try:
        # before anything takes memory
        shape = next(shape for name, shape, _ in whosmat(path) if name == "faces")
        if len(shape) != 2 or shape[0] != SIDE * SIDE or not 0 < shape[1] <= MAX_MAT_PICTURES:
            raise InputError(
                f"{path}: faces: found {list(shape)}, expected [{SIDE * SIDE}, n], n at most {MAX_MAT_PICTURES}"
            )
        faces = np.asarray(loadmat(path, variable_names=["faces"])["faces"])
        if faces.shape != shape or faces.dtype.kind not in "uif" or not (faces.min() >= 0 and faces.max() <= 255):
            raise InputError(f"{path}: faces: expected numbers from 0 to 255")
    except InputError:
        raise
    except (*_BROKEN, TypeError, StopIteration, MatReadError) as error:
        raise InputError(
            f"{path}: not a MATLAB file with a variable called faces ({reason(error)}); get it again"
        ) from None
    for number, column in enumerate(faces.T.astype(np.uint8)):
        person, picture = divmod(number, PER_PERSON)
        header = f"P5 {SIDE} {SIDE} 255\n".encode()
        yield f"olivetti/s{person + 1:02d}_{picture + 1:02d}.pgm", header + column.reshape(SIDE, SIDE).T.tobytes()
