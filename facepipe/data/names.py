"""What file names say: safe ids, and the labels of the data sets that keep them in their names."""

import hashlib
import math
import re
import unicodedata

import numpy as np
import pandas as pd

from facepipe.data.labels import Labels

MAX_BYTES = 180  # of an id in UTF-8: file systems allow 255, and later stages add to it
PICTURE_SUFFIXES = (
    "jpg", "jpeg", "jpe", "jfif", "png", "apng", "gif", "bmp", "dib", "tif", "tiff", "webp", "avif", "heic", "heif",
    "jp2", "pgm", "ppm", "pbm", "pnm", "tga",
)  # fmt: skip
_UNSAFE = '<>:"|?*~'
_FORMULA = ("=", "+", "-", "@")  # begin a formula in a spreadsheet, "-" an option in a shell

# <age>_<gender>_<race>_<date>.jpg.chip.jpg, with up to two fields lost or empty; the official archives also have
# "24_0_1_20170116220224657 .jpg.chip.jpg", "44_1_4_20170116235150272.pg.chip.jpg", "53__0_20170116184028385.jpg"
UTKFACE = re.compile(
    r"(?:.*/)?(?P<id>(?P<age>\d{1,3})_(?P<fields>(?:\d*_){0,2})\d{8,}[^/_]*\.jpe?g)", re.ASCII | re.DOTALL
)
# <F or M>/<year>_<state>_<city>_<school>_<number>.png
YEARBOOK = re.compile(r"(?:.*/)?(?P<part>[FM])/(?P<id>(?P<year>\d{4})_[^/]+\.png)", re.ASCII | re.DOTALL)

MAX_AGE = 120
CHILD_BELOW, SENIOR_FROM = 13, 60  # years
MALE = {"0": 1.0, "1": 0.0}  # UTKFace's code of the gender
RACES = ("White", "Black", "Asian", "Indian")  # UTKFace's codes 0 to 3; 4 is any other


def slashes(member):
    """A member's name with / between its parts (Windows writes backslashes) and without a leading "./"."""
    return member.replace("\\", "/").removeprefix("./")


def safe_id(path):
    """An id that can be a file name on any system and a cell of a spreadsheet.

    Args:
        path: str, a member's name or a part of it.

    Returns:
        str in Unicode's form C, at most `MAX_BYTES` bytes of UTF-8: "~" stands for "/", "_" for what is not allowed.
        Where "_" replaces something, or the end is cut off, twelve digits of the path's SHA-256 are put before the
        suffix, so that two different paths (other than by Unicode form) have two different ids.
    """
    text = unicodedata.normalize("NFC", slashes(path))
    safe = "".join("_" if c in _UNSAFE or not c.isprintable() else c for c in text)
    if safe.startswith((".", *_FORMULA)):
        safe = "_" + safe[1:]
    exact = safe == text
    safe = safe.replace("/", "~")
    if exact and len(safe.encode()) <= MAX_BYTES:
        return safe
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    stem, dot, suffix = safe.rpartition(".")
    if not stem or len(suffix.encode()) > 10:
        stem, dot, suffix = safe, "", ""
    end = f"-{digest}{dot}{suffix}"
    return stem.encode()[: MAX_BYTES - len(end.encode())].decode(errors="ignore") + end


def read_utkface(folder, items):
    """`Labels` of UTKFace, from its names.

    Attributes Male; White, Black, Asian, Indian (another race: all four 0); Child (under 13 years), Senior (from 60
    on). Factor age, in years. What a name does not say for certain is NaN: an age over 120, another code, a field
    that is missing. Of two fields one of which is missing, 2, 3 and 4 can only be a race; 0 and 1 may be either.

    Args:
        folder: not used; there are no label files.
        items: list of (id, member name), names as `UTKFACE` has them.
    """
    rows = [_utkface_row(UTKFACE.fullmatch(slashes(member))) for _, member in items]
    values = np.array(rows, np.float32).reshape(len(items), 2 + len(RACES))
    age = values[:, -1]
    known = np.isfinite(age)
    index = pd.Index([id for id, _ in items], name="id", dtype=str)
    attributes = pd.DataFrame(values[:, :-1], index=index, columns=["Male", *RACES])
    attributes["Child"] = np.where(known, age < CHILD_BELOW, np.float32("nan")).astype(np.float32)
    attributes["Senior"] = np.where(known, age >= SENIOR_FROM, np.float32("nan")).astype(np.float32)
    return Labels(attributes, pd.DataFrame({"age": age.astype(float)}, index=index), {}, None)


def _utkface_row(name):
    fields = name["fields"].split("_")[:-1]
    if len(fields) == 2:
        gender, race = fields
    else:
        gender, race = "", fields[0] if fields and fields[0] not in MALE else ""
    races = [float(race == str(code)) for code in range(len(RACES))]
    if race not in ("0", "1", "2", "3", "4"):
        races = [math.nan] * len(RACES)
    age = float(name["age"])
    return [MALE.get(gender, math.nan), *races, age if age <= MAX_AGE else math.nan]


def read_yearbook(folder, items):
    """`Labels` of the yearbook portraits, from their names: attributes Male and one per decade, factor year.

    Args:
        folder: not used; there are no label files.
        items: list of (id, member name), names as `YEARBOOK` has them.

    Returns:
        `Labels` with attributes such as Decade_1950s, those that occur; years before 1800 and after 2099 are NaN.
    """
    names = [YEARBOOK.fullmatch(slashes(member)) for _, member in items]
    year = np.array([int(name["year"]) for name in names], float)
    year[(year < 1800) | (year > 2099)] = math.nan
    index = pd.Index([id for id, _ in items], name="id", dtype=str)
    columns = {"Male": np.array([name["part"] == "M" for name in names], np.float32)}
    decade = year // 10 * 10
    for start in np.unique(decade[np.isfinite(decade)]):
        columns[f"Decade_{start:.0f}s"] = np.where(np.isfinite(decade), decade == start, math.nan).astype(np.float32)
    return Labels(pd.DataFrame(columns, index=index), pd.DataFrame({"year": year}, index=index), {}, None)
