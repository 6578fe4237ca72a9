"""Numpy stand-ins with the interface of a loaded model, and shards to go with them: no TensorFlow, no training."""

import numpy as np
import pandas as pd

from facepipe.core.files import write_facts, write_json
from facepipe.core.pictures import save_png
from facepipe.directions.attribute_vectors import attribute_vectors
from facepipe.directions.config import AttributeVectors
from facepipe.latents.config import ExportLatents
from facepipe.latents.export import describe
from facepipe.latents.pca import fit_pca
from facepipe.latents.table import write_latents
from facepipe.metrics.config import Evaluate
from facepipe.metrics.evaluate import evaluate
from facepipe.networks.samplers import Gaussian, Prior, fit_gaussian
from facepipe.preprocess.explore import explore
from facepipe.shards.shards import Shards
from tests.material import write_shards

SHAPE = (16, 16, 3)


def pictures(count, seed=0, shape=SHAPE, strength=1.0):
    """uint8 (count, H, W, C): a bright disc on a gradient; its place, size and colors vary. Also its x in [0, 1]."""
    height, width, channels = shape
    generator = np.random.default_rng(seed)
    factors = generator.random((count, 8))[:, :, None, None]
    y, x = np.mgrid[:height, :width] / max(height, width)
    distance = np.hypot(x - 0.25 - 0.5 * factors[:, 0], y - 0.3 - 0.4 * factors[:, 1])
    disc = 1 / (1 + np.exp(20 * (distance - 0.15 - 0.2 * factors[:, 2])))
    back = 0.2 + 0.3 * factors[:, 3] * x + 0.2 * factors[:, 4] * y
    colors = [back + disc * (0.8 * factors[:, 5 + c % 3] - back) * strength for c in range(channels)]
    return np.round(255 * np.stack(colors, axis=-1)).astype(np.uint8), factors[:, 0, 0, 0]


class LinearModel:
    """PCA with the interface of `facepipe.models.load.LoadedModel`; latents have unit variance."""

    def __init__(self, name, images, latent_dim=6, inverter=False):
        self.name, self.latent_dim, self.image_shape = name, latent_dim, images.shape[1:]
        self.condition_on, self.info = (), {"training": {}}
        self.has_encoder = name != "gan" or inverter
        flat = images.reshape(len(images), -1) / 255
        self.mean = flat.mean(axis=0)
        _, values, rows = np.linalg.svd(flat - self.mean, full_matrices=False)
        self.axes = rows[:latent_dim] * values[:latent_dim, None] / np.sqrt(len(images))
        self.sampler = fit_gaussian(self.encode(images)) if name == "ae" else Prior(latent_dim)

    def encode(self, images):
        return ((images.reshape(len(images), -1) / 255 - self.mean) @ np.linalg.pinv(self.axes)).astype(np.float32)

    def posterior(self, images):
        mu = self.encode(images)
        return mu, np.full_like(mu, -3)

    def decode(self, z, labels=None):
        return np.clip(z @ self.axes + self.mean, 0, 1).astype(np.float32).reshape(len(z), *self.image_shape)

    def sample_latents(self, count, seed):
        return self.sampler.sample(count, seed)


def make_world(folder, train=160, valid=30, test=40, shape=SHAPE, latent_dim=6, inverter=False):
    """Shards with two attributes, densities and stand-in models under `folder`; returns (models, load).

    inverter: whether the GAN has an encoder, too.
    """
    images, ids, labels = {}, {}, {}
    for seed, (split, count) in enumerate({"train": train, "valid": valid, "test": test}.items()):
        if count:
            images[split], place = pictures(count, seed, shape)
            ids[split] = [f"{split}-{i:03d}.png" for i in range(count)]
            for name, x in zip(ids[split], place, strict=True):
                labels[name] = {"Right": float(x > 0.5), "Far_Right": float(x > 0.7)}
    write_shards(folder / "shards", images, ids=ids, attributes=pd.DataFrame.from_dict(labels, orient="index"))
    models = {name: LinearModel(name, images["train"], latent_dim, inverter) for name in ("ae", "vae", "gan")}
    for name, model in models.items():
        z = model.encode(images["train"]) if model.has_encoder else model.sample_latents(50, 0)
        (folder / "latents" / name).mkdir(parents=True)
        describe(ExportLatents(), model, z, folder / "latents" / name)
        fit_pca(z).save(folder / "latents" / name / "pca.npz")
        if model.has_encoder:
            Gaussian(np.zeros(latent_dim), np.eye(latent_dim)).save(folder / "latents" / name / "density.npz")
    return models, lambda path: models[path.name]


