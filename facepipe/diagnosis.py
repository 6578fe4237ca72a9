"""What kind of machine this is, what `auto` chooses on it and why, and what is missing; mostly without TensorFlow."""

import importlib.metadata
import os
import platform
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from facepipe.core.machine import ONEDNN, available_cores, cpu_flags, cpu_name, multiplies_bfloat16, use_onednn
from facepipe.errors import FieldError, InputError
from facepipe.quiet import import_tensorflow
from facepipe.training.choices import (
    check_mirrored,
    chosen_precision,
    chosen_strategy,
    chosen_threads,
    precision_chosen,
    read_tf_config,
)

# instruction sets that make a difference, as Linux names them
TELLING = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
NAMED = ("tensorflow", "keras", "numpy", "dvc")  # libraries whose versions are said
GPUS = "/proc/driver/nvidia/gpus"
# the convolution that is timed: as in the networks' middle, see docs/speed.md
BATCH, SIDE, NARROW, WIDE, KERNEL = 32, 32, 64, 128, 4
ROUNDS, ROUND_SECONDS = 5, 0.2


class Problem(NamedTuple):
    """What is not as it should be, what to do about it, and whether the pipeline cannot run before."""

    text: str
    remedy: str
    stops: bool


def machine(train, speed=False):
    """Look at the machine, in the light of params.yaml's section train.

    TensorFlow is asked only where there is a GPU, whose use only it knows, or for the speed.

    Args:
        train: `facepipe.training.config.Train`.
        speed: bool, whether to time convolutions, some seconds.

    Returns:
        (rows, problems): list of (name, text) of what there is to say; list of `Problem`.
    """
    rows, problems, gpus = [], [], gpu_names()
    sets = [name for name in TELLING if name in cpu_flags()]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    rows.append(("CPU", f"{cpu_name()}, {os.cpu_count()} cores; {', '.join(sets) or 'no AVX2'}"))
    use_onednn()
    seen, multiplies = [], multiplies_bfloat16()
    if gpus:
        seen, multiplies = _gpus_of_tensorflow()
        if not seen:
            problems.append(
                Problem(
                    f"GPU: the driver has {', '.join(gpus)}, TensorFlow sees none and will compute on the CPU",
                    "pip install 'tensorflow[and-cuda]'",
                    False,
                )
            )
    rows.append(("GPU", ", ".join(seen) or ("none that TensorFlow sees" if gpus else "none")))
    rows.append(("memory", f"{memory / 1e9:.0f} GB"))
    try:
        dtype = chosen_precision(train, multiplies, bool(seen))
        rows.append(("precision", precision_chosen(train, {"precision": dtype})))
    except FieldError as error:
        dtype = "float32"
        problems.append(Problem(f"params.yaml: train.{error}", "change it in params.yaml", True))
    used = f"auto: all cores this process may use, {available_cores()}"
    rows.append(("threads", f"{chosen_threads(train)}, {used if train.threads == 'auto' else 'set in params.yaml'}"))
    try:
        rows.append(("strategy", _strategy(train, seen)))
    except InputError as error:
        where = "params.yaml: train." if isinstance(error, FieldError) else ""
        remedy = "change it in params.yaml" if where else "mend that environment variable, or unset it"
        problems.append(Problem(f"{where}{error}", remedy, True))
    rows.append(("oneDNN", _onednn({"1": True, "0": False}.get(os.environ.get(ONEDNN)))))
    if speed:
        import_tensorflow(wrappers=False)
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(chosen_threads(train))
        rows.append(("speed", f"{_convolutions(dtype) / 1e9:,.0f} GFLOP/s in {KERNEL}x{KERNEL} convolutions"))
    return rows, problems


def software(params=None):
    """The versions of what is installed: a row, and the `Problem`s with what facepipe, and `params`, ask for.

    Args:
        params: `facepipe.config.Params`; None: nothing but facepipe itself.

    Returns:
        (text, list of `Problem`).
    """
    from packaging.requirements import Requirement

    parts, problems = [f"Python {platform.python_version()}"], []
    for name in NAMED:
        parts.append(f"{name} {_version(name) or 'missing'}")
    try:
        asked = [Requirement(text) for text in importlib.metadata.requires("facepipe") or ()]
        parts.insert(0, f"facepipe {importlib.metadata.version('facepipe')}")
    except importlib.metadata.PackageNotFoundError:
        asked = []
        problems.append(Problem("facepipe itself is not installed", "pip install --editable .", False))
    for need in asked:
        if need.marker is not None and not need.marker.evaluate({"extra": ""}):
            continue
        found = _version(need.name)
        missing = found is None and find_spec(need.name) is None
        if found is None or not need.specifier.contains(found, prereleases=True):
            problems.append(
                Problem(f"{need.name} {found or 'is missing'}: facepipe needs {need}", f"pip install '{need}'", missing)
            )
    for wanted, module, extra in _extras(params) if params else ():
        if find_spec(module) is None:
            problems.append(Problem(f"params.yaml: {wanted}", f"pip install 'facepipe[{extra}]'", True))
    return ", ".join(parts), problems


def gpu_names():
    """What the driver calls the GPUs that this process may use; list of str, empty without any."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all").strip() in ("", "-1"):
        return []
    names = []
    for path in sorted(Path(GPUS).glob("*/information")):
        lines = (line.partition(":") for line in path.read_text().splitlines())
        names.append(next((value.strip() for key, _, value in lines if key.strip() == "Model"), "GPU"))
    return names or ["GPU" for _ in Path("/dev").glob("nvidia[0-9]*")]


def _gpus_of_tensorflow():
    """(names of the GPUs that TensorFlow sees, whether they, or the CPU where there are none, multiply bfloat16)."""
    print("facepipe: asks TensorFlow about the GPU, some seconds", file=sys.stderr, flush=True)
    import_tensorflow(wrappers=False)
    import tensorflow as tf

    from facepipe.training.runtime import multiplies

    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return [each.get("device_name", "GPU") for each in details], multiplies(gpus)


def _strategy(train, gpus):
    """The strategy and why, str; FieldError: it cannot be here, InputError: TF_CONFIG is not right."""
    workers, _ = read_tf_config()
    name = chosen_strategy(train, len(gpus), workers)
    if name == "mirrored":
        check_mirrored(train, gpus or [cpu_name()])
    if train.strategy != "auto":
        return f"{name}, set in params.yaml"
    why = {
        "multiworker": f"TF_CONFIG names {workers} workers",
        "mirrored": f"{len(gpus)} GPUs",
        "single": "one GPU, no TF_CONFIG" if gpus else "no GPU, no TF_CONFIG",
    }
    return f"{name} (auto: {why[name]})"


def _extras(params):
    """(what params.yaml asks for, the module that it takes, the extra of facepipe that brings it) of optional ones."""
    if params.evaluate.extractor == "dlib":
        yield "evaluate.extractor: dlib is not installed", "dlib", "identity"
    if params.export_latents.format == "parquet":
        yield "export_latents.format: parquet: pyarrow is not installed", "pyarrow", "parquet"
    if params.preprocess.scheduler != "processes":
        yield f"preprocess.scheduler: {params.preprocess.scheduler}: Dask is not installed", "distributed", "cluster"
    own = params.dataset.archive or params.dataset.mirror or Path("data/raw").is_dir()
    if params.dataset.name in ("celeba", "utkface") and not own:
        yield f"dataset.name: {params.dataset.name} is on Google Drive, gdown is not installed", "gdown", "download"


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


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

    @tf.function(autograph=False)
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
