"""The machine's ceiling: matrix products and convolutions, nothing else around them; bfloat16 only where it has units.

A convolution is measured by its three passes: forward, gradient of the map, gradient of the weights. A transposed
convolution has the same three passes in another order (its forward pass is the map gradient of the convolution from
the large map to the small one), so one row stands for both. Operations are those of the direct algorithm: two a
multiply-add. Each shape runs in a tf.function, warmed up, the precisions turn about.
"""

import statistics
import time
from typing import NamedTuple

import tensorflow as tf

from facepipe.core.machine import multiplies_bfloat16

TYPES = {"float32": tf.float32} | ({"bfloat16": tf.bfloat16} if multiplies_bfloat16() else {})
ROUND_SECONDS = 0.1


class Shape(NamedTuple):
    """A convolution of stride `stride` from (side, side, narrow) to (side / stride, side / stride, wide)."""

    kernel: int
    stride: int
    side: int
    narrow: int
    wide: int
    batch: int = 32

    def __str__(self):
        kind = "convolution and transposed" if self.stride > 1 else "convolution"
        channels = f"{self.narrow} <-> {self.wide}" if self.stride > 1 else f"{self.narrow} -> {self.wide}"
        return f"{kind} {self.kernel}x{self.kernel} /{self.stride}, {channels}, {self.side} px, batch {self.batch}"

    def flops(self):
        small = (self.side // self.stride) ** 2
        return 6 * self.batch * small * self.kernel**2 * self.narrow * self.wide


STRIDED = [Shape(kernel, 2, side, 64, 128) for kernel in (5, 4) for side in (64, 32)]
PLAIN = [Shape(3, 1, side, width, width) for width, side in ((32, 64), (64, 32), (128, 32), (256, 16))]
PRODUCTS = (1024, 2048)


def network_shapes(image_shape, widths, batch):
    """The strided convolutions of one of facepipe's encoders or decoders; list of `Shape`."""
    channels = [image_shape[2], *widths]
    return [
        Shape(4, 2, image_shape[0] // 2**level, channels[level], width, batch) for level, width in enumerate(widths)
    ]


def measure(shapes, rounds):
    """Measure the matrix products and the shapes.

    Args:
        shapes: iterable of `Shape`; repeats are measured once.
        rounds: int, of at least ROUND_SECONDS for each shape and precision.

    Returns:
        dict: label -> {precision: [GFLOP/s of each round]}.
    """
    results = {}
    for side in PRODUCTS:
        results[f"matrix product {side}x{side}x{side}"] = _both(lambda dtype, s=side: _product(s, dtype), rounds)
    for shape in dict.fromkeys(shapes):
        results[str(shape)] = _both(lambda dtype, s=shape: _convolution(s, dtype), rounds)
    return results


def _both(make, rounds):
    """{precision: [GFLOP/s]} of make(dtype) -> (function, its tensors, operations)."""
    cases = {name: make(dtype) for name, dtype in TYPES.items()}
    counts, speeds = {}, {name: [] for name in cases}
    for name, (function, tensors, _) in cases.items():
        function(*tensors)
        start = time.perf_counter()
        function(*tensors)
        counts[name] = max(1, round(ROUND_SECONDS / (time.perf_counter() - start)))
    for _ in range(rounds):
        for name, (function, tensors, operations) in cases.items():
            start = time.perf_counter()
            for _ in range(counts[name]):
                result = function(*tensors)
            result[0].numpy()
            speeds[name].append(operations * counts[name] / (time.perf_counter() - start) / 1e9)
    return speeds


def _product(side, dtype):
    tensors = [tf.cast(tf.random.stateless_normal((side, side), (seed, 0)), dtype) for seed in range(2)]
    return tf.function(lambda a, b: (_last(tf.matmul(a, b)),)), tensors, 2 * side**3


def _convolution(shape, dtype):
    large = (shape.batch, shape.side, shape.side, shape.narrow)
    small = (shape.batch, shape.side // shape.stride, shape.side // shape.stride, shape.wide)
    kernel = (shape.kernel, shape.kernel, shape.narrow, shape.wide)
    x, weights, gradient = (
        tf.cast(tf.random.stateless_normal(size, (seed, 0)) * 0.1, dtype)
        for seed, size in enumerate((large, kernel, small))
    )
    options = {"strides": [1, shape.stride, shape.stride, 1], "padding": "SAME"}

    @tf.function
    def passes(x, weights, gradient):
        forward = tf.raw_ops.Conv2D(input=x, filter=weights, **options)
        of_map = tf.raw_ops.Conv2DBackpropInput(input_sizes=large, filter=weights, out_backprop=gradient, **options)
        of_weights = tf.raw_ops.Conv2DBackpropFilter(input=x, filter_sizes=kernel, out_backprop=gradient, **options)
        return _last(forward), _last(of_map), _last(of_weights)

    return passes, (x, weights, gradient), shape.flops()


def _last(tensor):
    """One number: the whole must be computed, but need not be handed over."""
    return tf.reshape(tensor, (-1,))[-1]


def combined(results, shapes, precision):
    """GFLOP/s of several shapes one after another, by the median of each; what a network of nothing else reaches."""
    seconds = sum(shape.flops() / statistics.median(results[str(shape)][precision]) for shape in shapes)
    return sum(shape.flops() for shape in shapes) / seconds
