"""Olivetti's faces as they are published: one MATLAB file whose columns are pictures."""

import zlib

import numpy as np

from facepipe.errors import InputError

SIDE, PER_PERSON = 64, 10


def is_matfile(path):
    """Whether the file begins as a MATLAB 5 file does."""
    with open(path, "rb") as file:
        return file.read(10) == b"MATLAB 5.0"


def pictures(path):
    """The pictures of the variable `faces`, uint8 or float (4096, n), one 64x64 picture a column, column by column.

    Yields:
        (name, bytes): "olivetti/s01_01.pgm" and on, ten a person, and the picture as a PGM file.

    Raises:
        InputError: not such a file, or damaged.
    """
    from scipy.io import loadmat  # takes half a second

    try:
        faces = np.asarray(loadmat(path, variable_names=["faces"])["faces"])
    except (ValueError, TypeError, KeyError, NotImplementedError, OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: not a MATLAB file with a variable called faces ({error}); get it again") from None
    if faces.ndim != 2 or faces.shape[0] != SIDE * SIDE or faces.min() < 0 or faces.max() > 255:
        raise InputError(f"{path}: faces: found {list(faces.shape)}, expected [{SIDE * SIDE}, n] of values 0 to 255")
    for number, column in enumerate(faces.T.astype(np.uint8)):
        person, picture = divmod(number, PER_PERSON)
        header = f"P5 {SIDE} {SIDE} 255\n".encode()
        yield f"olivetti/s{person + 1:02d}_{picture + 1:02d}.pgm", header + column.reshape(SIDE, SIDE).T.tobytes()
