"""Speed of reading shards, and what it costs a training step: python -m tests.bench.reading

gather       images/s of `Shards.gather` in batches of 32 random rows, 64x64 RGB
step         images/s of the autoencoder's training steps (params.yaml) with batches from shards, made ahead by a
             thread as in training, against the same steps with one constant batch; pairs, turn about
"""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from facepipe.config import load_params
from facepipe.core.determinism import rng
from facepipe.preprocess.writer import ShardWriter
from facepipe.quiet import import_tensorflow
from facepipe.shards.order import ahead, epoch_order
from facepipe.shards.shards import Shards
from tests.bench.material import ROOT, arguments

SHAPE = (64, 64, 3)


def write(folder, count):
    folder.mkdir()
    writer = ShardWriter(folder, {"train": count, "valid": 64, "test": 64}, SHAPE)
    pixels = np.random.default_rng(0).integers(0, 256, (256, *SHAPE), dtype=np.uint8)
    for split, total in (("train", count), ("valid", 64), ("test", 64)):
        for row in range(total):
            writer.put(split, row, pixels[row % 256])
    ids = {
        split: {"id": [f"{split}{row}" for row in range(n)]}
        for split, n in (("train", count), ("valid", 64), ("test", 64))
    }
    writer.finish("noise", ids)
    return Shards(folder)


def gather_speed(shards, batch):
    order = epoch_order(0, 1, shards.count("train"), shards.count("train"))
    start = time.perf_counter()
    for first in range(0, len(order), batch):
        shards.gather("train", order[first : first + batch])
    return len(order) / (time.perf_counter() - start)


def make_speed(shards, params):
    """Run `steps` training steps fed by `make`; images/s."""
    from facepipe.models.ae.model import Autoencoder
    from facepipe.models.ae.task import AETask
    from facepipe.networks.maps import widths_for
    from facepipe.training.runtime import prepare
    from facepipe.training.stepper import stepper

    runtime = prepare(params.train)
    section = params.train_ae
    spec = {
        "image_shape": list(SHAPE),
        "latent_dim": section.latent_dim,
        "widths": list(widths_for(SHAPE, section.widths)),
        "latent_activation": section.latent_activation,
    }
    with runtime.strategy.scope():
        task = AETask(Autoencoder(spec, runtime.dtype, 0), section, shards, 100_000, runtime)
    run = stepper(task, runtime.strategy, runtime.workers)

    def speed(make, steps):
        start = time.perf_counter()
        for images, noise in ahead(make, 0, steps):
            logs = run(images, noise, task.variant())
        float(logs["loss"])
        return steps * section.batch_size / (time.perf_counter() - start)

    return task, speed


def main():
    options = arguments(__doc__, repeats=30, steps=40, count=20_000)
    with tempfile.TemporaryDirectory() as scratch:
        shards = write(Path(scratch) / "shards", options.count)
        params = load_params(ROOT / "params.yaml")
        batch = params.train_ae.batch_size
        speeds = [gather_speed(shards, batch) for _ in range(options.repeats)]
        print(f"gather: {statistics.median(speeds):.0f} images/s ({min(speeds):.0f} .. {max(speeds):.0f})")
        import_tensorflow()
        task, speed = make_speed(shards, params)
        order = epoch_order(0, 1, options.count, options.count)

        def from_shards(index):
            rows = order[np.arange(index * batch, (index + 1) * batch) % len(order)]
            return shards.gather("train", rows), task.draw(rng(0, "bench", index), rows)

        fixed = from_shards(0)
        speed(from_shards, 30)
        variants = {"shards": from_shards, "constant": lambda index: fixed}
        measured = {name: [] for name in variants}
        for repeat in range(options.repeats):
            # turn about: the machine's speed drifts
            for name in sorted(variants, reverse=repeat % 2):
                measured[name].append(speed(variants[name], options.steps))
        for name, values in measured.items():
            print(f"step, {name}: {statistics.median(values):.0f} images/s ({min(values):.0f} .. {max(values):.0f})")
        ratios = [c / s for c, s in zip(measured["constant"], measured["shards"], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(f"constant / shards, median of {len(ratios)} pairs: {middle:.3f} (quartiles {low:.3f} .. {high:.3f})")


if __name__ == "__main__":
    main()
