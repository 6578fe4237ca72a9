"""Trainings with other params on one set of photographs, judged alike: a row of experiments.csv and a sheet each.

    python -m tests.bench.experiment r1-low train_gan train_gan.r1_gamma=0.05 train_gan.init_from=../vae/data/models/vae

trains the GAN in <folder>/r1-low with params.yaml changed so, on --data (celeba | lfw | utkface), and judges as
many random faces as there are held-out photographs, 1,000 at most, in dlib's features. Stages: train_ae, train_vae,
train_gan, train_inverter, export_latents@<model>, judge@<model>, edits@<model>; the photographs come from
../shared/data.
"""

import argparse
import csv
import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import yaml

from facepipe.features.extractors import features
from tests.bench.material import ROOT

SETS = {
    "celeba": {"dataset.name": "celeba", "dataset.archive": "celeba/img_align_celeba.zip", "dataset.checksums": "none"},
    "lfw": {"dataset.name": "lfw", "dataset.archive": "lfw/lfw-deepfunneled.tgz", "dataset.checksums": "none"},
    "utkface": {"dataset.name": "utkface", "dataset.archive": "utkface/crop_part1.tar.gz", "dataset.checksums": "none"},
}
COLUMNS = (
    "name", "data", "model", "sampler", "images", "minutes", "kid_x1000", "sd", "precision", "recall", "density",
    "coverage", "sharpness", "test_mse", "changes",
)  # fmt: skip
SHEET = 8


def changed(raw, changes):
    """The sections of params.yaml with {dotted key: value} put in."""
    for key, value in changes.items():
        *sections, name = key.split(".")
        place = raw
        for section in sections:
            place = place[section]
        place[name] = value
    return raw


def params_of(changes):
    from facepipe.config import check_params

    return check_params(changed(yaml.safe_load((ROOT / "params.yaml").read_text()), changes), "params.yaml")


def prepare(folder, data, source):
    """The shards of a data set, made once; its folder."""
    shards = folder / f"{data}-shards"
    if not shards.exists():
        from facepipe.download.fetch import fetch
        from facepipe.preprocess.preprocess import preprocess

        changes = dict(SETS[data])
        changes["dataset.archive"] = str(Path(source, changes["dataset.archive"]).resolve())
        params = params_of(changes)
        fetch(params.dataset, sources_yaml=ROOT / "data/sources.yaml", out=folder / f"{data}-raw")
        preprocess(params.preprocess, raw=folder / f"{data}-raw", out=shards)
    return shards


def train(stage, params, shards):
    from facepipe.models.ae.task import AETask
    from facepipe.models.gan.task import GANTask
    from facepipe.models.inverter.task import InverterTask
    from facepipe.models.vae.task import VAETask
    from facepipe.training.session import train as session

    name = stage.removeprefix("train_")
    task = {"ae": AETask, "vae": VAETask, "gan": GANTask, "inverter": InverterTask}[name]
    given = {"gan": "data/models/gan"} if name == "inverter" else {}
    session(task, params.train, getattr(params, stage), shards, f"data/models/{name}", f"reports/{stage}", **given)


class Judge:
    """Compares random faces of models with the held-out photographs, in dlib's features."""

    def __init__(self, folder, data, shards, params):
        from facepipe.metrics.evaluate import _held_out
        from facepipe.metrics.sharpness import gradient_energy

        self.params, self.eyes = params, (shards.framing or {}).get("eyes")
        self.images, self.shards = _held_out(shards, params.samples), shards
        path = folder / f"{data}-reference.npy"
        if not path.exists():
            np.save(path, self.features(self.images))
        self.reference, self.sharpness = np.load(path), gradient_energy(self.images).mean()

    def features(self, images):
        # dlib works on one core
        with ProcessPoolExecutor(2, get_context("spawn")) as pool:
            halves = np.array_split(images, 2)
            return np.concatenate(list(pool.map(features, [self.params.extractor] * 2, halves, [self.eyes] * 2)))

    def scores(self, images):
        from facepipe.features.kid import kid
        from facepipe.metrics.prdc import prdc
        from facepipe.metrics.sharpness import gradient_energy

        found, p = self.features(images), self.params
        mean, sd = kid(self.reference, found, p.kid_subsets, p.kid_subset_size, p.seed)
        overlap = prdc(self.reference, found, p.neighbours)
        return [mean * 1000, sd * 1000, *overlap, gradient_energy(images).mean() / self.sharpness]


