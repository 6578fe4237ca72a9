"""The 4x4 convolutions of stride 2, one down and one up, with a kernel gradient that suits bfloat16 on a CPU."""

import keras
import tensorflow as tf

from facepipe.networks.patches import fold

# of the large map: from here on the product below beats oneDNN's kernel gradient
FEWEST_CHANNELS = 64


class Conv2D(keras.layers.Conv2D):
    """4x4 convolution of stride 2: (n, h, w, c) -> (n, ceil(h / 2), ceil(w / 2), width).

    Args:
        width: int, channels of the result.
        options: of `keras.layers.Conv2D`.
    """

    def __init__(self, width, **options):
        super().__init__(width, 4, 2, "same", **options)

    def convolution_op(self, inputs, kernel):
        if _by_products(self.compute_dtype, inputs.shape[-1]):
            return convolve(inputs, tf.convert_to_tensor(kernel))
        return super().convolution_op(inputs, kernel)

    def plain(self):
        """The layer of Keras that does the same."""
        return keras.layers.Conv2D.from_config(self.get_config())


class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """4x4 transposed convolution of stride 2: (n, h, w, c) -> (n, 2 h, 2 w, width).

    Args:
        width: int, channels of the result.
        options: of `keras.layers.Conv2DTranspose`.
    """

    def __init__(self, width, **options):
        super().__init__(width, 4, 2, "same", **options)

    def build(self, shape):
        super().build(shape)
        for weights in self.weights:
            if weights.constraint:  # Keras applies it only after a step
                weights.assign(weights.constraint(weights))

    def call(self, inputs):
        kernel, size = tf.convert_to_tensor(self.kernel), [2 * side for side in inputs.shape[1:3]]
        if _by_products(self.compute_dtype, self.filters):
            outputs = convolve_transpose(inputs, kernel, size)
        else:
            outputs = _native_transpose(inputs, kernel, size)
        return add_bias(outputs, tf.convert_to_tensor(self.bias)) if self.use_bias else outputs

    def plain(self):
        """The layer of Keras that does the same."""
        return keras.layers.Conv2DTranspose.from_config(self.get_config() | {"kernel_constraint": None})


def _by_products(dtype, channels):
    return dtype == "bfloat16" and channels >= FEWEST_CHANNELS and not tf.config.list_logical_devices("GPU")


def convolve(x, kernel):
    """4x4 convolution of stride 2, padding "same".

    Args:
        x: (n, h, w, c).
        kernel: (4, 4, c, k), of the same dtype.

    Returns:
        (n, ceil(h / 2), ceil(w / 2), k).
    """

    @tf.custom_gradient
    def run(x, kernel):
        def gradients(upstream):
            return convolve_transpose(upstream, kernel, x.shape[1:3]), kernel_gradient(x, upstream)

        return tf.nn.conv2d(x, kernel, 2, "SAME"), gradients

    return run(x, kernel)


def convolve_transpose(x, kernel, size):
    """The transpose of `convolve`.

    Args:
        x: (n, ceil(h / 2), ceil(w / 2), k).
        kernel: (4, 4, c, k), of the same dtype.
        size: (h, w).

    Returns:
        (n, h, w, c).
    """

    @tf.custom_gradient
    def run(x, kernel):
        def gradients(upstream):
            return convolve(upstream, kernel), kernel_gradient(upstream, x)

        return _native_transpose(x, kernel, size), gradients

    return run(x, kernel)


def _native_transpose(x, kernel, size):
    return tf.nn.conv2d_transpose(x, kernel, (tf.shape(x)[0], *size, kernel.shape[2]), 2, "SAME")


@tf.custom_gradient
def add_bias(x, bias):
    """x (n, h, w, c) + bias (c,); TensorFlow's own gradient of the bias is slow where c is that of an image."""
    width, channels = x.shape[2:]

    def gradients(upstream):
        rows = tf.reshape(upstream, (-1, width * channels))
        columns = tf.matmul(tf.ones((1, tf.shape(rows)[0]), rows.dtype), rows)
        total = tf.reduce_sum(tf.cast(tf.reshape(columns, (width, channels)), tf.float32), axis=0)
        return upstream, tf.cast(total, bias.dtype)

    return x + bias, gradients


def kernel_gradient(large, small):
    """Gradient of the kernel of a 4x4 convolution of stride 2, as four matrix products.

    oneDNN takes its time over this gradient in bfloat16, all the more the smaller the map. With 2x2 pixels folded into
    channels it is that of a 2x2 convolution of stride 1: a product for each of its four places.

    Args:
        large: (n, h, w, c), the convolution's input.
        small: (n, ceil(h / 2), ceil(w / 2), k), gradient of its output.

    Returns:
        (4, 4, c, k).
    """
    (h, w, c), (rows, columns, k) = large.shape[1:], small.shape[1:]
    padding = [[0, 0], [1, 2 * rows + 1 - h], [1, 2 * columns + 1 - w], [0, 0]]
    folded = fold(tf.pad(large, padding), 2)
    flat = tf.reshape(small, (-1, k))
    products = [
        [
            tf.matmul(tf.reshape(folded[:, y : y + rows, x : x + columns], (-1, 4 * c)), flat, transpose_a=True)
            for x in (0, 1)
        ]
        for y in (0, 1)
    ]
    # each (pixel y, pixel x, c, k); row 2 * place + pixel, so with the columns
    return tf.concat([tf.concat([tf.reshape(p, (2, 2, c, k)) for p in line], 1) for line in products], 0)
