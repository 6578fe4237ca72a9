"""Import TensorFlow without its start-up chatter on stderr."""

import os
import sys


def import_tensorflow():
    """Import TensorFlow; what its C++ side prints while loading is dropped, a failing import still raises.

    TF_CPP_MIN_LOG_LEVEL alone does not silence the lines written before its logging starts. Setting it (to anything)
    before the call leaves the later level to the user.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        import tensorflow  # noqa: F401
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
