"""Where faults are injected: copies of a finished repository, and what may differ in them afterwards."""

import compileall
import contextlib
import hashlib
import itertools
import shutil
import subprocess
import threading
from pathlib import Path

import pandas as pd
import yaml

from tests.pipeline.conftest import Repository
from tests.pipeline.forked import ForkedStage

TRAININGS = ("train_ae", "train_vae", "train_gan", "train_inverter")
STAGES = ("download", "preprocess", *TRAININGS, "export_latents vae", "attribute_vectors", "evaluate", "render_reports")
# not looked at: git's and DVC's own, byte code, and what stays in .facepipe for good
LEFT_OUT = {".git", ".dvc", "__pycache__", "locks"}
# of two texts the shorter one, while a training is under way
GROWING = ("history.csv", "kl.csv")


class Place:
    """A finished repository with tables of the user's, and copies of it to do harm to.

    Args:
        finished: `Repository` in which `dvc repro` has run; it stays as it is.
        folder: an empty folder for the copies.
        mounts: bool, whether file systems can be mounted here.
    """

    def __init__(self, finished, folder, mounts=False):
        self.folder, self.mounts = Path(folder), mounts
        self._numbers, self._lock, self._counts, self._other = itertools.count(), threading.Lock(), {}, None
        self.base = finished.copy(self.folder / "base" / "facepipe")
        _add_tables_of_a_user(self.base.folder)
        # or each stage compiles them anew
        compileall.compile_dir(self.base.folder / "facepipe", quiet=1)
        self.base.repro("render_reports")
        self.right = snapshot(self.base.folder)
        lock = yaml.safe_load((self.base.folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
        self._outs = {name: [out["path"] for out in stage["outs"]] for name, stage in lock.items()}

    @contextlib.contextmanager
    def copy(self, megabytes=None):
        """A copy of the repository; megabytes: on a file system of its own, of this size."""
        folder = self.folder / f"{next(self._numbers):04d}"
        (folder / "facepipe").mkdir(parents=True)
        try:
            if megabytes:
                mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder / "facepipe")
            shutil.copytree(self.base.folder, folder / "facepipe", symlinks=True, dirs_exist_ok=True)
            yield Repository(folder / "facepipe")
        finally:
            if megabytes:
                subprocess.run(["umount", folder / "facepipe"], check=True)
            shutil.rmtree(folder)

    @property
    def other(self):
        """A repository of the same params but for the seeds."""
        with self._lock:
            if self._other is None:
                self._other = self.base.copy(self.folder / "other" / "facepipe")
                self._other.set_params({"train.seed": 1, "dataset.synthetic.seed": 1})
                stages = itertools.chain(STAGES[:6], ["export_latents ae", "export_latents gan"], STAGES[6:])
                for stage in stages:
                    complete(self._other, stage)
        return self._other

    def operations(self, stage):
        """How many file operations the stage does, undisturbed."""
        with self._lock:
            known = self._counts.setdefault(stage, [threading.Lock()])
        with known[0]:
            if len(known) == 1:
                with self.copy() as repository:
                    self.remove_outs(repository, stage)
                    known.append(int(complete(repository, stage).stdout.split()[-1]))
                    self.check_whole(repository)
        return known[1]

    def outs(self, stage):
        """The paths that the stage makes, files and folders."""
        return self._outs[stage.replace(" ", "@")]

    def remove_outs(self, repository, stage):
        """As DVC does before it runs a stage."""
        for name in self.outs(stage):
            path = repository.folder / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def check_whole(self, repository, but=()):
        """All files are those of the undisturbed repository, and there are no others; `but`: paths that may differ."""
        found = snapshot(repository.folder)
        differing = {path for path in found.keys() | self.right.keys() if found.get(path) != self.right.get(path)}
        assert differing <= set(but), f"not as undisturbed: {sorted(differing - set(but))}"

    def check_unharmed(self, repository, stage, but=(), killed=False):
        """The stage has only written whole files of its own; killed: and has left temporary ones.

        What a training shows while it runs may be shorter.
        """
        found, outs = snapshot(repository.folder), tuple(self.outs(stage))
        for path in found.keys() | self.right.keys():
            if found.get(path) == self.right.get(path) or path in but:
                continue
            lacking = path.startswith(outs) and path not in found
            state = stage in TRAININGS and path.startswith(".facepipe/resume/")
            left = killed and ".facepipe-tmp" in path
            growing = stage in TRAININGS and path.endswith(GROWING) and path in found
            assert lacking or state or left or (growing and self._begins_like(repository, path)), f"harmed: {path}"

    def _begins_like(self, repository, path):
        return (self.base.folder / path).read_bytes().startswith((repository.folder / path).read_bytes())

    def check_noticed(self, repository, path):
        """DVC says that the file is not what it was."""
        status = repository.run("dvc", "status", check=False)
        said, places = status.stdout + status.stderr, [Path(path), *Path(path).parents][:-1]
        assert any(str(place) in said for place in places), f"DVC does not see it: {said[-500:]}"


def _add_tables_of_a_user(folder):
    rows = pd.read_csv(folder / "data/latents/vae/test.csv", dtype=str, keep_default_na=False).head(3)
    rows.to_csv(folder / "data/edits/vae-mine.csv", index=False)
    (folder / "reports/mine.txt").write_text("a file of the user's\n", encoding="utf-8")


def snapshot(folder):
    """{path: sha256} of the files in a repository, temporary ones and states of trainings among them."""
    found, places = {}, [Path(folder)]
    while places:
        for path in places.pop().iterdir():
            if path.name in LEFT_OUT:
                continue
            if path.is_dir():
                places.append(path)
            else:
                found[path.relative_to(folder).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def complete(repository, stage):
    """Run a stage, which succeeds; the ended process."""
    done = ForkedStage(repository, stage).wait()
    assert done.returncode == 0, f"{stage}: {done.returncode}: {done.stderr[-1500:]}"
    return done


def refusal(done, stage):
    """The one line with which a stage refused to go on."""
    name, error = stage.split()[0], done.stderr
    assert done.returncode == 2, f"{stage}: {done.returncode}: {error[-1500:]}"
    lines = [line for line in error.splitlines() if line.startswith(f"{name}: ")]
    assert "Traceback" not in error and lines, error[-1500:]
    return lines[-1]


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True, capture_output=True)
