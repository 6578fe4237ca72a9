"""The adversarial finish: the encoder frozen, the decoder trained on until its pictures are as sharp as photographs."""

import keras
import numpy as np
import tensorflow as tf

from facepipe.features.extractors import onet_maps
from facepipe.networks import strided
from facepipe.networks.layers import Initializers
from facepipe.networks.maps import halvings, patch_for
from facepipe.networks.matching import mean_distance
from facepipe.networks.patches import folded
from facepipe.networks.slope import gamma_for, squared_slope
from facepipe.networks.summary import forward_flops
from facepipe.training import augment
from facepipe.training.optimizer import Adam
from facepipe.training.runtime import apply_gradients, sum_over_replicas
from facepipe.training.state import read_variables, write_variables

# lazy R1: on every so many-th step, and passes of the discriminator that it takes
R1_EVERY, R1_PASSES = 16, 5
# of the discriminator's maps, the largest first, and the least side of the last one
WIDTHS, SMALLEST = (64, 128, 256), 8


def patch_discriminator(image_shape, patch, seed, dtype):
    """A discriminator of patches: it says of each part of an image whether it is real (Isola et al. 2017).

    Args:
        image_shape: (h, w, c).
        patch: int, pixels a side that are folded into channels before the first convolution.
        seed: int, of the initial weights.
        dtype: keras dtype policy of the convolutions.

    Returns:
        `keras.Model`: images (n, h, w, c) in [-1, 1] -> list of the maps after each halving and, last, float32 logits
        (n, h', w', 1). There is one halving of the image, or as many as leave `SMALLEST`, at most three.
    """
    init, count = Initializers(seed), 1
    while count < len(WIDTHS) and min(halvings(image_shape, count + 1, "finish", patch)[-1]) >= SMALLEST:
        count += 1
    inputs = keras.Input(image_shape, name="finish_images")
    x = folded(inputs, patch, dtype, "finish_fold")
    maps = []
    for level, width in enumerate(WIDTHS[:count]):
        name = f"finish_conv{level}"
        x = strided.Conv2D(width, kernel_initializer=init.he(name), dtype=dtype, name=name)(x)
        x = keras.layers.LeakyReLU(0.2, dtype=dtype, name=f"{name}_relu")(x)
        maps.append(x)
    name = "finish_logits"
    options = {"kernel_initializer": init.glorot(name), "dtype": "float32", "name": name}
    x = keras.layers.Conv2D(1, 3, padding="same", **options)(x)
    return keras.Model(inputs, [*maps, x], name="finish")


