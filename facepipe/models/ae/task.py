"""The training of the autoencoder: loss, penalties, latents of unit scale."""

import numpy as np
import tensorflow as tf

from facepipe.models.ae import losses
from facepipe.models.ae.autoencoding import Autoencoding
from facepipe.models.ae.model import Autoencoder
from facepipe.networks.samplers import fit_mixture

# latents that the sampler is fitted to: for each epoch's picture, and for the finished model
PICTURE_LATENTS, SAMPLER_LATENTS = 1000, 20000


class AETask(Autoencoding):
    """loss(x, decode(encode(x + noise))), and what makes it an RAE (Ghosh et al. 2020): penalties, spectral norm.

    The loss is a mean over an image's values; the penalties are divided by their number, so that their weights are
    those of the paper, whose error is a sum.
    """

    name, network = Autoencoder.name, Autoencoder

    def __init__(self, model, params, shards, steps, runtime):
        super().__init__(model, params, shards, steps, runtime)
        self._kernels = [w for w in model.networks["decoder"].trainable_variables if w.name == "kernel"]

    @staticmethod
    def options(params):
        """What the networks' spec has only where it is used: the decoder's spectral normalisation."""
        return {"decoder_spectral_norm": True} if params.decoder_spectral_norm else {}

    def draw(self, generator, rows):
        noise, count = super().draw(generator, rows), len(rows)
        if self.params.denoising:
            # the pixels' noise is drawn in the step, from one seed; each row knows its place in the global batch
            seed = generator.integers(0, 2**31, 2, np.int32)
            noise["pixels"] = np.column_stack([np.tile(seed, (count, 1)), np.arange(count, dtype=np.int32)])
        return noise

    def corrupt(self, x, noise, batch):
        """What the encoder sees: x with Gaussian noise (Vincent et al. 2010), float32 (n, h, w, c), not clipped."""
        if not self.params.denoising:
            return x
        places = noise["pixels"]
        shape = (tf.cast(batch, tf.int32), *self.model.image_shape)
        # all of the global batch's, so that several replicas see what one sees
        whole = tf.random.stateless_normal(shape, places[0, :2])
        return x + self.params.denoising * tf.gather(whole, places[:, 2])

    def terms(self, x, z, logits):
        """Per-sample loss and what it consists of, a dict of (n,)."""
        params = self.params
        weights = params.loss if isinstance(params.loss, dict) else {params.loss: 1.0}
        loss, terms = losses.mixture(weights, x, logits)
        terms = terms if isinstance(params.loss, dict) else {}
        if params.latent_l2:
            terms["latent_l2"] = 0.5 * tf.reduce_sum(tf.square(z), axis=1)
            loss += params.latent_l2 / self._values * terms["latent_l2"]
        if params.decoder_l2:
            squares = tf.add_n([tf.reduce_sum(tf.square(kernel)) for kernel in self._kernels])
            terms["decoder_l2"] = tf.fill(tf.shape(loss), squares)
            loss += params.decoder_l2 / self._values * terms["decoder_l2"]
        return {"loss": loss, "mse": losses.mse(x, logits)} | terms

    def train_step(self, images, noise, variant):
        self.model.iterate_spectra()
        return super().train_step(images, noise, variant)

    def objective(self, x, noise, batch):
        """Per-sample loss (n,) and the terms to report, a dict of (n,)."""
        features = self.dropout(self.model.features(self.corrupt(x, noise, batch), training=True), noise)
        z = self.model.latent(features, training=True)
        terms = self.terms(x, z, self.model.decode_logits(z, training=True))
        return terms["loss"], terms

    def measures(self, x, codes):
        """Held-out loss without noise and what it consists of, a dict of (n,)."""
        z = self.model.encode(x)
        return self.terms(x, z, self.model.decode_logits(z))

    def random_latents(self, count):
        """From a mixture fitted to training latents (Ghosh et al. 2020); float32 (count, latent_dim)."""
        return self.sampler(PICTURE_LATENTS).sample(count, seed=0)

    def restore_best(self):
        """Put the weights of the best epoch back, the latent rescaled; the held-out measures of that epoch."""
        values = super().restore_best()
        # the scale of the latent is what spectral normalisation bounds
        if self.params.latent_activation != "sigmoid" and not self.params.decoder_spectral_norm:
            self._rescale_latent()
        return values

    def _rescale_latent(self):
        """Give each dimension a standard deviation of 1 over the training images, and if linear a mean of 0.

        The decoder's normalisation leaves the scale of the latent open. The head and the decoder's first layer take
        up the change, so the pictures stay the same and a latent's numbers can be read as standard deviations.
        """
        z = self.encode_train(SAMPLER_LATENTS).astype(np.float64)
        spread = z.std(axis=0)
        spread[spread < 1e-6 * max(spread.max(), 1e-30)] = 1.0  # nothing to divide by
        centre = z.mean(axis=0) if self.params.latent_activation == "linear" else np.zeros_like(spread)
        head = self.model.networks["head"].get_layer("encoder_head")
        kernel, bias = head.get_weights()
        head.set_weights([kernel / spread, (bias - centre) / spread])
        decoder = self.model.networks["decoder"]
        first = ["decoder_dense", "decoder_linear"] if self.params.with_linear_path else ["decoder_dense"]
        for layer in map(decoder.get_layer, first):
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel * spread[:, None], bias + centre @ kernel])

    def files(self):
        """sampler.npz: the mixture of Gaussians that random latents are drawn from."""
        sampler = self.sampler()
        return [lambda folder: sampler.save(folder / "sampler.npz")]

    def sampler(self, count=SAMPLER_LATENTS):
        """The mixture fitted to up to `count` training latents."""
        return fit_mixture(self.encode_train(count), "auto", seed=0)
