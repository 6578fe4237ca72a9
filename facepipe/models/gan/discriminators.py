"""The two discriminators: strided convolutions, and residual blocks; each with or without spectral normalisation."""

import re

import keras
import tensorflow as tf

from facepipe.networks.layers import Initializers, convolutions
from facepipe.networks.maps import halvings
from facepipe.networks.patches import folded
from facepipe.networks.spectral import SpectralConv, SpectralDense

FIELD = "discriminator_widths"
# what comes after each halving
_MAPS = re.compile(r"discriminator_(conv|conv\d+_relu|block\d+)")


def discriminator(
    architecture, image_shape, widths, seed, dtype, spectral_norm, conditions=0, patch=1, group=0
):  # fmt: skip
    """Build one.

    dcgan (Radford et al. 2016): a 4x4 convolution of stride 2 and a leaky ReLU a width, flatten, dense.
    residual (Miyato et al. 2018, at a fraction of its cost): the first halving is one 4x4 convolution, each further
    one a block of ReLU, 3x3, ReLU, 4x4 of stride 2, beside a mean over 2x2 and a 1x1; then ReLU, sum over the map,
    dense. The paper's first block, and the second convolution of its others, work at twice the resolution.

    Args:
        architecture: "dcgan" or "residual".
        image_shape: (h, w, c).
        widths: channels after each halving.
        seed: int, of the initial weights.
        dtype: keras dtype policy of the convolutions; the logits are float32 always.
        spectral_norm: bool, every kernel divided by its largest singular value (Miyato et al. 2018).
        conditions: int, labels that it is conditioned on.
        patch: int, pixels a side that are folded into channels before the first convolution.
        group: int, images whose deviation it sees, see `MinibatchStd`; 0: it sees each image alone.

    Returns:
        `keras.Model` named discriminator: images (n, h, w, c) in [-1, 1] -> float32 (n, 1 + conditions): the logits,
        and the features' projections on a vector a label (Miyato & Koyama 2018).

    Raises:
        InputError: too many widths for the image.
    """
    halvings(image_shape, len(widths), FIELD, patch)
    build = _Layers(seed, dtype, spectral_norm)
    if architecture == "dcgan" and not spectral_norm:
        # the encoder's layers, whose weights older folders hold
        body = convolutions("discriminator", image_shape, widths, seed, dtype, FIELD, patch=patch)
        inputs, x = body.input, body.get_layer("discriminator_flatten").input
    else:
        inputs = keras.Input(image_shape, name="discriminator_images")
        x = folded(inputs, patch, dtype, "discriminator_fold")
        x = {"dcgan": _strided, "residual": _residual}[architecture](build, x, widths)
    if group:
        x = MinibatchStd(group, dtype=dtype, name="discriminator_std")(x)
        x = build.conv(x, widths[-1], 3, 1, "discriminator_mix")
        x = keras.layers.LeakyReLU(0.2, dtype=dtype, name="discriminator_mix_relu")(x)
    if architecture == "dcgan":
        features = keras.layers.Flatten(dtype=dtype, name="discriminator_flatten")(x)
    else:
        features = keras.ops.sum(keras.ops.cast(build.relu(x, "discriminator_relu"), "float32"), axis=(1, 2))
    outputs = build.head(features, 1, True, "discriminator_head")
    if conditions:
        projections = build.head(features, conditions, False, "discriminator_projections")
        outputs = keras.layers.Concatenate(dtype="float32", name="discriminator_outputs")([outputs, projections])
    return keras.Model(inputs, outputs, name="discriminator")


def maps_of(network):
    """A discriminator as far as it sees each image alone, without its head.

    Args:
        network: what `discriminator` gives; the weights are shared.

    Returns:
        `keras.Model`: images (n, h, w, c) in [-1, 1] -> list of the maps after each halving, largest first, in the
        compute dtype.
    """
    maps = [layer.output for layer in network.layers if _MAPS.fullmatch(layer.name)]
    return keras.Model(network.input, maps, name="maps")


def _strided(build, x, widths):
    for level, width in enumerate(widths):
        name = f"discriminator_conv{level}"
        x = build.conv(x, width, 4, 2, name)
        x = keras.layers.LeakyReLU(0.2, dtype=build.dtype, name=f"{name}_relu")(x)
    return x


def _residual(build, x, widths):
    x = build.conv(x, widths[0], 4, 2, "discriminator_conv")
    for level, width in enumerate(widths[1:]):
        name = f"discriminator_block{level}"
        pooled = keras.layers.AveragePooling2D(2, padding="same", dtype=build.dtype, name=f"{name}_pool")(x)
        shortcut = build.conv(pooled, width, 1, 1, f"{name}_shortcut")
        y = build.conv(build.relu(x, f"{name}_relu0"), x.shape[-1], 3, 1, f"{name}_conv0")
        y = build.conv(build.relu(y, f"{name}_relu1"), width, 4, 2, f"{name}_conv1")
        x = keras.layers.Add(dtype=build.dtype, name=name)([shortcut, y])
    return x


class MinibatchStd(keras.layers.Layer):
    """Maps (n, h, w, c) with one channel more: how much the images of a group differ (Karras et al. 2018, sec. 3).

    Args:
        group: int, images whose standard deviation is taken; all n where that does not divide them.
    """

    def __init__(self, group, **options):
        super().__init__(**options)
        self.group = group

    def call(self, x):
        count, (height, width, channels) = tf.shape(x)[0], x.shape[1:]
        group = tf.where(count % self.group == 0, self.group, count)
        grouped = tf.reshape(tf.cast(x, tf.float32), (group, -1, height * width * channels))
        deviation = tf.sqrt(tf.math.reduce_variance(grouped, axis=0) + 1e-8)
        mean = tf.tile(tf.reduce_mean(deviation, axis=1), [group])
        channel = tf.broadcast_to(mean[:, None, None, None], (count, height, width, 1))
        return tf.concat([x, tf.cast(channel, x.dtype)], axis=3)

    def compute_output_shape(self, shape):
        return (*shape[:3], shape[3] + 1)


class _Layers:
    """Makes the layers that both are of, with or without spectral normalisation."""

    def __init__(self, seed, dtype, spectral):
        self.init, self.dtype, self._spectral = Initializers(seed), dtype, spectral

    def conv(self, x, width, size, stride, name):
        options = {"kernel_initializer": self.init.he(name), "dtype": self.dtype, "name": name}
        if self._spectral:
            return SpectralConv(x.shape[-1], width, size, stride, **options)(x)
        return keras.layers.Conv2D(width, size, stride, "same", **options)(x)

    def relu(self, x, name):
        return keras.layers.ReLU(dtype=self.dtype, name=name)(x)

    def head(self, x, outputs, use_bias, name):
        kernel = self.init.glorot(name)
        options = {"use_bias": use_bias, "kernel_initializer": kernel, "dtype": "float32", "name": name}
        if self._spectral:
            return SpectralDense(x.shape[-1], outputs, **options)(x)
        return keras.layers.Dense(outputs, **options)(x)
