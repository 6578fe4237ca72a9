"""What a member of any archive is: its name, why it will not be read, and by what it is found again."""

import hashlib
import re
from typing import NamedTuple

MAX_MEMBER_BYTES = 64 * 2**20  # one encoded picture; anything larger is refused unread


class MemberError(ValueError):
    """One member cannot be read; the message is the reason for rejected.csv."""


class Member(NamedTuple):
    """One member of an archive.

    Attributes:
        name: str; see `names.read_name` where it is not UTF-8.
        refused: why it will not be read (a device, encrypted, too large, a name or link that leaves the archive),
            or None.
        key: bytes that are equal where the contents are; of a zip's members only CRC-32 and size, so equal keys may
            be of different contents. None, but for a zip, where not asked for.
        place: where it lies in the zip, for `read_place`; of a tar's the offset of its header; None in a .mat.
        target: of a link, the name of the member whose contents are its own; None: it is no link.
        start: its first `LOOK` bytes, where asked for.
        table: the code page that its name was read by, for want of better knowledge; None: the name is told.
    """

    name: str
    refused: str | None
    key: bytes | None = None
    place: bytes | int | None = None
    target: str | None = None
    start: bytes = b""
    table: str | None = None


def digest(data):
    """sha256 of bytes, 32 bytes."""
    return hashlib.sha256(data).digest()


def refuse_name(name):
    """Why a member of this name will not be read, or None."""
    parts = re.split(r"[/\\]", name)
    # C: is a drive; 12:30.jpg is none
    if name.startswith(("/", "\\")) or ".." in parts or parts[0][1:2] == ":" or "\0" in name:
        return "refused: the name leads out of the archive"
    return None


def refuse_size(size, max_bytes):
    """Why a member of so many bytes will not be read, or None."""
    return f"refused: {size} bytes, more than {max_bytes} (preprocess.max_file_mb)" if size > max_bytes else None
