"""Stage 6: the latents of every image as CSV, and a density over those of the training images."""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from facepipe.determinism import rng
from facepipe.latents.table import write_latents
from facepipe.models.samplers import fit_gaussian, fit_mixture

CHUNK = 1024  # images in memory at once
DENSITY_ROWS = 20_000  # the density is fitted to so many training latents, drawn at random where there are more


def export_latents(params, models, shards, out):
    """Encode every split with each model that has an encoder, fit densities, sample the GAN's prior.

    Writes `<out>/<model>/{train,valid,test}.csv`, `<out>/<model>/density.npz` and `<out>/gan/sample.csv`.

    Args:
        params: `facepipe.config.ExportLatents`.
        models: folder with the trained models ae, vae and gan.
        shards: folder of the shards.
        out: folder to write to.

    Returns:
        Metrics: per model the number of latents and their dimensions.

    Raises:
        InputError: a missing model, latents that are not finite, too few of them for the density.
    """
    from facepipe.data.shards import Shards
    from facepipe.models.load import load_model

    shards, out, metrics = Shards(shards), Path(out), {}
    for name in ("ae", "vae", "gan"):
        model = load_model(Path(models) / name)
        metrics[name] = export_prior(params, model, out / name) if name == "gan" else {}
        if model.has_encoder:
            metrics[name] |= export_encoder(params, model, shards, out / name)
    return metrics


def export_encoder(params, model, shards, out):
    """One model with an encoder: a CSV per split and the density of the training latents, in `out`."""
    count = shards.count("train")
    chosen = rng(params.seed, "density").permutation(count)[:DENSITY_ROWS]
    in_density = np.zeros(count, bool)
    in_density[chosen] = True
    kept = []
    total = sum(shards.splits.values())
    with tqdm(total=total, desc=f"encode {model.name}", unit="img") as progress:
        for split in shards.splits:

            def chunks(split=split):
                for start in range(0, shards.count(split), CHUNK):
                    z = model.encode(shards.images(split, start, min(start + CHUNK, shards.count(split))))
                    if split == "train":
                        kept.append(z[in_density[start : start + CHUNK]])
                    progress.update(len(z))
                    yield z

            write_latents(out / f"{split}.csv", shards.ids(split), split, chunks(), model.latent_dim)
    z = np.concatenate(kept) if kept else np.empty((0, model.latent_dim), np.float32)
    density = fit_gaussian(z) if params.density == "gaussian" else fit_mixture(z, params.components, params.seed)
    density.save(out / "density.npz")
    return {"latents": total, "dimensions": model.latent_dim}


def export_prior(params, model, out):
    """Latents drawn from the model's prior, `<out>/sample.csv`."""
    ids = [f"{model.name}-{i:06d}" for i in range(params.gan_samples)]
    write_latents(out / "sample.csv", ids, "sample", model.sample_latents(params.gan_samples, params.seed))
    return {"latents": params.gan_samples, "dimensions": model.latent_dim}
