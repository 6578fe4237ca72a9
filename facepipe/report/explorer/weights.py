"""Arrays as text that a page can hold: matrices in float16 or int8, compressed, in base85."""

import base64
import zlib

import numpy as np

FORMS = ("float32", "float16", "int8")
LEVELS = 127  # of int8, to each side of 0


def quantise(array, form):
    """An array as it is stored.

    Args:
        array: float32.
        form: one of `FORMS`. Arrays of fewer than two dimensions, which are small, stay float32.

    Returns:
        (stored, scale): float32, float16 or int8 of the same shape; with int8 float32, a number for each place along
        the first axis (n, 1, ...) or along the last (n,), whichever leaves the smaller error, else None.
    """
    if array.ndim < 2 or form == "float32":
        return array, None
    if form == "float16":
        limit = np.finfo(np.float16).max
        return np.clip(array, -limit, limit).astype(np.float16), None

    def by(axes):
        scale = np.abs(array).max(axis=axes, keepdims=True) / np.float32(LEVELS)
        return scale, np.rint(np.divide(array, scale, out=np.zeros_like(array), where=scale > 0))

    tried = [by(tuple(range(1, array.ndim))), by(tuple(range(array.ndim - 1)))]
    scale, stored = min(tried, key=lambda found: np.square(found[0] * found[1] - array).sum())
    return stored.astype(np.int8), scale if scale is tried[0][0] else scale.reshape(-1)


def pack(arrays, form):
    """Arrays in one text.

    Args:
        arrays: list of `program.Tensor`.
        form: as in `quantise`, of those without one.

    Returns:
        (index, text, length): a dict for each array: shape, form, at (where its bytes begin) and, of int8, scale_at and
        scale_axis ("first" or "last"), of factors also of (the array whose rows they are of); str, base85 of the
        deflated bytes, and how many of these there are. All first bytes of 16-bit numbers stand together, so do all
        second ones: the latter, sign and exponent, compress well. Equal arrays give equal text with one version of
        zlib.
    """
    index, parts, at = [], [], 0

    def add(data):
        nonlocal at
        parts.append(data)
        at += len(data)
        return at - len(data)

    for array, own, of in arrays:
        stored, scale = quantise(array, own or form)
        entry = {"shape": list(array.shape), "form": str(stored.dtype), "at": add(_planes(stored))}
        if of is not None:
            entry["of"] = of
        if scale is not None:
            entry |= {"scale_at": add(_planes(scale)), "scale_axis": "last" if scale.ndim == 1 else "first"}
        index.append(entry)
    packed = zlib.compress(b"".join(parts), 9)
    # of base85's letters "<" alone could mean something in a page
    return index, base64.b85encode(packed, pad=True).decode("ascii").replace("<", ","), len(packed)


def _planes(array):
    """The bytes of an array, little endian: first all the lowest ones, last all the highest."""
    array = array.astype(array.dtype.newbyteorder("<"))
    return np.frombuffer(array.tobytes(), np.uint8).reshape(-1, array.itemsize).T.tobytes()
