"""What is done to a stage from within its process, see `forked.ForkedStage`: nothing of facepipe is imported here."""

import os
import resource
import signal


def interrupt_twice(number, event, path):
    """Ctrl-C, and again while the stage deals with it."""
    if number < 2:
        os.kill(os.getpid(), signal.SIGINT)


def fail(code, lasting, number, event, path):
    """Refuse the operation; lasting: and each later one that needs room, as a disk does that is full."""
    if number == 0 or (lasting and event in ("open", "os.mkdir")):
        raise OSError(code, os.strerror(code), path)


def limit_memory(megabytes):
    """No more address space than the process has now and so much."""
    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + megabytes * 2**20,) * 2)


def limit_files(count):
    """No file of more bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, count))
