"""Names of files: which are pictures, and the ids that they give, safe on any system."""

import hashlib
import itertools
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
TABLES = (".csv", ".tsv", ".xlsx", ".xls", ".ods", ".parquet")  # suffixes of what may be a table of labels
# of names that are not UTF-8, as nothing says what they are. DOS: of zips by Windows. Code page 850 has 437's letters,
# and the others of western Europe in place of its frames and Greek
DOS, UNIX = "cp850", "cp1252"
OTHERS = ("cp866", "cp932")  # of zips by Windows in Russian and Japanese
# what systems and network disks leave beside pictures, in any case: @eaDir has small copies of them
LITTER = (
    "__MACOSX", "@eaDir", "#recycle", "@Recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found",
    "Thumbs.db", "ehthumbs.db", "desktop.ini",
)  # fmt: skip
_LITTER = {name.lower(): name for name in LITTER}
_LITTERED, _SUFFIX = "|".join(map(re.escape, LITTER)), "|".join(PICTURE_SUFFIXES)
LAYOUT = re.compile(  # any picture, but none in a hidden folder or in litter
    rf"(?P<id>(?:(?!\.|(?i:{_LITTERED})/)[^/]+/)*(?!\.)[^/]+\.(?i:{_SUFFIX}))", re.DOTALL
)
_LATIN = "\u0250"  # its letters come before
# what no word has: narrow kana, a backslash (half of a Japanese letter), a Cyrillic letter by itself
_UNLIKE = re.compile(r"[\uff61-\uff9f\\]|(?<![^\W\d_])[\u0400-\u052f](?![^\W\d_])")
_LONE = re.compile("[\udc80-\udcff]")  # bytes that are not UTF-8, in Python's names of files
# control characters and line ends, and what other systems take for a path
_ESCAPED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\\\\:]")


def slashes(member):
    """A member's name with / between its parts (Windows writes backslashes) and without a leading "./"."""
    return member.replace("\\", "/").removeprefix("./")


def composed(path):
    """`slashes` with letters and their accents in one (Unicode's form C): a Mac's archives have them apart."""
    return unicodedata.normalize("NFC", slashes(path))


def read_name(raw, table=UNIX):
    """A name out of an archive or a file system that may not be UTF-8.

    Each part of the path by itself: a folder's name is then the same for all that lies in it.

    Args:
        raw: bytes.
        table: name of a code page, see `code_page`.

    Returns:
        (name, table): str; the code page that (some of) it was read by, None: it is UTF-8. Bytes that a code page does
        not have are written %XX.
    """
    try:
        return raw.decode(), None
    except UnicodeDecodeError:
        return "/".join(_read_part(part, table) for part in raw.split(b"/")), table


def code_page(names, tables):
    """The code page in which names that are not UTF-8 look most like words, all of them together; in doubt the first.

    What is no letter speaks against one, and so do a capital behind a small letter (`colÞre` for `colère`) and letters
    of two scripts side by side (`Lдcheln`).

    Args:
        names: iterable of bytes.
        tables: names of code pages.
    """
    parts = {part for name in names for part in name.split(b"/") if not _is_utf8(part)}
    return min(tables, key=lambda table: sum(_unlike_words(part.decode(table, "surrogateescape")) for part in parts))


def _unlike_words(text):
    """How much speaks against a text."""
    other = sum(not (c.isascii() or c.isalpha()) for c in text) + len(_UNLIKE.findall(text))
    return other + sum(
        (before.islower() and c.isupper()) or (before.isalpha() and c.isalpha() and (before < _LATIN) != (c < _LATIN))
        for before, c in itertools.pairwise(text)
    )


def _is_utf8(raw):
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _read_part(raw, table):
    if _is_utf8(raw):
        return raw.decode()
    return _LONE.sub(lambda c: f"%{ord(c[0]) - 0xDC00:02X}", raw.decode(table, "surrogateescape"))


def is_labels(path):
    """Whether a file called so is the table of the user's own pictures, if it lies in the right place."""
    return slashes(path).rpartition("/")[2].lower() == LABELS


def is_hidden(path):
    """Whether a path, or a folder on the way, is hidden (.name) or `LITTER`."""
    return hidden_by(path) is not None


def hidden_by(path):
    """Either "hidden", or the name of the `LITTER` that a path is or lies in; None: nothing hides it."""
    parts = [part for part in slashes(path).split("/") if part not in (".", "..")]
    if any(part.startswith(".") for part in parts):
        return "hidden"
    return next((name for part in parts if (name := _LITTER.get(part.lower()))), None)


def own_id(path):
    """`safe_id`, the same for a file in a folder as for it in an archive, see `member_name`."""
    return safe_id(member_name(slashes(path)))


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


def own_name(text):
    """`safe_name`, the same for a folder as for it in an archive, see `member_name`."""
    return safe_name(member_name(slashes(text)))


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
    """A file's path as the zip has it: control characters, \\ and : as %XX (hexadecimal); not UTF-8: `read_name`."""
    path = read_name(path.encode("utf-8", "surrogateescape"))[0] if _LONE.search(path) else path
    return _ESCAPED.sub(lambda c: "".join(f"%{b:02X}" for b in c[0].encode("utf-8", "surrogateescape")), path)


def some(names, count=3):
    """The first few of a list of names in brackets, for messages: "(a.jpg, b.jpg, ...)"."""
    shown = [name if name.isprintable() else repr(name) for name in names[:count]]
    return f"({', '.join([*shown, *(['...'] if len(names) > count else [])])})"
