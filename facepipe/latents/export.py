"""The stage export_latents: the latents of every image as tables, what each dimension does, and a density over them."""

from pathlib import Path

import numpy as np

from facepipe.core.determinism import one_blas_thread, rng
from facepipe.core.files import temporary_folder
from facepipe.core.progress import Progress
from facepipe.errors import InputError
from facepipe.latents.folder import density_path, pca_path, stats_path, write_source
from facepipe.latents.influence import influence, variance_explained
from facepipe.latents.pca import fit_pca
from facepipe.latents.statistics import histograms, statistics, write_statistics
from facepipe.latents.table import write_latents
from facepipe.networks.flow import fit_flow
from facepipe.networks.samplers import fit_gaussian, fit_mixture
from facepipe.networks.store import digest

CHUNK = 1024  # images in memory at once
DENSITY_ROWS = 20_000  # the density is fitted to this many training latents, drawn at random where there are more


@one_blas_thread
def export_latents(params, name, models, shards, reports, out):
    """Export the latents of one model; `<out>/<name>/` has, CSV or Parquet (`export_latents.format`):

    - <split>.csv: id, split, the attributes (1, 0, empty), z000, ...; sample.csv of the GAN, from its prior;
    - <split>.pca.csv: the same with coordinates pc000, ... along the principal components in pca.npz;
    - <name>.stats.csv: a row per dimension, see `describe`;
    - density.npz: the density of the training latents, of models with an encoder;
    - source.json: of which model, inverter and training report they are, see `sources`, and which files there are.

    Args:
        params: `latents.config.ExportLatents`.
        name: ae, vae or gan.
        models: folder with the trained model.
        shards: folder of the shards.
        reports: folder with the report of its training.
        out: folder to write to.

    Returns:
        Metrics: {name: number of latents, their dimensions and how many of them are dead}.

    Raises:
        InputError: a missing model, latents that are not finite, too few of them for the density.
    """
    from facepipe.models.load import load_model
    from facepipe.shards.shards import Shards

    shards, out = Shards(shards), Path(out) / name
    model = load_model(Path(models) / name)
    metrics = export_encoder(params, model, shards, out) if model.has_encoder else export_prior(params, model, out)
    write_source(out, sources(name, Path(models), Path(reports)))
    return {name: metrics}


def sources(name, models, reports):
    """Digests of what later stages read beside the latents: {folder: sha256 of its files' names and bytes}."""
    names = [name, *(["inverter"] if name == "gan" else [])]
    folders = [folder for each in names for folder in (models / each, reports / f"train_{each}")]
    return {folder.as_posix(): digest(folder) for folder in folders if folder.is_dir()}


def export_encoder(params, model, shards, out):
    """One model with an encoder: tables of every split, statistics, PCA and density of the training latents."""
    count = shards.count("train")
    if count < 2:
        raise InputError(f"{shards.folder}: {count} training images, at least 2 are needed to export latents")
    with temporary_folder(out, "encoded") as temporary:
        encoded = _encode(model, shards, temporary)
        ids = {split: shards.ids(split) for split in encoded}
        extra = {split: _labels(shards.attributes(split)) for split in encoded}
        tables = dict(encoded)
        if model.name == "gan":  # its encoder came later: samples of the prior are its own latents
            ids["sample"], tables["sample"] = _sample(params, model)
            extra["sample"] = {}
        _write_tables(params, out, tables, ids.get, extra.get)
        chosen = np.sort(rng(params.seed, "density").permutation(count)[:DENSITY_ROWS])
        kept = encoded["train"][chosen]
        # the prior reaches further than the images' means, above all where a dimension says little
        prior = None if model.name == "ae" else _sample(params, model)[1]
        dead = describe(params, model, encoded["train"], out, prior)
        del encoded, tables  # unmaps the files
    _density(params, kept).save(density_path(out))
    return {"latents": sum(shards.splits.values()), "dimensions": model.latent_dim, "dead": dead}


