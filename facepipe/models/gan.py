"""The generative adversarial network: DCGAN (Radford et al. 2016) or residual (Miyato et al. 2018)."""

import tensorflow as tf

from facepipe.models.discriminators import discriminator
from facepipe.models.layers import LATENT_ACTIVATIONS, deconvolutions
from facepipe.models.residual import residual_generator
from facepipe.models.spectral import iterate_all


class GAN:
    """Generator and discriminator.

    Args:
        spec: dict with image_shape (h, w, c), latent_dim, generator_widths (smallest map first),
            discriminator_widths (after each halving), latent_activation (acts on z before the generator); and, where
            not the default, architecture ("dcgan" or "residual"; default dcgan), spectral_norm (bool, of the
            discriminator; default False) and truncation (psi: z drawn later is psi * N(0, I); default 1).
        dtype: keras dtype policy of the convolutions; z, images and logits are float32 always.
        seed: int, of the initial weights.
    """

    name = "gan"

    def __init__(self, spec, dtype="float32", seed=0):
        self.image_shape = tuple(spec["image_shape"])
        self.latent_dim = spec["latent_dim"]
        self.truncation = spec.get("truncation", 1.0)
        self._activation = LATENT_ACTIVATIONS[spec["latent_activation"]]
        architecture, widths = spec.get("architecture", "dcgan"), tuple(spec["generator_widths"])
        if architecture == "residual":
            generator = residual_generator(self.latent_dim, self.image_shape, widths, seed, dtype)
        else:
            generator = deconvolutions(
                "generator", self.latent_dim, self.image_shape, widths, seed, dtype, True, "generator_widths"
            )
        widths = tuple(spec["discriminator_widths"])
        spectral_norm = spec.get("spectral_norm", False)
        self.networks = {
            "generator": generator,
            "discriminator": discriminator(architecture, self.image_shape, widths, seed, dtype, spectral_norm),
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

    def iterate_spectra(self):
        """One power iteration in the discriminator's spectral normalisation, if it has any; before a step of D."""
        iterate_all(self.networks["discriminator"])
