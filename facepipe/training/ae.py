"""Training of the autoencoder."""

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

    def extras(self):
        """sampler.npz: the Gaussian that random latents are drawn from."""
        sampler = fit_gaussian(self.encode_train(SAMPLER_LATENTS))
        return [lambda folder: sampler.save(folder / "sampler.npz")]


def train(*arguments, **options):
    """Train the autoencoder: `autoencoding.train_autoencoding` with its networks and task."""
    return train_autoencoding(Autoencoder, AETask, *arguments, **options)
