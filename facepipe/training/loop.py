"""The one training loop: epochs, steps, progress, history, grids; under any tf.distribute strategy."""

import csv
import itertools
import math
import shutil
import time
from pathlib import Path
from typing import Protocol

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from facepipe.config import steps_of
from facepipe.data.batches import ahead, epoch_order
from facepipe.data.pictures import save_png
from facepipe.determinism import rng
from facepipe.errors import InputError
from facepipe.files import atomic_file

REFRESH_SECONDS = 1.0


class Task(Protocol):
    """What the loop asks of a model."""

    name: str

    def draw(self, generator, count):
        """The random numbers of a step: dict of arrays with `count` rows, from a numpy Generator."""

    def variant(self):
        """A hashable choice made before each step on the host (the GAN's schedule); one graph is traced for each."""

    def train_step(self, images, noise, variant):
        """In a replica: uint8 images and noise -> dict of scalar tensors, equal on all replicas."""

    def after_step(self, logs):
        """Called with the step's dict of tensors; for schedules that look at them."""

    def after_epoch(self, epoch):
        """Measure on held-out images: dict of floats for history.csv."""

    def picture(self):
        """The epoch's grid: uint8 (height, width, 3)."""

    def learning_rate(self):
        """The current learning rate, float."""


def fit(task, shards, budget, runtime, report):
    """Train.

    Args:
        task: a `Task`.
        shards: `facepipe.data.shards.Shards`; its train split is used, a new random order each epoch.
        budget: `config.Budget`.
        runtime: `runtime.Runtime`.
        report: folder; history.csv (a row an epoch) and grids/000000.png (before training), grids/000001.png, ...

    Returns:
        dict: epochs, steps, images (seen in training).

    Raises:
        InputError: batch size impossible for the data or the number of replicas; a loss that is not finite.
    """
    replicas = runtime.strategy.num_replicas_in_sync
    if budget.batch_size % replicas:
        raise InputError(f"params.yaml: batch_size: {budget.batch_size} does not divide by {replicas} replicas")
    seed = runtime.record["seed"]
    total = shards.count("train")
    epochs, steps = steps_of(budget, total)
    report = Path(report)
    grids = report / "grids"
    shutil.rmtree(grids, ignore_errors=True)
    save_png(grids / "000000.png", task.picture())
    run = _stepper(task, runtime.strategy)
    history = []
    started = time.monotonic()
    with tqdm(total=epochs * steps * budget.batch_size, unit="image", unit_scale=True, desc=task.name) as progress:
        for epoch in range(1, epochs + 1):
            order = epoch_order(seed, epoch, total, steps * budget.batch_size)
            first = (epoch - 1) * steps

            def make(index, order=order, first=first):
                rows = order[index * budget.batch_size : (index + 1) * budget.batch_size]
                noise = task.draw(rng(seed, task.name, first + index), budget.batch_size)
                return shards.gather("train", rows), noise

            logs = _run_epoch(task, run, ahead(make, steps), first, budget.batch_size, progress, f"{epoch}/{epochs}")
            row = {"epoch": epoch, "images": epoch * steps * budget.batch_size, "learning_rate": task.learning_rate()}
            measures = task.after_epoch(epoch)
            _check_finite(task, measures, first + steps)
            history.append(row | logs | measures)
            _write_history(report / "history.csv", history)
            if epoch % budget.grid_every == 0 or epoch == epochs:
                save_png(grids / f"{epoch:06d}.png", task.picture())
    images = epochs * steps * budget.batch_size
    print(f"{task.name}: {images} images in {time.monotonic() - started:.0f} s")
    return {"epochs": epochs, "steps": epochs * steps, "images": images}


def _run_epoch(task, run, batches, first, batch_size, progress, label):
    """Run one epoch's steps; return the mean of each loss term over the steps that computed it."""
    logs, checked, shown = [], 0, 0.0
    for images, noise in batches:
        step_logs = run(images, noise, task.variant())
        task.after_step(step_logs)
        logs.append(step_logs)
        progress.update(batch_size)
        if time.monotonic() - shown > REFRESH_SECONDS:
            latest = _finite(task, logs[checked:], first + checked)
            checked, shown = len(logs), time.monotonic()
            terms = " ".join(f"{name} {value:.4g}" for name, value in latest.items())
            progress.set_description(f"{task.name} {label} {terms}", refresh=False)
    _finite(task, logs[checked:], first + checked)
    names = dict.fromkeys(itertools.chain.from_iterable(logs))
    return {name: float(np.mean([step[name].numpy() for step in logs if name in step])) for name in names}


def _finite(task, logs, first):
    """The last step's terms as floats; InputError at the first that is not finite."""
    values = {}
    for step, terms in enumerate(logs, start=first):
        values = {name: float(value) for name, value in terms.items()}
        _check_finite(task, values, step)
    return values


def _check_finite(task, values, step):
    for name, value in values.items():
        if not math.isfinite(value):
            raise InputError(
                f"{name} became {value} at step {step} (learning rate {task.learning_rate():g}); "
                "nothing was saved: lower the learning rate, or use precision float32"
            )


def _stepper(task, strategy):
    """A function (images, noise, variant) -> dict of scalars that runs one step on all replicas."""
    replicas = strategy.num_replicas_in_sync
    graphs = {}

    def graph(variant):
        if variant not in graphs:

            def step(images, noise):
                return strategy.run(lambda x, n: task.train_step(x, n, variant), args=(images, noise))

            graphs[variant] = tf.function(step)
        return graphs[variant]

    def place(array):
        if replicas == 1:
            return tf.constant(array)
        share = len(array) // replicas

        def of_replica(context):
            start = context.replica_id_in_sync_group * share
            return tf.constant(array[start : start + share])

        return strategy.experimental_distribute_values_from_function(of_replica)

    def run(images, noise, variant):
        logs = graph(variant)(place(images), {name: place(array) for name, array in noise.items()})
        return {name: strategy.experimental_local_results(value)[0] for name, value in logs.items()}

    return run


def _write_history(path, rows):
    names = list(dict.fromkeys(itertools.chain.from_iterable(rows)))
    with atomic_file(path) as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.7g}" if isinstance(v, float) else v for k, v in row.items()})
