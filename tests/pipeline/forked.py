"""A stage in a child of a process that has imported TensorFlow and done nothing with it: it starts 2 s sooner.

It is a real process with the repository's folder, environment and modules, by `multiprocessing`'s fork server.
"""

import functools
import gc
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


def send(name, number, event, path):
    """Send this process a signal at the chosen file operation."""
    if number == 0:
        os.kill(os.getpid(), getattr(signal, name))


class ForkedStage:
    """A started stage, which sends itself a signal just before a chosen file operation.

    The operations (open to write, rename, chmod, remove, make a folder) are counted from the first one within the
    repository. With number 0 no signal is sent, and the count is the last line of stdout.

    Args:
        repository: `conftest.Repository`.
        stage: str, with its arguments, such as "export_latents vae".
        number: int, of the operation.
        name: str, of the signal.
        act: called in place of sending that, as act(how many operations after the chosen one, event, path), for this
            one and all that follow; what it raises is raised in their stead. Importable without facepipe.
        before: called in the process before the stage begins; likewise.
    """

    def __init__(self, repository, stage, number=0, name="SIGKILL", act=None, before=None):
        file = stage.replace(" ", "-")
        self._streams = [repository.folder.with_name(f"{file}.{stream}") for stream in ("stdout", "stderr")]
        act = act or functools.partial(send, name)
        arguments = (repository.folder, repository.environment(), self._streams, stage.split(), number, act, before)
        self._process = SERVER.Process(target=_run, args=arguments)
        with LOCK:
            self._process.start()
        self.pid, self.kill = self._process.pid, self._process.kill

    def wait(self, seconds=300):
        """This, ended; killed where it still runs after so many seconds."""
        end = time.monotonic() + seconds
        while self.returncode is None:
            if time.monotonic() > end:
                self.kill()
            time.sleep(0.02)
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


def _run(folder, environment, streams, command, number, act, before):
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
        if not path.startswith(here) or "__pycache__" in path:
            return
        counted += 1
        if number and counted >= number:
            act(counted - number, event, path)

    sys.path.insert(0, here)
    sys.argv = command
    gc.freeze()  # or what was imported is looked through again and again, and its pages are copied
    if before:
        before()
    sys.addaudithook(count)
    runpy.run_module(f"stages.{command[0]}", run_name="__main__", alter_sys=True)
    if not number:
        print(counted)
