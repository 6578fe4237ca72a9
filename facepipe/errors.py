"""What ends a program with one line for the user: wrong input, the wish to stop, a lost worker."""

import difflib
import errno

# the machine's fault, not the program's: one line will do
NOT_OURS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)


class InputError(ValueError):
    """Wrong input by the user: shown as one line on stderr, exit code 2, no traceback."""


class Stopped(KeyboardInterrupt):
    """Somebody asked the process to end: shown as one line on stderr, exit code 128 + `signal`, no traceback."""

    def __init__(self, signal, message="stopped; run dvc repro again to go on"):
        super().__init__(message)
        self.signal = signal


class WorkerLost(RuntimeError):
    """Another process of the same training has ended: shown as one line on stderr, exit code 75 (try again)."""


def suggest(word, known):
    """'; did you mean X?' for the nearest of `known`, or '' when nothing is near."""
    near = difflib.get_close_matches(str(word), [str(k) for k in known], n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
