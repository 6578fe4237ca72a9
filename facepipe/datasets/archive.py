"""Read pictures out of zip, tar and .mat archives without ever unpacking them to files."""

import zipfile
from pathlib import Path

from facepipe.datasets.magic import describe
from facepipe.datasets.mat import is_matfile, mat_pictures
from facepipe.datasets.members import MAX_MEMBER_BYTES, Member, MemberError, digest
from facepipe.datasets.tars import WHOLE, is_tar, list_tar, walk_tar
from facepipe.datasets.zips import list_zip, read_place
from facepipe.errors import InputError


class NoArchive(InputError):
    """There is nothing at the path, or nobody knows what it is."""


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
    if start != b"PK" and is_tar(path):
        return "tar"
    try:
        if zipfile.is_zipfile(path):
            return "zip"
    except zipfile.BadZipFile as error:
        raise InputError(f"{path}: broken zip archive: {error}; download it again") from None
    if what := describe(path):
        raise InputError(f"{path}: {what}")
    raise NoArchive(f"{path}: neither a zip nor a tar archive (incomplete download?)")


def list_members(path, max_bytes=MAX_MEMBER_BYTES, keys=False, look=lambda name: False):
    """The members of an archive, in archive order, links at the end; folders are left out.

    A link to a member of the archive stands for that; any other is refused. Of members with equal names (tar -r) all
    are given, in order; unpacked, the last would be left.

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
        yield from list_zip(path, max_bytes, look)
    elif kind == "mat":
        for name, data in mat_pictures(path):
            yield Member(name, None, digest(data) if keys else None)
    else:
        yield from list_tar(path, max_bytes, keys, look)


def read_members(path, members, max_bytes=MAX_MEMBER_BYTES):
    """Contents of `members`, in one pass: zip and mat in the order given, a tar in its own.

    Args:
        path: the archive.
        members: list of `Member`, none of them refused. What links lead to is given under their names, where they
            come, and where a tar has it.
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
            wanted.setdefault(member.place, []).append(member.name)
        for info, _, data in walk_tar(path, max_bytes, lambda info: WHOLE if info.offset in wanted else 0):
            if data is not None:
                for name in wanted.pop(info.offset):
                    yield name, data
                if not wanted:
                    return
