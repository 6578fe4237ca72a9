"""What a training says before its first step: how much there is to do, and on what."""

import tensorflow as tf

from facepipe.core.machine import cpu_name
from facepipe.core.progress import duration
from facepipe.training.choices import precision_chosen

PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"))


def announcement(budget, epochs, steps, operations, train, runtime):
    """One line, without the stage's name.

    Args:
        budget: `training.config.Budget`.
        epochs, steps: of `training.config.steps_of`; epochs None under a budget in minutes.
        operations: float, of the training for one image.
        train: `training.config.Train`.
        runtime: `runtime.Runtime`.

    Returns:
        str, such as "192,000 images in 40 epochs, 61 TFLOP (0.32 GFLOP an image); mixed_bfloat16 (auto: bfloat16
        units) on 2 threads of AMD EPYC 9454, oneDNN on".
    """
    if epochs is None:
        work = f"{duration(60 * budget.minutes)}, {flop(operations)} an image"
    else:
        images = epochs * steps * budget.batch_size
        work = f"{images:,} images in {epochs} epoch{'s' * (epochs > 1)}, {flop(images * operations)}"
        work += f" ({flop(operations)} an image)"
    return f"{work}; {precision_chosen(train, runtime.record)} on {_devices(runtime)}"


def flop(count):
    """Operations with two digits, such as "0.32 GFLOP", "61 TFLOP"."""
    # 0.32 G rather than 320 M
    size, prefix = next((each for each in PREFIXES if count >= each[0] / 10), PREFIXES[-1])
    value = count / size
    return f"{value:,.0f} {prefix}FLOP" if value >= 10 else f"{value:.2g} {prefix}FLOP"


def _devices(runtime):
    record = runtime.record
    if record["device"] == "GPU":
        gpu = tf.config.list_physical_devices("GPU")[0]
        name = tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
        return f"{record['replicas']} x {name}"
    threads = f"{record['threads']} thread{'s' * (record['threads'] > 1)} of {cpu_name()}"
    workers = f"{runtime.workers.size} workers, each " if runtime.workers.size > 1 else ""
    onednn = {True: ", oneDNN on", False: ", oneDNN off", None: ""}[record["onednn"]]
    return f"{workers}{threads}{onednn}"
