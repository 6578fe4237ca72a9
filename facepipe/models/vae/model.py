"""The variational autoencoder (Kingma & Welling 2014)."""

import keras
import tensorflow as tf

from facepipe.models.ae.model import Autoencoder
from facepipe.networks.layers import Initializers

# exp(logvar) stays finite, and a posterior cannot become a point
LOGVAR_RANGE = (-12.0, 6.0)


class VAE(Autoencoder):
    """The autoencoder's networks with a Gaussian posterior: the head gives mu and logvar.

    The decoder of a conditioned one sees labels beside z, the encoder does not (Kingma et al. 2014, M2, with q(z|x)):
    so an image without labels can be encoded.

    Args: as `Autoencoder`; latent_activation acts on mu.
    """

    name = "vae"

    def head(self, features, seed):
        """From the convolutions to mu and logvar side by side, float32 (n, 2 * latent_dim)."""
        kernel = Initializers(seed).glorot("encoder_head")
        dense = keras.layers.Dense(2 * self.latent_dim, kernel_initializer=kernel, dtype="float32", name="encoder_head")
        return dense(features)

    def latent(self, features, training=False):
        """Features (n, features) -> (mu, logvar), float32 (n, latent_dim) each."""
        mu, logvar = tf.split(self.networks["head"](features, training=training), 2, axis=1)
        return self._activation(mu), tf.clip_by_value(logvar, *LOGVAR_RANGE)

    def posterior(self, x):
        """float32 images (n, h, w, c) in [0, 1] -> (mu, logvar), float32 (n, latent_dim) each."""
        return self.latent(self.features(x))

    def encode(self, x):
        """The posterior mean mu; float32 images (n, h, w, c) in [0, 1] -> float32 (n, latent_dim)."""
        return self.posterior(x)[0]


def reparameterize(mu, logvar, noise):
    """z = mu + exp(logvar / 2) * noise; all float32 (n, latent_dim), noise from N(0, 1)."""
    return mu + tf.exp(0.5 * logvar) * noise
