"""The training of the GAN: both networks in one fused step, penalties, DiffAugment, EMA of the generator."""

from functools import partial

import numpy as np
import tensorflow as tf

from facepipe.core.determinism import rng
from facepipe.core.pictures import tile, to_uint8
from facepipe.core.progress import say
from facepipe.errors import FieldError
from facepipe.models.gan import annealing
from facepipe.models.gan.anchor import Anchor
from facepipe.models.gan.collapse import diversity, messages, real_diversity
from facepipe.models.gan.losses import judge, losses_of
from facepipe.models.gan.model import GAN
from facepipe.models.gan.operations import training_flops
from facepipe.models.gan.schedules import make_schedule
from facepipe.models.gan.snapshots import Snapshots
from facepipe.models.gan.start import (
    ENCODER,
    encoder_convolutions,
    encoder_files,
    encoder_network,
    first_weights,
    fitting,
    prior_of,
)
from facepipe.networks.maps import patch_for, widths_for
from facepipe.networks.samplers import Prior
from facepipe.shards.labels import Conditions
from facepipe.training import augment
from facepipe.training.optimizer import Adam
from facepipe.training.runtime import apply_gradients, sum_over_replicas
from facepipe.training.session import Plan, Result
from facepipe.training.state import read_variables, write_variables

PICTURE_SIDE = 8
# of latent_dim "auto", where there is no model to start from
LATENT_DIM = 64