def judged(judge, name, sheet, psis):
    """(sampler, scores, test MSE) of each sampler of the trained model `name`."""
    from facepipe.core.pictures import save_png, tile, to_uint8
    from facepipe.latents.folder import density_path
    from facepipe.models.load import load_model
    from facepipe.networks.samplers import Prior, load_sampler

    model, count = load_model(f"data/models/{name}"), len(judge.images)
    mse = ""
    if model.has_encoder:
        test = judge.shards.images("test", 0, judge.shards.count("test"))
        mse = float(np.square(model.decode(model.encode(test)) - test / np.float32(255)).mean())
        pairs = np.stack([test[:32], to_uint8(model.decode(model.encode(test[:32])))], 1).reshape(64, *test.shape[1:])
        save_png(f"{sheet}-{name}-reconstructed.png", tile(pairs, SHEET))
    samplers = {model.sampler.name: model.sampler}
    if name == "gan":
        samplers |= {f"psi {psi}": Prior(model.latent_dim, psi) for psi in psis}
    density = density_path(f"data/latents/{name}")
    if density.exists() and name != "gan":
        samplers["density"] = load_sampler(density)
    for kind, sampler in samplers.items():
        images = to_uint8(model.decode(sampler.sample(count, 0)))
        save_png(f"{sheet}-{name}-{kind}.png", tile(images[: SHEET**2], SHEET))
        yield kind, judge.scores(images), mse


def judged_edits(judge, name, params, attributes, compared):
    """Rows (scale, method, its factor, *`EditScores`): every method's directions of some attributes.

    Both scales, or with attribute_vectors.scale=pixels that one alone; `compared` photographs' identity.
    """
    from facepipe.directions.attribute_vectors import attribute_vectors
    from facepipe.directions.strength import PixelScale
    from facepipe.directions.table import read_directions
    from facepipe.latents.table import read_latents
    from facepipe.metrics.edits import EditJudge
    from facepipe.models.load import load_model

    def distances(*images):
        return np.linalg.norm(np.subtract(*(judge.features(each).astype(float) for each in images)), axis=1)

    model, shards = load_model(f"data/models/{name}"), judge.shards
    section = params.attribute_vectors.model_copy(update={"scale": "latent"})
    attribute_vectors(section, shards.folder, "data/latents", "data/directions", "reports/attribute_vectors", [name])
    found = read_directions(f"data/directions/{name}.csv")
    found = found.take([i for i, each in enumerate(found.names) if each in attributes])
    scaled, notes = PixelScale(shards)(model, read_latents(f"data/latents/{name}/train.csv").z, found)
    print(*notes, sep="\n")
    edits = EditJudge(shards, params.evaluate.seed, params.evaluate.edit_images or 24000, distances, compared)
    scales = {"latent": found, "pixels": scaled}
    if params.attribute_vectors.scale == "pixels":
        del scales["latent"]
    for method in section.methods:
        rows = [i for i, by in enumerate(found.methods) if by == method]
        factors = {found.names[i]: round(scaled.scale[i], 2) for i in rows}
        for scale, directions in scales.items():
            for score in edits(model, directions.take(rows)):
                yield scale, method, 1 if scale == "latent" else factors[score.attribute], *score


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("stages", help="comma-separated, such as train_vae,train_gan")
    parser.add_argument("changes", nargs="*", help="key=value")
    parser.add_argument("--data", default="celeba", choices=SETS)
    parser.add_argument("--source", default=ROOT / "../shared/data")
    parser.add_argument("--attributes", nargs="*", default=["Smiling", "Eyeglasses", "Male", "Blond_Hair"])
    parser.add_argument("--compared", type=int, default=25, help="edited photographs whose identity is compared")
    parser.add_argument("--psi", type=float, nargs="*", default=[])
    parser.add_argument("--folder", type=Path, default=Path("/tmp/experiments"))
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    shards = prepare(folder, options.data, options.source)
    given = {key: yaml.safe_load(value) for key, value in (change.split("=", 1) for change in options.changes)}
    params = params_of({"evaluate.extractor": "dlib"} | given)
    work = folder / options.name
    work.mkdir(exist_ok=True)
    os.chdir(work)
    from facepipe.quiet import import_tensorflow

    import_tensorflow(wrappers=False)
    from facepipe.shards.shards import Shards

    judge = None
    for stage in options.stages.split(","):
        started = time.monotonic()
        name = stage.removeprefix("train_")
        if stage.startswith("export_latents"):
            from facepipe.latents.export import export_latents

            name = stage.split("@")[1]
            export_latents(params.export_latents, name, "data/models", shards, "reports", "data/latents")
        elif stage.startswith(("judge", "edits")):
            name = stage.split("@")[1]
        else:
            train(stage, params, shards)
        minutes = (time.monotonic() - started) / 60
        if name == "inverter":
            continue
        judge = judge or Judge(folder, options.data, Shards(shards), params.evaluate)
        if stage.startswith("edits"):
            for row in judged_edits(judge, stage.split("@")[1], params, options.attributes, options.compared):
                with open(f"edits-{options.data}.csv", "a", newline="") as file:
                    csv.writer(file).writerow(row)
                print(*row, flush=True)
            continue
        images = getattr(params, f"train_{name}").images or ""
        for sampler, scores, mse in judged(judge, name, work / options.data, options.psi):
            row = [options.name, options.data, name, sampler, images, round(minutes, 2)]
            row += [round(score, 4) for score in scores] + [mse and round(mse, 5), " ".join(options.changes)]
            path = folder / "experiments.csv"
            fresh = not path.exists()
            with open(path, "a", newline="") as file:
                csv.writer(file).writerows([COLUMNS, row] if fresh else [row])
            print(dict(zip(COLUMNS, row, strict=True)), flush=True)


if __name__ == "__main__":
    main()
