"""Discriminators that see a frozen face network's maps in place of pixels (Sauer et al. 2021, "Projected GANs")."""

import keras
import tensorflow as tf

from facepipe.features.extractors import onet_maps
from facepipe.networks.layers import Initializers
from facepipe.networks.spectral import SpectralConv, iterate_all

WIDTH = 64


class Heads:
    """A small discriminator for each of O-Net's maps; O-Net itself does not change.

    Args:
        images: uint8 (n, h, w, c), real ones: over them each channel of the maps gets a mean square of 1.
        seed: int, of the initial weights.
    """

    def __init__(self, images, seed):
        init, inputs, outputs = Initializers(seed), [], []
        maps = onet_maps(tf.cast(images, tf.float32) / 255.0)
        self._scales = [tf.math.rsqrt(tf.reduce_mean(tf.square(each), axis=(0, 1, 2)) + 1e-6) for each in maps]
        for level, found in enumerate(maps):
            name = f"head{level}"
            x = keras.Input(found.shape[1:], name=f"{name}_map")
            inputs.append(x)
            for depth in range(2):
                layer, (size, stride) = f"{name}_conv{depth}", (4, 2) if x.shape[1] > 3 else (min(3, x.shape[1]), 1)
                x = SpectralConv(
                    x.shape[-1], WIDTH, size, stride, kernel_initializer=init.he(layer), dtype="float32", name=layer
                )(x)
                x = keras.layers.LeakyReLU(0.2, name=f"{layer}_relu")(x)
            layer = f"{name}_logits"
            x = SpectralConv(x.shape[-1], 1, 1, 1, kernel_initializer=init.glorot(layer), dtype="float32", name=layer)(x)
            outputs.append(keras.ops.mean(x, axis=(1, 2)))
        self.network = keras.Model(inputs, keras.layers.Concatenate(name="logits")(outputs), name="heads")

    def judge(self, images):
        """float32 images (n, h, w, c) in [-1, 1] -> logits (n, k)."""
        maps = zip(onet_maps(images * 0.5 + 0.5), self._scales, strict=True)
        return self.network([scale * each for each, scale in maps], training=True)

    def iterate_spectra(self):
        """One power iteration; before a step of D."""
        iterate_all(self.network)
