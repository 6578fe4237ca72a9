"""The machine as the training sees it: precision, threads, determinism, distribution strategy."""

import functools
import os
from typing import NamedTuple

import tensorflow as tf

from facepipe.core.machine import ONEDNN, multiplies_bfloat16
from facepipe.errors import InputError, WorkerLost
from facepipe.training.choices import check_mirrored, chosen_precision, chosen_strategy, chosen_threads, read_tf_config
from facepipe.training.workers import LOST, Workers


class Runtime(NamedTuple):
    """What was picked: strategy, keras dtype policy of the convolutions, a record for model.json, the workers."""

    strategy: tf.distribute.Strategy
    dtype: str
    record: dict
    workers: Workers


def prepare(train):
    """Set up TensorFlow for one training process.

    Args:
        train: `training.config.Train`.

    Returns:
        `Runtime`. Precision `auto` is mixed_bfloat16 where the hardware multiplies bfloat16 (CPU flags avx512_bf16 or
        amx_bf16; GPU of compute capability 8.0 or more), else float32. Threads `auto` is the number of usable cores.
        Strategy `auto` is multiworker where TF_CONFIG names two or more workers, else mirrored with two or more GPUs,
        else single.

    Raises:
        InputError: bfloat16 asked for where oneDNN is kept from it; mirrored asked for with fewer than two devices,
            multiworker with fewer than two workers, another strategy with more; a TF_CONFIG that cannot be
            understood, or whose port is in use.
        WorkerLost: the other workers did not come, or went.
    """
    threads = chosen_threads(train)
    if tf.config.threading.get_intra_op_parallelism_threads() != threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.experimental.enable_op_determinism()
    gpus = tf.config.list_physical_devices("GPU")
    dtype = chosen_precision(train, multiplies(gpus), bool(gpus))
    size, index = read_tf_config()
    strategy = _strategy(train, gpus, size)
    record = {
        "precision": dtype,
        "threads": threads,
        "replicas": strategy.num_replicas_in_sync,
        "device": "GPU" if gpus else "CPU",
        "onednn": {"1": True, "0": False}.get(os.environ.get(ONEDNN)),  # None: as TensorFlow decides
        "seed": train.seed,
    }
    return Runtime(strategy, dtype, record, Workers(strategy, size, index))


def multiplies(gpus):
    """Whether these GPUs (list of physical devices), or the CPU where there are none, multiply bfloat16."""
    if gpus:
        capabilities = [
            tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0)) for gpu in gpus
        ]
        return min(capabilities) >= (8, 0)
    return multiplies_bfloat16()


def _strategy(train, gpus, workers):
    name = chosen_strategy(train, len(gpus), workers)
    if name == "multiworker":
        return _multiworker(workers)
    if name == "single":
        return tf.distribute.OneDeviceStrategy("/gpu:0" if gpus else "/cpu:0")
    devices = [device.name for device in tf.config.list_logical_devices("GPU" if gpus else "CPU")]
    check_mirrored(train, devices)
    # named explicitly: the default collectives of the CPU mix up their instance keys inside one step (TF 2.21)
    reduce = tf.distribute.NcclAllReduce() if gpus else tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy([name.removeprefix("/device:").lower() for name in devices], reduce)


@functools.cache
def _multiworker(workers):
    """A process can join its cluster only once, before its first operation."""
    print(f"waits until all {workers} workers of TF_CONFIG are there", flush=True)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except tf.errors.UnknownError as error:
        raise InputError(
            f"TF_CONFIG: this worker cannot serve at its own address; is the port in use? ({error.message})"
        ) from None
    except LOST as error:
        raise WorkerLost(f"not all {workers} workers of TF_CONFIG came; start all of them again") from error


def sum_over_replicas(values):
    """Sum each tensor of a structure over the replicas; called inside a step.

    The tensors of a type travel as one, which costs one exchange between the machines instead of many.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return values
    tensors = [tf.convert_to_tensor(value) for value in tf.nest.flatten(values)]
    sums = [None] * len(tensors)
    for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
        places = [place for place, tensor in enumerate(tensors) if tensor.dtype == dtype]
        flat = tf.concat([tf.reshape(tensors[place], [-1]) for place in places], 0)
        total = context.all_reduce(tf.distribute.ReduceOp.SUM, flat)
        for place, part in zip(places, tf.split(total, [tf.size(tensors[place]) for place in places]), strict=True):
            sums[place] = tf.reshape(part, tf.shape(tensors[place]))
    return tf.nest.pack_sequence_as(values, sums)


def apply_gradients(optimizer, loss, variables, tape):
    """One optimizer step by the gradient of the global batch.

    Args:
        optimizer: built `keras.optimizers.Optimizer`.
        loss: scalar, this replica's sum of per-sample losses divided by the *global* batch size.
        variables: list of variables.
        tape: the `tf.GradientTape` that watched the loss.
    """
    gradients = tape.gradient(loss, variables)
    optimizer.apply(sum_over_replicas(gradients), variables)
