"""Start the workers of one training on this machine: python -m facepipe.launch --workers 2 -- COMMAND."""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

# once a worker has failed: how long the others have to see it for themselves, and after SIGTERM to end
NOTICE_SECONDS, END_SECONDS = 20.0, 15.0
LOOK_SECONDS = 0.1
# a stage's exit code where the same command would only fail again
BAD_INPUT = 2


def free_addresses(count):
    """`count` different addresses 127.0.0.1:port at which nobody listens now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


def launch(command, workers):
    """Run `command` once for each worker, with TF_CONFIG set, and wait for all.

    Worker 0, the chief, has this process's output; the lines of the others go to stderr with their number before
    them. Ctrl-C and SIGTERM are passed on to all. Where a worker fails, the others are stopped.

    Args:
        command: list of str.
        workers: int.

    Returns:
        int: 0, or the exit code of the worker that failed first; 128 + signal for one that a signal ended.

    Raises:
        OSError: the command cannot be started.
    """
    addresses = free_addresses(workers)
    signals, processes, readers = [], [], []
    before = {
        number: signal.signal(number, lambda number, frame: signals.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        for index in range(workers):
            processes.append(_start(command, addresses, index))
            if index:
                readers.append(threading.Thread(target=_prefix, args=(processes[-1].stdout, index)))
                readers[-1].start()
        code = _wait(processes, signals)
        for reader in readers:
            reader.join()
        return code
    finally:
        _end(processes)
        for number, handler in before.items():
            signal.signal(number, handler)


def _start(command, addresses, index):
    config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"} if index else {}
    # a session of its own: a terminal's Ctrl-C reaches it through us, once
    environment = os.environ | {"TF_CONFIG": json.dumps(config)}
    return subprocess.Popen(command, env=environment, start_new_session=True, **piped)


def _prefix(lines, index):
    for line in lines:
        print(f"[worker {index}] {line.rstrip()}", file=sys.stderr, flush=True)


def _wait(processes, signals):
    """Until all have ended, or one has failed and the others had time to; the exit code."""
    asked, deadline = False, None
    while any(process.poll() is None for process in processes):
        while signals:
            asked = True
            _send(processes, signals.pop(0))
        if _failed(processes) is not None and not asked:
            deadline = deadline or time.monotonic() + NOTICE_SECONDS
            if time.monotonic() > deadline:
                break
        time.sleep(LOOK_SECONDS)
    failed = _failed(processes)
    if failed is None:
        return 0
    _end(processes)
    code = processes[failed].returncode
    if not asked:
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        print(
            f"launch: worker {failed} of {len(processes)} {how}; the others are stopped"
            + ("" if code == BAD_INPUT else "; the same command goes on from the last state"),
            file=sys.stderr,
        )
    return 128 - code if code < 0 else code


def _failed(processes):
    """A worker that ended badly, or None; one that only lost another is not to blame if there is a better one."""
    bad = [index for index, process in enumerate(processes) if process.poll()]
    return min(bad, key=lambda index: processes[index].returncode == os.EX_TEMPFAIL, default=None)


def _end(processes):
    _send(processes, signal.SIGTERM)
    deadline = time.monotonic() + END_SECONDS
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _send(processes, number):
    for process in processes:
        if process.poll() is None:
            process.send_signal(number)


def main(arguments=None):
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m facepipe.launch",
        description="Run a training stage as several workers on this machine; docs/training.md has more.",
    )
    parser.add_argument("--workers", type=int, required=True, metavar="N", help="how many processes, 2 or more")
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="after --, such as: python -m stages.train_vae")
    options = parser.parse_args(arguments)
    if options.workers < 2:
        parser.error(f"--workers: should be 2 or more, got {options.workers}")
    try:
        return launch(options.command, options.workers)
    except OSError as error:
        print(f"launch: {options.command[0]}: {error.strerror}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
