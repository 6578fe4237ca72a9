"""Training of the autoencoder."""

import numpy as np

from facepipe.models import losses
from facepipe.models.autoencoder import Autoencoder
from facepipe.models.samplers import fit_gaussian
from facepipe.training.autoencoding import Autoencoding, train_autoencoding

# latents that the Gaussian is fitted to: for each epoch's picture, and for the finished model
PICTURE_LATENTS, SAMPLER_LATENTS = 1000, 20000


class AETask(Autoencoding):
    """loss(x, decode(encode(x)))."""

    def objective(self, x, noise, batch):
        """Per-sample loss (n,) and the terms to report, a dict of (n,)."""
        features = self.dropout(self.model.features(x, training=True), noise)
        logits = self.model.decode_logits(self.model.latent(features, training=True), training=True)
        loss = losses.RECONSTRUCTION[self.params.loss](x, logits)
        return loss, {"loss": loss, "mse": losses.mse(x, logits)}

    def measures(self, x):
        """Held-out loss and MSE, a dict of (n,)."""
        logits = self.model.decode_logits(self.model.encode(x))
        return {"loss": losses.RECONSTRUCTION[self.params.loss](x, logits), "mse": losses.mse(x, logits)}

    def random_latents(self, count):
        """From a Gaussian fitted to training latents (Ghosh et al. 2020); float32 (count, latent_dim)."""
        return fit_gaussian(self.encode_train(PICTURE_LATENTS)).sample(count, seed=0)

    def restore_best(self):
        """Put the weights of the best epoch back, the latent rescaled; the held-out measures of that epoch."""
        values = super().restore_best()
        if self.params.latent_activation != "sigmoid":
            self._rescale_latent()
        return values

    def _rescale_latent(self):
        """Give each dimension a standard deviation of 1 over the training images, and if linear a mean of 0.

        The decoder's normalisation leaves the scale of the latent open. The head and the decoder's first layer take
        up the change, so the pictures stay the same and a latent's numbers can be read as standard deviations.
        """
        z = self.encode_train(SAMPLER_LATENTS).astype(np.float64)
        spread = z.std(axis=0)
        spread[spread < 1e-6 * max(spread.max(), 1e-30)] = 1.0  # dead dimensions stay
        centre = z.mean(axis=0) if self.params.latent_activation == "linear" else np.zeros_like(spread)
        head = self.model.networks["head"].get_layer("encoder_head")
        kernel, bias = head.get_weights()
        head.set_weights([kernel / spread, (bias - centre) / spread])
        first = self.model.networks["decoder"].get_layer("decoder_dense")
        kernel, bias = first.get_weights()
        first.set_weights([kernel * spread[:, None], bias + centre @ kernel])

    def extras(self):
        """sampler.npz: the Gaussian that random latents are drawn from."""
        sampler = fit_gaussian(self.encode_train(SAMPLER_LATENTS))
        return [lambda folder: sampler.save(folder / "sampler.npz")]


def train(*arguments, **options):
    """Train the autoencoder: `autoencoding.train_autoencoding` with its networks and task."""
    return train_autoencoding(Autoencoder, AETask, *arguments, **options)
