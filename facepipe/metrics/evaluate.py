"""The stage evaluate: reconstruction beside PCA, samples against held-out images, latent health."""

import re
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facepipe.core.determinism import one_blas_thread, rng
from facepipe.core.files import write_csv, write_facts
from facepipe.core.pictures import to_uint8
from facepipe.core.progress import track
from facepipe.directions.table import read_directions
from facepipe.errors import InputError
from facepipe.features.extractors import called
from facepipe.latents.folder import MODELS, check_exported, density_path, split_path
from facepipe.latents.paths import PATH_METHODS
from facepipe.latents.statistics import kl_per_dimension, statistics
from facepipe.latents.table import read_latents
from facepipe.metrics import reconstruction
from facepipe.metrics.amiss import Amiss, find_amiss
from facepipe.metrics.config import check_counts
from facepipe.metrics.edits import EditJudge, EditScores, edit_metrics
from facepipe.metrics.interpolation import paths
from facepipe.metrics.samples import Judge, SampleScores, sample_metrics
from facepipe.networks.health import active_units
from facepipe.networks.pixel_pca import fit_pca
from facepipe.networks.samplers import Prior, Uniform, fit_gaussian, load_sampler
from facepipe.shards.labels import random_labels, read_labels
from facepipe.shards.shards import Shards

BATCH = 256
PCA_IMAGES = 20_000  # training images that PCA is fitted to, at most: its components have settled long before
# names of the metrics in `headline`; extractor and counts follow
COMPARED = re.compile(r"test_mse(_to_pca)?$|kid_x1000_(?!sd_|density_)|recall_|edit_decoded_success_|face_rate_")
# of three models: 15 columns of `dvc exp show`. Where there are more, the one that follows from others and PCA's goes
MOST, SPARED = 5, "test_mse_to_pca"
DIGITS = 9  # significant, in the tables


