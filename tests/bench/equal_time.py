"""Theirs and ours for the same time on the same pictures: held-out errors.

The time begins with the first step's tracing. Autoencoders: mean squared error of held-out pictures in [0, 1], for S4
of the part that its output covers. GANs: KID x 1000 of samples against held-out pictures, features of mtcnn's O-Net.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from PIL import Image

from facepipe.core.machine import available_cores
from facepipe.download.synthetic.factors import render, sample_factors
from facepipe.shards.shards import Shards

HELD_OUT = 200
CHUNK = 50


def write_pictures(path, shape, count, shards):
    """Pictures of a shape, in a file for both sides.

    Args:
        path: .npz to write: train (count, h, w, c) and test (HELD_OUT, h, w, c), uint8.
        shape: (h, w, c).
        count: int, training pictures.
        shards: folder whose train and test splits are used, resized; None: synthetic faces drawn at this size.
    """
    if shards:
        data = Shards(shards)
        rows = {"train": min(count, data.count("train")), "test": min(HELD_OUT, data.count("test"))}
        splits = {name: [_fitted(image, shape) for image in data.images(name, 0, n)] for name, n in rows.items()}
    else:
        with ProcessPoolExecutor(available_cores(), multiprocessing.get_context("spawn")) as pool:
            drawn = list(pool.map(partial(_drawn, shape=tuple(shape)), range(count + HELD_OUT), chunksize=CHUNK))
        splits = {"train": drawn[:count], "test": drawn[count:]}
    np.savez(path, **{name: np.stack(images) for name, images in splits.items()})


def _drawn(index, shape):
    return _fitted(render(sample_factors(0, index), max(shape[:2])), shape)


def _fitted(image, shape):
    """The middle of a picture with the shape's proportions, resized; uint8 (h, w, c)."""
    height, width, channels = shape
    picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).convert("L" if channels == 1 else "RGB")
    scale = min(picture.width / width, picture.height / height)
    size = scale * width, scale * height
    left, top = (picture.width - size[0]) / 2, (picture.height - size[1]) / 2
    box = (left, top, left + size[0], top + size[1])
    fitted = picture.resize((width, height), Image.Resampling.BILINEAR, box)
    return np.asarray(fitted, np.uint8).reshape(shape)


def train_and_measure(job):
    """In a worker: train one side and measure it.

    Args:
        job: dict: project, way ("theirs" or "ours"), seconds, pictures (from `write_pictures`), batch (None: its own).

    Returns:
        dict: error, images (seen), steps.
    """
    from tests.bench.earlier import PROJECTS
    from tests.bench.worker import Deadline

    project = PROJECTS[job["project"]]
    project = project._replace(batch=job["batch"] or project.batch)
    with np.load(job["pictures"]) as stored:
        pictures, held_out = stored["train"], stored["test"]
    clock = Deadline(job["seconds"])
    side = _theirs if job["way"] == "theirs" else _ours
    batch, outputs = side(project, pictures, held_out, clock, job)
    found = _kid(held_out, outputs) if project.kind == "gan" else _error(project, held_out, outputs)
    return {"error": found, "steps": clock.count, "images": clock.count * batch}


def _theirs(project, pictures, held_out, clock, job):
    from tests.bench import earlier, earlier_ways
    from tests.bench.worker import until_done

    networks = earlier.build(project)
    floats = pictures.astype(np.float32) / 255.0
    clock.restart()
    until_done(earlier_ways.train, project, networks, floats, clock)
    if project.kind == "gan":
        z = np.random.default_rng(2).standard_normal((len(held_out), 100), np.float32)
        return project.batch, _by_batches(networks["generator"], z) * 0.5 + 0.5
    x = held_out.astype(np.float32) / 255.0
    if project.kind == "vae":
        return project.batch, _by_batches(lambda part: networks["decoder"](networks["encoder"](part)[0]), x)
    return project.batch, _by_batches(networks["network"], x)


def _ours(project, pictures, held_out, clock, job):
    from facepipe.config import load_params
    from tests.bench import ours
    from tests.bench.material import ROOT
    from tests.bench.worker import prepared, until_done

    runtime = prepared()
    task, batch = ours.default_task(project.kind, project.shape, load_params(ROOT / "params.yaml"), runtime)
    batch = job["batch"] or batch
    clock.restart()
    until_done(ours.train, task, runtime, pictures, batch, clock, clock.share)
    if project.kind == "gan":
        z = np.random.default_rng(2).standard_normal((len(held_out), task.model.latent_dim), np.float32)
        return batch, _by_batches(task.average.decode, z)
    x = held_out.astype(np.float32) / 255.0
    return batch, _by_batches(lambda part: task.model.decode(task.model.encode(part)), x)


def _by_batches(function, x, size=20):
    return np.concatenate([np.asarray(function(x[i : i + size])) for i in range(0, len(x), size)])


def _error(project, held_out, outputs):
    from tests.bench.earlier import target

    x = target(project, held_out.astype(np.float32) / 255.0)
    return float(np.mean(np.square(x - outputs[:, : x.shape[1], : x.shape[2]])))


def _kid(held_out, samples):
    from facepipe.core.pictures import to_uint8
    from facepipe.features.extractors import features
    from facepipe.features.kid import polynomial_mmd2

    return 1000 * polynomial_mmd2(features("mtcnn", held_out), features("mtcnn", to_uint8(samples)))
