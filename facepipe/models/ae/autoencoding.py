"""What training the autoencoder and the VAE have in common: images, dropout, best weights, pictures."""

import functools
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from facepipe.core.pictures import tile, to_uint8
from facepipe.core.progress import say
from facepipe.errors import FieldError, about
from facepipe.models.ae import divergence
from facepipe.models.ae.finish import FinishTask
from facepipe.models.ae.principal import start_at_principal_components
from facepipe.networks.maps import patch_for, widths_for
from facepipe.networks.store import check_same_architecture, digest, read_weights
from facepipe.networks.summary import forward_flops
from facepipe.shards.labels import Conditions
from facepipe.training import augment
from facepipe.training.optimizer import Adam
from facepipe.training.runtime import apply_gradients, sum_over_replicas
from facepipe.training.session import Plan, Result
from facepipe.training.state import read_variables, write_variables

PICTURE_COLUMNS = 10
# enough to rank epochs; the test split stays untouched
VALID_IMAGES = 2000
BATCH = 128


def learning_rate(value, decay, steps):
    """A constant, or a cosine from `value` to 0 over `steps` (Loshchilov & Hutter 2017).

    Where `steps` is None, under a budget in minutes, the cosine is over the time: see `Autoencoding.use_time`.
    """
    return keras.optimizers.schedules.CosineDecay(value, steps) if decay == "cosine" and steps else value


