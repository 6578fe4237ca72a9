"""Names of columns that have a meaning of their own in tables of latents and of labels."""

import re

KEYS = ("file", "image", "name", "id")  # one of them names the picture of a row of labels
OWN = (*KEYS, "identity", "split")
VECTOR = re.compile(r"\W*(z|pc)\W*(\d+)", re.IGNORECASE)
# what else people call the column that names the picture, in any case, with spaces, _ or - between
_KEY = re.compile(
    r"(file|image|img|pic|picture|photo|datei|bild|bilddatei|foto)(file)?(name|id|path|pfad)?|name|id|path|fichier"
    r"|archivo|arquivo|bestand(snaam)?"
)
_INDEX = re.compile(r"(unnamed: \d+(\.\d+)?)?", re.IGNORECASE)


def is_key(name):
    """Whether a column of this name may name the picture of a row of labels."""
    plain = re.sub(r"[ _-]", "", name.lower())
    return bool(plain and _KEY.fullmatch(plain))


def is_index(name):
    """Whether a column is called as pandas calls the index of a table that it writes, or that it has read again."""
    return bool(_INDEX.fullmatch(name))


def is_vector_column(name):
    """Whether a column of this name would be taken for a number of a latent: z000, pc000, or meant as one."""
    return bool(VECTOR.match(name))


def cannot_be_attribute(name):
    """Why no attribute can have this name, as the end of a sentence; None where it can."""
    if name.lower() in OWN:
        return "tables of labels and latents have a column of this name"
    if is_vector_column(name):
        return "tables of latents have columns of such names for their numbers"
    return None
