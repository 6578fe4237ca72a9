"""Artifacts with a few bytes flipped, zeroed or cut off, and what their readers make of them."""

import hashlib
from pathlib import Path

import numpy as np

from facepipe.errors import InputError

PLACES = 20
KINDS = ("flipped", "zeroed", "cut off")


def corruptions(data, seed, places=PLACES):
    """Yield (what was done, the changed bytes) for `places` random places, each in every way that changes something."""
    random = np.random.default_rng(seed)
    for place in sorted(random.integers(0, len(data), places).tolist()):
        mask = int(random.integers(1, 256))
        changed = {
            "flipped": data[:place] + bytes([data[place] ^ mask]) + data[place + 1 :],
            "zeroed": data[:place] + bytes(len(data[place : place + 16])) + data[place + 16 :],
            "cut off": data[:place],
        }
        for kind in KINDS:
            if changed[kind] != data:
                yield f"{kind} at {place} of {len(data)}", changed[kind]


def outcomes(path, read, seed=0, places=PLACES):
    """What a reader makes of each corruption of a file, which is whole again afterwards.

    Args:
        path: the file.
        read: function without arguments that gives something with a `repr` of its own for each result, or raises.
        seed, places: see `corruptions`.

    Returns:
        {what was done: "same", "different", or the line of the `InputError`}; other exceptions are raised.
    """
    path, found = Path(path), {}
    data, right = path.read_bytes(), repr(read())
    try:
        for done, changed in corruptions(data, seed, places):
            path.write_bytes(changed)
            try:
                found[done] = "same" if repr(read()) == right else "different"
            except InputError as error:
                found[done] = str(error)
    finally:
        path.write_bytes(data)
    assert repr(read()) == right
    return found


def digest(*arrays):
    """sha256 of arrays' shapes, dtypes and bytes."""
    total = hashlib.sha256()
    for array in map(np.asarray, arrays):
        total.update(f"{array.shape}{array.dtype}".encode() + array.tobytes())
    return total.hexdigest()
