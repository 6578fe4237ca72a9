"""Square patches of maps folded into channels and back, and maps cut to a size; quicker than TensorFlow's own ways."""

import keras
import tensorflow as tf

from facepipe.networks.maps import folded_shape


def fold(x, patch):
    """What `tf.nn.space_to_depth` does: (n, h, w, c) -> (n, h / patch, w / patch, patch * patch * c)."""
    height, width, channels = x.shape[1:]
    rows = tf.reshape(x, (-1, patch, width // patch, patch * channels))
    return tf.reshape(tf.transpose(rows, (0, 2, 1, 3)), (-1, *folded_shape((height, width, channels), patch)))


class Even(keras.constraints.Constraint):
    """A kernel with which a transposed convolution of stride 2 makes an even picture of an even map: no checkerboard.

    Each pixel of a block of 2 x 2 sees its own weights of the kernel; here all have the same sum (the nearest such
    kernel). Resize convolutions have this, too (Odena et al. 2016), at more cost.
    """

    def __call__(self, kernel):
        # (row of the input, of the output, column of the input, of the output, width, inputs)
        blocks = tf.reshape(kernel, (2, 2, 2, 2, *kernel.shape[2:]))
        sums = tf.reduce_sum(blocks, (0, 2), keepdims=True)
        return tf.reshape(blocks + (tf.reduce_mean(sums, (1, 3), keepdims=True) - sums) / 4, kernel.shape)


def even(patch):
    """Options of the transposed convolution that makes the picture, `patch` pixels a side at once: see `Even`.

    None of them where a patch has several pixels: on synthetic faces that cost 1.5 % of the squared error.
    """
    return {"kernel_constraint": Even()} if patch == 1 else {}


class Cropping2D(keras.layers.Cropping2D):
    """Keras' layer by `tf.slice`, whose gradient pads: that of the strided slice which Keras takes is slow."""

    def call(self, x):
        (top, bottom), (left, right) = self.cropping
        height, width = x.shape[1:3]
        return tf.slice(x, (0, top, left, 0), (-1, height - top - bottom, width - left - right, -1))

    def plain(self):
        """The layer of Keras that does the same."""
        return keras.layers.Cropping2D.from_config(self.get_config())


def cropped(x, size, dtype, name):
    """Keras maps (n, h, w, c) without the rows at the bottom and the columns at the right that `size` leaves out."""
    below, beside = (side - kept for side, kept in zip(x.shape[1:3], size, strict=True))
    if not below and not beside:
        return x
    return Cropping2D(((0, below), (0, beside)), dtype=dtype, name=name)(x)


def folded(x, patch, dtype, name):
    """Keras maps (n, h, w, c) -> `folded_shape`; zeros at the bottom and the right where the patch does not fit."""
    if patch == 1:
        return x
    height, width, channels = folded_shape(x.shape[1:], patch)
    below, beside = height * patch - x.shape[1], width * patch - x.shape[2]
    if below or beside:
        x = keras.layers.ZeroPadding2D(((0, below), (0, beside)), dtype=dtype, name=f"{name}_pad")(x)
    rows = (height, patch, width, channels // patch)
    x = keras.layers.Reshape(rows, dtype=dtype, name=f"{name}_rows")(x)
    x = keras.layers.Permute((1, 3, 2, 4), dtype=dtype, name=f"{name}_patches")(x)
    return keras.layers.Reshape((height, width, channels), dtype=dtype, name=name)(x)


def unfolded(x, patch, size, dtype, name):
    """The way back: Keras maps (n, ceil(h / patch), ceil(w / patch), patch * patch * c) -> (n, h, w, c)."""
    if patch == 1:
        return x
    height, width, channels = x.shape[1:]
    patches = (height, width, patch, channels // patch)
    x = keras.layers.Reshape(patches, dtype=dtype, name=f"{name}_patches")(x)
    x = keras.layers.Permute((1, 3, 2, 4), dtype=dtype, name=f"{name}_rows")(x)
    image = (height * patch, width * patch, channels // patch**2)
    return cropped(keras.layers.Reshape(image, dtype=dtype, name=name)(x), size, dtype, f"{name}_cut")
