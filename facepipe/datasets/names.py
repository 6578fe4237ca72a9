"""Names of files: which are pictures, and the ids that they give, safe on any system."""

import hashlib
import re
import unicodedata

from facepipe.core.names import folded

MAX_BYTES = 180  # of an id in UTF-8: file systems allow 255, and later stages add to it
PICTURE_SUFFIXES = (
    "jpg", "jpeg", "jpe", "jfif", "png", "apng", "gif", "bmp", "dib", "tif", "tiff", "webp", "avif", "heic", "heif",
    "jp2", "pgm", "ppm", "pbm", "pnm", "tga",
)  # fmt: skip
DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE | re.DOTALL)
_UNSAFE = '<>:"|?*~'
_FORMULA = ("=", "+", "-", "@")  # begin a formula in a spreadsheet, "-" an option in a shell


LABELS = "labels.csv"
LAYOUT = re.compile(  # any picture, but none in a hidden folder or macOS's copies of resource forks
    rf"(?P<id>(?:(?!\.|__MACOSX/)[^/]+/)*(?!\.)[^/]+\.(?i:{'|'.join(PICTURE_SUFFIXES)}))", re.DOTALL
)
# bytes that are not UTF-8, control characters and line ends, and what other systems take for a path
_ESCAPED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\\\\:]")


def slashes(member):
    """A member's name with / between its parts (Windows writes backslashes) and without a leading "./"."""
    return member.replace("\\", "/").removeprefix("./")


def safe_id(path):
    """An id that can be a file name on any system and a cell of a spreadsheet.

    Args:
        path: str, a member's name or a part of it.

    Returns:
        str in Unicode's form C, at most `MAX_BYTES` bytes of UTF-8: "~" stands for "/", "_" for what is not allowed,
        and before what Windows takes for a device. Where there is such a "_", or the end is cut off, twelve digits of
        the path's SHA-256 are put before the suffix, so that two different paths (other than by Unicode form) have two
        different ids.
    """
    return _safe(path, DEVICE.fullmatch)


def safe_name(text):
    """Text that can stand in a table, such as the name of an attribute or a person: `safe_id`, but for devices."""
    return _safe(text, lambda name: None)


def distinct_id(id_, member):
    """Another id for a picture whose own is the name of another picture, where case or suffixes do not count.

    Args:
        id_: str, the id that both would have.
        member: str, the picture's name in the archive; different names give different ids.
    """
    return _with_digest(id_, member)


def photograph(member):
    """What a photograph's files in several formats (IMG_1.JPG, IMG_1.HEIC) have in common: str."""
    name = folded(slashes(member))
    stem, _, suffix = name.rpartition(".")
    return stem if suffix in PICTURE_SUFFIXES else name


def _safe(path, is_device):
    text = unicodedata.normalize("NFC", slashes(path))
    safe = "".join("_" if c in _UNSAFE or not c.isprintable() else c for c in text)
    if safe.startswith((".", " ", *_FORMULA)):
        safe = "_" + safe[1:]
    if safe.endswith(" "):
        safe = safe[:-1] + "_"
    if is_device(safe):
        safe = "_" + safe
    exact = safe == text
    safe = safe.replace("/", "~")
    return safe if exact and len(safe.encode()) <= MAX_BYTES else _with_digest(safe, text)


def _with_digest(safe, text):
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    stem, dot, suffix = safe.rpartition(".")
    if not stem or len(suffix.encode()) > 10:
        stem, dot, suffix = safe, "", ""
    end = f"-{digest}{dot}{suffix}"
    return stem.encode()[: MAX_BYTES - len(end.encode())].decode(errors="ignore") + end


def member_name(path):
    """A file's path as the zip has it: bytes that are not UTF-8, control characters, \\ and : as %XX (hexadecimal)."""
    return _ESCAPED.sub(lambda c: "".join(f"%{b:02X}" for b in c[0].encode("utf-8", "surrogateescape")), path)


def some(names, count=3):
    """The first few of a list of names in brackets, for messages: "(a.jpg, b.jpg, ...)"."""
    shown = [name if name.isprintable() else repr(name) for name in names[:count]]
    return f"({', '.join([*shown, *(['...'] if len(names) > count else [])])})"
