"""Convolutions and dense layer with a spectrally normalised kernel (Miyato et al. 2018)."""

import keras
import tensorflow as tf

from facepipe.core.determinism import rng


class Spectral(keras.layers.Layer):
    """Divides its kernel W, seen as a matrix (rest, last side), by an estimate of its largest singular value.

    sigma = v^T W u with v = W u / |W u|; gradients flow through W in sigma, not through u and v (Miyato et al. 2018,
    sec. 2.2). u is kept between steps as a variable that no gradient moves; a step of power iteration is `iterate`,
    not a call, so that all calls in one training step see one and the same layer, and a call changes nothing.

    Keras' own wrapper instead overwrites the kernel in each training call: three calls a step would be three
    different discriminators.

    Args:
        shape: shape of the kernel.
        kernel_initializer: keras initializer.
        biases: int, how many; 0: no bias.
    """

    def __init__(self, shape, kernel_initializer, biases, **options):
        super().__init__(**options)
        self.shape, self._initializer, self._biases = tuple(shape), kernel_initializer, biases

    def build(self, _):
        new = {"dtype": "float32", "autocast": False}
        self.kernel = self.add_weight(name="kernel", shape=self.shape, initializer=self._initializer, **new)
        if self._biases:
            self.bias = self.add_weight(name="bias", shape=(self._biases,), initializer="zeros", **new)
        start = rng(0, "spectral", self.name).standard_normal(self.shape[-1])
        start = keras.initializers.Constant((start / (start**2).sum() ** 0.5).astype("float32"))
        self.u = self.add_weight(name="u", shape=self.shape[-1:], initializer=start, trainable=False, **new)

    def normalized(self):
        """The kernel divided by sigma; float32 tensor of its shape."""
        kernel, u = tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.u)
        matrix = self._matrix(kernel)
        v = tf.stop_gradient(_unit(tf.linalg.matvec(matrix, u)))
        sigma = tf.tensordot(v, tf.linalg.matvec(matrix, u), 1)
        return kernel / (sigma + 1e-12)

    def iterate(self):
        """One step of power iteration, u <- W^T v / |W^T v|."""
        matrix = self._matrix(tf.convert_to_tensor(self.kernel))
        v = _unit(tf.linalg.matvec(matrix, tf.convert_to_tensor(self.u)))
        self.u.assign(_unit(tf.linalg.matvec(matrix, v, transpose_a=True)))

    def add_bias(self, y):
        """y plus the bias, if there is one, in the dtype of y."""
        return tf.nn.bias_add(y, tf.cast(tf.convert_to_tensor(self.bias), y.dtype)) if self._biases else y

    def plain_weights(self):
        """The weights of the layer that `plain()` gives: the normalised kernel, the bias if there is one."""
        return [self.normalized().numpy(), *([self.bias.numpy()] if self._biases else [])]

    def _matrix(self, kernel):
        return tf.reshape(kernel, (-1, self.shape[-1]))


class SpectralConv(Spectral):
    """2-D convolution, padding "same"; (n, h, w, c) -> (n, h / stride, w / stride, width) in the compute dtype.

    Args:
        channels: int, c.
        width: int.
        size: int, side of the kernel.
        stride: int.
        kernel_initializer: keras initializer.
    """

    def __init__(self, channels, width, size, stride, kernel_initializer, **options):
        super().__init__((size, size, channels, width), kernel_initializer, width, **options)
        self.stride = stride

    def call(self, x):
        return self.add_bias(tf.nn.conv2d(x, tf.cast(self.normalized(), x.dtype), self.stride, "SAME"))

    def plain(self):
        """The layer of Keras that does the same in inference."""
        return keras.layers.Conv2D(self.shape[-1], self.shape[0], self.stride, "same", name=self.name)

    def compute_output_shape(self, shape):
        return (shape[0], *(side and -(-side // self.stride) for side in shape[1:3]), self.shape[-1])


class SpectralDeconv(Spectral):
    """2-D transposed convolution, padding "same"; (n, h, w, c) -> (n, h * stride, w * stride, width).

    Its kernel's last side is c: the matrix is that of the convolution whose transpose this is.

    Args: as `SpectralConv`.
    """

    def __init__(self, channels, width, size, stride, kernel_initializer, **options):
        super().__init__((size, size, width, channels), kernel_initializer, width, **options)
        self.stride = stride

    def call(self, x):
        shape = tf.stack([tf.shape(x)[0], *self.compute_output_shape(x.shape)[1:]])
        return self.add_bias(tf.nn.conv2d_transpose(x, tf.cast(self.normalized(), x.dtype), shape, self.stride, "SAME"))

    def plain(self):
        """The layer of Keras that does the same in inference."""
        return keras.layers.Conv2DTranspose(self.shape[-2], self.shape[0], self.stride, "same", name=self.name)

    def compute_output_shape(self, shape):
        return (shape[0], *(side * self.stride for side in shape[1:3]), self.shape[-2])


class SpectralDense(Spectral):
    """Dense layer, (n, inputs) -> (n, outputs) in the compute dtype.

    Args:
        inputs, outputs: ints.
        kernel_initializer: keras initializer.
        use_bias: bool.
    """

    def __init__(self, inputs, outputs, kernel_initializer, use_bias=True, **options):
        super().__init__((inputs, outputs), kernel_initializer, outputs if use_bias else 0, **options)

    def call(self, x):
        return self.add_bias(tf.matmul(x, tf.cast(self.normalized(), x.dtype)))

    def plain(self):
        """The layer of Keras that does the same in inference."""
        return keras.layers.Dense(self.shape[-1], use_bias=bool(self._biases), name=self.name)

    def compute_output_shape(self, shape):
        return (shape[0], self.shape[-1])


def iterate_all(network):
    """One power iteration in each such layer of a `keras.Model`; call it once before a step that trains it."""
    for layer in network.layers:
        if isinstance(layer, Spectral):
            layer.iterate()


def _unit(vector):
    return vector / (tf.norm(vector) + 1e-12)
