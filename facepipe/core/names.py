"""Names of files as every file system takes them: when two are one, and what a picture of an id is called."""

import re
import unicodedata

SHEETS = GRID, SHEET, COMPARE = "grid.png", "sheet.png", "compare.png"  # of many faces, beside a picture of each
_SUFFIX = re.compile(r"\.(png|jpe?g)$", re.IGNORECASE)


def folded(name):
    """What is the same for two names that are one where neither upper and lower case nor Unicode forms count."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def stem(name):
    """An id without .png, .jpg or .jpeg at its end."""
    return _SUFFIX.sub("", name) or name


def picture_name(id_):
    """The file that a picture of this id is written to: `<id>.png`, the id without .png, .jpg or .jpeg at its end."""
    return f"{stem(id_)}.png"
