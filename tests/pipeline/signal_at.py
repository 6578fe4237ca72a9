"""Run a stage that sends itself a signal just before a chosen file operation of its training.

    python signal_at.py STAGE SIGNAL NUMBER

The operations (open to write, rename, chmod, remove, make a folder) are counted from the first one in the folder of
states. With NUMBER 0 nothing is sent, and the count is printed at the end.
"""

import os
import runpy
import signal
import sys

EVENTS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "shutil.rmtree"}
WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def main(stage, name, number):
    here, counted = os.getcwd(), 0

    def count(event, arguments):
        nonlocal counted
        if event not in EVENTS and not (event == "open" and arguments[2] & WRITE):
            return
        path = os.path.abspath(os.fsdecode(arguments[0])) if isinstance(arguments[0], str | bytes | os.PathLike) else ""
        if not path.startswith(here) or not (counted or ".facepipe" in path):
            return
        counted += 1
        if counted == number:
            os.kill(os.getpid(), getattr(signal, name))

    sys.path.insert(0, here)
    sys.argv = [stage]
    sys.addaudithook(count)
    runpy.run_module(f"stages.{stage}", run_name="__main__", alter_sys=True)
    if not number:
        print(f"{counted} operations")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