class GANTask:
    """Generator against discriminator (see `loop.Task`).

    Args:
        model: `GAN`, trained.
        average: `GAN`, holds the exponential moving average of the generator (G_ema); it makes the
            pictures and is the generator that is stored.
        params: `models.gan.config.TrainGAN`.
        steps: int, of the whole training; None under a budget in minutes.
        runtime: `Runtime`.
        real_diversity: float, see `collapse`.
        shards: `Shards`, for the labels of a conditioned model.
        prior: `Sampler` of the latents; None: N(0, I).
        encoder: see `start.encoder_files`; None: there is none.
        anchor: `Anchor`; None: generated images alone.
    """

    name = "gan"

    def __init__(
        self, model, average, params, steps, runtime, real_diversity, shards, prior=None, encoder=None, anchor=None
    ):
        self.model, self.average, self.params = model, average, params
        self.real_diversity = real_diversity
        self._critic = params.loss == "wasserstein_gp"
        self._replicas = runtime.strategy.num_replicas_in_sync
        self._variables, self._optimizers, self._rates = {}, {}, {}
        for part in ("generator", "discriminator"):
            self._variables[part] = model.networks[part].trainable_variables
            self._rates[part] = getattr(params, f"{part}_learning_rate")
            optimizer = Adam(self._rates[part], beta_1=params.adam_beta_1, beta_2=params.adam_beta_2, epsilon=1e-8)
            optimizer.build(self._variables[part])
            self._optimizers[part] = optimizer
        self.schedule = make_schedule(params.schedule, params.batch_size)
        self._d_steps = 0
        self._steps, self._of_steps = 0, steps
        average.networks["generator"].set_weights(model.networks["generator"].get_weights())
        half_life = params.ema_half_life_kimg * 1000
        # four half-lives leave 1/16 of the start in the average
        self._settled_images = 4 * half_life
        # what the host changes between steps
        self._ema_decay = tf.Variable(annealing.average_decay(params, 0), trainable=False)
        self._penalty_weight = tf.Variable(0.0, trainable=False)
        self._conditions = Conditions(shards, model.condition_on)
        self._encoder, self._anchor = encoder or {}, anchor
        self._prior = prior or Prior(model.latent_dim)
        self.use_time(0.0)
        self._snapshots = Snapshots(params, shards, self._conditions, self._prior) if params.keep == "best" else None
        self._fixed_codes = self._conditions.random(PICTURE_SIDE**2, seed=0)
        self._fixed_z = self._prior.draw(rng(0, "gan", "picture"), PICTURE_SIDE**2)

    @classmethod
    def plan(cls, params, data, model):
        """The `session.Plan`, see `session.train`; InputError: `init_from` is no model to start from."""
        given = params if params.init_from is None else fitting(params)
        patch = patch_for(data.image_shape, given.patch_size)
        own = given.discriminator_patch_size
        d_patch = patch if own == "auto" else own
        spec = {
            "image_shape": list(data.image_shape),
            "latent_dim": LATENT_DIM if given.latent_dim == "auto" else given.latent_dim,
            "generator_widths": list(widths_for(data.image_shape, given.generator_widths, upwards=True, patch=patch)),
            "discriminator_widths": list(widths_for(data.image_shape, given.discriminator_widths, patch=d_patch)),
            "latent_activation": params.latent_activation,
            "architecture": params.architecture,
            "spectral_norm": params.spectral_norm,
            "truncation": params.truncation,
        }
        if patch > 1:
            spec["patch_size"] = patch
        if d_patch != patch:
            spec["discriminator_patch_size"] = d_patch
        if params.minibatch_std:
            spec["minibatch_std"] = params.minibatch_std
        if params.condition_on:
            spec["condition_on"] = list(params.condition_on)
        weights, digest, inherited = first_weights(params.init_from, spec) if params.init_from else ({}, None, {})
        spec |= inherited
        convolutions = {}
        if params.discriminator_start == "encoder":
            convolutions = encoder_convolutions(params.init_from, spec)
        prior = prior_of(params.init_from, spec["latent_dim"])
        encoder = encoder_files(params.init_from) if params.init_from else {}
        if params.anchor_weight and not encoder:
            raise FieldError(
                "anchor_weight", "needs init_from to name an autoencoder or a VAE (latent_activation: linear); use 0"
            )

        def build(runtime, seed, steps):
            network, average = GAN(spec, runtime.dtype, seed), GAN(spec, "float32", seed)
            for name, values in weights.items():
                network.networks[name].set_weights(values)
            for name, values in convolutions.items():
                network.networks["discriminator"].get_layer(name).set_weights(values)
            anchor = None
            if params.anchor_weight:
                anchor = Anchor(encoder_network(params.init_from, runtime.dtype), params.anchor_face_weight)
            return cls(network, average, params, steps, runtime, real_diversity(data), data, prior, encoder, anchor)

        start = {"init_from": {"folder": params.init_from, "sha256": digest}} if digest else {}
        return Plan(spec, build, start, start)

    def draw(self, generator, rows):
        count = len(rows)
        noise = {
            "z": self._prior.draw(generator, count),
            "flip": generator.random(count) < (0.5 if self.params.flip else 0.0),
            "augment_real": augment.draw(generator, count),
            "augment_fake": augment.draw(generator, count),
        }
        if self._critic:
            noise["between"] = generator.random(count, np.float32)
        if self._anchor:
            noise["augment_made"] = augment.draw(generator, count)
        if self.params.augment.on:
            noise["change"] = augment.draw(generator, count)
        return noise | self._conditions.draw(generator, rows, self.params.condition_dropout)

    def operations(self, steps):
        """See `session.train`."""
        return training_flops(self.params, self.model.networks, steps, bool(self._anchor))

    def variant(self):
        alone = self._steps * self.params.batch_size < self.params.discriminator_first
        train_d, train_g = (True, False) if alone else self.schedule.decide()
        # R1 is lazy in D's own steps (Karras et al. 2020, sec. 3.1), the penalty of a critic acts on each of them
        due = self._critic or (self.params.r1_gamma != 0 and self._d_steps % self.params.r1_every == 0)
        self._d_steps += train_d
        if self._of_steps:
            self.use_time(self._steps / self._of_steps)
        decay = annealing.average_decay(self.params, self._steps * self.params.batch_size)
        self._ema_decay.assign(np.float32(decay))
        self._steps += 1
        return train_d, train_g, train_d and due

    def after_step(self, logs):
        if self.schedule.needs_accuracy:
            self.schedule.observe(float(logs["d_accuracy"]))

    def use_time(self, share):
        # by the training's steps, which both networks share, not by each optimizer's own
        if self.params.learning_rate_decay != "constant":
            for part, rate in self._rates.items():
                self._optimizers[part].learning_rate = np.float32(rate * annealing.rate_left(self.params, share))
        weight = annealing.penalty_weight(self.params, share, self.model.image_shape)
        self._penalty_weight.assign(np.float32(weight))

    def should_stop(self, epoch):
        return False

    def learning_rate(self):
        return float(tf.convert_to_tensor(self._optimizers["generator"].learning_rate))

    def state(self):
        return {
            "variables": read_variables(self._all_variables()),
            "schedule": self.schedule.state(),
            "d_steps": self._d_steps,
            "steps": self._steps,
        } | ({"snapshots": self._snapshots.state()} if self._snapshots else {})

    def restore(self, state):
        write_variables(self._all_variables(), state["variables"])
        self.schedule.restore(state["schedule"])
        self._d_steps, self._steps = state["d_steps"], state["steps"]
        if self._snapshots:
            self._snapshots.restore(state["snapshots"])

    def _all_variables(self):
        networks = [*self.model.networks.values(), self.average.networks["generator"]]
        return [variable for part in [*networks, *self._optimizers.values()] for variable in part.variables]

    def train_step(self, images, noise, variant):
        train_d, train_g, with_penalty = variant
        real = tf.cast(augment.mirror(images, noise["flip"]), tf.float32) / 127.5 - 1.0
        if self.params.augment.on:
            real = augment.change(real * 0.5 + 0.5, noise["change"], self.params.augment) * 2.0 - 1.0
        photographs = real
        real = augment.diffaugment(real, noise["augment_real"], self.params.diffaugment)
        batch = tf.cast(tf.shape(real)[0] * self._replicas, tf.float32)
        if train_d:
            self.model.iterate_spectra()
        # a generated image has the labels of the real one in its row
        codes = noise.get("codes")
        discriminate = partial(self.model.discriminate, codes=codes, training=True)
        with tf.GradientTape(persistent=True) as tape:
            fake, made = self._generate(noise["z"], photographs, codes)
            fake = augment.diffaugment(fake, noise["augment_fake"], self.params.diffaugment)
            real_logits, fake_logits, penalties = judge(
                self.params, discriminate, real, fake, noise.get("between"), with_penalty
            )
            d_losses, g_losses = losses_of(self.params, real_logits, fake_logits)
            held = {}
            if self._anchor:
                held = self._anchor.terms(photographs, made)
                made = augment.diffaugment(made, noise["augment_made"], self.params.diffaugment)
                also = losses_of(self.params, real_logits, discriminate(made))
                d_losses, g_losses = 0.5 * (d_losses + also[0]), 0.5 * (g_losses + also[1])
            penalty = self._penalty_weight * tf.add_n([*penalties.values()]) if penalties else 0.0
            d_loss = tf.reduce_sum(d_losses + penalty) / batch
            weighted = self.params.anchor_weight * held["anchor"] if held else 0.0
            g_loss = tf.reduce_sum(g_losses + weighted) / batch
        if train_d:
            apply_gradients(self._optimizers["discriminator"], d_loss, self._variables["discriminator"], tape)
        if train_g:
            apply_gradients(self._optimizers["generator"], g_loss, self._variables["generator"], tape)
            self._update_average()
        right = tf.cast(real_logits > 0, tf.float32), tf.cast(fake_logits < 0, tf.float32)
        terms = {
            "d_loss": d_losses,
            "g_loss": g_losses,
            "d_accuracy": 0.5 * (right[0] + right[1]),
            "real_sign": 2.0 * right[0] - 1.0,
            "fake_sign": 1.0 - 2.0 * right[1],
        }
        terms |= penalties | held
        logs = sum_over_replicas({name: tf.reduce_sum(value) / batch for name, value in terms.items()})
        return logs | {"d_trains": tf.constant(float(train_d)), "g_trains": tf.constant(float(train_g))}

    def _generate(self, z, photographs, codes):
        """Random images and, with an anchor, what comes back of photographs, in [-1, 1]; the latter None without."""
        if not self._anchor:
            return self.model.generate(z, codes, training=True) * 2.0 - 1.0, None
        # in one batch, for one normalisation
        z = tf.concat([z, self._anchor.latents(photographs)], 0)
        codes = None if codes is None else tf.tile(codes, (2, 1))
        return tf.split(self.model.generate(z, codes, training=True) * 2.0 - 1.0, 2)

    def _update_average(self):
        # batch normalisation's moving statistics are averaged with the weights that made them
        decay = tf.convert_to_tensor(self._ema_decay)
        pairs = zip(
            self.average.networks["generator"].variables, self.model.networks["generator"].variables, strict=True
        )
        for average, value in pairs:
            average.assign(decay * average + (1.0 - decay) * value)

    def after_epoch(self, epoch, means):
        measures = {"sample_diversity": diversity(self.samples())}
        g_steps = int(tf.convert_to_tensor(self._optimizers["generator"].iterations))
        settled = g_steps * self.params.batch_size >= self._settled_images
        found = messages(means | measures, self.real_diversity, settled, not self._critic)
        if found:
            say(f"train_gan: epoch {epoch}: collapse? {'; '.join(found)}; see train_gan.schedule in params.yaml")
        if self._snapshots and (epoch % self.params.grid_every == 0 or self._steps == self._of_steps):
            measures[self._snapshots.metric] = self._snapshots.judge(epoch, self.average, self._weights)
        return measures | {"collapse": float(bool(found))}

    def _weights(self):
        networks = {
            "generator": self.average.networks["generator"],
            "discriminator": self.model.networks["discriminator"],
        }
        return {name: network.get_weights() for name, network in networks.items()}

    def samples(self):
        """G_ema's images for the fixed z and codes; float32 (64, h, w, c) in [0, 1]."""
        return self.average.decode(tf.constant(self._fixed_z), tf.constant(self._fixed_codes)).numpy()

    def picture(self):
        """8 x 8 faces by G_ema, from the same z, with the same training images' labels, in every epoch."""
        return tile(to_uint8(self.samples()), PICTURE_SIDE)

    def write_tables(self, report):
        """Nothing beside history.csv."""

    def result(self):
        """The `session.Result`: G_ema and the discriminator, of the best grid or of the last step."""
        kept, record, facts = self._weights(), {"loss": self.params.loss, "schedule": self.params.schedule.name}, {}
        if self._snapshots and self._snapshots.weights:
            kept, best = self._snapshots.weights, self._snapshots
            record, facts = (
                record | {"best_epoch": best.epoch},
                {"best_epoch": best.epoch, best.metric: best.kid * 1000},
            )
        for name, weights in kept.items():
            self.average.networks[name].set_weights(weights)
        facts |= {"sample_diversity": diversity(self.samples()), "real_diversity": self.real_diversity}
        sampler = self._prior.truncated(self.params.truncation)
        files = [] if sampler.name == "prior" else [lambda folder: sampler.save(folder / "sampler.npz")]
        if self._encoder:
            files.append(self._write_encoder)
        return Result(self.average, record, facts, files)

    def _write_encoder(self, folder):
        (folder / ENCODER).mkdir()
        for name, data in self._encoder.items():
            (folder / ENCODER / name).write_bytes(data)
