"""Archives with members as strange as they come, each with what should become of it."""

import io
import tarfile
import warnings
import zipfile

from tests.hostile import CLASH, DAMAGED, LEFT_OUT, NO_PICTURE, OK, Expected, Quarters, encoded

LEADS_OUT = Expected("rejected", "leads out of the archive|not of the form")
LINK_OUT = Expected("rejected", "a link that leads out of the archive")
LINK_NOWHERE = Expected("rejected", "a link to no file of the archive")
IRREGULAR = Expected("rejected", "not a regular file")
TOO_MANY_BYTES = Expected("rejected", "bytes, more than")
ESCAPING = ("../up.jpg", "a/../../up2.jpg", "/root.jpg", "C:/drive.jpg", "..\\up3.jpg", "\\root2.jpg")


def write_hostile_zip(path, max_bytes):
    """Write a zip of members of every kind; max_bytes is the limit that its largest member exceeds.

    Returns:
        list of (member name, `Expected`), in the order of the members.
    """
    draw, members = Quarters(), []

    def add(name, expected, data=None, mode=0o100644, **changes):
        info = zipfile.ZipInfo(name)
        info.filename, info.external_attr = name, mode << 16  # the name as it is
        info.compress_type = changes.pop("compress_type", zipfile.ZIP_DEFLATED)
        info.create_system = 3
        archive.writestr(info, encoded(draw(), "png") if data is None else data)
        for key, value in changes.items():
            setattr(archive.filelist[-1], key, value)  # goes into the directory only
        members.append((name, expected))

    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.filterwarnings("ignore", "Duplicate name")
        add("good.png", OK)
        for number in range(20):  # enough for each split to have some
            add(f"more/{number}.png", OK)
        add("stored.png", OK, compress_type=zipfile.ZIP_STORED)
        for name in ESCAPING:
            add(name, LEADS_OUT)
        add("link.jpg", LINK_OUT, b"/etc/passwd", mode=0o120777)
        add("link-up.jpg", LINK_OUT, b"../up.jpg", mode=0o120777)
        add("link-to-nothing.jpg", LINK_NOWHERE, b"nothing.jpg", mode=0o120777)
        add("link-to-itself.jpg", LINK_NOWHERE, b"link-to-itself.jpg", mode=0o120777)
        add("link-to-much.jpg", LINK_NOWHERE, b"x/" * 10_000, mode=0o120777)
        add("more/link.jpg", OK, b"../.hidden.png", mode=0o120777)
        add(".hidden.png", LEFT_OUT)
        add("device.jpg", IRREGULAR, b"", mode=0o020666)
        add("pipe.jpg", IRREGULAR, b"", mode=0o010666)
        add("encrypted.png", Expected("rejected", "encrypted"), flag_bits=1)
        add("bzip2.png", Expected("rejected", "method 12"), compress_type=zipfile.ZIP_BZIP2)
        add("bomb.png", TOO_MANY_BYTES, bytes(max_bytes + 1))
        add("lying-bomb.png", Expected("rejected", "cannot be read"), bytes(max_bytes + 1), file_size=100)
        add("wrong-checksum.png", Expected("rejected", "cannot be read.*checksum"), CRC=1)
        add("lies-elsewhere.png", Expected("rejected", "cannot be read"), header_offset=7)
        add("nested.zip.png", NO_PICTURE, b"PK\x05\x06" + bytes(18))
        add("twice.png", CLASH)
        add("twice.png", CLASH)
        add("Twice.PNG", CLASH)
        add("__MACOSX/._good.png", LEFT_OUT, b"\0\5\x16\7")
        add("readme.txt", LEFT_OUT, b"hello")
        add("folder.jpg/", LEFT_OUT, b"", mode=0o040755)
        add("folder.jpg/inside.png", OK)
    return members


def write_hostile_tar(path, max_bytes):
    """Write a tar.gz of members of every kind; max_bytes is the limit that its largest member exceeds.

    Returns:
        list of (member name, `Expected`), in the order of the members.
    """
    draw, members = Quarters(), []

    def add(name, expected, data=None, kind=tarfile.REGTYPE, link=""):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        if kind == tarfile.REGTYPE:
            data = encoded(draw(), "png") if data is None else data
            info.size = len(data)
        archive.addfile(info, io.BytesIO(data or b""))
        members.append((name, expected))

    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        add("good.png", OK)
        for number in range(20):  # enough for each split to have some
            add(f"more/{number}.png", OK)
        for name in ESCAPING:
            add(name, LEADS_OUT)
        add("link.jpg", LINK_OUT, kind=tarfile.SYMTYPE, link="/etc/passwd")
        add("link-to-nothing.jpg", LINK_NOWHERE, kind=tarfile.SYMTYPE, link="nothing.jpg")
        add("link-to-itself.jpg", LINK_NOWHERE, kind=tarfile.SYMTYPE, link="link-to-itself.jpg")
        add("more/link.jpg", OK, kind=tarfile.SYMTYPE, link="../.hidden.png")
        add(".hidden.png", LEFT_OUT)
        add("link-up", LEFT_OUT, kind=tarfile.SYMTYPE, link="..")
        add("link-up/through.png", OK)  # nothing is unpacked, so there is no link to go through
        add(".second.png", LEFT_OUT)
        add("more/hard.jpg", OK, kind=tarfile.LNKTYPE, link="./.second.png")
        add("hard-out.jpg", LINK_OUT, kind=tarfile.LNKTYPE, link="../../etc/passwd")
        add("null.jpg", IRREGULAR, kind=tarfile.CHRTYPE)
        add("disk.jpg", IRREGULAR, kind=tarfile.BLKTYPE)
        add("pipe.jpg", IRREGULAR, kind=tarfile.FIFOTYPE)
        add("bomb.png", TOO_MANY_BYTES, bytes(max_bytes + 1))
        add("y" * 300 + ".png", OK)
        add("twice.png", CLASH)
        add("twice.png", CLASH)
        add("Twice.PNG", CLASH)
        add("cut.png", DAMAGED, encoded(draw(), "png")[:100])
        add("readme.txt", LEFT_OUT, b"hello")
        add("folder.jpg", LEFT_OUT, kind=tarfile.DIRTYPE)
        add("folder.jpg/inside.png", OK)
    return members
