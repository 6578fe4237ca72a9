"""The inverter: an encoder for the finished generator of a GAN."""

from facepipe.models.ae.model import Encoder


class Inverter(Encoder):
    """Finds the latents from which a trained GAN makes given images (Zhu et al. 2016, sec. 3.1).

    Its latents are z before the generator's latent activation.

    Args:
        spec: dict with image_shape (h, w, c), latent_dim (those of the GAN), widths and, where not the default,
            patch_size (int, see `patches.folded`; default 1) and linear_path (bool, of an encoder that was an
            autoencoder's; default False).
        dtype: keras dtype policy of the convolutions; latents are float32 always.
        seed: int, of the initial weights.
        gan: `models.gan.model.GAN`, needed for `decode` only; it is no part of `networks`, and no training changes it.
    """

    name = "inverter"
    required = ("image_shape", "latent_dim", "widths")  # of the spec

    def __init__(self, spec, dtype="float32", seed=0, gan=None):
        shape, dim, path = spec["image_shape"], spec["latent_dim"], spec.get("linear_path", False)
        super().__init__("inverter", shape, dim, spec["widths"], "linear", seed, dtype, spec.get("patch_size", 1), path)
        self.condition_on = gan.condition_on if gan else ()
        self._gan = gan

    @property
    def generator(self):
        """The GAN's generator, a `keras.Model`."""
        return self._gan.networks["generator"]

    @property
    def discriminator(self):
        """The GAN's discriminator, a `keras.Model`."""
        return self._gan.networks["discriminator"]

    def decode(self, z, codes=None):
        """float32 z (n, latent_dim), codes (see `layers.beside`) -> the GAN's images (n, h, w, c) in [0, 1]."""
        return self._gan.decode(z, codes)
