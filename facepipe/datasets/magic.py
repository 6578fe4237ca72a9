"""What a file is by its first bytes, whatever its name says."""

import bz2
import gzip
import lzma
import re
import zipfile

from facepipe.core.zips import BROKEN

LOOK = 512  # bytes; enough for all that is told apart here
COMPRESSED = {  # what one file, or a tar, is compressed by: (first bytes, module, what unpacks it)
    "gzip": (b"\x1f\x8b", gzip, "gunzip"),
    "bzip2": (b"BZh", bz2, "bunzip2"),
    "xz": (b"\xfd7zXZ\0", lzma, "unxz"),
}
_PICTURES = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|BM.{4}\0{4}|RIFF.{4}WEBP|\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"
    rb"|P[1-6]\s+(?:#|\d+\s)|.{4}ftyp(?:avi[fs]|hei[cxms]|hev[cx]|mif1|msf1)",
    re.DOTALL,
)
_TIFF = (b"II*\0", b"MM\0*")
_HEIF = re.compile(rb".{4}ftyp(?:hei[cxms]|hev[cx]|mif1|msf1)", re.DOTALL)
UNPACK = "unpack it and name the folder, or pack it again as zip"
UNPACKED = "unpack it and name what comes of it"
_OTHERS = (  # (pattern, what a file is that begins so, what to do)
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive, which facepipe does not read", UNPACK),
    (rb"Rar!\x1a\x07", "a RAR archive, which facepipe does not read", UNPACK),
    (rb"\x28\xb5\x2f\xfd", "compressed by zstd, which facepipe does not read", UNPACKED),
    (rb"\x04\x22\x4d\x18", "compressed by lz4, which facepipe does not read", UNPACKED),
    (rb"\x1f[\x9d\xa0]", "compressed by compress, which facepipe does not read", UNPACKED),
    (rb"version https://git-lfs", "a Git LFS pointer, not the file itself", "get the file with git lfs pull"),
    (rb"/annex/objects/", "a git-annex pointer, not the file itself", "get the file with git annex get"),
    (rb"outs:\s*- ", "DVC's note of a file, not the file itself", "run dvc pull and name the file or folder beside it"),
    (
        rb"(?i)(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body|script)",
        "a web page, not an archive (a login, a warning or an error, saved under its name)",
        "open the address in a browser and download the file itself",
    ),
    (
        rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml|\{\s*\")",
        "a server's answer in text, not an archive",
        "read it in an editor, and download the file itself",
    ),
    (
        rb"PK\x07\x08|PK00PK",
        "a part of a zip archive in several parts",
        "join them (zip -s 0 IN.zip --out WHOLE.zip) and name the whole",
    ),
    (rb"PK\x03\x04", "a zip archive without its end (incomplete download?)", "get it again"),
    (rb"%PDF-", "a PDF document, not an archive", "name a zip, a tar or a folder of pictures"),
)


def is_picture(start, name):
    """Whether a file is a picture by its first bytes.

    Args:
        start: bytes, the first `LOOK` of it.
        name: its name: many cameras' raw formats begin as TIFF does, so that counts only where the name has no suffix
            or one that begins with .tif.
    """
    if start.startswith(_TIFF):
        _, dot, suffix = name.rpartition("/")[2].lower().rpartition(".")
        return not dot or not suffix or suffix.startswith("tif")
    return _PICTURES.match(start) is not None


def is_heif(data):
    """Whether a picture is HEIC or another of HEIF's kinds that Pillow cannot read by itself (AVIF it can)."""
    return _HEIF.match(data) is not None and b"avif" not in data[8:32]


def open_compressed(path):
    """A file, open for reading; one that is compressed by gzip, bzip2 or xz as what is in it."""
    with open(path, "rb") as file:
        start = file.read(6)
    for magic, module, _ in COMPRESSED.values():
        if start.startswith(magic):
            return module.open(path)
    return open(path, "rb")


def describe(path):
    """What a file is that is no archive facepipe reads, and what to do: "is ...; ..."; None: nobody knows."""
    with open(path, "rb") as file:
        start = file.read(LOOK)
    if not start:
        return "is empty; copy or download it again"
    if is_picture(start, path.name):
        return "is a single picture, not an archive; name the folder that it lies in, or a zip of pictures"
    for kind, (magic, _, tool) in COMPRESSED.items():
        if start.startswith(magic):
            return _describe_compressed(path, kind, tool)
    found = next(((what, cure) for pattern, what, cure in _OTHERS if re.match(pattern, start)), None)
    return found and f"is {found[0]}; {found[1]}"


def _describe_compressed(path, kind, tool):
    try:
        with open_compressed(path) as file:
            inside = file.read(LOOK)
            packed = inside.startswith(b"PK") and zipfile.is_zipfile(file)
    except (*BROKEN, lzma.LZMAError):
        return f"is compressed by {kind}, and damaged or cut off (incomplete download?); get it again"
    if packed:
        return f"is a zip archive compressed once more by {kind}; unpack it once ({tool}) and name the zip"
    return f"is one file compressed by {kind}, not an archive; unpack it ({tool}) and name a folder, a zip or a tar"
