"""Read pictures out of zip, tar and .mat archives without ever unpacking them to files."""

import contextlib
import hashlib
import lzma
import os
import posixpath
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
from facepipe.datasets.magic import LOOK, describe, open_compressed
from facepipe.datasets.names import DOS, UNIX, read_name, slashes
from facepipe.errors import InputError

SIDE, PER_PERSON = 64, 10

MAX_MEMBER_BYTES = 64 * 2**20  # one encoded picture; anything larger is refused unread
_BROKEN = (*BROKEN, tarfile.TarError, lzma.LZMAError)
MAX_HEADER = 2**20  # of a tar: names and the like before a member, which tarfile reads whole
MAX_MEMBERS = 2**24  # of a tar; a zip's are bounded by its directory
MAX_MAT_PICTURES = 10_000
MAX_LINK = 4096  # bytes of the path that a link leads to
MAX_LINKS = 40  # that lead to each other, as on Linux
_WHOLE = -1  # bytes to read of a member: all
_UTF8 = 0x800  # of a zip's flags: the name is UTF-8
_UNIX_SYSTEMS = (3, 19)  # that a zip was written on: Unix, macOS; the others are Windows and its ancestors
_UNICODE_PATH = 0x7075  # Info-ZIP's extra field: the name once more, in UTF-8
_LEADS_OUT, _LEADS_NOWHERE = (
    "refused: a link that leads out of the archive", "refused: a link to no file of the archive"
)  # fmt: skip
_PLACE = struct.Struct("<QQQLH")  # of a zip's member: header offset, compressed size, size, CRC-32, method


class MemberError(ValueError):
    """One member cannot be read; the message is the reason for rejected.csv."""


class NoArchive(InputError):
    """There is nothing at the path, or nobody knows what it is."""


class Member(NamedTuple):
    """One member of an archive.

    Attributes:
        name: str; see `names.read_name` where it is not UTF-8.
        refused: why it will not be read (a device, encrypted, too large, a name or link that leaves the archive),
            or None.
        key: bytes that are equal where the contents are; of a zip's members only CRC-32 and size, so equal keys may
            be of different contents. None, but for a zip, where not asked for.
        place: where it lies in the zip, for `read_place`; None in other archives.
        target: of a link, the name of the member whose contents are its own; None: it is no link.
        start: its first `LOOK` bytes, where asked for.
        table: the code page that its name was read by, for want of better knowledge; None: the name is told.
    """

    name: str
    refused: str | None
    key: bytes | None = None
    place: bytes | None = None
    target: str | None = None
    start: bytes = b""
    table: str | None = None


