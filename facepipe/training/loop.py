"""The one training loop: steps, epochs, states to resume from, grids; under any tf.distribute strategy."""

import shutil
import signal
import time
from pathlib import Path
from typing import Protocol

import numpy as np

from facepipe.core.determinism import rng
from facepipe.core.pictures import save_png
from facepipe.core.progress import say
from facepipe.errors import FieldError, Stopped
from facepipe.shards.order import ahead, epoch_order
from facepipe.training.config import steps_of
from facepipe.training.display import Display
from facepipe.training.history import Means, check_finite, not_finite, write_history
from facepipe.training.interruption import Interruption
from facepipe.training.state import arrays_of
from facepipe.training.stepper import NEWS, stepper


class Task(Protocol):
    """What the loop asks of a model."""

    name: str

    def draw(self, generator, rows):
        """The random numbers of a step on the training images `rows` (int64 (n,)): dict of arrays (n, ...)."""

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

    def should_stop(self, epoch):
        """After an epoch: whether the task wants no more of them (early stopping)."""

    def picture(self):
        """The epoch's grid: uint8 (height, width, 3)."""

    def learning_rate(self):
        """The current learning rate, float."""

    def state(self):
        """All that training has changed, as a tree of arrays and plain values (see `state.to_bytes`)."""

    def restore(self, state):
        """Put back what `state()` gave in an earlier process."""


def fit(task, shards, budget, runtime, report, states, before=()):
    """Train, from the last state where an earlier process left one: the result is the same to the bit.

    Args:
        task: a `Task`.
        shards: `facepipe.shards.shards.Shards`; its train split is used, a new random order each epoch.
        budget: `training.config.Budget`.
        runtime: `runtime.Runtime`.
        report: folder; history.csv (a row an epoch) and grids/000000.png (before training), grids/000001.png, ...
            Only the chief writes it, and only the chief measures and draws. While an epoch takes long, its row and its
            grid as far as they are stand there, without held-out measures; at its end they are replaced or removed.
        states: `resume.States`; at the end they hold the finished training, until the caller discards them. Workers
            other than the chief have None; they begin with the chief's state.
        before: the rows of history.csv that there are already, of a training that this one goes on from.

    Returns:
        (record, history): dict with epochs, steps, images (seen in this training), and under a budget in minutes what
        that means; the rows of history.csv.

    Raises:
        InputError: batch size impossible for the data or the number of replicas; a loss that is not finite.
        Stopped: Ctrl-C or SIGTERM, of this or of another worker; the state is saved.
        WorkerLost: another worker has ended.
    """
    return _Loop(task, shards, budget, runtime, Path(report), states, list(before)).run()


