"""Pictures in a MATLAB file, given as if they were members of an archive."""

import numpy as np

from facepipe.core.zips import BROKEN, reason
from facepipe.errors import InputError

SIDE, PER_PERSON = 64, 10
MAX_PICTURES = 10_000


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
    from scipy.io import loadmat, whosmat  # takes half a second
    from scipy.io.matlab import MatReadError

    try:
        # before anything takes memory
        shape = next(shape for name, shape, _ in whosmat(path) if name == "faces")
        if len(shape) != 2 or shape[0] != SIDE * SIDE or not 0 < shape[1] <= MAX_PICTURES:
            raise InputError(
                f"{path}: faces: found {list(shape)}, expected [{SIDE * SIDE}, n], n at most {MAX_PICTURES}"
            )
        faces = np.asarray(loadmat(path, variable_names=["faces"])["faces"])
        if faces.shape != shape or faces.dtype.kind not in "uif" or not (faces.min() >= 0 and faces.max() <= 255):
            raise InputError(f"{path}: faces: expected numbers from 0 to 255")
    except InputError:
        raise
    except (*BROKEN, TypeError, StopIteration, MatReadError) as error:
        raise InputError(
            f"{path}: not a MATLAB file with a variable called faces ({reason(error)}); get it again"
        ) from None
    for number, column in enumerate(faces.T.astype(np.uint8)):
        person, picture = divmod(number, PER_PERSON)
        header = f"P5 {SIDE} {SIDE} 255\n".encode()
        yield f"olivetti/s{person + 1:02d}_{picture + 1:02d}.pgm", header + column.reshape(SIDE, SIDE).T.tobytes()
