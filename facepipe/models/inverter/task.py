"""The training of the inverter: an encoder that finds the latents of faces for the generator of the trained GAN."""

import numpy as np
import tensorflow as tf

from facepipe.core.determinism import rng
from facepipe.core.files import write_json
from facepipe.core.pictures import tile, to_uint8
from facepipe.errors import InputError
from facepipe.models.ae.autoencoding import PICTURE_COLUMNS, Autoencoding
from facepipe.models.gan.model import GAN
from facepipe.models.inverter.model import Inverter
from facepipe.networks.maps import patch_for, widths_for
from facepipe.networks.store import digest, generator_digest, read_info, read_weights
from facepipe.networks.summary import forward_flops
from facepipe.shards.labels import labels_digest
from facepipe.training import augment
from facepipe.training.session import Plan, Result


class InverterTask(Autoencoding):
    """Latents of generated images, and pixels of real ones, both through the frozen generator G:

    mse(x, G(E(x))) + latent_weight * mean (E(G(z)) - z)^2 + prior_weight * mean E(x)^2

    with z from N(0, I); where G is conditioned, it sees the labels of x both times, and E none. The first term alone
    finds latents far from those that G was trained on, whose edits go astray; the second alone never sees a real image
    (Zhu et al. 2020, sec. 3.1).
    """

    name = Inverter.name
    note = None

    @classmethod
    def plan(cls, params, data, model, gan, note=None):
        """The `session.Plan`, see `session.train`.

        Args:
            gan: folder of the trained GAN.
            note: file to be written at the end, JSON: digests of the generator and of its inverter; None: none.

        Raises:
            InputError: no GAN of these images there.
        """
        source = read_info(gan)
        if source["model"] != GAN.name or source["spec"]["image_shape"] != list(data.image_shape):
            raise InputError(f"{gan}: not a GAN of {data.image_shape} images; run the train_gan stage again")
        patch = patch_for(data.image_shape, params.patch_size)
        spec = {
            "image_shape": list(data.image_shape),
            "latent_dim": source["spec"]["latent_dim"],
            "widths": list(widths_for(data.image_shape, params.widths, patch=patch)),
        }
        if patch > 1:
            spec["patch_size"] = patch

        def build(runtime, seed, steps):
            frozen = GAN(source["spec"], runtime.dtype)
            read_weights(gan, {"generator": frozen.networks["generator"]})
            task = cls(Inverter(spec, runtime.dtype, seed, frozen), params, data, steps, runtime)
            task.note = note and (note, generator, model)
            return task

        generator = {"generator": generator_digest(gan)}
        inputs = generator | labels_digest(data, source["spec"].get("condition_on", ()))
        return Plan(spec, build, inputs, info=generator)

    def operations(self, steps):
        """See `session.train`: of E all three passes for two images, of G those for its images, forward and back."""
        return 6 * forward_flops(*self.model.networks.values()) + 3 * forward_flops(self.model.generator)

    def draw(self, generator, rows):
        count = len(rows)
        noise = {
            "flip": generator.random(count) < (0.5 if self.params.flip else 0.0),
            "z": generator.standard_normal((count, self.model.latent_dim), np.float32),
        }
        if self.params.augment.on:
            noise["augment"] = augment.draw(generator, count)
        return noise | self.conditions.draw(generator, rows, self.params.condition_dropout)

    def objective(self, x, noise, batch):
        """Per-sample loss (n,) and the terms to report, a dict of (n,)."""
        terms = self.terms(x, noise["z"], noise.get("codes"), training=True)
        return terms["loss"], terms

    def measures(self, x, codes):
        """The same terms on held-out images; the same z in every epoch."""
        return self.terms(x, tf.random.stateless_normal((tf.shape(x)[0], self.model.latent_dim), seed=(0, 0)), codes)

    def terms(self, x, z, codes=None, training=False):
        """loss, mse, latent and prior, a dict of float32 (n,).

        Args:
            x: float32 images (n, h, w, c) in [0, 1].
            z: float32 (n, latent_dim).
            codes: of labels, see `layers.beside`.
            training: bool.
        """
        # one batch of both: twice as many images a call are faster than two calls
        both = tf.concat([x, tf.stop_gradient(self.model.decode(z, codes))], axis=0)
        found, again = tf.split(self.model.latent(self.model.features(both, training), training), 2)
        mse = tf.reduce_mean(tf.square(x - self.model.decode(found, codes)), axis=(1, 2, 3))
        latent = tf.reduce_mean(tf.square(again - z), axis=1)
        prior = tf.reduce_mean(tf.square(found), axis=1)
        loss = mse + self.params.latent_weight * latent + self.params.prior_weight * prior
        return {"loss": loss, "mse": mse, "latent": latent, "prior": prior}

    def picture(self):
        """Four rows: held-out images and what comes back of them, generated images and what comes back of these."""
        originals = self._shards.images("valid", 0, PICTURE_COLUMNS)
        codes = tf.constant(self.conditions.of("valid")[: len(originals)])
        generated = self._decode(self.random_latents(len(originals)), codes)
        back = [self._decode(self._encode(images), codes) for images in (originals, generated)]
        return tile(np.concatenate([originals, back[0], generated, back[1]]), len(originals))

    def _decode(self, z, codes):
        return to_uint8(self.model.decode(tf.convert_to_tensor(z), codes).numpy())

    def random_latents(self, count):
        """z from N(0, I), the same for every epoch; float32 (count, latent_dim)."""
        return rng(0, "inverter", "picture").standard_normal((count, self.model.latent_dim), np.float32)

    def write_tables(self, report):
        """The note, if there is to be one."""
        if self.note:
            path, generator, model = self.note
            write_json(path, generator | {"inverter": digest(model)})

    def result(self):
        """The `session.Result`: the weights of the best epoch."""
        best = self.restore_best()
        metrics = {name: best[name] for name in ("valid_loss", "valid_mse", "valid_latent")}
        return Result(self.model, {"best_epoch": self.best_epoch}, {"best_epoch": self.best_epoch} | metrics)
