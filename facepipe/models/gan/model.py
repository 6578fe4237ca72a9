"""The generative adversarial network: DCGAN (Radford et al. 2016) or residual (Miyato et al. 2018)."""

import tensorflow as tf

from facepipe.models.gan.discriminators import discriminator
from facepipe.models.gan.generator import residual_generator
from facepipe.networks.layers import LATENT_ACTIVATIONS, beside, deconvolutions
from facepipe.networks.spectral import iterate_all


class GAN:
    """Generator and discriminator.

    Args:
        spec: dict with image_shape (h, w, c), latent_dim, generator_widths (smallest map first),
            discriminator_widths (after each halving), latent_activation (acts on z before the generator); and, where
            not the default, linear_path (bool, of a generator that was a VAE's decoder; default False), patch_size
            (int, of both networks, see `patches.folded`; default 1), architecture ("dcgan" or "residual"; default
            dcgan), spectral_norm (bool, of the discriminator; default False), condition_on (attributes whose labels
            both networks see; default none) and truncation (psi: z drawn later is psi * N(0, I); default 1).
        dtype: keras dtype policy of the convolutions; z, images and logits are float32 always.
        seed: int, of the initial weights.
    """

    name = "gan"
    required = (  # of the spec
        "image_shape", "latent_dim", "generator_widths", "discriminator_widths", "latent_activation",
    )  # fmt: skip

    def __init__(self, spec, dtype="float32", seed=0):
        self.image_shape = tuple(spec["image_shape"])
        self.latent_dim = spec["latent_dim"]
        self.truncation = spec.get("truncation", 1.0)
        self.condition_on = tuple(spec.get("condition_on", ()))
        inputs = self.latent_dim + len(self.condition_on)
        self._activation = LATENT_ACTIVATIONS[spec["latent_activation"]]
        architecture, widths = spec.get("architecture", "dcgan"), tuple(spec["generator_widths"])
        patch = spec.get("patch_size", 1)
        if architecture == "residual":
            generator = residual_generator(inputs, self.image_shape, widths, seed, dtype, patch=patch)
        else:
            generator = deconvolutions(
                "generator",
                inputs,
                self.image_shape,
                widths,
                seed,
                dtype,
                True,
                "generator_widths",
                patch=patch,
                linear_path=spec.get("linear_path", False),
            )
        widths = tuple(spec["discriminator_widths"])
        spectral_norm = spec.get("spectral_norm", False)
        self.networks = {
            "generator": generator,
            "discriminator": discriminator(
                architecture,
                self.image_shape,
                widths,
                seed,
                dtype,
                spectral_norm,
                len(self.condition_on),
                spec.get("discriminator_patch_size", patch),
                spec.get("minibatch_std", 0),
            ),
        }

    def generate(self, z, codes=None, training=False):
        """float32 z (n, latent_dim), codes (see `layers.beside`) -> float32 images (n, h, w, c) in [0, 1]."""
        inputs = beside(self._activation(z), codes, len(self.condition_on))
        return tf.sigmoid(self.networks["generator"](inputs, training=training))

    def decode(self, z, codes=None):
        """As `generate`, by the generator in inference mode."""
        return self.generate(z, codes)

    def discriminate(self, x, codes=None, training=False):
        """Images and codes of their labels -> logits.

        Args:
            x: float32 (n, h, w, c) in [-1, 1].
            codes: float32 (n, k); None: all labels unknown.
            training: bool.

        Returns:
            float32 (n,), positive for real: psi(f(x)) + sum_k codes_k <v_k, f(x)> (Miyato & Koyama 2018, eq. 3, with
            a vector v_k an attribute in place of one a class).
        """
        outputs = self.networks["discriminator"](x, training=training)
        if codes is None or not self.condition_on:
            return outputs[:, 0]
        return outputs[:, 0] + tf.reduce_sum(codes * outputs[:, 1:], axis=1)

    def iterate_spectra(self):
        """One power iteration in the discriminator's spectral normalisation, if it has any; before a step of D."""
        iterate_all(self.networks["discriminator"])