def _density(params, z):
    """The density of float32 latents (n, d) that `params` asks for, a `Sampler`."""
    if params.density == "gaussian":
        return fit_gaussian(z)
    if params.density == "flow":
        return fit_flow(z, params.seed, params.flow_steps)
    return fit_mixture(z, params.components, params.seed)


def export_prior(params, model, out):
    """A model without an encoder: the table `sample` of latents drawn from its prior, and what they do."""
    ids, z = _sample(params, model)
    _write_tables(params, out, {"sample": z}, lambda _: ids, lambda _: {})
    return {"latents": len(z), "dimensions": model.latent_dim, "dead": describe(params, model, z, out)}


def _sample(params, model):
    """(ids, z): latents drawn from the model's prior."""
    ids = [f"{model.name}-{i:06d}" for i in range(params.gan_samples)]
    return ids, model.sample_latents(params.gan_samples, params.seed)


def describe(params, model, z, out, prior=None):
    """Write <model>.stats.csv: a row per dimension.

    min, max, mean, sd, zero_share, total_activation, low, high as `facepipe.latents.statistics.statistics`; active
    (dead or active); variance_explained and influence as `facepipe.latents.influence`; rank, 1 the most influential;
    bin00, ..., how many rows of z have which value between min and max.

    Args:
        params: `latents.config.ExportLatents`.
        model: with decode.
        z: float32 (n, d), the training latents, or samples of the prior.
        out: the folder.
        prior: as for `statistics`.

    Returns:
        int, how many dimensions are dead.
    """
    table = statistics(z, prior)
    dead = table.pop("dead")
    mean, sd = table["mean"].to_numpy(), table["sd"].to_numpy()
    table["active"] = np.where(dead, "dead", "active")
    table["variance_explained"] = variance_explained(model, z, mean, params.seed)
    table["influence"] = influence(model, mean, sd)
    order = np.argsort(-table["influence"].to_numpy(), kind="stable")
    table["rank"] = np.argsort(order) + 1
    counts = histograms(z, table["min"].to_numpy(), table["max"].to_numpy())
    write_statistics(stats_path(out), table, counts)
    return int(dead.sum())


def _encode(model, shards, folder):
    """{split: float32 (n, d)}: memory maps of files, since the latents of a large set do not fit into memory."""
    encoded, total = {}, sum(shards.splits.values())
    with Progress(f"export_latents {model.name}", total) as progress:
        for split, count in shards.splits.items():
            shape = (count, model.latent_dim)
            path = folder / f"{split}.npy"
            # there are no maps of empty files
            z = np.lib.format.open_memmap(path, "w+", np.float32, shape) if count else np.empty(shape, np.float32)
            for start in range(0, count, CHUNK):
                images = shards.images(split, start, min(start + CHUNK, count))
                z[start : start + CHUNK] = model.encode(images)
                progress.update(len(images))
            encoded[split] = z
    return encoded


def _write_tables(params, out, latents, ids, extra):
    """Both forms of each table, {name: float32 (n, d)}, and pca.npz, fitted to the first; ids, extra: by name."""
    training = next(iter(latents.values()))

    def write(suffix, form, project):
        for name, z in latents.items():
            path = out / f"{name}{suffix}.{params.format}"
            chunks = (project(chunk) for chunk in _chunks(z))
            write_latents(path, ids(name), name, chunks, z.shape[1], extra(name), form)

    write("", "z", np.asarray)
    pca = fit_pca(_chunks(training))
    pca.save(pca_path(out))
    write(".pca", "pc", pca.project)


def _chunks(z):
    return (z[start : start + CHUNK] for start in range(0, len(z), CHUNK))


def _labels(labels):
    """Labels 1.0, 0.0 or NaN as texts 1, 0 or empty: {attribute: list of n str}."""
    return {name: ["" if label != label else f"{label:g}" for label in labels[name].tolist()] for name in labels}