@one_blas_thread
def evaluate(params, models, latents, shards, report, wanted=MODELS, load=None, directions=None):
    """Judge the models.

    Args:
        params: `facepipe.metrics.config.Evaluate`.
        models: folder of the model folders ae, vae and gan.
        latents: folder of the exported latents; <model>/density.npz is the sampler fitted to training latents.
        shards: folder of the shards. Reconstruction is judged on the test split. Samples are compared with
            up to `params.samples` real images: the test split, then the valid split; training images never.
            The number there is stands in the metrics' names, and so does the size of KID's subsets where there are
            fewer images than `params.kid_subset_size`. A conditioned model reconstructs with the images' own
            labels and makes samples with those of training images drawn at random.
        report: folder for scores.csv (all metrics), samples.csv, reconstruction.csv, edits.csv, latents/<model>.csv,
            and amiss.csv: what these say is amiss with a model, which is printed, too.
        wanted: which models there are.
        load: function folder -> model, default `facepipe.models.load.load_model`.
        directions: folder of the directions, for edits.csv; None, or `params.edit_images` 0: edits are not judged.

    Returns:
        dict: for each model the numbers to compare it by, and under "real" what training images score
        against the held-out ones: the best that a model can do.

    Raises:
        InputError: too few held-out images, or a model or density that cannot be read.
    """
    shards, report = Shards(shards), Path(report)
    if load is None:
        from facepipe.models.load import load_model as load
    if shards.count("test") == 0:
        raise InputError(f"{shards.folder}: the test split is empty; evaluate needs one (preprocess makes it)")
    for name in wanted:
        check_exported(Path(latents) / name, Path(models) / name)
    reference = _held_out(shards, params.samples)
    check_counts(params, len(reference), shards.count("train"))
    tag = f"{called(params.extractor)}_n{len(reference)}"
    subset = min(params.kid_subset_size, len(reference), shards.count("train"))
    # a KID of smaller subsets is another number, and says so in its name
    kid_tag = tag if subset == params.kid_subset_size else f"{tag}_subset{subset}"
    if kid_tag != tag:
        print(f"evaluate: KID over subsets of {subset} images: there are not {params.kid_subset_size}")
    if len(reference) < params.samples:
        print(f"evaluate: {len(reference)} samples a model, as many as there are held-out images, not {params.samples}")
    train = shards.gather("train", _some_rows(shards, "train", len(reference), params.seed))
    judge = Judge(params, reference, train, subset, (shards.framing or {}).get("eyes"))
    samples, reconstructions, metrics = [judge.real], [], {"real": sample_metrics(judge.real, tag, kid_tag)}
    floors, edits, edit_judge, amiss = {}, [], None, []
    if directions and params.edit_images and shards.attribute_names:
        edit_judge = EditJudge(shards, params.seed, params.edit_images, judge.distances)
    for name in track(wanted, "evaluate", unit="models"):
        model = load(Path(models) / name)
        metrics[name], rows = {}, None
        if model.has_encoder:
            if model.latent_dim not in floors:
                floors[model.latent_dim] = _pca_floor(shards, model.latent_dim)
            floor = floors[model.latent_dim]
            rows = _reconstruct(model, shards, judge.identity_images)
            reconstructions += [
                (name, *rows.scores.mean(axis=0)),
                (f"pca{floor.components} (for {name})", *floor.scores),
            ]
            metrics[name] |= judge.identity(rows.kept, rows.decoded)
            if edit_judge:
                path = Path(directions) / f"{name}.csv"
                found = edit_judge(model, read_directions(path, model.latent_dim, name))
                edits += found
                metrics[name] |= edit_metrics(found)
            metrics[name] |= _reconstruction_metrics(rows.scores, floor) | _latent_metrics(
                name, rows.z, rows.logvar, params, report
            )
        labels = random_labels(shards, model.condition_on, len(reference), params.seed)
        z = model.sample_latents(len(reference), params.seed)
        own = judge(name, model.sampler.name, _sample(model, z, labels))
        samples.append(own)
        metrics[name] |= sample_metrics(own, tag, kid_tag)
        density = density_path(Path(latents) / name)
        if model.has_encoder:
            sampler = load_sampler(density)
            if sampler.latent_dim != model.latent_dim:
                raise InputError(
                    f"{density}: has {sampler.latent_dim} dimensions, model {name} has {model.latent_dim}; "
                    "run the export_latents stage again"
                )
            z = sampler.sample(len(reference), params.seed)
            fitted = judge(name, f"density ({sampler.name})", _sample(model, z, labels))
            samples.append(fitted)
            metrics[name][f"kid_x1000_density_{kid_tag}"] = fitted.kid_mean * 1000
            for other in _others(params.samplers, {model.sampler.name, sampler.name}, model, Path(latents) / name):
                z = other.sample(len(reference), params.seed)
                samples.append(judge(name, other.name, _sample(model, z, labels)))
        z, labels = _ends(model, shards, None if rows is None else rows.z, params)
        if len(z):
            metrics[name] |= judge.smoothness(_sample(model, *paths(z, labels, PATH_METHODS[name])))
        finished = "finish" in model.info["training"]
        amiss.append(find_amiss(name, model.latent_dim, metrics[name], metrics["real"], tag, len(reference), finished))
    amiss = [each for each in amiss if each]
    for each in amiss:
        print(f"evaluate: warning: {each.model}: {each.sign}; to try: {each.remedy}", file=sys.stderr)
    write_csv(report / "amiss.csv", Amiss._fields, amiss)
    write_csv(report / "samples.csv", SampleScores._fields, samples, DIGITS)
    write_facts(report / "scores.csv", metrics, DIGITS)
    rows = ((row.edit, *row) for row in edits)
    write_csv(report / "edits.csv", ("edit", *EditScores._fields), rows, DIGITS)
    columns = "model", "test_mse", "test_psnr_db", "test_ssim"
    write_csv(report / "reconstruction.csv", columns, reconstructions, DIGITS)
    return metrics


def headline(metrics):
    """The few of evaluate's metrics that runs are compared by, `MOST` a model: {model: {name: value}}.

    They are the squared error and its ratio to PCA's, KID, recall, and as far as they were judged the success of edits
    and the share of random faces in which a face is found. Where all six are there, the ratio stays in scores.csv. So
    does what the photographs themselves score, which no param of a model changes.
    """
    few = {}
    for name, found in metrics.items():
        if name != "real":
            few[name] = {key: value for key, value in found.items() if COMPARED.match(key)}
            if len(few[name]) > MOST:
                del few[name][SPARED]
    return few


def _others(names, known, model, latents):
    """The samplers in `names` that are not `known`, of a model whose latents lie in the folder `latents`."""
    for name in names:
        if name in known:
            continue
        if name == "gaussian":
            yield fit_gaussian(read_latents(split_path(latents, "train"), model.latent_dim).z)
        else:
            yield {"uniform": Uniform, "prior": Prior}[name](model.latent_dim)


class _Floor(NamedTuple):
    components: int
    scores: np.ndarray  # mean test mse, psnr in dB, ssim


def _pca_floor(shards, latent_dim):
    """What PCA of this size reaches on the test split."""
    rows = _some_rows(shards, "train", PCA_IMAGES, seed=0)

    def batches():
        return (shards.gather("train", rows[i : i + BATCH]) for i in range(0, len(rows), BATCH))

    pca = fit_pca(batches, latent_dim)
    scores = [_reconstruction_scores(images, pca.reconstruct(images)) for images in _batches(shards, "test")]
    return _Floor(pca.components.shape[1], np.concatenate(scores).mean(axis=0))


