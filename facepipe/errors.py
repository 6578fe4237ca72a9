"""What ends a program with one line for the user: wrong input, the wish to stop, a lost worker."""

import contextlib
import difflib
import errno

_NO_THREAD, _FULL = "can't start new thread", "ResourceExhaustedError"
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO)


class InputError(ValueError):
    """Wrong input by the user: shown as one line on stderr, exit code 2, no traceback."""


def fault_of_machine(error):
    """The line that will do for an exception that is the machine's fault; None: it is the program's."""
    # the words of Python's threads and of TensorFlow for the same
    if isinstance(error, MemoryError) or str(error) == _NO_THREAD or type(error).__name__ == _FULL:
        return "out of memory; end other programs, or ask for less in params.yaml (batch_size, image_size, workers)"
    if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
        return f"{error.filename or 'writing the outputs'}: {error.strerror}"
    return None


class FieldError(InputError):
    """A value that a room was given and cannot use. The room knows its name; where params.yaml has it, the stage adds.

    Args:
        field: str, the name of the value in its section.
        message: str, what is wrong with it and what would be right.
        section: the section of `config.Params` that has it; None: the stage's own.
    """

    def __init__(self, field, message, section=None):
        super().__init__(f"{field}: {message}")
        self.section = section


class Stopped(KeyboardInterrupt):
    """Somebody asked the process to end: shown as one line on stderr, exit code 128 + `signal`, no traceback."""

    def __init__(self, signal, message="stopped; run dvc repro again to go on"):
        super().__init__(message)
        self.signal = signal


class WorkerLost(RuntimeError):
    """Another process of the same training has ended: shown as one line on stderr, exit code 75 (try again)."""


@contextlib.contextmanager
def about(field):
    """A block whose every InputError is about the value called `field`: a `FieldError`."""
    try:
        yield
    except InputError as error:
        raise FieldError(field, str(error)) from None


def suggest(word, known):
    """'; did you mean X?' for the nearest of `known`, or '' when nothing is near."""
    near = difflib.get_close_matches(str(word), [str(k) for k in known], n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