class _Loop:
    """Where a training stands: what `_save` writes, and what follows from that and the arguments."""

    def __init__(self, task, shards, budget, runtime, report, states, before):
        replicas = runtime.strategy.num_replicas_in_sync
        if budget.batch_size % replicas:
            raise FieldError("batch_size", f"{budget.batch_size} does not divide by {replicas} replicas")
        self.task, self.shards, self.budget, self.report, self.states = task, shards, budget, report, states
        self.stage = f"train_{task.name}"
        self.workers, self.seed = runtime.workers, runtime.record["seed"]
        self.epochs, self.steps = steps_of(budget, shards.count("train"))
        total = self.epochs and self.epochs * self.steps * budget.batch_size
        self.before, self.images_before = len(before), before[-1]["images"] if before else 0
        self.epochs = self.epochs and self.before + self.epochs
        self.display = Display(
            self.stage, total, self._share_of_time if budget.minutes else None, shown=self.workers.chief
        )
        self.run_step = stepper(task, runtime.strategy, self.workers)
        self.step, self.index = 0, 0  # steps done, and those of the epoch that runs
        self.history, self.means, self.complete = before, Means(), False
        self.seconds, self.started = 0.0, time.monotonic()
        # with several workers: the chief's clock and a signal that any of them got, as all know them
        self.agreed_seconds, self.agreed_signal = 0.0, 0

    def run(self):
        self._begin()
        with Interruption() as self.interruption, self.display.running(self._images()):
            while not self.complete:
                self._train_epoch()
                self._close_epoch()
            self._save()
            self._stop_if_asked()
        self.display.say_took(self._images(), self._used())
        record = {"epochs": len(self.history) - self.before, "steps": self.step, "images": self._images()}
        record |= {"minutes": self.budget.minutes, "byte_reproducible": False} if self.budget.minutes else {}
        return record, self.history

    def _begin(self):
        """From the last state, or from nothing."""
        if self.budget.minutes:
            self._say("a budget in minutes: another run, or another machine, gives another model")
        if self.workers.chief and not self.before:
            shutil.rmtree(self.report / "grids", ignore_errors=True)
        state = self.workers.broadcast(self.states.load() if self.workers.chief else None)
        if state is None:
            if self.before:
                # what the chief chose at the end of the training before
                self.task.restore(self.workers.broadcast(self.task.state()))
            else:
                self._picture(0)
            return
        self.step, self.index, self.seconds = state["step"], state["index"], state["seconds"]
        self.history, self.means, self.complete = state["history"], Means(state["sums"]), state["complete"]
        self.agreed_seconds = self.seconds
        self.task.restore(state["task"])
        if self.workers.chief:
            self.states.put_back(self.report / "grids")
            if self.history:
                write_history(self.report / "history.csv", self.history)
        self._say(f"continues {self._place()}")

    def _train_epoch(self):
        """The steps of an epoch that are left."""
        epoch, first, size = len(self.history) + 1, self.step - self.index, self.budget.batch_size
        order = epoch_order(self.seed, epoch, self.shards.count("train"), self.steps * size)
        share = self.workers.share(size)

        def make(index):
            rows = order[index * size : (index + 1) * size]
            noise = self.task.draw(rng(self.seed, self.task.name, first + index), rows)
            return self.shards.gather("train", rows[share]), {name: array[share] for name, array in noise.items()}

        for images, noise in ahead(make, self.index, self.steps):
            if self.index and self._time_is_up():
                break
            if self.budget.minutes:
                self.task.use_time(self._share_of_time())
            variant = self.task.variant()
            logs = self.run_step(images, noise, variant, self._news())
            self._agree(logs.pop(NEWS, None))
            self.task.after_step(logs)
            if self.workers.chief:
                self.means.add(self.step, logs)
            self.step, self.index = self.step + 1, self.index + 1
            self.display.step(variant, size)
            self._show()
            if self.workers.chief and self.states.due(self._images()):
                self._save()
            self._stop_if_asked()

    def _close_epoch(self):
        epoch, rate = len(self.history) + 1, self.task.learning_rate()
        self.means.pull(rate)
        means = self.means.means()
        measures = self.task.after_epoch(epoch, means) if self.workers.chief else {}
        check_finite(measures, self.step, rate)
        self.history.append(self._row(epoch, rate) | means | measures)
        self.index, self.means = 0, Means()
        complete = epoch == self.epochs or self._time_is_up() or (self.workers.chief and self.task.should_stop(epoch))
        self.complete = self.workers.broadcast(complete)
        if self.workers.chief:
            write_history(self.report / "history.csv", self.history)
        if epoch % self.budget.grid_every == 0 or self.complete:
            self._picture(epoch)
        elif self.workers.chief:
            self._grid(epoch).unlink(missing_ok=True)

    def _news(self):
        """What this worker has to tell the others with its next step: float32 (signals, the chief's seconds)."""
        return np.array([self.interruption.signal or 0, self._used() if self.workers.chief else 0], np.float32)

    def _agree(self, news):
        if news is not None:
            self.agreed_signal, self.agreed_seconds = int(news[0]), float(news[1])

    def _save(self):
        if not self.workers.chief:
            return
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
        alone = self.workers.size == 1 or self.complete
        if self.interruption.signal if alone else self.agreed_signal:
            self._save()
            message = f"stopped; run dvc repro again: it continues {self._place()}"
            raise Stopped(self.interruption.signal or signal.SIGTERM, message)

    def _say(self, text):
        if self.workers.chief:
            say(f"{self.stage}: {text}")

    def _picture(self, epoch):
        if not self.workers.chief:
            return
        self.states.keep(self._draw(epoch))

    def _draw(self, epoch):
        begun = time.monotonic()
        save_png(self._grid(epoch), self.task.picture())
        self.display.drawn(time.monotonic() - begun)
        return self._grid(epoch)

    def _grid(self, epoch):
        # dvc plots takes the numbers for steps, and fails at names without one
        return self.report / "grids" / f"{epoch:06d}.png"

    def _show(self):
        """Between two steps: how far it is, now and then, and what it looks like, where the epoch takes long."""
        preview = self.display.preview_due()
        if not (preview or self.display.refresh_due()):
            return
        epoch, rate = len(self.history) + 1, self.task.learning_rate()
        self.display.describe(epoch, self.epochs, self.means.pull(rate))
        if preview:
            row = self._row(epoch, rate) | self.means.means()
            write_history(self.report / "history.csv", [*self.history, row])
            self._draw(epoch)

    def _row(self, epoch, rate):
        return {"epoch": epoch, "images": self.images_before + self._images(), "learning_rate": rate}

    def _place(self):
        epoch = f"after epoch {len(self.history)}" if self.complete else f"at epoch {len(self.history) + 1}"
        return f"{epoch}, image {self._images():,}"

    def _images(self):
        return self.step * self.budget.batch_size

    def _used(self):
        return self.seconds + time.monotonic() - self.started

    def _share_of_time(self):
        used = self._used() if self.workers.size == 1 else self.agreed_seconds
        return min(1.0, used / 60 / self.budget.minutes) if self.budget.minutes else 0.0

    def _time_is_up(self):
        return self._share_of_time() >= 1
