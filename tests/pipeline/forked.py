"""A stage in a child of a process that has imported TensorFlow and done nothing with it: it starts 2 s sooner.

It is a real process with the repository's folder, environment and modules, by `multiprocessing`'s fork server.
"""

import multiprocessing
import os
import runpy
import signal
import sys
import threading
import time

SERVER = multiprocessing.get_context("forkserver")
# none of facepipe: the child imports the repository's own
SERVER.set_forkserver_preload(["__main__", "tensorflow", "pandas", "pydantic"])
# starting a process collects the exit codes of all, and each can be read once
LOCK = threading.Lock()
EVENTS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "shutil.rmtree"}
WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class ForkedStage:
    """A started stage, which sends itself a signal just before a chosen file operation of its training.

    The operations (open to write, rename, chmod, remove, make a folder) are counted from the first one in the folder of
    states. With number 0 no signal is sent, and the count is the last line of stdout.
    """

    def __init__(self, repository, stage, number=0, name="SIGKILL"):
        self._streams = [repository.folder.with_name(f"{stage}.{stream}") for stream in ("stdout", "stderr")]
        arguments = (repository.folder, repository.environment(), self._streams, stage, number, getattr(signal, name))
        self._process = SERVER.Process(target=_run, args=arguments)
        with LOCK:
            self._process.start()
        self.pid, self.kill = self._process.pid, self._process.kill

    def wait(self):
        while self.returncode is None:
            time.sleep(0.005)
        return self

    @property
    def returncode(self):
        """As subprocess has it; None: it runs."""
        with LOCK:
            return self._process.exitcode

    @property
    def stdout(self):
        return self._streams[0].read_text(encoding="utf-8")

    @property
    def stderr(self):
        return self._streams[1].read_text(encoding="utf-8")


def _run(folder, environment, streams, stage, number, sent):
    assert "tensorflow" in sys.modules and "facepipe" not in sys.modules
    for descriptor, path in enumerate(streams, 1):
        with open(path, "wb") as file:
            os.dup2(file.fileno(), descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    here, counted = str(folder), 0

    def count(event, arguments):
        nonlocal counted
        if event not in EVENTS and not (event == "open" and arguments[2] & WRITE):
            return
        path = os.path.abspath(os.fsdecode(arguments[0])) if isinstance(arguments[0], str | bytes | os.PathLike) else ""
        if not path.startswith(here) or not (counted or ".facepipe" in path):
            return
        counted += 1
        if counted == number:
            os.kill(os.getpid(), sent)

    sys.path.insert(0, here)
    sys.argv = [stage]
    sys.addaudithook(count)
    runpy.run_module(f"stages.{stage}", run_name="__main__", alter_sys=True)
    if not number:
        print(counted)
