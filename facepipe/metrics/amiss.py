"""What is amiss with a trained model, told from its metrics, and what to try."""

from typing import NamedTuple

# of the latent dimensions at least this share should say something
LEAST_LIVING = 1 / 16
# of a VAE's posterior to its prior, in all: with less a latent does not tell one photograph from two others
LEAST_NATS = 1.0
# of random faces: their `diversity` over that of photographs
LEAST_DIVERSITY = 0.2
# a GAN may show few of many people, but one of a hundred should be there; fewer images do not tell
LEAST_RECALL, RECALL_IMAGES, RECALL_OF_PHOTOGRAPHS = 0.01, 200, 0.5
# an autoencoder's squared error over that of PCA; a finish against a discriminator trades some of it for sharpness
WORST_ERROR = 1.15

_LATENTS = {
    "ae": "another train_ae.latent_activation, or a lower train_ae.learning_rate",
    "vae": "lower train_vae.beta, or set train_vae.free_bits or train_vae.capacity (posterior collapse)",
    "gan": "look at its random faces; train the inverter longer (train_inverter.images)",
}
_SAMPLES = {
    "ae": "train it longer (train_ae.epochs), or at a lower train_ae.learning_rate",
    "vae": "train it longer (train_vae.epochs), or lower train_vae.beta",
    "gan": "begin from the VAE (train_gan.init_from: data/models/vae), raise train_gan.r1_gamma, or hold the "
    "discriminator back (train_gan.schedule); a train_gan.truncation near 0 does this, too",
}
_ERROR = "train it longer (train_ae.epochs), lower train_ae.learning_rate, or begin at PCA (train_ae.linear_path: true)"


class Amiss(NamedTuple):
    """A row of amiss.csv: what the metrics of a model say of it, and what to try."""

    model: str
    sign: str
    remedy: str


def find_amiss(name, latent_dim, scores, real, tag, count, finished):
    """The worst that a model's metrics tell of it.

    Args:
        name: "ae", "vae" or "gan".
        latent_dim: int.
        scores, real: dicts, the metrics of the model and those of training images.
        tag: str, extractor and count in the metrics' names.
        count: int, random faces judged.
        finished: bool, whether its decoder trained on against a discriminator.

    Returns:
        `Amiss`, or None where all is well.
    """
    if "dead_dimensions" in scores:
        living = scores.get("active_units", latent_dim - scores["dead_dimensions"])
        if living < LEAST_LIVING * latent_dim:
            sign = f"{living} of {latent_dim} latent dimensions say anything of the photographs"
            return Amiss(name, sign, _LATENTS[name])
    if scores.get("kl_nats", LEAST_NATS) < LEAST_NATS:
        sign = f"its latents say next to nothing of the photographs (KL to the prior {scores['kl_nats']:.2g} nats)"
        return Amiss(name, sign, _LATENTS[name])
    diversity, recall = scores[f"diversity_{tag}"], scores[f"recall_{tag}"]
    if diversity < LEAST_DIVERSITY:
        sign = f"its random faces are alike (diversity {diversity:.2f} of that of photographs, recall {recall:.2f})"
        return Amiss(name, sign, _SAMPLES[name])
    known = count >= RECALL_IMAGES and real[f"recall_{tag}"] >= RECALL_OF_PHOTOGRAPHS
    if name == "gan" and known and recall < LEAST_RECALL:
        sign = f"its random faces show next to none of the held-out ones (recall {recall:.3f})"
        return Amiss(name, sign, _SAMPLES[name])
    if name == "ae" and not finished and scores.get("test_mse_to_pca", 0) > WORST_ERROR:
        sign = f"it reconstructs worse than PCA of its size ({scores['test_mse_to_pca']:.2f} times the squared error)"
        return Amiss(name, sign, _ERROR)
    return None
