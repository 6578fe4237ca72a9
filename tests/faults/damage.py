"""Files that are flipped, zeroed, cut off, missing, or another run's, and what the stages make of them."""

import itertools
import shutil
from functools import partial
from pathlib import Path

from tests.corrupted import corruptions
from tests.faults.ended import save_often
from tests.faults.fault import Fault
from tests.faults.place import STAGES, TRAININGS, complete, refusal
from tests.pipeline.forked import ForkedStage

_EXPORT, _VECTORS, _EVALUATE, _RENDER = STAGES[6:]
_IMAGES = (*TRAININGS, _EXPORT, _EVALUATE, _RENDER)
# {artifact: the stages that read it}
ARTIFACTS = {
    "data/sources.yaml": ("download",),
    "data/raw/synthetic.zip": ("preprocess",),
    "data/raw/list_attr_synthetic.txt": ("preprocess",),
    "data/raw/dataset.json": ("preprocess",),
    "data/shards/index.json": (*_IMAGES, _VECTORS),
    "data/shards/train-00000.npy": _IMAGES,
    "data/shards/test-00000.npy": (_EXPORT, _EVALUATE, _RENDER),
    "data/shards/ids.csv": (_EXPORT, _RENDER),
    "data/shards/attributes.csv": (_EXPORT, _VECTORS),
    "data/models/vae/model.json": (_EXPORT, _EVALUATE, _RENDER),
    "data/models/vae/decoder.weights.h5": (_EXPORT, _EVALUATE, _RENDER),
    "data/models/ae/sampler.npz": (_EVALUATE, _RENDER),
    "data/models/gan/generator.weights.h5": ("train_inverter", _EVALUATE, _RENDER),
    "data/models/inverter/head.weights.h5": (_EVALUATE, _RENDER),
    "data/latents/vae/train.csv": (_VECTORS, _RENDER),
    "data/latents/vae/test.csv": (_VECTORS, _RENDER),
    "data/latents/vae/vae.stats.csv": (_RENDER,),
    "data/latents/vae/density.npz": (_EVALUATE, _RENDER),
    "data/latents/vae/pca.npz": (_RENDER,),
    "data/directions/vae.csv": (_RENDER, _EVALUATE),
    "reports/train_vae/history.csv": (_RENDER,),
    "reports/train_vae/facts.csv": (_RENDER,),
    "reports/train_vae/grids/000001.png": (_RENDER,),
    "reports/preprocess/splits.csv": (_RENDER,),
    "reports/attribute_vectors/auc/vae.csv": (_RENDER,),
    "reports/evaluate/scores.csv": (_RENDER,),
    "reports/evaluate/samples.csv": (_RENDER,),
    "params.yaml": STAGES,
}
DAMAGES = ("flipped", "zeroed", "cut off", "swapped", "missing")
# people may edit these; a stage takes whatever reads as a table, and DVC has to see it
EDITABLE = ("params.yaml", "data/sources.yaml", "data/latents/vae/t", "data/latents/vae/vae.stats.csv",
            "data/directions/", "reports/")  # fmt: skip
# what a training continues from
STATE_DAMAGES = ("flipped", "zeroed", "cut off")


def faults(random):
    """All of this file, at places that `random` draws."""
    for path, stages in ARTIFACTS.items():
        start = random.randrange(len(stages))
        for damage, stage in zip(DAMAGES, itertools.islice(itertools.cycle(stages), start, None), strict=False):
            seed = random.randrange(2**32)
            inject = partial(damaged, stage, path, damage, seed)
            yield Fault(f"file {damage}", stage, path.replace("/", "."), inject)
    for stage in TRAININGS:
        for damage in STATE_DAMAGES:
            inject = partial(damaged_state, stage, damage, random.randrange(2**32))
            yield Fault("state of a training damaged", stage, damage, inject)


def damaged(stage, name, damage, seed, place):
    """One line that names the file, or the undisturbed result; of text that people edit also another one."""
    other = place.other.folder / name if damage == "swapped" else None
    with place.copy() as repository:
        path = repository.folder / name
        place.remove_outs(repository, stage)
        if damage == "missing":
            path.unlink()
        elif damage == "swapped":
            shutil.copy(other, path)
        else:
            path.write_bytes(changed(path.read_bytes(), damage, seed))
        hurt = () if path.exists() and path.read_bytes() == (place.base.folder / name).read_bytes() else (name,)
        done = ForkedStage(repository, stage).wait()
        if done.returncode:
            line = refusal(done, stage)
            # where files contradict each other the line names one of them, or their folder
            places = [name, *(str(folder) for folder in Path(name).parents if "/" in str(folder))]
            assert any(place in line for place in places), f"no file: {line}"
            place.check_unharmed(repository, stage, hurt)
            return "refused", line
        assert "Traceback" not in done.stderr, done.stderr[-1500:]
        try:
            place.check_whole(repository, hurt)
            return "same"
        except AssertionError as differing:
            outs = tuple(place.outs(stage))
            assert name.startswith(EDITABLE), differing
            place.check_whole(repository, [*hurt, *(p for p in place.right if p.startswith(outs))])
        place.check_noticed(repository, name)
        return "edited", done.stderr.splitlines()[-1:] and done.stderr.splitlines()[-1]


def damaged_state(stage, damage, seed, place):
    """The training is run to the end, from the state before or from the beginning."""
    with place.copy() as repository:
        changed_params = save_often(repository, stage)
        place.remove_outs(repository, stage)
        ForkedStage(repository, stage, round(0.8 * place.operations(stage))).wait()
        for state in sorted(repository.folder.glob(".facepipe/resume/*/*.state"))[-1 - seed % 2 :]:
            state.write_bytes(changed(state.read_bytes(), damage, seed))
        place.remove_outs(repository, stage)
        said = complete(repository, stage).stdout
        assert "damaged: " in said, said[-1500:]
        place.check_whole(repository, changed_params)
    return "same"


def changed(data, damage, seed):
    """The bytes with that damage at a random place; those of an empty file as they are."""
    found = [other for done, other in corruptions(data, seed) if done.startswith(damage)] if data else [data]
    return found[seed % len(found)]