class _Reconstructed(NamedTuple):
    z: np.ndarray  # (n, d)
    logvar: np.ndarray | None  # (n, d), of a VAE
    scores: np.ndarray  # (n, 3), see `_reconstruction_scores`
    kept: np.ndarray  # uint8 (m, h, w, c), the first images
    decoded: np.ndarray  # and their reconstructions


def _reconstruct(model, shards, keep):
    """`_Reconstructed` of the test split; a VAE reconstructs from mu. keep: int, how many images are wanted back."""
    z, logvar, scores, kept = [], [], [], []
    labels = read_labels(shards, "test", model.condition_on)
    for start, images in zip(range(0, len(labels), BATCH), _batches(shards, "test"), strict=True):
        if model.name == "vae":
            mu, spread = model.posterior(images)
            logvar.append(spread)
        else:
            mu = model.encode(images)
        z.append(mu)
        decoded = _decode(model, mu, labels[start : start + BATCH])
        scores.append(_reconstruction_scores(images, decoded))
        kept.append(np.stack([images, to_uint8(decoded)], 1)[: max(0, keep - start)])
    pairs = np.concatenate(kept)
    logvar = np.concatenate(logvar) if logvar else None
    return _Reconstructed(np.concatenate(z), logvar, np.concatenate(scores), pairs[:, 0], pairs[:, 1])


def _reconstruction_scores(images, decoded):
    """float64 (n, 3): mse, psnr in dB, ssim of each image."""
    images = images.astype(np.float32) / 255
    return np.stack([metric(images, decoded) for metric in _RECONSTRUCTION], axis=1)


_RECONSTRUCTION = (reconstruction.mse, reconstruction.psnr, reconstruction.ssim)


def _reconstruction_metrics(rows, floor):
    mse, psnr, ssim = rows.mean(axis=0)
    pca = float(floor.scores[0])
    return {
        "test_mse": float(mse),
        f"test_mse_pca{floor.components}": pca,
        **({"test_mse_to_pca": float(mse / pca)} if pca else {}),
        "test_psnr_db": float(psnr),
        "test_ssim": float(ssim),
    }


def _latent_metrics(name, z, logvar, params, report):
    """Latent health on the test split; every dimension goes to latents/<name>.csv."""
    table = statistics(z)
    metrics = {"dead_dimensions": int(table["dead"].sum())}
    if logvar is not None:
        table["active"] = active_units(z.astype(np.float64).var(axis=0), params.active_variance).astype(int)
        table["kl_nats"] = kl_per_dimension(z, logvar)
        metrics |= {"active_units": int(table["active"].sum()), "kl_nats": float(table["kl_nats"].sum())}
    write_csv(report / "latents" / f"{name}.csv", table.columns, table.itertuples(index=False), DIGITS)
    return metrics


def _ends(model, shards, encoded, params):
    """Ends of `params.interpolations` paths: encodings of test images (`encoded`), as many as there are, and labels.

    A GAN's are drawn from its sampler, whether it has an inverter or not: its own latents are those.
    """
    if model.name == "gan":
        z = model.sample_latents(2 * params.interpolations, params.seed)
        return z, random_labels(shards, model.condition_on, len(z), params.seed)
    count = 2 * min(params.interpolations, len(encoded) // 2)
    rows = rng(params.seed, "interpolation").permutation(len(encoded))[:count]
    return encoded[rows], read_labels(shards, "test", model.condition_on)[rows]


def _sample(model, z, labels):
    """Decode latents to uint8 images, a batch at a time."""
    parts = [slice(start, start + BATCH) for start in range(0, len(z), BATCH)]
    return np.concatenate([to_uint8(_decode(model, z[part], labels[part])) for part in parts])


def _decode(model, z, labels):
    images = model.decode(z, labels)
    if not np.isfinite(images).all():
        raise InputError(f"model {model.name}: decodes to NaN or infinity; train it at a lower learning rate")
    return images


def _batches(shards, split):
    return (shards.images(split, i, i + BATCH) for i in range(0, shards.count(split), BATCH))


def _some_rows(shards, split, count, seed):
    """Rows of `split` in rising order: `count` at random, or all where there are not more."""
    available = shards.count(split)
    if available <= count:
        return np.arange(available)
    return np.sort(rng(seed, "evaluate", split).choice(available, count, replace=False))


def _held_out(shards, count):
    """Up to `count` real images: the test split, then the valid split."""
    test = shards.gather("test", _some_rows(shards, "test", count, seed=0))
    valid = shards.gather("valid", _some_rows(shards, "valid", count - len(test), seed=0))
    return np.concatenate([test, valid])
