"""The training of the inverter: an encoder that finds the latents of faces for the generator of the trained GAN."""

import numpy as np
import tensorflow as tf

from facepipe.core.determinism import rng
from facepipe.core.files import write_json
from facepipe.core.pictures import tile, to_uint8
from facepipe.errors import InputError
from facepipe.models.ae.autoencoding import BATCH, PICTURE_COLUMNS, Autoencoding
from facepipe.models.ae.model import Autoencoder
from facepipe.models.gan.discriminators import maps_of
from facepipe.models.gan.model import GAN
from facepipe.models.gan.start import encoder_folder, prior_of
from facepipe.models.inverter.model import Inverter
from facepipe.models.vae.model import VAE
from facepipe.networks.maps import patch_for, widths_for
from facepipe.networks.matching import mean_distance
from facepipe.networks.store import digest, generator_digest, read_info, read_weights, weights_digest
from facepipe.networks.summary import forward_flops
from facepipe.shards.labels import labels_digest
from facepipe.training import augment
from facepipe.training.session import Plan, Result


class InverterTask(Autoencoding):
    """Latents of generated images, and pixels of real ones, both through the frozen generator G:

    mse(x, G(E(x))) + latent_weight * mean (E(G(z)) - z)^2 + prior_weight * mean E(x)^2
        + feature_weight * distance(D(x), D(G(E(x))))

    with z as the GAN draws it and D the maps of its frozen discriminator (see `matching.mean_distance`); where G is
    conditioned, it sees the labels of x both times, and E none. The first term alone finds latents far from those that
    G was trained on, whose edits go astray; the second alone never sees a real image (Zhu et al. 2020, sec. 3.1). E
    begins as the encoder of the model that the GAN began as, if there is one.
    """

    name = Inverter.name
    note = None

    def __init__(self, model, params, shards, steps, runtime, prior):
        super().__init__(model, params, shards, steps, runtime)
        self._prior = prior
        self._maps = maps_of(model.discriminator) if params.feature_weight else None
        self._held_out_z = prior.draw(rng(0, "inverter", "held out"), BATCH)

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
        start = encoder_folder(gan)
        there = read_info(start)["spec"] if start else {}
        patch, widths = params.patch_size, params.widths
        patch = there.get("patch_size", 1) if there and patch == "auto" else patch_for(data.image_shape, patch)
        widths = there["widths"] if there and widths == "auto" else widths_for(data.image_shape, widths, patch=patch)
        spec = {
            "image_shape": list(data.image_shape),
            "latent_dim": source["spec"]["latent_dim"],
            "widths": list(widths),
        }
        if patch > 1:
            spec["patch_size"] = patch
        # with other widths it starts from random weights
        begins = (there.get("widths"), there.get("patch_size", 1)) == (spec["widths"], patch)
        if begins and there.get("linear_path"):
            spec["linear_path"] = True

        def build(runtime, seed, steps):
            frozen = GAN(source["spec"], runtime.dtype)
            read_weights(gan, {name: frozen.networks[name] for name in read})
            inverter = Inverter(spec, runtime.dtype, seed, frozen)
            if begins:
                _start_as_encoder(inverter, start)
            task = cls(inverter, params, data, steps, runtime, prior_of(gan, spec["latent_dim"]))
            task.note = note and (note, generator, model)
            return task

        read = ["generator", "discriminator"] if params.feature_weight else ["generator"]
        generator = {"generator": generator_digest(gan)}
        inputs = {name: weights_digest(gan, name) for name in read}
        inputs |= labels_digest(data, source["spec"].get("condition_on", ()))
        record = {"init_from": {"folder": str(start), "sha256": digest(start)}} if begins else {}
        return Plan(spec, build, inputs | record, record, generator)

    def operations(self, steps):
        """See `session.train`: of E all three passes for two images, of G those for its images, forward and back.

        Of D, if it has a say, two images forward and one back.
        """
        of_d = 3 * forward_flops(self._maps) if self._maps else 0
        return 6 * forward_flops(*self.model.networks.values()) + 3 * forward_flops(self.model.generator) + of_d

    def draw(self, generator, rows):
        count = len(rows)
        noise = {
            "flip": generator.random(count) < (0.5 if self.params.flip else 0.0),
            "z": self._prior.draw(generator, count),
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
        return self.terms(x, tf.constant(self._held_out_z)[: tf.shape(x)[0]], codes)

    def terms(self, x, z, codes=None, training=False):
        """loss, mse, latent, prior and, if it has a weight, feature: a dict of float32 (n,).

        Args:
            x: float32 images (n, h, w, c) in [0, 1].
            z: float32 (n, latent_dim).
            codes: of labels, see `layers.beside`.
            training: bool.
        """
        # one batch of both: twice as many images a call are faster than two calls
        both = tf.concat([x, tf.stop_gradient(self.model.decode(z, codes))], axis=0)
        found, again = tf.split(self.model.latent(self.model.features(both, training), training), 2)
        back = self.model.decode(found, codes)
        mse = tf.reduce_mean(tf.square(x - back), axis=(1, 2, 3))
        latent = tf.reduce_mean(tf.square(again - z), axis=1)
        prior = tf.reduce_mean(tf.square(found), axis=1)
        loss = mse + self.params.latent_weight * latent + self.params.prior_weight * prior
        terms = {"mse": mse, "latent": latent, "prior": prior}
        if self._maps:
            terms["feature"] = mean_distance(self._maps(x * 2.0 - 1.0), self._maps(back * 2.0 - 1.0))
            loss += self.params.feature_weight * terms["feature"]
        return {"loss": loss} | terms

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
        """z as the GAN draws it, the same for every epoch; float32 (count, latent_dim)."""
        return self._prior.draw(rng(0, "inverter", "picture"), count)

    def write_tables(self, report):
        """The note, if there is to be one."""
        if self.note:
            path, generator, model = self.note
            write_json(path, generator | {"inverter": digest(model)})

    def result(self):
        """The `session.Result`: the weights of the best epoch."""
        best = self.restore_best()
        facts = {name: best[name] for name in ("valid_loss", "valid_mse", "valid_latent")}
        return Result(self.model, {"best_epoch": self.best_epoch}, {"best_epoch": self.best_epoch} | facts)


def _start_as_encoder(inverter, folder):
    """Give an `Inverter` the weights of the encoder of an autoencoder or of a VAE (its mu) in `folder`."""
    info = read_info(folder)
    model = {"ae": Autoencoder, "vae": VAE}[info["model"]](info["spec"])
    for name in ("convolutions", "head"):
        read_weights(folder, {name: model.networks[name]})
    inverter.networks["convolutions"].set_weights(model.networks["convolutions"].get_weights())
    count = inverter.latent_dim
    # the VAE's head has logvar beside mu
    inverter.networks["head"].set_weights([w[..., :count] for w in model.networks["head"].get_weights()])
