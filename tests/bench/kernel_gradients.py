"""Which way to a kernel's gradient is quicker where: python -m tests.bench.kernel_gradients

oneDNN's gradient of the kernel of a 4x4 convolution of stride 2 against `networks.strided.kernel_gradient`, at the
shapes of the default networks and twice as wide, in float32 and, where there are units for it,
bfloat16; turn about, the best of the rounds.
"""

import time
from functools import partial

from facepipe.core.machine import available_cores, cpu_name, multiplies_bfloat16
from facepipe.quiet import import_tensorflow

# side and channels of the large map, channels of the small one
SHAPES = ((32, 12, 32), (16, 32, 64), (8, 64, 128), (32, 12, 64), (16, 64, 128), (8, 128, 256))
BATCH, ROUNDS, ROUND_SECONDS = 16, 8, 0.2


def best(functions, operations):
    """GFLOP/s of each of some functions without arguments."""
    seconds = [float("inf")] * len(functions)
    for function in functions:
        function()
    for _ in range(ROUNDS):
        for place, function in enumerate(functions):
            count, start = 0, time.perf_counter()
            while (elapsed := time.perf_counter() - start) < ROUND_SECONDS:
                function().numpy()
                count += 1
            seconds[place] = min(seconds[place], elapsed / count)
    return [operations / each / 1e9 for each in seconds]


def _onednn(large, small, shape):
    import tensorflow as tf

    return tf.raw_ops.Conv2DBackpropFilter(
        input=large, filter_sizes=shape, out_backprop=small, strides=[1, 2, 2, 1], padding="SAME"
    )


def main():
    import_tensorflow(wrappers=False)
    import tensorflow as tf

    from facepipe.networks.strided import kernel_gradient

    tf.config.threading.set_intra_op_parallelism_threads(available_cores())
    print(f"{cpu_name()}, {available_cores()} threads, batch {BATCH}; GFLOP/s")
    print("| map | kernel | precision | oneDNN | products | times |\n|---|---|---|---|---|---|")
    for dtype in (tf.float32, tf.bfloat16) if multiplies_bfloat16() else (tf.float32,):
        for side, narrow, wide in SHAPES:
            large = tf.zeros((BATCH, side, side, narrow), dtype)
            small = tf.zeros((BATCH, side // 2, side // 2, wide), dtype)
            ways = (
                partial(_onednn, shape=(4, 4, narrow, wide)),
                kernel_gradient,
            )
            calls = [partial(tf.function(way, autograph=False), large, small) for way in ways]
            operations = 2 * BATCH * (side // 2) ** 2 * 16 * narrow * wide
            onednn, products = best(calls, operations)
            print(
                f"| {side}x{side} | 4x4, {narrow} -> {wide} | {dtype.name} | {onednn:.0f} | {products:.0f} "
                f"| {products / onednn:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
