"""The inverter: an encoder for the finished generator of a GAN."""

import keras
import tensorflow as tf

from facepipe.models.ae.model import Autoencoder
from facepipe.networks.layers import convolutions


class Inverter(Autoencoder):
    """An autoencoder whose decoder is given: the generator of a trained GAN (Zhu et al. 2016, sec. 3.1).

    Args:
        spec: dict with image_shape (h, w, c), latent_dim (those of the GAN) and widths.
        dtype: keras dtype policy of the convolutions; latents are float32 always.
        seed: int, of the initial weights.
        gan: `models.gan.model.GAN`, needed for `decode` only; it is no part of `networks`, and no training changes it.
    """

    name = "inverter"

    def __init__(self, spec, dtype="float32", seed=0, gan=None):
        self.image_shape = tuple(spec["image_shape"])
        self.latent_dim = spec["latent_dim"]
        self.condition_on = gan.condition_on if gan else ()
        self._activation = tf.identity  # z is what stands before the generator's own activation
        self._gan = gan
        convs = convolutions("inverter", self.image_shape, tuple(spec["widths"]), seed, dtype, "train_inverter.widths")
        features = keras.Input(convs.output_shape[1:], name="inverter_features")
        head = keras.Model(features, self.head(features, seed), name="head")
        self.networks = {"convolutions": convs, "head": head}

    def decode(self, z, codes=None):
        """float32 z (n, latent_dim), codes (see `layers.beside`) -> the GAN's float32 images (n, h, w, c) in [0, 1]."""
        return self._gan.decode(z, codes)
