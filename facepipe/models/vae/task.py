"""The training of the variational autoencoder: the negative ELBO, warm-up, cycles, capacity, free bits."""

import numpy as np
import tensorflow as tf

from facepipe.core.determinism import rng
from facepipe.models.ae.autoencoding import Autoencoding
from facepipe.models.ae.losses import RECONSTRUCTION
from facepipe.models.vae import losses
from facepipe.models.vae.config import check_cycles
from facepipe.models.vae.model import VAE, reparameterize
from facepipe.networks.health import active_units
from facepipe.networks.samplers import Prior
from facepipe.training.history import write_history


class VAETask(Autoencoding):
    """The negative ELBO with weight beta on the KL divergence (Higgins et al. 2017), reported per pixel and channel.

    Reconstruction term for D = h * w * c values: mse -> squared error, bce -> cross-entropy, gaussian -> Gaussian
    likelihood with the optimal variance. It and the KL are divided by D alike, so their ratio is that of the ELBO;
    `train_step` multiplies by D again for the gradient.

    The weight of the KL rises from 0 to beta over the warm-up, at the start of each cycle (Fu et al. 2019); with a
    capacity it is beta always, and the capacity rises (Burgess et al. 2018).
    """

    name, network = VAE.name, VAE

    def __init__(self, model, params, shards, steps, runtime):
        super().__init__(model, params, shards, steps, runtime)
        self._warmup_steps = max(params.kl_warmup_images / params.batch_size, 1e-9)
        self._cycle_steps = steps / params.kl_cycles if params.kl_cycles > 1 else None
        check_cycles(params, steps)
        self._kl_rows = []

    @staticmethod
    def options(params):
        """What the networks' spec has only where it is used: the attributes that the decoder sees."""
        return {"condition_on": list(params.condition_on)} if params.condition_on else {}

    def draw(self, generator, rows):
        noise = super().draw(generator, rows)
        noise["posterior"] = generator.standard_normal((len(rows), self.model.latent_dim), np.float32)
        return noise | self.conditions.draw(generator, rows, self.params.condition_dropout)

    def warmup(self):
        """Where the warm-up stands at this step: 0 at the start of a cycle, 1 from `kl_warmup_images` on."""
        step = tf.cast(self._optimizer.iterations, tf.float32)
        if self._cycle_steps:
            step = tf.math.floormod(step, self._cycle_steps)
        return tf.minimum(1.0, step / self._warmup_steps)

    def reconstruction(self, x, logits, batch):
        """The chosen reconstruction term, nats per value, (n,)."""
        if self.params.loss != "gaussian":
            return RECONSTRUCTION[self.params.loss](x, logits)
        batch_mse = self.over_batch(losses.mse(x, logits), batch)
        return losses.gaussian_nll(x, logits, batch_mse)

    def objective(self, x, noise, batch):
        """Per-sample loss (n,) and the terms to report, a dict of (n,): kl in nats per image."""
        features = self.dropout(self.model.features(x, training=True), noise)
        mu, logvar = self.model.latent(features, training=True)
        z = reparameterize(mu, logvar, noise["posterior"])
        logits = self.model.decode_logits(z, noise.get("codes"), training=True)
        kl = losses.kl_divergence(mu, logvar)
        total = tf.reduce_sum(kl, axis=1)
        weight, warmup = self.params.beta / self._values, self.warmup()
        if self.params.capacity:
            pressure = weight * losses.capacity(total, self.over_batch(total, batch), self.params.capacity * warmup)
        elif self.params.free_bits:
            free = losses.free_bits(kl, self.over_batch(kl, batch), self.params.free_bits)
            pressure = weight * warmup * tf.reduce_sum(free, axis=1)
        else:
            pressure = weight * warmup * total
        reconstruction = self.reconstruction(x, logits, batch)
        loss = reconstruction + pressure
        return loss, {"loss": loss, "reconstruction": reconstruction, "kl": total, "mse": losses.mse(x, logits)}

    def measures(self, x, codes):
        """Held-out loss at full beta and capacity (one posterior sample, fixed noise), MSE at z = mu, KL in nats.

        (n,) each; `kl_dimensions`, the KL of each dimension, mu and its square, (n, latent_dim).
        """
        mu, logvar = self.model.posterior(x)
        dimensions = losses.kl_divergence(mu, logvar)
        kl = tf.reduce_sum(dimensions, axis=1)
        noise = tf.random.stateless_normal(tf.shape(mu), seed=(0, 0))
        logits = self.model.decode_logits(reparameterize(mu, logvar, noise), codes)
        count = tf.cast(tf.shape(x)[0], tf.float32)
        pressed = kl
        if self.params.capacity:
            pressed = losses.capacity(kl, self.over_batch(kl, count), self.params.capacity)
        loss = self.reconstruction(x, logits, count) + self.params.beta * pressed / self._values
        mse = losses.mse(x, self.model.decode_logits(mu, codes))
        return {"loss": loss, "mse": mse, "kl": kl, "kl_dimensions": dimensions, "mu": mu, "mu_square": tf.square(mu)}

    def held_out(self, epoch):
        values = super().held_out(epoch)
        kl = values.pop("valid_kl_dimensions")
        rows = [{"epoch": epoch, "dimension": i, "kl": float(value)} for i, value in enumerate(kl)]
        self._kl_rows.extend(rows)
        mean, square = (values.pop(f"valid_{name}").astype(np.float64) for name in ("mu", "mu_square"))
        return values | {"active_units": int(active_units(square - mean**2).sum())}

    def state(self):
        return super().state() | {"kl": self._kl_rows}

    def restore(self, state):
        super().restore(state)
        self._kl_rows = state["kl"]

    def write_tables(self, report):
        """kl.csv: nats of each dimension over the held-out images, epoch by epoch."""
        write_history(report / "kl.csv", self._kl_rows)

    def files(self):
        """Nothing beside the weights: its latents are drawn from the prior."""
        return ()

    def sampler(self):
        """What random latents are drawn from: the prior."""
        return Prior(self.model.latent_dim)

    def random_latents(self, count):
        """z from the prior N(0, I), the same for every epoch; float32 (count, latent_dim)."""
        return rng(0, "vae", "picture").standard_normal((count, self.model.latent_dim), np.float32)
