"""Randomness as a pure function of (seed, stream, step): no hidden generator state anywhere."""

import functools
import hashlib

import numpy as np


def _digest(*key):
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in key)
    return hashlib.sha256(text.encode("utf-8")).digest()


def rng(seed, *stream):
    """A numpy Generator for one purpose.

    Args:
        seed: int.
        *stream: str or int parts that name the use, e.g. ("order", epoch).

    Returns:
        `numpy.random.Generator` (Philox, counter-based); equal arguments give equal draws on every
        machine, different ones give independent draws.
    """
    return np.random.Generator(np.random.Philox(key=int.from_bytes(_digest(seed, *stream)[:16], "little")))


def stream_seed(seed, *stream):
    """Two int32 numbers for the `seed` argument of `tf.random.stateless_*`, a function of the arguments."""
    return np.frombuffer(_digest(seed, *stream)[:8], dtype="<i4").astype(np.int32)


def fraction(text):
    """A number in [0, 1) that depends on `text` alone; used to split data without moving old images."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8], "big") / 2**64


def one_blas_thread(function):
    """A decorator: NumPy's matrix products in it take one thread, whatever the machine has.

    In which order they sum depends on the number of threads, which by itself is the number of cores, and with it the
    last digits: of the components that a training starts at, of KID.
    """

    @functools.wraps(function)
    def limited(*arguments, **options):
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, user_api="blas"):
            return function(*arguments, **options)

    return limited
