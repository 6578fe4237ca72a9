"""What the machine offers."""

import os


def available_cores():
    """How many cores this process may use, int >= 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
