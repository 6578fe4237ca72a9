"""Small file systems, to be full."""

import os
import subprocess
import sys

import pytest


def own_space():
    """The command that runs another one in a name space of its own, where it may mount; []: not allowed here."""
    command = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--mount"]
    trial = [*command, "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    try:
        return [] if subprocess.run(trial, capture_output=True, check=False).returncode else command
    except FileNotFoundError:
        return []


def run_with_mounts(script, *arguments):
    """Run a shell script that may mount file systems, in a name space of its own, with $PYTHON; it exits 77 if not."""
    spaces = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
    done = subprocess.run(
        ["unshare", *spaces, "sh", "-c", script, "sh", *arguments],
        capture_output=True, text=True, check=False, env=os.environ | {"PYTHON": sys.executable},
    )  # fmt: skip
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"this machine lets tests mount no small file system: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
