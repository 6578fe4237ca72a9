"""Import TensorFlow without its start-up chatter on stderr, and a second sooner."""

import gc
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
    # its modules stay: to look for garbage among them, now and when the process ends, takes a second or more
    collecting = gc.isenabled()
    gc.disable()
    try:
        os.dup2(null, 2)
        import tensorflow  # noqa: F401
    finally:
        if collecting:
            gc.enable()
        gc.freeze()
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
