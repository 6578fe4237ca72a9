"""The members of a zip, and one of them by its place, without the list of all."""

import contextlib
import os
import stat
import struct
import zipfile
import zlib

from facepipe.core.zips import BROKEN, open_zip
from facepipe.datasets.links import MAX_LINK, Links, normal
from facepipe.datasets.magic import LOOK
from facepipe.datasets.members import Member, MemberError, refuse_name, refuse_size
from facepipe.datasets.names import DOS, OTHERS, UNIX, code_page, read_name
from facepipe.errors import InputError

_UTF8 = 0x800  # of a zip's flags: the name is UTF-8
_UNIX_SYSTEMS = (3, 19)  # that a zip was written on: Unix, macOS; the others are Windows and its ancestors
_UNICODE_PATH = 0x7075  # Info-ZIP's extra field: the name once more, in UTF-8
_PLACE = struct.Struct("<QQQLH")  # of a zip's member: header offset, compressed size, size, CRC-32, method


def list_zip(path, max_bytes, look):
    """The members of a zip, see `archive.list_members`; their keys are at hand."""
    with _open_zip(path) as archive, open(path, "rb") as file:
        entries, links = archive.filelist, Links()
        table = _code_page(entries)
        for info in entries:
            # the last entry of a name counts
            if stat.S_ISLNK(info.external_attr >> 16) and archive.NameToInfo[info.filename] is info:
                member = _zip_member(info, max_bytes, table)
                links.add(member, "" if member.refused else _zip_link(file, info, member.place, table))
        wanted = links.wanted()  # which are kept
        # 600 bytes an entry: freed one by one while the callers' lists grow
        archive.NameToInfo.clear()
        entries.reverse()
        while entries:
            info = entries.pop()
            # is_dir fails at an empty name
            if info.filename.endswith(("/", "\\")) or stat.S_ISLNK(info.external_attr >> 16):
                continue
            member = _zip_member(info, max_bytes, table)
            if member.refused is None and (look(member.name) or (wanted and normal(member.name) in wanted)):
                start = b""
                with contextlib.suppress(MemberError):  # whoever reads all of it will say so
                    start = read_place(file, member.place, LOOK)
                member = member._replace(start=start)
            if wanted and normal(member.name) in wanted:
                links.see(member)
            yield member
    yield from links.followed()


def _zip_link(file, info, place, table):
    """What a link leads to; "": cannot be read."""
    with contextlib.suppress(MemberError):
        if max(info.file_size, info.compress_size) <= MAX_LINK:
            return read_name(read_place(file, place), table)[0]
    return ""


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


def _zip_member(info, max_bytes, table):
    key = struct.pack("<LQ", info.CRC, info.file_size)
    name, table = _zip_name(info, table)
    refused = _refuse_zip(info, name, max_bytes)
    place = (info.header_offset, info.compress_size, info.file_size, info.CRC, info.compress_type)
    return Member(name, refused, key, None if refused else _PLACE.pack(*place), table=table)


def _code_page(entries):
    """The code page of the names that do not say theirs: one for all of them."""
    untold = [info for info in entries if not info.orig_filename.isascii() and _told(info) is None]
    unix = any(info.create_system in _UNIX_SYSTEMS for info in untold)
    return code_page(map(_raw_name, untold), (*((UNIX, DOS) if unix else (DOS, UNIX)), *OTHERS))


def _zip_name(info, table):
    """(name, code page or None), see `Member`."""
    name, table = (told, None) if (told := _told(info)) is not None else read_name(_raw_name(info), table)
    return name.partition("\0")[0], table


def _told(info):
    """The name, where the zip says how it is written; else None."""
    if info.flag_bits & _UTF8 or (info.orig_filename.isascii() and not info.extra):
        return info.filename
    return _unicode_path(info.extra, zlib.crc32(_raw_name(info)))


def _raw_name(info):
    return info.orig_filename.encode("cp437")  # as zipfile has decoded it, all 256 bytes


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
    except BROKEN as error:
        raise InputError(f"{path}: broken zip archive: {error}; download it again") from None


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
    return refuse_name(name) or refuse_size(max(info.file_size, info.compress_size), max_bytes)
