"""Signals wait for the end of a step; the second one does not wait."""

import os
import signal
import subprocess
import sys

import pytest

from facepipe.training.interruption import SIGNALS, Interruption
from tests.conftest import ROOT


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_noted_and_the_handlers_come_back(number):
    before = [signal.getsignal(each) for each in SIGNALS]
    with Interruption() as interruption:
        assert interruption.signal is None
        os.kill(os.getpid(), number)
        assert interruption.signal == number
    assert [signal.getsignal(each) for each in SIGNALS] == before


@pytest.mark.parametrize("first, second", [("SIGINT", "SIGINT"), ("SIGTERM", "SIGTERM"), ("SIGTERM", "SIGINT")])
def test_the_second_signal_ends_the_process_at_once(first, second):
    code = (
        "import os, signal; from facepipe.training.interruption import Interruption\n"
        "with Interruption():\n"
        f"    os.kill(os.getpid(), signal.{first}); print('going on', flush=True)\n"
        f"    os.kill(os.getpid(), signal.{second}); print('never here', flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stdout == "going on\n"
    assert done.returncode == -getattr(signal, second)


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            os.kill(os.getpid(), signal.SIGINT)
            assert interruption.signal is None
    finally:
        signal.signal(signal.SIGINT, before)
