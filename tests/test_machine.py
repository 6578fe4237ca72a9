"""Cores."""

import os

from facepipe.core.machine import available_cores


def test_as_many_as_the_process_may_use():
    mine = os.sched_getaffinity(0)
    assert available_cores() == len(mine)
    os.sched_setaffinity(0, {min(mine)})
    try:
        assert available_cores() == 1
    finally:
        os.sched_setaffinity(0, mine)
