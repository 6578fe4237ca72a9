"""Training of the variational autoencoder."""

import numpy as np
import tensorflow as tf

from facepipe.determinism import rng
from facepipe.models import losses
from facepipe.models.vae import VAE, reparameterize
from facepipe.training.autoencoding import Autoencoding, train_autoencoding


class VAETask(Autoencoding):
    """The negative ELBO with weight beta on the KL divergence (Higgins et al. 2017), reported per pixel and channel.

    Reconstruction term for D = h * w * c values: mse -> squared error, bce -> cross-entropy, gaussian -> Gaussian
    likelihood with the optimal variance. It and the KL are divided by D alike, so their ratio is that of the ELBO;
    `train_step` multiplies by D again for the gradient.
    """

    def __init__(self, model, params, shards, steps, runtime):
        super().__init__(model, params, shards, steps, runtime)
        warmup_steps = params.kl_warmup_images / params.batch_size
        self._warmup = lambda: tf.minimum(
            1.0, tf.cast(self._optimizer.iterations, tf.float32) / max(warmup_steps, 1e-9)
        )

    def draw(self, generator, count):
        return super().draw(generator, count) | {
            "posterior": generator.standard_normal((count, self.model.latent_dim), np.float32)
        }

    def reconstruction(self, x, logits, batch):
        """The chosen reconstruction term, nats per value, (n,)."""
        if self.params.loss != "gaussian":
            return losses.RECONSTRUCTION[self.params.loss](x, logits)
        batch_mse = self.over_batch(losses.mse(x, logits), batch)
        return losses.gaussian_nll(x, logits, batch_mse)

    def objective(self, x, noise, batch):
        """Per-sample loss (n,) and the terms to report, a dict of (n,): kl in nats per image."""
        features = self.dropout(self.model.features(x, training=True), noise)
        mu, logvar = self.model.latent(features, training=True)
        logits = self.model.decode_logits(reparameterize(mu, logvar, noise["posterior"]), training=True)
        kl = losses.kl_divergence(mu, logvar)
        pressed = kl
        if self.params.free_bits:
            batch_kl = self.over_batch(kl, batch)
            pressed = losses.free_bits(kl, batch_kl, self.params.free_bits)
        weight = self.params.beta * self._warmup() / self._values
        reconstruction = self.reconstruction(x, logits, batch)
        loss = reconstruction + weight * tf.reduce_sum(pressed, axis=1)
        return loss, {
            "loss": loss,
            "reconstruction": reconstruction,
            "kl": tf.reduce_sum(kl, axis=1),
            "mse": losses.mse(x, logits),
        }

    def measures(self, x):
        """Held-out loss at full beta (one posterior sample, fixed noise), MSE at z = mu, KL in nats; (n,) each."""
        mu, logvar = self.model.posterior(x)
        kl = tf.reduce_sum(losses.kl_divergence(mu, logvar), axis=1)
        noise = tf.random.stateless_normal(tf.shape(mu), seed=(0, 0))
        logits = self.model.decode_logits(reparameterize(mu, logvar, noise))
        count = tf.cast(tf.shape(x)[0], tf.float32)
        loss = self.reconstruction(x, logits, count) + self.params.beta * kl / self._values
        return {"loss": loss, "mse": losses.mse(x, self.model.decode_logits(mu)), "kl": kl}

    def extras(self):
        """Nothing beside the weights: its latents are drawn from the prior."""
        return ()

    def random_latents(self, count):
        """z from the prior N(0, I), the same for every epoch; float32 (count, latent_dim)."""
        return rng(0, "vae", "picture").standard_normal((count, self.model.latent_dim), np.float32)


def train(*arguments, **options):
    """Train the VAE: `autoencoding.train_autoencoding` with its networks and task."""
    return train_autoencoding(VAE, VAETask, *arguments, **options)
