"""The best of a GAN's snapshots by KID: which epoch is kept, what history says, too few images to judge by."""

import csv

import numpy as np
import pytest

from facepipe.errors import InputError
from facepipe.models.gan import snapshots as module
from facepipe.models.gan.config import TrainGAN
from facepipe.models.load import load_model
from facepipe.report.page.reading import read_scores
from tests.trainings import train

PARAMS = {
    "latent_dim": 4, "generator_widths": (8, 8), "discriminator_widths": (8, 8), "batch_size": 16, "epochs": 6,
    "ema_half_life_kimg": 0.05, "keep": "best", "keep_extractor": "random_conv", "keep_samples": 30,
}  # fmt: skip
METRIC = "valid_kid_x1000_random_conv_n30"


def trained(params, train_params, shards, folder):
    train("gan", train_params, TrainGAN(**params), shards, folder / "model", folder / "report")
    with open(folder / "report" / "history.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file)), read_scores(folder / "report" / "facts.csv", ["gan"])["gan"]


def test_the_lowest_kid_is_kept(tiny_params, tiny_shards, tmp_path, monkeypatch):
    # the real KIDs, but for the third snapshot's, which is to be the best
    original, calls = module.kid, []

    def kid(*arguments, **options):
        calls.append(original(*arguments, **options))
        return (-1.0, 0.0) if len(calls) == 3 else calls[-1]

    monkeypatch.setattr(module, "kid", kid)
    rows, facts = trained(PARAMS, tiny_params[0], tiny_shards, tmp_path / "best")
    assert facts["best_epoch"] == 3 and facts[METRIC] == -1000
    assert [float(row[METRIC]) for row in rows] == pytest.approx(
        [*(1000 * c[0] for c in calls[:2]), -1000, *(1000 * c[0] for c in calls[3:])], rel=1e-5
    )
    # a training that ends there makes the same faces: nothing of it depends on the epochs to come
    trained(PARAMS | {"epochs": 3, "keep": "last"}, tiny_params[0], tiny_shards, tmp_path / "short")
    best, short = (load_model(tmp_path / each / "model") for each in ("best", "short"))
    z = best.sample_latents(5, 0)
    np.testing.assert_array_equal(best.decode(z), short.decode(z))
    assert best.info["training"]["best_epoch"] == 3


def test_kid_of_each_grid(tiny_params, tiny_shards, tmp_path):
    rows, facts = trained(PARAMS | {"epochs": 5, "grid_every": 2}, tiny_params[0], tiny_shards, tmp_path)
    judged = [row["epoch"] for row in rows if row[METRIC]]
    assert judged == ["2", "4", "5"], "the grids, and the last"
    lowest = min((row for row in rows if row[METRIC]), key=lambda row: float(row[METRIC]))
    assert facts["best_epoch"] == int(lowest["epoch"])


def test_too_few_images_to_judge_by(tiny_params, tiny_shards, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FEWEST", 33)
    with pytest.raises(InputError, match=r"^keep: best needs 33 validation images to judge by, there are 30"):
        trained(PARAMS, tiny_params[0], tiny_shards, tmp_path)
    assert not (tmp_path / "model").exists()
