"""Pictures in a MATLAB file, given as if they were members of an archive."""

import math
import struct
import zlib

import numpy as np

from facepipe.core.zips import BROKEN, reason
from facepipe.errors import InputError

SIDE, PER_PERSON = 64, 10
MAX_PICTURES = 10_000
_MATRIX, _COMPRESSED = 14, 15  # kinds of elements of a file
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}  # and in these
_CLASSES, _COMPLEX = range(6, 16), 0x800  # of a matrix's flags: real numbers have one of these, and not this
_HEAD = 256  # bytes in which flags, shape and a short name lie


def is_matfile(path):
    """Whether the file begins as a MATLAB 5 file does."""
    with open(path, "rb") as file:
        return file.read(10) == b"MATLAB 5.0"


def mat_pictures(path):
    """The pictures of the variable `faces`, uint8 or float (4096, n), one 64x64 picture a column, column by column.

    Yields:
        (name, bytes): "olivetti/s01_01.pgm" and on, ten a person, and the picture as a PGM file.

    Raises:
        InputError: not such a file, or damaged.
    """
    try:
        faces = _read_faces(path)
        if not (faces.min() >= 0 and faces.max() <= 255):
            raise InputError(f"{path}: faces: expected numbers from 0 to 255")
    except InputError:
        raise
    except BROKEN as error:
        raise InputError(
            f"{path}: not a MATLAB file with a variable called faces ({reason(error)}); get it again"
        ) from None
    for number, column in enumerate(faces.astype(np.uint8)):
        person, picture = divmod(number, PER_PERSON)
        header = f"P5 {SIDE} {SIDE} 255\n".encode()
        yield f"olivetti/s{person + 1:02d}_{picture + 1:02d}.pgm", header + column.reshape(SIDE, SIDE).T.tobytes()


def _read_faces(path):
    """The columns of the variable `faces`, an array (n, 4096); ValueError: there is none, or it is damaged.

    SciPy's reader is C that trusts the file: version 1.17 is killed (segmentation fault) by a kind that there is not.
    """
    with open(path, "rb") as file:
        order = {b"IM": "<", b"MI": ">"}.get(file.read(128)[126:])
        if order is None:
            raise ValueError("no byte order")
        while len(tag := file.read(8)) == 8:
            kind, size = struct.unpack(f"{order}LL", tag)
            place = file.tell()
            head = [data for _, data in _parts(_content(file, kind, size, _HEAD), order)]
            if len(head) > 2 and head[2] == b"faces":
                shape = np.frombuffer(head[1], f"{order}i4").tolist()
                if len(shape) != 2 or shape[0] != SIDE * SIDE or not 0 < shape[1] <= MAX_PICTURES:
                    expected = f"[{SIDE * SIDE}, n], n at most {MAX_PICTURES}"
                    raise InputError(f"{path}: faces: found {shape}, expected {expected}")
                file.seek(place)
                return _numbers(_content(file, kind, size, _HEAD + 8 * math.prod(shape)), order, shape)
            file.seek(place + size)
    raise ValueError("no such variable")


def _content(file, kind, size, most):
    """The first bytes of a matrix's content, `most` at most, from an open file; b"" of other elements."""
    if kind == _COMPRESSED:
        # deflate never makes much more of something
        return zlib.decompressobj().decompress(file.read(min(size, most + most // 1000 + 1024)), most + 8)[8:]
    return file.read(min(size, most)) if kind == _MATRIX else b""


def _parts(data, order):
    """Yield (kind, bytes) of what a matrix's content consists of: flags, shape, name, numbers."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}LL", data, at)
        if kind >> 16:  # a short one: size and kind in one word, the bytes in the next
            yield kind & 0xFFFF, data[at + 4 : at + 4 + min(4, kind >> 16)]
            at += 8
        else:
            yield kind, data[at + 8 : at + 8 + size]
            at += 8 + -(-size // 8) * 8


def _numbers(data, order, shape):
    parts = list(_parts(data, order))
    flags = np.frombuffer(parts[0][1], f"{order}u4")[0]
    kind, raw = parts[3]
    if (flags & 0xFF) not in _CLASSES or flags & _COMPLEX or kind not in _NUMBERS:
        raise ValueError("no real numbers")
    return np.frombuffer(raw, order + _NUMBERS[kind], math.prod(shape)).reshape(shape[::-1])
