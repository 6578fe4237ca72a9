"""Training of the inverter: an encoder that finds the latents of faces for the generator of the trained GAN."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from facepipe.core.determinism import rng
from facepipe.core.files import remove_leftovers, write_json
from facepipe.core.pictures import tile, to_uint8
from facepipe.errors import InputError
from facepipe.models.ae.autoencoding import PICTURE_COLUMNS, REPORTS, Autoencoding
from facepipe.models.gan.model import GAN
from facepipe.models.inverter.model import Inverter
from facepipe.networks.layers import parameter_count
from facepipe.networks.maps import widths_for
from facepipe.networks.store import generator_digest, read_info, read_weights, save_model
from facepipe.networks.summary import write_summary
from facepipe.shards.labels import labels_digest
from facepipe.shards.shards import Shards
from facepipe.training import augment
from facepipe.training.config import steps_of
from facepipe.training.loop import fit
from facepipe.training.resume import open_states
from facepipe.training.runtime import prepare


class InverterTask(Autoencoding):
    """Latents of generated images, and pixels of real ones, both through the frozen generator G:

    mse(x, G(E(x))) + latent_weight * mean (E(G(z)) - z)^2 + prior_weight * mean E(x)^2

    with z from N(0, I); where G is conditioned, it sees the labels of x both times, and E none. The first term alone
    finds latents far from those that G was trained on, whose edits go astray; the second alone never sees a real image
    (Zhu et al. 2020, sec. 3.1).
    """

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


def train(train_params, params, shards, model, report, gan):
    """Train and store the inverter; the stage train_inverter.

    Args:
        train_params: `config.Train`.
        params: `config.TrainInverter`.
        shards: folder of the shards.
        model: folder for model.json and the weights.
        report: folder for history.csv, metrics.json, summary.csv (the layers) and grids/.
        gan: folder of the trained GAN.

    Returns:
        dict of metrics, as they stand in metrics.json under "inverter": parameters, images_seen, best_epoch, and of
        that epoch valid_loss, valid_mse, valid_latent; None in workers other than the chief, which write nothing.

    Raises:
        InputError: params that do not fit the data or the machine, no GAN of these images; a loss that is not finite.
        Stopped: Ctrl-C or SIGTERM; the next call with the same arguments goes on.
        WorkerLost: another worker has ended; likewise.
    """
    report = Path(report)
    runtime = prepare(train_params)
    data = Shards(shards)
    source = read_info(gan)
    if source["model"] != "gan" or source["spec"]["image_shape"] != list(data.image_shape):
        raise InputError(f"{gan}: not a GAN of {data.image_shape} images; run the train_gan stage again")
    epochs, steps = steps_of(params, data.count("train"))
    spec = {
        "image_shape": list(data.image_shape),
        "latent_dim": source["spec"]["latent_dim"],
        "widths": list(widths_for(data.image_shape, params.widths)),
    }
    generator = generator_digest(gan)
    labels = labels_digest(data, source["spec"].get("condition_on", ()))
    inputs = {"shards": data.sha256, "generator": generator} | labels
    with open_states("train_inverter", train_params, params, inputs, runtime) as states:
        if runtime.crew.chief:
            remove_leftovers(model, *(report / name for name in REPORTS))
        with runtime.strategy.scope():
            frozen = GAN(source["spec"], runtime.dtype)
            read_weights(gan, {"generator": frozen.networks["generator"]})
            net = Inverter(spec, runtime.dtype, train_params.seed, frozen)
            task = InverterTask(net, params, data, epochs and epochs * steps, runtime)
        budget = fit(task, data, params, runtime, report, states)
        if not runtime.crew.chief:
            return runtime.crew.finish()
        best = task.restore_best()
        record = runtime.record | budget | {"best_epoch": task.best_epoch, "data": data.sha256}
        save_model(model, net, spec, record, framing=data.framing, generator=generator)
        metrics = {
            "parameters": parameter_count(net.networks),
            "images_seen": budget["images"],
            "best_epoch": task.best_epoch,
        } | {name: best[name] for name in ("valid_loss", "valid_mse", "valid_latent")}
        write_summary(report / "summary.csv", net.networks)
        write_json(report / "metrics.json", {net.name: metrics})
        states.discard()
        runtime.crew.finish()
    return metrics
