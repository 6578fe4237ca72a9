"""A training's state as bytes: a tree of arrays and plain values, exact, under a digest."""

import hashlib
import io
import json

import numpy as np

_ARRAY = "$array"


class DamagedState(ValueError):
    """The bytes are not those of a state that was written completely."""


def to_bytes(tree):
    """Encode a state; `from_bytes` gives it back to the bit.

    Args:
        tree: dicts with str keys, lists, str, int, float, bool, None, and numpy arrays of any shape and dtype
            (bfloat16 too).

    Returns:
        bytes: sha256 of what follows (32 bytes), then a .npz archive.
    """
    arrays = []

    def outline(node):
        if isinstance(node, np.ndarray):
            arrays.append(node)
            return {_ARRAY: len(arrays) - 1, "dtype": node.dtype.name}
        if isinstance(node, dict):
            return {key: outline(value) for key, value in node.items()}
        return [outline(value) for value in node] if isinstance(node, list) else node

    text = json.dumps(outline(tree)).encode()
    file = io.BytesIO()
    np.savez(file, np.frombuffer(text, np.uint8), *arrays)
    payload = file.getbuffer()
    return b"".join([hashlib.sha256(payload).digest(), payload])


def from_bytes(data):
    """Decode what `to_bytes` made.

    Raises:
        DamagedState: a bit differs, or the end is missing.
    """
    payload = memoryview(data)[32:]
    if hashlib.sha256(payload).digest() != data[:32]:
        raise DamagedState("its digest does not fit")
    with np.load(io.BytesIO(payload), allow_pickle=False) as stored:
        text, *arrays = (stored[name] for name in stored.files)

    def tree(node):
        if isinstance(node, dict) and _ARRAY in node:
            # .npy knows no bfloat16 and gives two raw bytes a number
            return arrays[node[_ARRAY]].view(np.dtype(node["dtype"]))
        if isinstance(node, dict):
            return {key: tree(value) for key, value in node.items()}
        return [tree(value) for value in node] if isinstance(node, list) else node

    return tree(json.loads(text.tobytes()))


def arrays_of(tree):
    """All arrays in the tree, in order."""
    if isinstance(tree, np.ndarray):
        yield tree
    elif isinstance(tree, dict | list):
        for node in tree.values() if isinstance(tree, dict) else tree:
            yield from arrays_of(node)


def read_variables(variables):
    """Values of keras or tf variables: list of numpy arrays (copies)."""
    return [np.array(variable) for variable in variables]


def write_variables(variables, arrays):
    """Put back what `read_variables` gave."""
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
