"""Losses as pure functions; per-sample values, float32, reduced by the caller.

x: float32 images (n, h, w, c) in [0, 1]; logits: float32 (n, h, w, c), the reconstruction is their sigmoid.
"""

import tensorflow as tf


def _per_sample(values):
    return tf.reduce_mean(tf.reshape(values, (tf.shape(values)[0], -1)), axis=1)


def mse(x, logits):
    """Mean over pixels and channels of (x - recon)^2; float32 (n,)."""
    return _per_sample(tf.square(x - tf.sigmoid(logits)))


def l1(x, logits):
    """Mean over pixels and channels of |x - recon|; float32 (n,)."""
    return _per_sample(tf.abs(x - tf.sigmoid(logits)))


def bce(x, logits):
    """Mean over pixels and channels of -x log recon - (1 - x) log(1 - recon), in nats; float32 (n,)."""
    return _per_sample(tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits))


RECONSTRUCTION = {"mse": mse, "l1": l1, "bce": bce}


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