def archive_kind(path):
    """The kind of an archive by content, not by name: "zip", "tar" (also tar.gz, tar.bz2, tar.xz) or "mat".

    Raises:
        NoArchive: missing, or something unknown.
        InputError: a folder, or a known kind of file that is none of them; says what to do.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder, expected an archive file (.zip, .tar, .tar.gz)")
    if not path.is_file():
        raise NoArchive(f"{path}: no such file, expected an archive (.zip, .tar, .tar.gz)")
    if is_matfile(path):
        return "mat"
    with open(path, "rb") as file:
        start = file.read(2)
    # a zip may lie behind other bytes; but a tar whose last member is a zip ends as a zip does
    if start != b"PK" and _is_tar(path):
        return "tar"
    try:
        if zipfile.is_zipfile(path):
            return "zip"
    except zipfile.BadZipFile as error:
        raise InputError(f"{path}: broken zip archive: {error}; download it again") from None
    if what := describe(path):
        raise InputError(f"{path}: {what}")
    raise NoArchive(f"{path}: neither a zip nor a tar archive (incomplete download?)")


def _is_tar(path):
    # tarfile.is_tarfile reads whatever size the first header says
    with (
        contextlib.suppress(*_BROKEN),
        open_compressed(path) as stream,
        tarfile.open(fileobj=_LastBlock(stream), mode="r:"),
    ):
        return True
    return False


def list_members(path, max_bytes=MAX_MEMBER_BYTES, keys=False, look=lambda name: False):
    """The members of an archive, in archive order, links at the end; folders are left out.

    A link to a member of the archive stands for that; any other is refused.

    Args:
        path: zip, tar or mat.
        max_bytes: int, larger members are refused.
        keys: bool, whether to fill in `Member.key` (a tar's contents are hashed, which needs them read).
        look: name -> bool, whether to fill in `Member.start`.

    Yields:
        `Member`.

    Raises:
        InputError: no archive, or broken or cut off in the middle.
    """
    kind = archive_kind(path)
    if kind == "zip":
        yield from _list_zip(path, max_bytes, look)
    elif kind == "mat":
        for name, data in mat_pictures(path):
            yield Member(name, None, digest(data) if keys else None)
    else:
        yield from _list_tar(path, max_bytes, keys, look)


def _list_zip(path, max_bytes, look):
    with _open_zip(path) as archive, open(path, "rb") as file:
        # 600 bytes an entry: freed one by one while the callers' lists grow
        archive.NameToInfo.clear()
        entries = archive.filelist
        entries.reverse()
        links = _Links()
        for info in entries:
            if stat.S_ISLNK(info.external_attr >> 16):
                member = _zip_member(info, max_bytes)
                links.add(member, "" if member.refused else _zip_link(file, info, member.place))
        wanted = links.wanted()  # which are kept
        while entries:
            info = entries.pop()
            # is_dir fails at an empty name
            if info.filename.endswith(("/", "\\")) or stat.S_ISLNK(info.external_attr >> 16):
                continue
            member = _zip_member(info, max_bytes)
            if member.refused is None and (look(member.name) or (wanted and _normal(member.name) in wanted)):
                start = b""
                with contextlib.suppress(MemberError):  # whoever reads all of it will say so
                    start = read_place(file, member.place, LOOK)
                member = member._replace(start=start)
            if wanted and _normal(member.name) in wanted:
                links.see(member)
            yield member
    yield from links.followed()


def _zip_link(file, info, place):
    """What a link leads to; "": cannot be read."""
    with contextlib.suppress(MemberError):
        if max(info.file_size, info.compress_size) <= MAX_LINK:
            return read_name(read_place(file, place))[0]
    return ""


def _list_tar(path, max_bytes, keys, look):
    def amount(name):
        return _WHOLE if keys else LOOK if look(name) else 0

    links = _Links()
    for info, table, data in _walk_tar(path, max_bytes, amount):
        if info.issym() or info.islnk():
            link = _tar_name(info.linkname)[0] if len(info.linkname) <= MAX_LINK else ""
            # a hard link names its member from the top
            links.add(Member(info.name, _refuse_name(info.name), table=table), link, from_top=info.islnk())
        elif not info.isdir():
            yield _tar_member(info, table, data, max_bytes, keys)
    wanted = links.wanted()
    if wanted:  # the archive once more: to keep all members, in case a link comes, would take too much memory
        for info, table, data in _walk_tar(
            path, max_bytes, lambda name: (amount(name) or LOOK) if _normal(name) in wanted else 0
        ):
            if not (info.isdir() or info.issym() or info.islnk()) and _normal(info.name) in wanted:
                links.see(_tar_member(info, table, data, max_bytes, keys))
    yield from links.followed()


def _tar_member(info, table, data, max_bytes, keys):
    key = digest(data) if keys and data is not None else None
    return Member(info.name, _refuse_tar(info, max_bytes), key, start=(data or b"")[:LOOK], table=table)


class _Links:
    """The links in an archive, and the members that they lead to, perhaps by other links."""

    def __init__(self):
        self._members, self._aims, self._found = [], {}, {}

    def add(self, member, link, from_top=False):
        """A link of the archive, and the path that it leads to."""
        name = _normal(member.name)
        self._members.append(member)
        aim = posixpath.normpath(posixpath.join("" if from_top else posixpath.dirname(name), slashes(link)))
        self._aims[name] = aim if _refuse_name(aim) is None else None

    def wanted(self):
        """The normal names of the members that links lead to, a set."""
        return {self._aim(member) for member in self._members if not member.refused} - {None}

    def _aim(self, member):
        """Where a link leads in the end; None: out of the archive."""
        name = _normal(member.name)
        for _ in range(MAX_LINKS):
            if name not in self._aims:
                break
            name = self._aims[name]
        return name

    def see(self, member):
        """A member that is no link, but `wanted`."""
        self._found.setdefault(_normal(member.name), member)

    def followed(self):
        """Yield the links as `Member`s."""
        for member in self._members:
            aim = self._aim(member)
            target = self._found.get(aim)
            if member.refused:
                yield member
            elif target is None:
                yield member._replace(refused=_LEADS_NOWHERE if aim else _LEADS_OUT)
            else:
                yield target._replace(name=member.name, table=member.table, target=target.name)


def _normal(name):
    return posixpath.normpath(slashes(name))


def read_members(path, members, max_bytes=MAX_MEMBER_BYTES):
    """Contents of `members`, in one pass: zip and mat in the order given, a tar in its own.

    Args:
        path: the archive.
        members: list of `Member`, none of them refused. Of a tar's members with equal names the first is read. What
            links lead to is given under their names, where they come, and where a tar has it.
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
        wanted = {}  # the names under which each is given
        for member in members:
            wanted.setdefault(member.target or member.name, []).append(member.name)
        for info, _, data in _walk_tar(path, max_bytes, lambda name: _WHOLE if name in wanted else 0):
            if data is not None:
                for name in wanted.pop(info.name):
                    yield name, data
                if not wanted:
                    return


def read_place(file, place, most=None):
    """Read one member of a zip, or only the first bytes of it.

    zipfile would parse the whole directory in each worker process: 120 MB for CelebA's 202,599 members.

    Args:
        file: the zip, open for reading.
        place: `Member.place`.
        most: int, the first bytes that are wanted, whose checksum nobody knows; None: all.

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
    # deflate never makes much more of something: what is wanted lies in as many bytes and some
    data = os.pread(file.fileno(), packed if most is None else min(packed, most + 1024), offset + 30 + name + extra)
    try:
        if method == zipfile.ZIP_DEFLATED:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, size + 1 if most is None else most)
    except zlib.error as error:
        raise MemberError(f"cannot be read from the zip: {error}") from None
    if most is not None:
        return data[:most]
    if len(data) != size or zlib.crc32(data) != crc:
        raise MemberError("cannot be read from the zip: its checksum is wrong")
    return data


def digest(data):
    """sha256 of bytes, 32 bytes."""
    return hashlib.sha256(data).digest()


def _zip_member(info, max_bytes):
    key = struct.pack("<LQ", info.CRC, info.file_size)
    name, table = _zip_name(info)
    refused = _refuse_zip(info, name, max_bytes)
    place = (info.header_offset, info.compress_size, info.file_size, info.CRC, info.compress_type)
    return Member(name, refused, key, None if refused else _PLACE.pack(*place), table=table)


def _zip_name(info):
    """(name, code page or None), see `Member`."""
    if info.flag_bits & _UTF8 or (info.orig_filename.isascii() and not info.extra):
        return info.filename, None
    raw = info.orig_filename.encode("cp437")  # as zipfile has decoded it, all 256 bytes
    name = _unicode_path(info.extra, zlib.crc32(raw))
    if name is None:
        name, table = read_name(raw, UNIX + DOS if info.create_system in _UNIX_SYSTEMS else DOS)
    else:
        table = None
    return name.partition("\0")[0], table


def _unicode_path(extra, crc):
    """The name that the extra field says, None: nothing, or of another name than the one with this checksum."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _UNICODE_PATH and field[:5] == struct.pack("<BL", 1, crc):
            with contextlib.suppress(UnicodeDecodeError):
                return field[5:].decode()
    return None


def _open_zip(path):
    try:
        return open_zip(path)
    except UnicodeDecodeError:
        raise InputError(f"{path}: broken zip archive: a name is not the UTF-8 that it is said to be") from None
    except _BROKEN as error:
        raise InputError(f"{path}: broken zip archive: {error}; download it again") from None


def _walk_tar(path, max_bytes, amount):
    """Yield (TarInfo, its name's code page or None, bytes or None); only ever seeks forward.

    The bytes are the first `amount(name)` of acceptable members (`_WHOLE`: all; 0: None instead).
    """
    try:
        with (
            open_compressed(path) as stream,
            tarfile.open(
                fileobj=_LastBlock(stream, max_bytes), mode="r:", encoding="utf-8", errors="surrogateescape"
            ) as archive,
        ):
            for number, info in enumerate(archive, 1):
                if number > MAX_MEMBERS:
                    raise tarfile.ReadError(f"more than {MAX_MEMBERS} members")
                info.name, table = _tar_name(info.name)
                size, data = amount(info.name), None
                if size and _refuse_tar(info, max_bytes) is None:
                    data = archive.extractfile(info).read(size)
                yield info, table, data
                archive.members.clear()  # or every header of a large archive stays in memory
            # tarfile takes a broken header for the end
            if not archive.fileobj.last or any(archive.fileobj.last):
                raise tarfile.ReadError(f"broken or cut off at byte {archive.offset}")
    except _BROKEN as error:
        raise InputError(f"{path}: broken or incomplete tar archive: {error}; download it again") from None


def _tar_name(name):
    """(name, code page or None), see `Member`; bytes that are not UTF-8 are surrogates in `name`."""
    return (name, None) if name.isprintable() else read_name(name.encode("utf-8", "surrogateescape"), UNIX)


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
    # C: is a drive; 12:30.jpg is none
    if name.startswith(("/", "\\")) or ".." in parts or parts[0][1:2] == ":" or "\0" in name:
        return "refused: the name leads out of the archive"
    return None


def _refuse_size(size, max_bytes):
    return f"refused: {size} bytes, more than {max_bytes} (preprocess.max_file_mb)" if size > max_bytes else None


def _refuse_zip(info, name, max_bytes):
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFLNK):
        return "refused: not a regular file"
    if info.flag_bits & 0x1:
        return "refused: encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"refused: compressed by method {info.compress_type}, not by deflate"
    if not 0 <= info.header_offset < 2**62:
        return "refused: does not lie in the file"
    # of what is compressed, too: that is read whole
    return _refuse_name(name) or _refuse_size(max(info.file_size, info.compress_size), max_bytes)


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
