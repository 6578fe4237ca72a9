"""What `dvc repro` and `dvc checkout` make of files that were changed behind their back."""

import os
from functools import partial

from tests.faults.damage import changed
from tests.faults.fault import Fault
from tests.faults.place import refusal
from tests.pipeline.forked import ForkedStage

# outputs that are text, which somebody edits where they lie
EDITED = (
    "data/latents/vae/test.csv",
    "data/directions/vae.csv",
    "reports/train_vae/history.csv",
    "reports/evaluate/scores.csv",
)
# {what rots: who notices}
ROTTEN = {
    "data/shards/train-00000.npy": "train_ae",
    "data/models/vae/decoder.weights.h5": "export_latents vae",
    "data/latents/vae/density.npz": "evaluate",
}
LOCK_DAMAGES = ("flipped", "zeroed", "cut off", "missing")


def faults(random):
    """All of this file, at places that `random` draws."""
    for path in EDITED:
        yield Fault("output edited in place", "dvc repro", path, partial(edited, path))
    for path, stage in ROTTEN.items():
        yield Fault("byte lost in silence", stage, path, partial(rotten, stage, path, random.randrange(2**32)))
    for damage in LOCK_DAMAGES:
        yield Fault("dvc.lock damaged", "dvc repro", damage, partial(damaged_lock, damage, random.randrange(2**32)))


def edited(name, place):
    """`dvc repro` makes the output again, or has it in its cache: the edit is gone, and all is as undisturbed."""
    with place.copy() as repository:
        path = repository.folder / name
        header, first, *others = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join([header, first[:-1] + "7", *others, ""]), encoding="utf-8")
        place.check_noticed(repository, name)
        repository.repro()
        place.check_whole(repository)
    return "same"


def rotten(stage, name, seed, place):
    """Time and size are as before, so DVC sees nothing; the stage does, and the remedy that it names helps."""
    with place.copy() as repository:
        repository.run("dvc", "status")  # DVC has seen the file whole
        path = repository.folder / name
        before = path.stat()
        with open(path, "r+b") as file:
            file.write(changed(path.read_bytes(), "flipped", seed))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        place.remove_outs(repository, stage)
        line = refusal(ForkedStage(repository, stage).wait(), stage)
        assert name in line and "remove it, then `dvc checkout`" in line, line
        path.unlink()
        repository.run("dvc", "checkout")
        repository.repro()
        place.check_whole(repository)
    return "refused", line


def damaged_lock(damage, seed, place):
    """DVC refuses it and git has it, or the stages that it no longer tells of come out of the run cache."""
    with place.copy() as repository:
        path = repository.folder / "dvc.lock"
        if damage == "missing":
            path.unlink()
        else:
            path.write_bytes(changed(path.read_bytes(), damage, seed))
        done = repository.run("dvc", "repro", check=False)
        if done.returncode:
            assert "dvc.lock" in done.stderr and "Traceback" not in done.stderr, done.stderr[-1500:]
            path.write_bytes((place.base.folder / "dvc.lock").read_bytes())
        repository.repro()
        place.check_whole(repository)
    return ("refused", done.stderr.splitlines()[0]) if done.returncode else "same"
