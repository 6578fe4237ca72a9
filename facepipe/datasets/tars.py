"""The members of a tar, compressed or not, from front to end."""

import contextlib
import lzma
import tarfile

from facepipe.core.zips import BROKEN
from facepipe.datasets.links import MAX_LINK, Links, normal
from facepipe.datasets.magic import LOOK, open_compressed
from facepipe.datasets.members import Member, digest, refuse_name, refuse_size
from facepipe.datasets.names import read_name
from facepipe.errors import InputError

MAX_HEADER = 2**20  # names and the like before a member, which tarfile reads whole
MAX_MEMBERS = 2**24
WHOLE = -1  # bytes to read of a member: all
_BROKEN = (*BROKEN, tarfile.TarError, lzma.LZMAError)


def is_tar(path):
    """Whether a file is a tar, compressed or not."""
    # tarfile.is_tarfile reads whatever size the first header says
    with (
        contextlib.suppress(*_BROKEN),
        open_compressed(path) as stream,
        tarfile.open(fileobj=_LastBlock(stream), mode="r:"),
    ):
        return True
    return False


def list_tar(path, max_bytes, keys, look):
    """The members of a tar, see `archive.list_members`."""

    def amount(info):
        return WHOLE if keys else LOOK if look(info.name) else 0

    links = Links()
    for info, table, data in walk_tar(path, max_bytes, amount):
        if info.issym() or info.islnk():
            link = _tar_name(info.linkname)[0] if len(info.linkname) <= MAX_LINK else ""
            # a hard link names its member from the top
            links.add(Member(info.name, refuse_name(info.name), table=table), link, from_top=info.islnk())
        elif not info.isdir():
            links.replaced(info.name)
            yield _tar_member(info, table, data, max_bytes, keys)
    wanted = links.wanted()
    if wanted:  # the archive once more: to keep all members, in case a link comes, would take too much memory
        for info, table, data in walk_tar(
            path, max_bytes, lambda info: (amount(info) or LOOK) if normal(info.name) in wanted else 0
        ):
            if not (info.isdir() or info.issym() or info.islnk()) and normal(info.name) in wanted:
                links.see(_tar_member(info, table, data, max_bytes, keys))
    yield from links.followed()


def _tar_member(info, table, data, max_bytes, keys):
    key = digest(data) if keys and data is not None else None
    return Member(info.name, _refuse_tar(info, max_bytes), key, info.offset, start=(data or b"")[:LOOK], table=table)


def walk_tar(path, max_bytes, amount):
    """Yield (TarInfo, its name's code page or None, bytes or None); only ever seeks forward.

    The bytes are the first `amount(info)` of acceptable members (`WHOLE`: all; 0: None instead).
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
                size, data = amount(info), None
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
    return (name, None) if name.isprintable() else read_name(name.encode("utf-8", "surrogateescape"))


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


def _refuse_tar(info, max_bytes):
    if not info.isreg():
        return "refused: not a regular file"
    return refuse_name(info.name) or refuse_size(info.size, max_bytes)
