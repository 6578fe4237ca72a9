"""One measurement in a process of its own; started by tests.bench.training: python -m tests.bench.worker JSON"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from facepipe.config import load_params
from facepipe.core.machine import available_cores
from facepipe.quiet import import_tensorflow
from tests.bench.material import ROOT

WARM_STEPS, WARM_SECONDS, LEAST_STEPS = 4, 5.0, 2
# enough that `fit` does not come to the end of an epoch, where it may stall for seconds, within the default time
IMAGES, BATCHES = 1280, 16


class Done(Exception):
    """Raised by a clock to end a training."""


class Clock:
    """Called after each step: when the first was done, and how long the steps after the warm-up take.

    The warm-up is WARM_STEPS steps, or at least two and WARM_SECONDS. Then `steps` steps, or where None as many as
    fit in `seconds`, LEAST_STEPS at least.
    """

    def __init__(self, steps, seconds):
        self.steps, self.seconds = steps, seconds
        self.count, self.warm, self.first = 0, None, None
        self.start = time.perf_counter()

    def __call__(self):
        now = time.perf_counter()
        self.count += 1
        self.first = self.first or time.time()
        if self.warm is None:
            if self.count >= WARM_STEPS or (self.count >= 2 and now - self.start >= WARM_SECONDS):
                self.warm = self.count, now
            return
        done, spent = self.count - self.warm[0], now - self.warm[1]
        if done == self.steps or (not self.steps and done >= LEAST_STEPS and spent >= self.seconds):
            self.per_step = spent / done
            raise Done


class Deadline:
    """Called after each step: ends the training when its time is up."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.restart()

    def restart(self):
        """Begin here."""
        self.count, self.start = 0, time.perf_counter()

    def share(self):
        return min(1.0, (time.perf_counter() - self.start) / self.seconds)

    def __call__(self):
        self.count += 1
        if self.share() >= 1:
            raise Done


def until_done(train, *arguments, **options):
    """Run a training that its clock ends."""
    try:
        train(*arguments, **options)
    except Done:
        return
    raise AssertionError("the training ended by itself")


def machine(job):
    """CPU, threads, versions."""
    import keras
    import tensorflow as tf

    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown CPU")
    found = prepared()
    return {
        "cpu": model,
        "threads": found.record["threads"],
        "precision": found.record["precision"],
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }


def ceiling(job):
    """See `ceiling.measure`; the shapes are the representative ones and those of our default networks."""
    import tensorflow as tf

    from tests.bench import ceiling as bench

    tf.config.threading.set_intra_op_parallelism_threads(available_cores())
    own = {kind: own_shapes(kind) for kind in job["kinds"]}
    shapes = [*bench.STRIDED, *bench.PLAIN, *(shape for each in own.values() for shape in each)]
    results = bench.measure(shapes, job["rounds"])
    share = {kind: {p: bench.combined(results, shapes, p) for p in bench.TYPES} for kind, shapes in own.items()}
    strided = {p: bench.combined(results, bench.STRIDED, p) for p in bench.TYPES}
    return {"results": results, "own": share, "strided": strided}


def own_shapes(kind):
    """The convolutions of a default network, once each way; list of `ceiling.Shape`."""
    from facepipe.networks.maps import folded_shape, patch_for, widths_for
    from tests.bench.ceiling import network_shapes

    params = load_params(ROOT / "params.yaml")
    section = getattr(params, f"train_{kind}")
    shape = (*params.preprocess.image_size, params.preprocess.channels)
    patch = patch_for(shape, section.patch_size)

    def shapes(widths):
        return network_shapes(folded_shape(shape, patch), widths, section.batch_size)

    if kind != "gan":
        return 2 * shapes(widths_for(shape, section.widths, patch=patch))
    # G three passes, D seven: in triples, weighted as `counting.training_flops` does
    g = shapes(widths_for(shape, section.generator_widths, upwards=True, patch=patch)[::-1])
    d = shapes(widths_for(shape, section.discriminator_widths, patch=patch))
    return 3 * g + 7 * d


def prepared():
    """The runtime of params.yaml."""
    from facepipe.training.runtime import prepare

    return prepare(load_params(ROOT / "params.yaml").train)


def _pictures(shape, count):
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)


def ours(job):
    """Speed of a network at a shape, as in params.yaml or in the file that job["params"] names."""
    from tests.bench import ours as bench
    from tests.bench.counting import forward_macs, parameters, training_flops

    runtime = prepared()
    params = load_params(job.get("params", ROOT / "params.yaml"))
    task, batch = bench.default_task(job["kind"], job["shape"], params, runtime)
    batch = job["batch"] or batch
    clock = Clock(job["steps"], job["seconds"])
    until_done(bench.train, task, runtime, _pictures(job["shape"], max(IMAGES, batch)), batch, clock)
    networks = task.model.networks
    counts = {"macs": forward_macs(*networks.values()), "parameters": parameters(*networks.values())}
    counts["operations"] = task.operations(None)
    return _speed(job, clock, batch, training_flops(job["kind"], networks)) | counts


def theirs(job):
    """Speed of an earlier project's networks, its own way (float32) or facepipe's."""
    import keras

    from tests.bench import earlier, earlier_ways
    from tests.bench import ours as bench
    from tests.bench.counting import forward_macs, parameters, training_flops

    project = earlier.PROJECTS[job["project"]]
    batch = job["batch"] or project.batch
    project = project._replace(batch=batch)
    pictures = _pictures(project.shape, max(IMAGES, BATCHES * batch))
    if job["way"] == "theirs":
        networks = earlier.build(project)
        clock = Clock(job["steps"], job["seconds"])
        until_done(earlier_ways.train, project, networks, pictures.astype(np.float32) / 255.0, clock)
    else:
        runtime = prepared()
        keras.config.set_dtype_policy(runtime.dtype)
        with runtime.strategy.scope():
            networks = earlier.build(project, fused_norm=True)
            task = bench.KerasTask(project, networks)
        clock = Clock(job["steps"], job["seconds"])
        until_done(bench.train, task, runtime, pictures, batch, clock)
    kind = "gan_apart" if project.kind == "gan" and job["way"] == "theirs" else project.kind
    counts = {"macs": forward_macs(*networks.values()), "parameters": parameters(*networks.values())}
    return _speed(job, clock, batch, training_flops(kind, networks)) | counts


def _speed(job, clock, batch, flops):
    status = Path("/proc/self/status").read_text(encoding="utf-8").split("VmHWM:")[1]
    return {
        "images_per_second": batch / clock.per_step,
        "gflops": batch / clock.per_step * flops / 1e9,
        "first_step": clock.first - job["started"],
        "peak_mb": int(status.split()[0]) * 1024 / 1e6,
    }


def equal_time(job):
    """Train for job["seconds"] and measure on held-out images; see tests.bench.equal_time."""
    from tests.bench.equal_time import train_and_measure

    return train_and_measure(job)


JOBS = {job.__name__: job for job in (machine, ceiling, ours, theirs, equal_time)}


def main():
    job = json.loads(sys.argv[1])
    import_tensorflow()
    print(json.dumps(JOBS[job["job"]](job)))


if __name__ == "__main__":
    main()
