"""What evaluate finds amiss: stand-ins that have come to nothing, each said in one line, and on the page."""

import copy
import csv

import numpy as np
import pytest

from facepipe.metrics.amiss import LEAST_DIVERSITY, find_amiss
from facepipe.metrics.config import Evaluate
from facepipe.metrics.evaluate import evaluate
from facepipe.networks.samplers import Prior
from facepipe.report.page.scores_section import amiss_section
from tests.standins import make_world

WELL = {"test_mse_to_pca": 1.05, "dead_dimensions": 0, "diversity_x_n500": 0.9, "recall_x_n500": 0.5}
REAL = {"recall_x_n500": 0.95}


@pytest.fixture
def world(tmp_path):
    models, load = make_world(tmp_path)
    params = Evaluate(extractor="random_conv", samples=50, kid_subsets=2, kid_subset_size=20, neighbours=3, samplers=())

    def run(**changed):
        folders = {name: tmp_path / name for name in ("models", "latents", "shards", "report")}
        evaluate(params, **folders, load=lambda path: changed.get(path.name) or load(path))
        with open(tmp_path / "report" / "amiss.csv", encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return models, run, tmp_path / "report" / "amiss.csv"


class Collapsed:
    """A stand-in whose latents are all nearly zero, and whose faces so all nearly the mean."""

    def __init__(self, model):
        self.__dict__ |= vars(model)
        self._model, self.sampler = model, Prior(model.latent_dim)

    def encode(self, images):
        return 1e-3 * self._model.encode(images)

    def posterior(self, images):
        mu = self.encode(images)
        return mu, np.zeros_like(mu)

    def decode(self, z, labels=None):
        return self._model.decode(1e-3 * z)

    def sample_latents(self, count, seed):
        return self.sampler.sample(count, seed)


def test_nothing_is_amiss(world, capsys):
    _, run, path = world
    assert run() == [] and capsys.readouterr().err.count("warning") == 0
    assert amiss_section(path, ("ae", "vae", "gan")) == []


def test_collapsed_models_are_named_in_a_line_each(world, capsys):
    models, run, path = world
    rows = run(vae=Collapsed(models["vae"]), gan=Collapsed(models["gan"]))
    assert [row["model"] for row in rows] == ["vae", "gan"]
    lines = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert [line.split("; to try: ")[0] for line in lines] == [
        "evaluate: warning: vae: 0 of 6 latent dimensions say anything of the photographs",
        "evaluate: warning: gan: its random faces are alike (diversity 0.00 of that of photographs, recall 0.00)",
    ]
    assert "lower train_vae.beta" in lines[0] and "train_gan.init_from" in lines[1]
    shown = amiss_section(path, ("ae", "vae"))
    assert [(each.title, each.remedy) for each in shown] == [("Variational autoencoder", rows[0]["remedy"])]


def test_an_autoencoder_worse_than_pca(world):
    models, run, _ = world
    worse = copy.copy(models["ae"])
    worse.decode = lambda z, labels=None: models["ae"].decode(0.5 * z)
    (row,) = run(ae=worse)
    assert row["model"] == "ae" and row["sign"].startswith("it reconstructs worse than PCA of its size (")
    # a finish trades squared error for sharpness
    worse.info = {"training": {"finish": {"images": 100}}}
    assert run(ae=worse) == []


@pytest.mark.parametrize(
    ("name", "change", "sign"),
    [
        ("ae", {}, None),
        ("ae", {"test_mse_to_pca": 1.14}, None),
        ("ae", {"test_mse_to_pca": 1.3}, "worse than PCA of its size (1.30 times"),
        ("vae", {"test_mse_to_pca": 1.3, "active_units": 20}, None),  # what beta costs
        ("vae", {"active_units": 4}, None),
        ("vae", {"active_units": 3}, "3 of 64 latent dimensions"),
        ("vae", {"active_units": 64, "kl_nats": 1.2}, None),
        (
            "vae",
            {"active_units": 64, "kl_nats": 0.16},
            "next to nothing of the photographs (KL to the prior 0.16 nats)",
        ),
        ("ae", {"dead_dimensions": 60}, None),
        ("ae", {"dead_dimensions": 61}, "3 of 64 latent dimensions"),
        ("gan", {"diversity_x_n500": LEAST_DIVERSITY}, None),
        ("vae", {"diversity_x_n500": 0.19}, "its random faces are alike (diversity 0.19 of"),
        ("gan", {"recall_x_n500": 0.01}, None),
        ("gan", {"recall_x_n500": 0.004}, "next to none of the held-out ones (recall 0.004)"),
        ("vae", {"recall_x_n500": 0.0}, None),  # ghosts are many
    ],
)
def test_thresholds(name, change, sign):
    found = find_amiss(name, 64, WELL | change, REAL, "x_n500", 500, finished=False)
    assert (found is None) if sign is None else sign in found.sign and found.model == name


def test_few_images_say_nothing_of_recall():
    scores = {"diversity_x_n40": 0.5, "recall_x_n40": 0.0}
    assert find_amiss("gan", 64, scores, {"recall_x_n40": 0.9}, "x_n40", 40, finished=False) is None
