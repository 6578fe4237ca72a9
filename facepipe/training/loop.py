"""The one training loop: steps, epochs, states to resume from, grids; under any tf.distribute strategy."""

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
from facepipe.errors import InputError, Stopped
from facepipe.training.history import Means, check_finite, not_finite, write_history
from facepipe.training.interruption import Interruption
from facepipe.training.state import arrays_of

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

    def use_time(self, share):
        """Under a budget in minutes, before each step: which share of it is used, in [0, 1]."""

    def after_epoch(self, epoch, means):
        """Measure on held-out images: dict of floats for history.csv; `means` is that of the epoch's own terms."""

    def gave_up(self, epoch):
        """After an epoch: whether the task wants no more of them (early stop)."""

    def picture(self):
        """The epoch's grid: uint8 (height, width, 3)."""

    def learning_rate(self):
        """The current learning rate, float."""

    def state(self):
        """All that training has changed, as a tree of arrays and plain values (see `state.to_bytes`)."""

    def restore(self, state):
        """Put back what `state()` gave in an earlier process."""


def fit(task, shards, budget, runtime, report, states):
    """Train, from the last state where an earlier process left one: the result is the same to the bit.

    Args:
        task: a `Task`.
        shards: `facepipe.data.shards.Shards`; its train split is used, a new random order each epoch.
        budget: `config.Budget`.
        runtime: `runtime.Runtime`.
        report: folder; history.csv (a row an epoch) and grids/000000.png (before training), grids/000001.png, ...
        states: `resume.States`; at the end they hold the finished training, until the caller discards them.

    Returns:
        dict: epochs, steps, images (seen in training), and under a budget in minutes what that means.

    Raises:
        InputError: batch size impossible for the data or the number of replicas; a loss that is not finite.
        Stopped: Ctrl-C or SIGTERM; the state is saved.
    """
    return _Loop(task, shards, budget, runtime, Path(report), states).run()


class _Loop:
    """Where a training stands: what `_save` writes, and what follows from that and the arguments."""

    def __init__(self, task, shards, budget, runtime, report, states):
        replicas = runtime.strategy.num_replicas_in_sync
        if budget.batch_size % replicas:
            raise InputError(f"params.yaml: batch_size: {budget.batch_size} does not divide by {replicas} replicas")
        self.task, self.shards, self.budget, self.report, self.states = task, shards, budget, report, states
        self.seed = runtime.record["seed"]
        self.epochs, self.steps = steps_of(budget, shards.count("train"))
        self.run_step = _stepper(task, runtime.strategy)
        self.step, self.index = 0, 0  # steps done, and those of the epoch that runs
        self.history, self.means, self.complete = [], Means(), False
        self.seconds, self.started = 0.0, time.monotonic()
        self.shown = 0.0

    def run(self):
        self._begin()
        with Interruption() as self.interruption, self._progress() as self.bar:
            while not self.complete:
                self._train_epoch()
                self._close_epoch()
            self._save()
            self._stop_if_asked()
        print(f"{self.task.name}: {self._images():,} images in {self._used():.0f} s")
        result = {"epochs": len(self.history), "steps": self.step, "images": self._images()}
        return result | ({"minutes": self.budget.minutes, "byte_reproducible": False} if self.budget.minutes else {})

    def _begin(self):
        """From the last state, or from nothing."""
        if self.budget.minutes:
            print(f"{self.task.name}: a budget in minutes: another run, or another machine, gives another model")
        shutil.rmtree(self.report / "grids", ignore_errors=True)
        state = self.states.load()
        if state is None:
            self._picture(0)
            return
        self.step, self.index, self.seconds = state["step"], state["index"], state["seconds"]
        self.history, self.means, self.complete = state["history"], Means(state["sums"]), state["complete"]
        self.task.restore(state["task"])
        self.states.put_back(self.report / "grids")
        if self.history:
            write_history(self.report / "history.csv", self.history)
        print(f"{self.task.name}: continues {self._place()}")

    def _train_epoch(self):
        """The steps of an epoch that are left."""
        epoch, first, size = len(self.history) + 1, self.step - self.index, self.budget.batch_size
        order = epoch_order(self.seed, epoch, self.shards.count("train"), self.steps * size)

        def make(index):
            noise = self.task.draw(rng(self.seed, self.task.name, first + index), size)
            return self.shards.gather("train", order[index * size : (index + 1) * size]), noise

        for images, noise in ahead(make, self.index, self.steps):
            if self.index and self._time_is_up():
                break
            if self.budget.minutes:
                self.task.use_time(self._share_of_time())
            logs = self.run_step(images, noise, self.task.variant())
            self.task.after_step(logs)
            self.means.add(self.step, logs)
            self.step, self.index = self.step + 1, self.index + 1
            self._show(epoch)
            if self.states.due(self._images()):
                self._save()
            self._stop_if_asked()

    def _close_epoch(self):
        epoch, rate = len(self.history) + 1, self.task.learning_rate()
        self.means.pull(rate)
        means = self.means.means()
        measures = self.task.after_epoch(epoch, means)
        check_finite(measures, self.step, rate)
        self.history.append({"epoch": epoch, "images": self._images(), "learning_rate": rate} | means | measures)
        self.index, self.means = 0, Means()
        self.complete = epoch == self.epochs or self._time_is_up() or self.task.gave_up(epoch)
        write_history(self.report / "history.csv", self.history)
        if epoch % self.budget.grid_every == 0 or self.complete:
            self._picture(epoch)

    def _save(self):
        rate = self.task.learning_rate()
        self.means.pull(rate)
        state = {
            "step": self.step,
            "index": self.index,
            "seconds": self._used(),
            "history": self.history,
            "sums": self.means.sums,
            "complete": self.complete,
            "task": self.task.state(),
        }
        # the gradient of a finite loss may be infinite
        if not all(np.isfinite(array).all() for array in arrays_of(state)):
            raise not_finite("a weight", float("nan"), self.step, rate)
        self.states.save(self._images(), state)

    def _stop_if_asked(self):
        if self.interruption.signal:
            self._save()
            message = f"stopped; run dvc repro again: it continues {self._place()}"
            raise Stopped(self.interruption.signal, message)

    def _picture(self, epoch):
        path = self.report / "grids" / f"{epoch:06d}.png"
        save_png(path, self.task.picture())
        self.states.keep(path)

    def _show(self, epoch):
        self.bar.update(self.budget.batch_size)
        if time.monotonic() - self.shown > REFRESH_SECONDS:
            self.shown = time.monotonic()
            values = self.means.pull(self.task.learning_rate())
            terms = " ".join(f"{name} {value:.4g}" for name, value in values.items())
            label = f"{epoch}/{self.epochs}" if self.epochs else f"{epoch}"
            self.bar.set_description(f"{self.task.name} {label} {terms}", refresh=False)

    def _progress(self):
        total = self.epochs and self.epochs * self.steps * self.budget.batch_size
        return tqdm(total=total, initial=self._images(), unit="image", unit_scale=True, desc=self.task.name)

    def _place(self):
        epoch = f"after epoch {len(self.history)}" if self.complete else f"at epoch {len(self.history) + 1}"
        return f"{epoch}, image {self._images():,}"

    def _images(self):
        return self.step * self.budget.batch_size

    def _used(self):
        return self.seconds + time.monotonic() - self.started

    def _share_of_time(self):
        return min(1.0, self._used() / 60 / self.budget.minutes) if self.budget.minutes else 0.0

    def _time_is_up(self):
        return self._share_of_time() >= 1


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
