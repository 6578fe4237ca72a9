"""The generative adversarial network: a DCGAN (Radford et al. 2016) with a small head."""

import keras
import tensorflow as tf

from facepipe.models.layers import LATENT_ACTIVATIONS, Initializers, convolutions, deconvolutions


class GAN:
    """Generator and discriminator.

    Args:
        spec: dict with image_shape (h, w, c), latent_dim, generator_widths (smallest map first),
            discriminator_widths (after each halving), latent_activation (acts on z before the generator).
        dtype: keras dtype policy of the convolutions; z, images and logits are float32 always.
        seed: int, of the initial weights.
    """

    name = "gan"

    def __init__(self, spec, dtype="float32", seed=0):
        self.image_shape = tuple(spec["image_shape"])
        self.latent_dim = spec["latent_dim"]
        self._activation = LATENT_ACTIVATIONS[spec["latent_activation"]]
        d_key, g_key = "discriminator_widths", "generator_widths"
        convs = convolutions("discriminator", self.image_shape, tuple(spec[d_key]), seed, dtype, d_key)
        head = keras.layers.Dense(
            1,
            kernel_initializer=Initializers(seed).glorot("discriminator_head"),
            dtype="float32",
            name="discriminator_head",
        )
        self.networks = {
            "generator": deconvolutions(
                "generator", self.latent_dim, self.image_shape, tuple(spec[g_key]), seed, dtype, True, g_key
            ),
            "discriminator": keras.Model(convs.input, head(convs.output), name="discriminator"),
        }

    def generate(self, z, training=False):
        """z, float32 (n, latent_dim) -> float32 images (n, h, w, c) in [0, 1]."""
        return tf.sigmoid(self.networks["generator"](self._activation(z), training=training))

    def decode(self, z):
        """z, float32 (n, latent_dim) -> float32 images (n, h, w, c) in [0, 1], by the generator in inference mode."""
        return self.generate(z)

    def discriminate(self, x, training=False):
        """float32 images (n, h, w, c) in [-1, 1] -> float32 logits (n,), positive for real."""
        return self.networks["discriminator"](x, training=training)[:, 0]
