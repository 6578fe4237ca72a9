"""Puts back what a stage that fails had made before: DVC removes the outputs of a stage before it runs."""

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from facepipe.core.files import atomic_file, atomic_folder, read_json

LOCK = "dvc.lock"


@contextlib.contextmanager
def outputs_kept(stage):
    """Put the outputs of `stage` back as dvc.lock has them, from DVC's cache, when the block ends in an exception.

    A stage that never succeeded has none. Where one is not in the cache (`dvc repro --no-commit`, `dvc gc`), a line
    on stderr names it.
    """
    try:
        yield
    except BaseException:
        with contextlib.suppress(KeyboardInterrupt):
            _restore(stage)
        raise


def _restore(stage):
    try:
        lock = yaml.safe_load(Path(LOCK).read_text(encoding="utf-8"))
        outs = lock["stages"][stage]["outs"]
    except (FileNotFoundError, KeyError, TypeError):
        return
    except (ValueError, yaml.YAMLError):
        print(
            f"{stage}: {LOCK}: damaged, so nothing is put back; get it from git (git checkout {LOCK})", file=sys.stderr
        )
        return
    cache = cache_folder()
    for out in outs:
        try:
            _copy(cache, out["md5"], Path(out["path"]))
        except FileNotFoundError:
            print(f"{stage}: {out['path']}: not in DVC's cache; run dvc repro to make it again", file=sys.stderr)
        except OSError as error:  # such as a full disk; the stage's own error is to be seen as well
            print(f"{stage}: {out['path']}: cannot be put back: {error.strerror}", file=sys.stderr)


def cache_folder(project="."):
    """DVC's cache of the project in a folder, wherever its options put it: a `Path`, absolute or within the project."""
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    return Path(done.stdout.strip() or ".dvc/cache")


def cached(cache, digest):
    """Where in the cache what has this digest is, if it is there."""
    return cache / "files" / "md5" / digest[:2] / digest[2:]


def _copy(cache, digest, target):
    """A file or folder (its digest ends in .dir: JSON of its files) from the cache to `target`."""
    source = cached(cache, digest)
    if not digest.endswith(".dir"):
        with open(source, "rb") as old, atomic_file(target, "wb") as new:
            shutil.copyfileobj(old, new)
        return
    entries = read_json(source)
    with atomic_folder(target) as folder:
        for entry in entries:
            _copy(cache, entry["md5"], folder / entry["relpath"])
