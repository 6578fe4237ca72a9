"""facepipe's way of training: its default networks, and any Keras networks behind the loop's `Task` interface."""

import keras
import tensorflow as tf

from facepipe.core.determinism import rng
from facepipe.models.ae.model import Autoencoder
from facepipe.models.ae.task import AETask
from facepipe.models.gan import losses as adversarial
from facepipe.models.gan.anchor import Anchor
from facepipe.models.gan.model import GAN
from facepipe.models.gan.task import GANTask
from facepipe.models.inverter.model import Inverter
from facepipe.models.inverter.task import InverterTask
from facepipe.models.vae.model import VAE
from facepipe.models.vae.task import VAETask
from facepipe.networks.maps import patch_for, widths_for
from facepipe.networks.samplers import Prior
from facepipe.shards.order import ahead
from facepipe.training.optimizer import Adam
from facepipe.training.runtime import apply_gradients
from facepipe.training.stepper import stepper
from tests.bench.earlier import target
from tests.bench.earlier_ways import variational_loss

FAR = 2**40


def default_task(kind, shape, params, runtime):
    """The task of the section train_<kind> at an image shape, as under a budget in minutes; (task, batch)."""
    section = getattr(params, f"train_{kind}")
    # what a GAN starts from
    start = params.train_ae if params.train_gan.init_from == "data/models/ae" else params.train_vae
    begins = section.patch_size == "auto" and params.train_gan.init_from and kind in ("gan", "inverter")
    patch = patch_for(shape, start.patch_size if begins else section.patch_size)
    spec = {"image_shape": list(shape)} | section.model_dump() | {"patch_size": patch}
    for name in ("widths", "discriminator_widths", "generator_widths"):
        if name in spec:
            spec[name] = widths_for(shape, spec[name], name == "generator_widths", patch)
    if kind == "inverter":
        with runtime.strategy.scope():
            frozen = default_task("gan", shape, params, runtime)[0].model
            spec["latent_dim"] = frozen.latent_dim
            networks = Inverter(spec, runtime.dtype, 0, frozen)
            prior = Prior(frozen.latent_dim)
            return InverterTask(networks, section, None, None, runtime, prior), section.batch_size
    if kind == "gan":
        # its snapshots are judged on photographs, which there are none of here
        section = section.model_copy(update={"keep": "last"})
        if section.init_from:
            spec["generator_widths"] = widths_for(shape, start.widths, patch=patch)[::-1]
            spec |= {"latent_dim": start.latent_dim, "linear_path": start.with_linear_path}
        own = section.discriminator_patch_size
        spec["discriminator_patch_size"] = patch if own == "auto" else own
    else:
        spec["linear_path"] = section.with_linear_path
    with runtime.strategy.scope():
        if kind == "gan":
            networks, average = GAN(spec, runtime.dtype, 0), GAN(spec, "float32", 0)
            anchor = None
            if section.anchor_weight:
                anchor = Anchor(_encoder(start, shape, params, runtime), section.anchor_face_weight)
            task = GANTask(networks, average, section, None, runtime, 1.0, None, anchor=anchor)
            return task, section.batch_size
        networks, task = {"ae": (Autoencoder, AETask), "vae": (VAE, VAETask)}[kind]
        return task(networks(spec, runtime.dtype, 0), section, None, None, runtime), section.batch_size


def _encoder(start, shape, params, runtime):
    """Images in [-1, 1] -> latents by an untrained encoder, as `start.encoder_network` gives a trained one."""
    networks = default_task("ae" if start is params.train_ae else "vae", shape, params, runtime)[0].model.networks
    images = networks["convolutions"].input
    return keras.Model(images, networks["head"](networks["convolutions"](images))[:, : start.latent_dim])


def train(task, runtime, images, batch, on_step, share=None):
    """Train as the loop does, batches made ahead by a thread, until on_step(), called after each step, raises.

    Args:
        task: `loop.Task`.
        runtime: `runtime.Runtime`.
        images: uint8 (n, h, w, c).
        batch: int.
        on_step: callable without arguments.
        share: callable that gives the share of the time used, for the learning rate; None: the rate stays.
    """
    step = stepper(task, runtime.strategy, runtime.workers)
    per_epoch = max(1, len(images) // batch)

    def make(index):
        epoch, place = divmod(index, per_epoch)
        order = rng(0, "order", epoch).permutation(len(images))
        rows = order[place * batch : (place + 1) * batch]
        return images[rows], task.draw(rng(0, "bench", index), rows)

    for pictures, noise in ahead(make, 0, FAR):
        if share:
            task.use_time(share())
        task.after_step(step(pictures, noise, task.variant()))
        on_step()


class KerasTask:
    """An earlier project's networks behind `loop.Task`: what `train` asks of it.

    Args:
        project: `earlier.Project`.
        networks: from `earlier.build`, under the runtime's dtype policy and strategy.
    """

    def __init__(self, project, networks):
        self.project, self.networks = project, networks
        self._variables, self._optimizers = {}, {}
        parts = ("generator", "discriminator") if project.kind == "gan" else ("all",)
        for part in parts:
            owners = networks.values() if part == "all" else [networks[part]]
            self._variables[part] = [variable for network in owners for variable in network.trainable_variables]
            self._optimizers[part] = Adam(project.rate)
            self._optimizers[part].build(self._variables[part])

    def draw(self, generator, rows):
        width = {"ae": 0, "vae": 2048, "gan": 100}[self.project.kind]
        return {"z": generator.standard_normal((len(rows), width), "float32")} if width else {}

    def variant(self):
        return None

    def after_step(self, logs):
        pass

    def train_step(self, images, noise, variant):
        x = tf.cast(images, tf.float32) / 255.0
        if self.project.kind == "gan":
            return self._adversarial(x * 2.0 - 1.0, noise["z"])
        with tf.GradientTape() as tape:
            loss = self._loss(x, noise)
        apply_gradients(self._optimizers["all"], loss, self._variables["all"], tape)
        return {"loss": loss}

    def _loss(self, x, noise):
        if self.project.kind == "vae":
            return variational_loss(x, self.networks, noise["z"])
        y, aim = self.networks["network"](x, training=True), target(self.project, x)
        if self.project.loss == "mse":
            return tf.reduce_mean(tf.square(aim - y))
        return tf.reduce_mean(keras.losses.binary_crossentropy(aim, y))

    def _adversarial(self, real, z):
        """Both networks in one step with the generator's pass shared, as `GANTask` does it."""
        with tf.GradientTape(persistent=True) as tape:
            fake = self.networks["generator"](z, training=True)
            logits = [_logit(self.networks["discriminator"](x, training=True)) for x in (real, fake)]
            d_losses, g_losses = adversarial.non_saturating(*logits)
            d_loss, g_loss = tf.reduce_mean(d_losses), tf.reduce_mean(g_losses)
        for part, loss in (("discriminator", d_loss), ("generator", g_loss)):
            apply_gradients(self._optimizers[part], loss, self._variables[part], tape)
        return {"d_loss": d_loss, "g_loss": g_loss}


def _logit(probability):
    clipped = tf.clip_by_value(probability, 1e-7, 1.0 - 1e-7)
    return tf.math.log(clipped) - tf.math.log1p(-clipped)
