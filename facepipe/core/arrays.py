"""Arrays in a .npz file that says whether it is as it was written."""

import hashlib
import io
from pathlib import Path

import numpy as np

from facepipe.core.files import atomic_file, damaged, say_unchecked
from facepipe.core.zips import BROKEN_ARRAYS, open_stored, reason
from facepipe.errors import InputError

# an archive's comment, which is its last bytes: who reads .npz files passes over it
_MARK, _DIGITS = b"sha256 ", 64


def write_arrays(path, arrays):
    """Write a dict of arrays (.npz) atomically, with the sha256 of all its bytes; equal arrays give equal bytes."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    plain = file.getvalue()
    comment = _MARK + _digest(plain)
    with atomic_file(path, "wb") as file:
        # the last two bytes are the length of the comment
        file.write(plain[:-2] + len(comment).to_bytes(2, "little") + comment)


def read_arrays(path, what, again):
    """The dict of arrays that `write_arrays` wrote.

    Args:
        path: the file.
        what: str, what it is to be, for messages.
        again: as for `files.damaged`.

    Raises:
        InputError: not as it was written, or something else; members that are larger than the file, compressed ones.
        FileNotFoundError: there is none.
    """
    data = Path(path).read_bytes()
    at = data.rfind(_MARK, max(0, len(data) - len(_MARK) - _DIGITS))
    if at >= 0 and data[at + len(_MARK) :] != _digest(data[: at - 2] + bytes(2)):
        raise damaged(path, "damaged: its sha256 does not fit", again)
    try:
        with open_stored(path), np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays = dict(stored)
        if not arrays:
            raise ValueError("no arrays in it")
    except BROKEN_ARRAYS as error:
        raise InputError(f"{path}: not {what}: {reason(error)}") from None
    if at < 0:
        say_unchecked(path)
    return arrays


def _digest(data):
    return hashlib.sha256(data).hexdigest().encode()