def evaluate_world(folder, load, wanted=("ae", "vae", "gan"), **params):
    """Metrics of the models of `make_world`, judged by few samples; the tables in <folder>/report."""
    params = Evaluate(
        **{"samples": 20, "kid_subsets": 2, "kid_subset_size": 4, "neighbours": 1, "samplers": ()} | params
    )
    folders = {name: folder / name for name in ("models", "latents", "shards", "report")}
    return evaluate(params, **folders, wanted=wanted, load=load)


def make_reports(folder, load):
    """What the stages before render_reports leave in `folder`: a look at the data, histories, grids, directions."""
    explore(folder / "shards", folder / "reports" / "preprocess")
    columns = {"ae": ["loss", "mse", "valid_mse"], "vae": ["loss", "kl"], "gan": ["d_loss", "g_loss", "r1"]}
    columns["inverter"] = ["loss", "mse", "latent"]
    for name, names in columns.items():
        report = folder / "reports" / f"train_{name}"
        rows = [",".join(["epoch", "images", *names])]
        rows += [",".join(map(str, [epoch, 100 * epoch, *[1 / epoch] * len(names)])) for epoch in range(1, 6)]
        report.mkdir(parents=True)
        (report / "history.csv").write_text("\n".join(rows) + "\n")
        facts = {"parameters": 12345, "best_epoch": 4, "valid_mse": 0.0123}
        write_facts(report / "facts.csv", {name: facts})
        record = {"device": "CPU", "images": 500, "precision": "float32", "replicas": 1, "threads": 2}
        write_json(folder / "models" / name / "model.json", {"training": record})
        layers = f"{name}_net,{name}_conv,Conv2D,8x8x16,1216,155648\n{name}_net,{name}_relu,ReLU,8x8x16,0,0\n"
        (report / "summary.csv").write_text(f"network,layer,type,output,parameters,flops\n{layers}")
        for epoch in range(0, 6):
            save_png(report / "grids" / f"{epoch:06d}.png", np.full((8, 8, 3), 40 * epoch, np.uint8))
    kl = [f"{epoch},{i},{epoch / 10 + i}" for epoch in range(1, 6) for i in range(6)]
    (folder / "reports" / "train_vae" / "kl.csv").write_text("\n".join(["epoch,dimension,kl", *kl]) + "\n")
    params = AttributeVectors(min_examples=5)
    for name in ("ae", "vae", "gan"):
        model = load(folder / "models" / name)
        if not model.has_encoder:
            continue
        for split in ("train", "valid", "test"):
            shards = Shards(folder / "shards")
            z = model.encode(shards.images(split))
            write_latents(folder / "latents" / name / f"{split}.csv", shards.ids(split), split, z)
    report = folder / "reports" / "attribute_vectors"
    attribute_vectors(params, folder / "shards", folder / "latents", folder / "directions", report)
    params = Evaluate(extractor="random_conv", samples=20, kid_subsets=2, kid_subset_size=10, neighbours=3, samplers=())
    report = folder / "reports" / "evaluate"
    evaluate(params, folder / "models", folder / "latents", folder / "shards", report, load=load)


def latents():
    """float32 (500, 5): dimensions that differ in how alive they are."""
    z = np.random.default_rng(0).standard_normal((500, 5)).astype(np.float32)
    z[:, 1] = 0  # always zero
    z[:, 2] = 7 + 1e-6 * z[:, 2]  # constant but for rounding
    z[:, 3] = np.maximum(z[:, 3], 0)  # half zeros
    z[:, 4] = 0.05 * z[:, 4]  # quiet, not dead
    return z
