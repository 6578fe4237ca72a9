"""The terms of the negative ELBO as pure functions; per-sample values, float32, reduced by the caller.

x: float32 images (n, h, w, c) in [0, 1]; logits: float32 (n, h, w, c), the reconstruction is their sigmoid.
"""

import tensorflow as tf

from facepipe.models.ae.losses import mse


def gaussian_nll(x, logits, batch_mse):
    """Gaussian negative log-likelihood with the optimal variance (sigma-VAE, Rybkin et al. 2021, eq. 6).

    -log N(x; recon, s^2 I) / D = (mse / s^2 + log(2 pi s^2)) / 2, where s^2 = the MSE over the whole batch, the
    maximum-likelihood variance. With s^2 held constant the gradient is that of log(mse) / 2, as in the paper.

    Args:
        x, logits: as above, D = h * w * c.
        batch_mse: float32 scalar, mean of `mse` over the global batch.

    Returns:
        float32 (n,), nats per pixel and channel.
    """
    variance = tf.stop_gradient(tf.maximum(batch_mse, 1e-6))
    return 0.5 * (mse(x, logits) / variance + tf.math.log(2 * 3.141592653589793 * variance))


def kl_divergence(mu, logvar):
    """KL(N(mu, exp(logvar)) || N(0, 1)) = (mu^2 + exp(logvar) - logvar - 1) / 2.

    Args:
        mu, logvar: float32 (n, latent_dim).

    Returns:
        float32 (n, latent_dim), nats per dimension.
    """
    return 0.5 * (tf.square(mu) + tf.exp(logvar) - logvar - 1.0)


def free_bits(kl, batch_kl, nats):
    """No pressure on dimensions whose mean KL is below `nats` (Kingma et al. 2016, sec. 2.4).

    Args:
        kl: float32 (n, latent_dim).
        batch_kl: float32 (latent_dim,), mean of `kl` over the global batch.
        nats: float, the free nats per dimension.

    Returns:
        float32 (n, latent_dim); a dimension below the limit counts as `nats`, without gradient.
    """
    return tf.where(batch_kl > nats, kl, tf.fill(tf.shape(kl), tf.cast(nats, kl.dtype)))


def capacity(kl, batch_kl, nats):
    """|mean KL - C|: pressure towards a KL of C nats an image, from both sides (Burgess et al. 2018, eq. 8).

    Args:
        kl: float32 (n,), KL of each image.
        batch_kl: float32 scalar, mean of `kl` over the global batch.
        nats: float or float32 scalar, C.

    Returns:
        float32 (n,), whose mean over the global batch is |batch_kl - C|; single values may be negative.
    """
    return tf.sign(tf.stop_gradient(batch_kl) - nats) * (kl - nats)
