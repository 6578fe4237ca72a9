"""Import TensorFlow without its start-up chatter on stderr, sooner, and with oneDNN where that is faster."""

import gc
import os
import sys

from facepipe.core.machine import use_onednn


def import_tensorflow(wrappers=True):
    """Import TensorFlow; what its C++ side prints while loading is dropped, a failing import still raises.

    TF_CPP_MIN_LOG_LEVEL alone does not silence the lines written before its logging starts. Setting it (to anything)
    before the call leaves the later level to the user.

    Args:
        wrappers: bool, whether `keras.wrappers` is to work for this process, to which end Keras imports scikit-learn:
            a third of the whole import's time.
    """
    if "tensorflow" in sys.modules:
        return
    use_onednn()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    # its modules stay: to look for garbage among them, now and when the process ends, takes a second or more
    collecting = gc.isenabled()
    gc.disable()
    without = not wrappers and "sklearn" not in sys.modules
    if without:
        sys.modules["sklearn"] = None  # its import fails, which Keras expects
    try:
        os.dup2(null, 2)
        import tensorflow  # noqa: F401
    finally:
        if without:
            del sys.modules["sklearn"]
        if collecting:
            gc.enable()
        gc.freeze()
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
