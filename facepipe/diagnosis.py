"""What kind of machine this is, what `auto` chooses on it and why, and how fast it convolves."""

import os
import platform
import shutil
import time
from importlib.metadata import version
from pathlib import Path

from facepipe.config import load_params
from facepipe.core.machine import available_cores, cpu_flags, cpu_name
from facepipe.errors import FieldError, InputError
from facepipe.quiet import import_tensorflow

# instruction sets that make a difference, as Linux names them
TELLING = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
# the convolution that is timed: as in the networks' middle, see docs/speed.md
BATCH, SIDE, NARROW, WIDE, KERNEL = 32, 32, 64, 128, 4
ROUNDS, ROUND_SECONDS = 5, 0.2


def diagnose():
    """Look at the machine, in the light of params.yaml where there is one; some seconds.

    Returns:
        list of (name, text) of what there is to say.

    Raises:
        InputError: params.yaml is not right, or asks for what is not here.
    """
    params = load_params() if Path("params.yaml").exists() else None
    import_tensorflow(wrappers=False)
    import keras
    import tensorflow as tf

    from facepipe.training.announcement import precision_chosen
    from facepipe.training.config import Train
    from facepipe.training.runtime import prepare
    from facepipe.training.workers import read_tf_config

    train = params.train if params else Train()
    if read_tf_config()[0] > 1:
        # it would wait for the other workers
        del os.environ["TF_CONFIG"]
        train = train.model_copy(update={"strategy": "single"})
    try:
        runtime = prepare(train)
    except FieldError as error:
        raise InputError(f"params.yaml: train.{error}") from None
    record, gpus = runtime.record, tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus]
    sets = [name for name in TELLING if name in cpu_flags()]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    used = f"{record['threads']}, " + (
        f"auto: all cores this process may use, {available_cores()}"
        if train.threads == "auto"
        else "set in params.yaml"
    )
    return [
        ("CPU", f"{cpu_name()}, {os.cpu_count()} cores; {', '.join(sets) or 'no AVX2'}"),
        ("GPU", ", ".join(names) or "none that TensorFlow sees"),
        ("memory", f"{memory / 1e9:.0f} GB; on this disk {shutil.disk_usage('.').free / 1e9:.0f} GB free"),
        ("precision", precision_chosen(train, record)),
        ("threads", used),
        ("oneDNN", _onednn(record["onednn"])),
        ("speed", f"{_convolutions(runtime.dtype) / 1e9:,.0f} GFLOP/s in {KERNEL}x{KERNEL} convolutions"),
        ("software", f"Python {platform.python_version()}, TensorFlow {tf.__version__}, Keras {keras.__version__}, "
                     f"DVC {version('dvc')}"),
    ]  # fmt: skip


def _onednn(on):
    if on is None:
        return "as TensorFlow decides, for lack of AVX2"
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA")
    return ("on" if on else "off: TF_ENABLE_ONEDNN_OPTS=0") + (f"; ONEDNN_MAX_CPU_ISA={limit}" if limit else "")


def _convolutions(dtype):
    """Operations a second of a strided convolution and its two gradients, best of some rounds; float."""
    import tensorflow as tf

    dtype = "bfloat16" if dtype == "mixed_bfloat16" else dtype
    images = tf.zeros((BATCH, SIDE, SIDE, NARROW), dtype)
    kernel = tf.zeros((KERNEL, KERNEL, NARROW, WIDE), dtype)

    @tf.function
    def passes():
        with tf.GradientTape() as tape:
            tape.watch([images, kernel])
            made = tf.nn.conv2d(images, kernel, 2, "SAME")
        return [tf.reduce_sum(each) for each in tape.gradient(made, [images, kernel], made)]

    operations = 6 * BATCH * (SIDE // 2) ** 2 * KERNEL**2 * NARROW * WIDE
    best = 0.0
    passes()
    for _ in range(ROUNDS):
        count, start = 0, time.perf_counter()
        while (seconds := time.perf_counter() - start) < ROUND_SECONDS:
            passes()[0].numpy()
            count += 1
        best = max(best, count * operations / seconds)
    return best
