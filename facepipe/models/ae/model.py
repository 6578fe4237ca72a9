"""The autoencoder: image -> latent -> image; its encoder by itself is the base of other encoders."""

import keras
import tensorflow as tf

from facepipe.networks.layers import LATENT_ACTIVATIONS, BatchNorm, Initializers, beside, convolutions, deconvolutions
from facepipe.networks.spectral import iterate_all


class Encoder:
    """image -> latent: strided convolutions and a head.

    Args:
        name: str, prefix of the layers' names.
        image_shape: (h, w, c).
        latent_dim: int.
        widths: channels after each halving.
        activation: a key of `layers.LATENT_ACTIVATIONS`, of the latent.
        seed: int, of the initial weights.
        dtype: keras dtype policy of the convolutions; latents are float32 always.
        patch: int, see `patches.folded`.
        linear_path: bool, whether the features end with `latent_dim` numbers of a linear path, see `networks.linear`.
    """

    def __init__(self, name, image_shape, latent_dim, widths, activation, seed, dtype, patch=1, linear_path=False):
        self.image_shape, self.latent_dim = tuple(image_shape), latent_dim
        self._activation = LATENT_ACTIVATIONS[activation]
        numbers = latent_dim if linear_path else 0
        convs = convolutions(name, self.image_shape, tuple(widths), seed, dtype, patch=patch, numbers=numbers)
        features = keras.Input(convs.output_shape[1:], name=f"{name}_features")
        self.networks = {
            "convolutions": convs,
            "head": keras.Model(features, self.head(features, seed), name="head"),
        }

    def head(self, features, seed):
        """From the convolutions to the latent before its activation, float32 (n, latent_dim)."""
        kernel = Initializers(seed).glorot("encoder_head")
        dense = keras.layers.Dense(self.latent_dim, kernel_initializer=kernel, dtype="float32", name="encoder_head")
        if self._activation is not LATENT_ACTIVATIONS["sigmoid"]:
            return dense(features)
        # or the sigmoid saturates: trained on LFW, every latent was 0 or 1
        row = keras.layers.Reshape((1, 1, self.latent_dim))(dense(features))
        norm = BatchNorm(dtype="float32", name="encoder_norm")(row)
        return keras.layers.Reshape((self.latent_dim,), name="encoder_logits")(norm)

    def features(self, x, training=False):
        """float32 images (n, h, w, c) in [0, 1] -> float32 (n, features)."""
        return tf.cast(self.networks["convolutions"](x * 2.0 - 1.0, training=training), tf.float32)

    def latent(self, features, training=False):
        """Features (n, features) -> latents z, float32 (n, latent_dim)."""
        return self._activation(self.networks["head"](features, training=training))

    def encode(self, x):
        """float32 images (n, h, w, c) in [0, 1] -> latents z, float32 (n, latent_dim)."""
        return self.latent(self.features(x))


class Autoencoder(Encoder):
    """Convolutional autoencoder.

    Args:
        spec: dict with image_shape (h, w, c), latent_dim, widths, latent_activation; and, where not the default,
            patch_size (int, see `patches.folded`; default 1), linear_path (bool, of encoder and decoder, see
            `networks.linear`; default False), condition_on (attributes whose labels the decoder sees; default none) and
            decoder_spectral_norm (bool, in place of the decoder's batch normalisation, which would scale away any
            bound; default False): all that is needed to build the networks again.
        dtype: keras dtype policy of the convolutions; latents and logits are float32 always.
        seed: int, of the initial weights.
    """

    name = "ae"
    required = ("image_shape", "latent_dim", "widths", "latent_activation")  # of the spec

    def __init__(self, spec, dtype="float32", seed=0):
        shape, dim, widths = tuple(spec["image_shape"]), spec["latent_dim"], tuple(spec["widths"])
        patch, spectral = spec.get("patch_size", 1), spec.get("decoder_spectral_norm", False)
        path = spec.get("linear_path", False)
        super().__init__("encoder", shape, dim, widths, spec["latent_activation"], seed, dtype, patch, path)
        self.condition_on = tuple(spec.get("condition_on", ()))
        inputs = dim + len(self.condition_on)
        self.networks["decoder"] = deconvolutions(
            "decoder", inputs, shape, widths[::-1], seed, dtype, not spectral, spectral=spectral, patch=patch,
            linear_path=path,
        )  # fmt: skip

    def decode_logits(self, z, codes=None, training=False):
        """float32 latents (n, latent_dim) and codes of labels (see `layers.beside`) -> float32 logits (n, h, w, c)."""
        return self.networks["decoder"](beside(z, codes, len(self.condition_on)), training=training)

    def decode(self, z, codes=None):
        """float32 latents (n, latent_dim), codes (see `layers.beside`) -> float32 images (n, h, w, c) in [0, 1]."""
        return tf.sigmoid(self.decode_logits(z, codes))

    def iterate_spectra(self):
        """One power iteration in the decoder's spectral normalisation, if it has any; before a step."""
        iterate_all(self.networks["decoder"])
