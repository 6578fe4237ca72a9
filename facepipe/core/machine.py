"""What the machine offers, and what follows from it for TensorFlow; known without importing it."""

import ctypes
import os
import platform
from pathlib import Path

ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
# values of ONEDNN_MAX_CPU_ISA that keep oneDNN from the units which multiply bfloat16
WITHOUT_BFLOAT16 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI")
# glibc's names in malloc.h
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 64 * 1024**2


def available_cores():
    """How many cores this process may use, int >= 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def keep_freed_memory():
    """Let this process keep what it frees for its next arrays, where its C library is glibc.

    By itself glibc hands arrays of some 100 kB back to the kernel, which then clears each page anew: a quarter of the
    time of what makes many of them.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)


def cpu_name():
    """What the CPU calls itself, str."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def cpu_flags():
    """The instruction sets of the CPU as Linux names them, such as avx2 and avx512_bf16; a frozenset of str."""
    return frozenset(_cpuinfo("flags").split())


def multiplies_bfloat16():
    """Whether the CPU has units for it that oneDNN may use (Zen 4 or newer, Xeon since Cooper Lake)."""
    return _has_bfloat16_units() and not hides_bfloat16_units()


def hides_bfloat16_units():
    """Whether ONEDNN_MAX_CPU_ISA keeps oneDNN from units that the CPU has; it then aborts on products of bfloat16."""
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper()
    return _has_bfloat16_units() and limit in WITHOUT_BFLOAT16


def _has_bfloat16_units():
    return not cpu_flags().isdisjoint({"avx512_bf16", "amx_bf16"})


def use_onednn():
    """Let TensorFlow, imported later, compute by oneDNN where the CPU has AVX2, unless the user has decided.

    By itself TensorFlow does so only where there are units for neural networks (AVX512-VNNI and the like); a training
    step of an autoencoder is 1.5 to 2 times as fast with it on a Zen 3, which has none.
    """
    if "avx2" in cpu_flags():
        os.environ.setdefault(ONEDNN, "1")


def _cpuinfo(key):
    """The first value of a key in /proc/cpuinfo; "" where there is none."""
    path = Path("/proc/cpuinfo")
    for line in path.read_text().splitlines() if path.exists() else ():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""
