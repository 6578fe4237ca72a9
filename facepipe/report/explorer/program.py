"""A Keras network as a list of operations on arrays, which a page can run."""

from typing import NamedTuple

import numpy as np

from facepipe.networks.layers import plain

ROUNDING = 1e-5  # of the largest number: what float32 makes of a network's copy, averaged
LARGE = 10_000  # numbers, from which on it is worth to look for factors


class Tensor(NamedTuple):
    """An array (float32), the form to store it in (None: the page's), and, where `array` are factors of the rows of
    another one, the place of that."""

    array: np.ndarray
    form: str | None
    of: int | None = None


class Tensors:
    """The arrays that networks consist of, each kept once however many networks have it.

    Attributes:
        arrays: list of `Tensor`, in the order in which they were first asked for.
    """

    def __init__(self):
        self.arrays = []

    def number(self, array, form=None):
        """Where the array is in `arrays`; it is put there unless one of that form is equal but for rounding.

        A large matrix whose rows are those of another one, each times a number, is put there as these numbers: the
        linear paths of the autoencoder and of the VAE lead from the same components, each in its latents' units.

        Args:
            array: float32.
            form: one of `weights.FORMS`, or None: that of the page.
        """
        array = np.ascontiguousarray(array, np.float32)
        for i, other in enumerate(self.arrays):
            if other.form == form and other.of is None and other.array.shape == array.shape:
                if _equal(array, other.array):
                    return i
                if array.ndim == 2 and array.size >= LARGE and (factors := _factors(array, other.array)) is not None:
                    return self._add(Tensor(factors, form, i))
        return self._add(Tensor(array, form))

    def _add(self, tensor):
        self.arrays.append(tensor)
        return len(self.arrays) - 1


def _equal(a, b):
    return bool(np.abs(a - b).max(initial=0) <= ROUNDING * np.abs(b).max(initial=0))


def _factors(a, b):
    """float32 (rows,) such that a is b times these, row by row; None: there are none."""
    squares = np.square(b).sum(axis=1)
    factors = np.divide((a * b).sum(axis=1), squares, out=np.zeros_like(squares), where=squares > 0)
    return factors if _equal(a, factors[:, None] * b) else None


def program(network, tensors, outputs=None):
    """The operations of a network in inference, in the order to be run.

    Args:
        network: `keras.Model` of one input and one output, of the layers that `networks.layers` uses.
        tensors: `Tensors`, to which its weights are added.
        outputs: int, how many columns of the last dense layer are wanted, the first ones; None: all.

    Returns:
        list of dicts: op (input, or a name in network.js's OPERATIONS), from (the places in the list that it takes),
        shape (of one result, without the batch), and what the operation needs: w, b, scale, offset are places in
        `tensors.arrays`.

    Raises:
        ValueError: a layer that is not known here.
    """
    steps, places = [], {}
    layers = plain(network).layers
    last = next((layer for layer in reversed(layers) if type(layer).__name__ == "Dense"), None)
    for layer in layers:
        kind = type(layer).__name__
        if kind not in _WRITERS:
            raise ValueError(f"{network.name}: the page cannot run a layer {kind} ({layer.name})")
        wanted = outputs if layer is last else None
        step = _WRITERS[kind](layer, tensors, *([wanted] if kind == "Dense" else []))
        sources = [places[id(tensor)] for node in layer._inbound_nodes for tensor in node.input_tensors]
        if step is None:  # does nothing
            places[id(layer.output)] = sources[0]
            continue
        shape = list(layer.output.shape[1:])
        if kind == "Dense" and wanted is not None:
            shape = [wanted]
        places[id(layer.output)] = len(steps)
        steps.append({**step, "from": sources, "shape": shape})
    return steps


def _dense(layer, tensors, outputs):
    kernel, bias = layer.get_weights() if layer.use_bias else (layer.get_weights()[0], np.zeros(layer.units))
    return {"op": "dense", "w": tensors.number(kernel[:, :outputs]), "b": tensors.number(bias[:outputs])}


def _conv(layer, tensors):
    height, width = layer.input.shape[1:3]
    (stride, _), (size, _) = layer.strides, layer.kernel_size
    rows, columns = layer.output.shape[1:3]
    # what padding "same" puts before the first row and column
    pads = [max((out - 1) * stride + size - side, 0) // 2 for out, side in ((rows, height), (columns, width))]
    step = {"op": "conv", "stride": stride, "pad": pads, "w": tensors.number(layer.get_weights()[0])}
    return step | _bias(layer, tensors)


def _deconv(layer, tensors):
    # as (in, height, width, out): one product makes what each input pixel adds to the 4x4 pixels about it
    kernel = layer.get_weights()[0].transpose(3, 0, 1, 2)
    return {"op": "deconv", "w": tensors.number(kernel)} | _bias(layer, tensors)


def _bias(layer, tensors):
    return {"b": tensors.number(layer.get_weights()[1])} if layer.use_bias else {}


def _norm(layer, tensors):
    gamma, beta, mean, variance = (weights.astype(np.float64) for weights in layer.get_weights())
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return {"op": "affine", "scale": tensors.number(scale), "offset": tensors.number(beta - mean * scale)}


def _box(op, sides):
    (top, _), (left, _) = sides
    return {"op": op, "at": [top, left]}


_WRITERS = {
    "InputLayer": lambda layer, tensors: {"op": "input"},
    "Dense": _dense,
    "Conv2D": _conv,
    "Conv2DTranspose": _deconv,
    "BatchNormalization": _norm,
    "ReLU": lambda layer, tensors: {"op": "relu", "slope": 0.0},
    "LeakyReLU": lambda layer, tensors: {"op": "relu", "slope": float(layer.negative_slope)},
    # of one picture these are all the same numbers
    "Flatten": lambda layer, tensors: {"op": "reshape"},
    "Reshape": lambda layer, tensors: {"op": "reshape"},
    "Permute": lambda layer, tensors: {"op": "permute", "dims": [dim - 1 for dim in layer.dims]},
    "ZeroPadding2D": lambda layer, tensors: _box("pad", layer.padding),
    "Cropping2D": lambda layer, tensors: _box("crop", layer.cropping),
    "AveragePooling2D": lambda layer, tensors: {"op": "means", "side": layer.pool_size[0]},
    "UpSampling2D": lambda layer, tensors: {"op": "repeat", "side": layer.size[0]},
    "Concatenate": lambda layer, tensors: {"op": "join"},
    "Add": lambda layer, tensors: {"op": "add"},
    "Activation": lambda layer, tensors: None,  # linear, the only one that networks have
}