class Autoencoding:
    """Common part of the two tasks (see `loop.Task`).

    A subclass gives `name`, `network` (the class of its networks), `options`, `objective`, `measures`,
    `random_latents` and `files`.

    Args:
        model: `Autoencoder` or `VAE`, built under the runtime's strategy.
        params: `models.ae.config.Autoencoding`.
        shards: `Shards`.
        steps: int, steps of the whole training; None under a budget in minutes.
        runtime: `Runtime`.
    """

    def __init__(self, model, params, shards, steps, runtime):
        self.model = model
        self.params = params
        self._shards = shards
        self._variables = [v for net in model.networks.values() for v in net.trainable_variables]
        self._optimizer = Adam(learning_rate(params.learning_rate, params.learning_rate_decay, steps))
        self._optimizer.build(self._variables)
        self._replicas = runtime.strategy.num_replicas_in_sync
        self._values = int(np.prod(model.image_shape))
        self._features = model.networks["head"].input_shape[1]
        self.conditions = Conditions(shards, model.condition_on)
        images = tf.TensorSpec((None, *model.image_shape), tf.uint8)
        codes = tf.TensorSpec((None, len(model.condition_on)), tf.float32)
        graph = functools.partial(tf.function, autograph=False)
        self._measure = graph(lambda x, c: self.measures(tf.cast(x, tf.float32) / 255.0, c), [images, codes])
        self._encode = graph(lambda x: model.encode(tf.cast(x, tf.float32) / 255.0), [images])
        self._best_weights, self._best_values = None, {"valid_loss": float("inf"), "valid_mse": float("inf")}
        self.best_epoch = 0
        self._far_epochs = 0  # in a row, see `divergence`

    @classmethod
    def plan(cls, params, data, model):
        """The `session.Plan` of an autoencoder or VAE, see `session.train`.

        Raises:
            InputError: `init_from` names what this training writes, or a model of another architecture.
        """
        patch = patch_for(data.image_shape, params.patch_size)
        spec = {
            "image_shape": list(data.image_shape),
            "latent_dim": params.latent_dim,
            "widths": list(widths_for(data.image_shape, params.widths, patch=patch)),
            "latent_activation": params.latent_activation,
        } | cls.options(params)
        if patch > 1:
            spec["patch_size"] = patch
        if params.with_linear_path:
            spec["linear_path"] = True

        def build(runtime, seed, steps):
            networks = cls.network(spec, runtime.dtype, seed)
            if params.init_from:
                read_weights(params.init_from, networks.networks)
            elif params.with_linear_path:
                start_at_principal_components(networks, data, params.flip, seed)
            return cls(networks, params, data, steps, runtime)

        start = _start(params.init_from, cls.name, spec, model)
        return Plan(spec, build, start, start)

    def result(self):
        """The `session.Result`: the weights of the best epoch."""
        best = self.restore_best()
        facts = {"best_epoch": self.best_epoch, "valid_loss": best["valid_loss"], "valid_mse": best["valid_mse"]}
        return Result(self.model, {"best_epoch": self.best_epoch, "loss": self.params.loss}, facts, self.files())

    def finish(self, steps, runtime, seed):
        """The task that trains the finished decoder on; `steps` long."""
        return FinishTask(self, self.params.finish, steps, runtime, seed)

    def operations(self, steps):
        """See `session.train`: forward, gradient of the maps, gradient of the weights."""
        return 3 * forward_flops(*self.model.networks.values())

    def draw(self, generator, rows):
        count = len(rows)
        noise = {"flip": generator.random(count) < (0.5 if self.params.flip else 0.0)}
        if self.params.dropout:
            noise["keep"] = generator.random((count, self._features), np.float32) >= self.params.dropout
        if self.params.augment.on:
            noise["augment"] = augment.draw(generator, count)
        return noise

    def variant(self):
        return None

    def after_step(self, logs):
        pass

    def use_time(self, share):
        if self.params.learning_rate_decay == "cosine":
            rate = self.params.learning_rate * 0.5 * (1.0 + np.cos(np.pi * share))
            self._optimizer.learning_rate = np.float32(rate)  # see `optimizer`

    def should_stop(self, epoch):
        return self.params.patience is not None and epoch - self.best_epoch >= self.params.patience

    def learning_rate(self):
        return float(tf.convert_to_tensor(self._optimizer.learning_rate))

    def dropout(self, features, noise):
        """Inverted dropout (Srivastava et al. 2014) on the features before the head."""
        if not self.params.dropout:
            return features
        return tf.where(noise["keep"], features / (1.0 - self.params.dropout), 0.0)

    def train_step(self, images, noise, variant):
        x = augment.to_float(images, noise["flip"])
        if self.params.augment.on:
            x = augment.change(x, noise["augment"], self.params.augment)
        batch = tf.cast(tf.shape(x)[0] * self._replicas, tf.float32)
        with tf.GradientTape() as tape:
            per_sample, terms = self.objective(x, noise, batch)
            # summed over the image's values: the gradients of their mean come near Adam's epsilon
            loss = tf.reduce_sum(per_sample) / batch * self._values
        apply_gradients(self._optimizer, loss, self._variables, tape)
        return {name: self.over_batch(value, batch) for name, value in terms.items()}

    def over_batch(self, values, batch):
        """Mean over the global batch of per-sample values: (n, ...) on each replica -> (...)."""
        return sum_over_replicas(tf.reduce_sum(values, axis=0) / batch)

    def after_epoch(self, epoch, means):
        values = self.held_out(epoch)
        # kept: the weights with the lowest validation loss
        if values["valid_loss"] < self._best_values["valid_loss"]:
            self.best_epoch, self._best_values = epoch, values
            self._best_weights = {name: net.get_weights() for name, net in self.model.networks.items()}
        self._far_epochs = self._far_epochs + 1 if divergence.is_far(means | values, self._best_values) else 0
        if self._far_epochs == divergence.EPOCHS:
            said = divergence.message(values, self._best_values, self.best_epoch, self.params.learning_rate)
            say(f"train_{self.name}: epoch {epoch}: {said}")
        return values

    def state(self):
        return {
            "variables": read_variables(self._all_variables()),
            "best": {"epoch": self.best_epoch, "values": self._best_values, "weights": self._best_weights},
            "far_epochs": self._far_epochs,
        }

    def restore(self, state):
        write_variables(self._all_variables(), state["variables"])
        best, self._far_epochs = state["best"], state["far_epochs"]
        self.best_epoch, self._best_values, self._best_weights = best["epoch"], best["values"], best["weights"]

    def _all_variables(self):
        return [variable for part in [*self.model.networks.values(), self._optimizer] for variable in part.variables]

    def restore_best(self):
        """Put the weights of the best epoch back; its held-out measures."""
        for name, weights in self._best_weights.items():
            self.model.networks[name].set_weights(weights)
        return self._best_values

    def held_out(self, epoch):
        """Means of `measures` over the held-out images: floats, or arrays for measures of (n, ...)."""
        images, codes = self._shards.images("valid", 0, VALID_IMAGES), self.conditions.of("valid")[:VALID_IMAGES]
        parts = [self._measure(images[i : i + BATCH], codes[i : i + BATCH]) for i in range(0, len(images), BATCH)]
        means = {name: np.concatenate([p[name].numpy() for p in parts]).mean(axis=0) for name in parts[0]}
        return {f"valid_{name}": mean if mean.ndim else float(mean) for name, mean in means.items()}

    def write_tables(self, report):
        """Write what a subclass has to tell beside history.csv into the folder `report`."""

    def encode_train(self, count):
        """Latents of up to `count` training images, evenly spread over the split; float32 (n, latent_dim)."""
        total = self._shards.count("train")
        rows = np.unique(np.linspace(0, total - 1, min(count, total)).astype(np.int64))
        chunks = (self._shards.gather("train", rows[i : i + BATCH]) for i in range(0, len(rows), BATCH))
        return np.concatenate([self._encode(chunk).numpy() for chunk in chunks])

    def picture(self):
        """Three rows: held-out originals, their reconstructions, decoded random latents, with the originals' labels."""
        originals = self._shards.images("valid", 0, PICTURE_COLUMNS)
        codes = tf.constant(self.conditions.of("valid")[: len(originals)])
        latents = [self._encode(originals), tf.constant(self.random_latents(len(originals)))]
        rows = [originals, *(to_uint8(self.model.decode(z, codes).numpy()) for z in latents)]
        return tile(np.concatenate(rows), len(originals))


def _start(folder, name, spec, model):
    """What is worth knowing of the weights that training starts from: {} or their folder and its digest."""
    if folder is None:
        return {}
    if Path(folder).resolve() == model.resolve():
        raise FieldError(
            "init_from", f"{folder} is what this stage writes, and DVC removes it first; name a copy of it"
        )
    with about("init_from"):
        check_same_architecture(folder, name, spec)
    return {"init_from": {"folder": folder, "sha256": digest(folder)}}
