"""What a training chooses by what the machine has: precision, threads, strategy; known without TensorFlow."""

import json
import os

from facepipe.core.machine import available_cores, hides_bfloat16_units
from facepipe.errors import FieldError, InputError


def chosen_threads(train):
    """How many threads an operation may use, int; `auto`: all cores that this process may use."""
    return available_cores() if train.threads == "auto" else train.threads


def chosen_precision(train, multiplies, on_gpu):
    """The Keras dtype policy of the convolutions.

    Args:
        train: `training.config.Train`.
        multiplies: bool, whether the hardware multiplies bfloat16, for `auto`.
        on_gpu: bool, whether GPUs compute.

    Raises:
        FieldError: bfloat16 asked for where oneDNN is kept from it.
    """
    dtype = train.precision
    if dtype == "auto":
        dtype = "mixed_bfloat16" if multiplies else "float32"
    if dtype == "mixed_bfloat16" and not on_gpu and hides_bfloat16_units():
        raise FieldError(
            "precision",
            f"mixed_bfloat16 cannot be with ONEDNN_MAX_CPU_ISA={os.environ['ONEDNN_MAX_CPU_ISA']}, which hides this "
            "CPU's bfloat16 units; unset it, or use auto or float32",
            train,
        )
    return dtype


def precision_chosen(train, record):
    """The precision and, where it was `auto`, why; str. Args: `training.config.Train`, the record of `Runtime`."""
    if train.precision != "auto":
        return record["precision"]
    found = "bfloat16 units" if record["precision"] == "mixed_bfloat16" else "no bfloat16 units"
    return f"{record['precision']} (auto: {found})"


def chosen_strategy(train, gpus, workers):
    """single, mirrored or multiworker, for this many GPUs here and workers in TF_CONFIG (ints).

    Raises:
        FieldError: multiworker asked for with fewer than two workers, another strategy with more.
    """
    name = train.strategy
    if name == "auto":
        name = "multiworker" if workers > 1 else "mirrored" if gpus > 1 else "single"
    if (name == "multiworker") != (workers > 1):
        raise FieldError(
            "strategy",
            f"{name}, but TF_CONFIG names {workers} worker{'s' * (workers > 1)}; "
            + ("see docs/training.md" if workers == 1 else "use multiworker or auto"),
            train,
        )
    return name


def check_mirrored(train, devices):
    """FieldError where there are fewer than two devices (list of str) to mirror a training on."""
    if len(devices) < 2:
        raise FieldError("strategy", f"mirrored needs two devices, here is {devices}; use single or auto", train)


def read_tf_config():
    """The cluster that the environment variable TF_CONFIG describes.

    Returns:
        (size, index): number of workers, those of the job "chief" first, and which of them this process is; (1, 0)
        where TF_CONFIG is not set or empty.

    Raises:
        InputError: it is not what TensorFlow documents, or names other jobs than chief and worker.
    """
    text = os.environ.get("TF_CONFIG", "").strip()
    if not text:
        return 1, 0
    try:
        config = json.loads(text)
        cluster = config.get("cluster") or {}
        if not cluster:
            return 1, 0
        if set(cluster) - {"chief", "worker"}:
            raise InputError(f"TF_CONFIG: cluster: only chief and worker can train here, found {', '.join(cluster)}")
        workers = [(job, index) for job in ("chief", "worker") for index in range(len(cluster.get(job, ())))]
        task = config["task"]
        return len(workers), workers.index((task["type"], int(task["index"])))
    except (json.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            'TF_CONFIG: should be {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}} '
            f"with the index of one of these workers, found {text[:200]}"
        ) from None
