"""Where the states of unfinished trainings lie, and which of them belong to this very training."""

import ast
import contextlib
import hashlib
import json
import os
import shutil
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from facepipe.core.files import atomic_file, is_locked, remove, sha256, take_lock
from facepipe.training.kept import KEPT_DAYS, states_folder
from facepipe.training.state import DamagedState, from_bytes, to_bytes

# of the files in a state's folder and of what their trees hold
FORMAT = 1
# the second one is there for a newest one that a power cut left unwritten
KEPT_STATES = 2


class States:
    """The last two states of one training and the pictures that it has made so far, in a folder of their own.

    DVC removes a stage's outputs before it runs it again, so the pictures that are not to be lost are kept here.

    A context manager: the folder is locked against other processes until the block ends.

    Args:
        folder: made if missing.
        every_minutes: float, None: not by time.
        every_images: int, None: not by images.

    Raises:
        InputError: another process has the folder.
    """

    def __init__(self, folder, every_minutes=None, every_images=None):
        self.folder = Path(folder)
        self._every_minutes, self._every_images = every_minutes, every_images
        self._saved_at, self._saved_images = time.monotonic(), 0
        self._kept = {}
        self._pictures = self.folder / "pictures"
        self._pictures.mkdir(parents=True, exist_ok=True)
        self._lock = take_lock(self.folder / "lock", f"trains with just these params and data ({self.folder})")
        for leftover in [*self.folder.glob(".*"), *self._pictures.glob(".*")]:
            remove(leftover)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        # a training that is refused at its first image has nothing to go on from
        if self.folder.exists() and not self._paths():
            with contextlib.suppress(OSError):
                self.discard()
        self._lock.close()

    def due(self, images):
        """Whether a training that has seen `images` images should save now."""
        minutes = (time.monotonic() - self._saved_at) / 60
        by_time = self._every_minutes is not None and minutes >= self._every_minutes
        return by_time or (self._every_images is not None and images - self._saved_images >= self._every_images)

    def save(self, images, state):
        """Write a state (a tree, see `state.to_bytes`); a process killed meanwhile leaves the earlier ones whole."""
        with atomic_file(self.folder / f"{images:012d}.state", "wb") as file:
            file.write(to_bytes({"state": state, "pictures": self._kept}))
        for path in self._paths()[KEPT_STATES:]:
            path.unlink()
        self._saved_at, self._saved_images = time.monotonic(), images

    def load(self):
        """The newest undamaged state; None: there is none, training begins. Damaged ones are named and removed."""
        damaged, state = [], None
        for path in self._paths():
            try:
                tree = from_bytes(path.read_bytes())
                self._check_pictures(tree["pictures"])
                self._kept, state = tree["pictures"], tree["state"]
                self._saved_images = int(path.stem)
                break
            except DamagedState as error:
                damaged.append(f"{path.name} ({error})")
                path.unlink()
        if damaged:
            then = "training starts anew" if state is None else "training continues from the one before"
            print(f"{self.folder}: damaged: {', '.join(damaged)}; {then}")
        return state

    def keep(self, picture):
        """Keep a copy of a file that later states rely on."""
        data = Path(picture).read_bytes()
        with atomic_file(self._pictures / Path(picture).name, "wb") as file:
            file.write(data)
        self._kept[Path(picture).name] = hashlib.sha256(data).hexdigest()

    def put_back(self, folder):
        """Copy the pictures that belong to the loaded state into `folder`."""
        for name in self._kept:
            with atomic_file(Path(folder) / name, "wb") as file:
                file.write((self._pictures / name).read_bytes())

    def discard(self):
        """The training is complete: remove the folder."""
        # one rename: a process killed now leaves all of it or nothing
        gone = self.folder.with_suffix(".old")
        os.replace(self.folder, gone)
        shutil.rmtree(gone, ignore_errors=True)  # another training may be sweeping it

    def _paths(self):
        return sorted(self.folder.glob("*.state"), reverse=True)

    def _check_pictures(self, digests):
        for name, digest in digests.items():
            path = self._pictures / name
            if not path.exists() or sha256(path) != digest:
                raise DamagedState(f"the picture {name} beside it is not the one it was saved with")


def open_states(stage, train, params, inputs, runtime):
    """The states of a training that would end with the same bytes: same stage, params, inputs, machine, code.

    They lie in .facepipe/resume, or where the environment variable FACEPIPE_RESUME says. States there that nobody
    has touched for two weeks are removed, of whatever stage.

    Args:
        stage: str.
        train: `training.config.Train`.
        params: the stage's section of `config.Params`.
        inputs: dict of str, a digest of each thing that the stage reads.
        runtime: `runtime.Runtime`.

    Returns:
        `States`; in workers other than the chief, which save nothing, a block that gives None.

    Raises:
        InputError: another process trains just this.
    """
    if not runtime.workers.chief:
        return contextlib.nullcontext()
    root = states_folder()
    identity = {
        "format": FORMAT,
        "stage": stage,
        "train": train.model_dump(mode="json", exclude={"save_every_minutes", "save_every_images"}),
        "params": params.model_dump(mode="json"),
        "inputs": inputs,
        "machine": runtime.record,
        "code": _code(),
    }
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
    _remove_old(root)
    folder = root / f"{stage}-{key}"
    others = [path.parent for path in root.glob(f"{stage}-*/*.state")]
    if others and folder not in others:
        print(f"{stage}: starts anew: {others[0]} is of other params, data, code or machine")
    return States(folder, train.save_every_minutes, train.save_every_images)


def _code():
    """What computes: a digest of the loaded modules of the rooms, parsed, and the versions of Python and libraries.

    Comments, docstrings and layout do not count, nor do the loose files in facepipe/, which cannot change a result.
    """
    digest = hashlib.sha256()
    for name in sorted(sys.modules):
        if name.startswith("facepipe.") and name.count(".") > 1:
            tree = ast.parse(Path(sys.modules[name].__file__).read_text(encoding="utf-8"))
            digest.update(f"{name}\0{ast.dump(_without_docstrings(tree))}\0".encode())
    return [digest.hexdigest(), sys.version.split()[0], tf.__version__, keras.__version__, np.__version__]


def _without_docstrings(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return tree


def _remove_old(root):
    """Remove what nobody will go on with."""
    if not root.is_dir():
        return
    oldest = time.time() - KEPT_DAYS * 24 * 3600
    for folder in root.iterdir():
        with contextlib.suppress(FileNotFoundError):  # its own training has just ended
            # a new state is renamed into its folder, which changes the folder's time
            stale = folder.stat().st_mtime < oldest and not is_locked(folder / "lock")
            if folder.suffix == ".old" or stale:
                shutil.rmtree(folder, ignore_errors=True)