class FinishTask:
    """L1 to the image, L1 between maps (feature matching, Larsen et al. 2016), the non-saturating loss on patches.

    The maps are the discriminator's and, with `face_weight`, those of O-Net, a small frozen network that knows faces
    (a perceptual loss, Johnson et al. 2016). The discriminator has a lazy R1 penalty; it judges reconstructions and, as
    in Larsen et al., random faces. The encoder does not change, and so no latent does; the discriminator begins alone
    (see `loop.Task`).

    Args:
        trained: an `Autoencoding` task, at its end: its model's decoder is trained on.
        params: `models.ae.config.Finish`.
        steps: int, of the finish.
        runtime: `Runtime`.
        seed: int, of the discriminator's first weights.
    """

    def __init__(self, trained, params, steps, runtime, seed):
        self.name, self._trained, self.params = f"{trained.name}_finish", trained, params
        self._model, self._steps, self._of_steps = trained.model, 0, steps
        patch = patch_for(self._model.image_shape, trained.params.patch_size)
        self._discriminator = patch_discriminator(self._model.image_shape, patch, seed, runtime.dtype)
        self._prior = trained.sampler()
        self._gamma = gamma_for(self._model.image_shape, params.batch_size)
        self._alone = params.discriminator_first // params.batch_size
        self._replicas = runtime.strategy.num_replicas_in_sync
        self._variables = {
            "decoder": self._model.networks["decoder"].trainable_variables,
            "discriminator": self._discriminator.trainable_variables,
        }
        self._rates = {"decoder": params.learning_rate, "discriminator": params.discriminator_learning_rate}
        self._optimizers = {}
        for part, variables in self._variables.items():
            self._optimizers[part] = Adam(self._rates[part], beta_1=0.5, beta_2=0.99, epsilon=1e-8)
            self._optimizers[part].build(variables)

    def operations(self):
        """About how many there are for one image: see `session.train`."""
        encoder = [network for name, network in self._model.networks.items() if name != "decoder"]
        return (
            forward_flops(*encoder)
            + 3 * forward_flops(self._model.networks["decoder"])
            + (9 + R1_PASSES / R1_EVERY) * forward_flops(self._discriminator)
        )

    def draw(self, generator, rows):
        noise = {"flip": generator.random(len(rows)) < (0.5 if self._trained.params.flip else 0.0)}
        if self.params.random_weight:
            noise["z"] = self._prior.draw(generator, len(rows))
        return noise | self._trained.conditions.draw(generator, rows, 0.0)

    def variant(self):
        share = self._steps / self._of_steps
        for part, rate in self._rates.items():
            self._optimizers[part].learning_rate = np.float32(rate * 0.5 * (1.0 + np.cos(np.pi * share)))
        self._steps += 1
        return self._steps > self._alone, self._steps % R1_EVERY == 1

    def after_step(self, logs):
        pass

    def use_time(self, share):
        pass

    def should_stop(self, epoch):
        return False

    def learning_rate(self):
        return float(tf.convert_to_tensor(self._optimizers["decoder"].learning_rate))

    def train_step(self, images, noise, variant):
        params, (decoder_moves, with_penalty) = self.params, variant
        x = augment.to_float(images, noise["flip"])
        batch = tf.cast(tf.shape(x)[0] * self._replicas, tf.float32)
        z, codes = tf.stop_gradient(self._model.encode(x)), noise.get("codes")
        if "z" in noise:
            # reconstructions and random faces in one batch, for one normalisation
            z, codes = tf.concat([z, noise["z"]], 0), None if codes is None else tf.tile(codes, (2, 1))
        parts = 3 if "z" in noise else 2
        with tf.GradientTape(persistent=True) as tape:
            made = tf.sigmoid(self._model.decode_logits(z, codes, training=decoder_moves))
            *maps, logits = self._discriminator(tf.concat([x, made], 0) * 2.0 - 1.0, training=True)
            real, *fakes = tf.split(logits, parts)
            made = made[: tf.shape(x)[0]]
            absolute, d_losses = _mean(tf.abs(x - made)), 0.0
            features = mean_distance(*zip(*(tf.split(each, parts)[:2] for each in maps), strict=True))
            losses = absolute + params.feature_weight * features
            for weight, fake in zip((params.adversarial_weight, params.random_weight), fakes, strict=False):
                d_losses += _mean(tf.nn.softplus(-real) + tf.nn.softplus(fake)) / len(fakes)
                losses += weight * _mean(tf.nn.softplus(-fake))
            if params.face_weight:
                losses += params.face_weight * mean_distance(onet_maps(x), onet_maps(made))
            penalty = 0.0
            if with_penalty:
                _, r1 = squared_slope(lambda x: _mean(self._discriminator(x, training=True)[-1]), x * 2.0 - 1.0)
                penalty = 0.5 * R1_EVERY * self._gamma * r1
            d_loss, loss = tf.reduce_sum(d_losses + penalty) / batch, tf.reduce_sum(losses) / batch
        apply_gradients(self._optimizers["discriminator"], d_loss, self._variables["discriminator"], tape)
        if decoder_moves:
            apply_gradients(self._optimizers["decoder"], loss, self._variables["decoder"], tape)
        terms = {
            "mse": _mean(tf.square(x - made)),
            "l1": absolute,
            "feature": features,
            "d_loss": d_losses,
            "real_logit": _mean(real),
            "fake_logit": _mean(fakes[0]),
        }
        return sum_over_replicas({name: tf.reduce_sum(value) / batch for name, value in terms.items()})

    def after_epoch(self, epoch, means):
        return self._trained.held_out(epoch)

    def picture(self):
        """As before the finish."""
        return self._trained.picture()

    def state(self):
        prior = [np.asarray(getattr(self._prior, field)) for field in self._prior.fields]
        return {"variables": read_variables(self._all_variables()), "steps": self._steps, "prior": prior}

    def restore(self, state):
        write_variables(self._all_variables(), state["variables"])
        self._steps, self._prior = state["steps"], type(self._prior)(*state["prior"])

    def _all_variables(self):
        parts = [*self._model.networks.values(), self._discriminator, *self._optimizers.values()]
        return [variable for part in parts for variable in part.variables]


def _mean(values):
    """Mean of each sample's values, (n, ...) -> float32 (n,)."""
    return tf.reduce_mean(tf.cast(values, tf.float32), axis=tuple(range(1, len(values.shape))))
