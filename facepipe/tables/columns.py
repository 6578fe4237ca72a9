"""Names of columns that have a meaning of their own in tables of latents and of labels."""

import re

KEYS = ("file", "image", "name", "id")  # one of them names the picture of a row of labels
OWN = (*KEYS, "identity", "split")
VECTOR = re.compile(r"\W*(z|pc)\W*(\d+)", re.IGNORECASE)


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
