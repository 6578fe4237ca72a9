"""The adversarial finish: only the decoder changes, and its pictures become sharper."""

import csv

import numpy as np
import pytest

from facepipe.errors import InputError
from facepipe.metrics.sharpness import gradient_energy
from facepipe.models.ae.config import TrainAE
from facepipe.models.ae.finish import patch_discriminator
from facepipe.models.load import load_model
from facepipe.models.vae.config import TrainVAE
from facepipe.report.page.reading import read_scores
from facepipe.shards.shards import Shards
from tests.trainings import train

COMMON = {"latent_dim": 4, "widths": (8, 8), "batch_size": 16, "epochs": 4, "learning_rate": 5e-3}
FINISH = {
    "images": 1920, "batch_size": 16, "discriminator_first": 96, "learning_rate": 5e-3,
    "discriminator_learning_rate": 5e-3, "adversarial_weight": 0.2, "random_weight": 0.05, "feature_weight": 0.2,
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tiny_params, tiny_shards, tmp_path_factory):
    """{"ae", "vae"}: (the model without and with a finish, the finished one's report)."""
    found = {}
    for name, section in {"ae": TrainAE, "vae": TrainVAE}.items():
        folder = tmp_path_factory.mktemp(name)
        for finish in ({}, FINISH):
            where = folder / ("finished" if finish else "plain")
            params = section(**COMMON, finish=finish)
            train(name, tiny_params[0], params, tiny_shards, where / "model", where / "report")
        models = [load_model(folder / each / "model") for each in ("plain", "finished")]
        found[name] = (*models, folder / "finished" / "report", Shards(tiny_shards).images("test"))
    return found


@pytest.mark.parametrize("name", ["ae", "vae"])
def test_latents_stay_and_pictures_sharpen(name, finished):
    plain, sharp, _, images = finished[name]
    np.testing.assert_array_equal(plain.encode(images), sharp.encode(images))
    # beside the edge in the middle there is but noise, which the first has not
    energy = [gradient_energy(x[:, :, 9:]).mean() for x in (images, *(_decoded(m, images) for m in (plain, sharp)))]
    assert energy[1] < 0.2 * energy[0] and 1.5 * energy[1] < energy[2] < energy[0]


def _decoded(model, images):
    return np.rint(255 * model.decode(model.encode(images))).astype(np.uint8)


@pytest.mark.parametrize("name", ["ae", "vae"])
def test_history_and_grids_go_on(name, finished):
    report = finished[name][2]
    with open(report / "history.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == list(range(1, 25))
    assert [int(row["images"]) for row in rows] == [96 * epoch for epoch in range(1, 25)]
    assert not rows[3]["d_loss"] and float(rows[4]["d_loss"]) > 0 and float(rows[-1]["valid_mse"]) > 0
    assert [path.name for path in sorted((report / "grids").iterdir())] == [f"{i:06d}.png" for i in range(25)]
    facts = read_scores(report / "facts.csv", [name])[name]
    assert facts["finished_valid_mse"] == pytest.approx(float(rows[-1]["valid_mse"]), rel=1e-5)
    assert facts["valid_mse"] == pytest.approx(min(float(row["valid_mse"]) for row in rows[:4]), rel=1e-5)


def test_the_decoder_waits_for_its_discriminator(finished):
    with open(finished["ae"][2] / "history.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    # of the sixth step on: the first epoch of the finish is the discriminator's alone
    assert rows[4]["valid_mse"] != rows[5]["valid_mse"]
    best = min(rows[:4], key=lambda row: float(row["valid_loss"]))
    assert float(rows[4]["valid_mse"]) == pytest.approx(float(best["valid_mse"]), rel=1e-3)


# of the maps after each halving, and of the logits
SIZES = [
    ((64, 64, 3), 1, [32, 16, 8, 8]),
    ((64, 64, 3), 2, [16, 8, 8]),
    ((18, 13, 1), 1, [9, 9]),
    ((8, 8, 3), 1, [4, 4]),
]


@pytest.mark.parametrize(("shape", "patch", "sizes"), SIZES)
def test_patches_of_any_image(shape, patch, sizes):
    outputs = patch_discriminator(shape, patch, 0, "float32")(np.zeros((2, *shape), np.float32))
    assert [output.shape[1] for output in outputs] == sizes
    assert outputs[-1].shape[3] == 1


def test_a_batch_that_is_too_large_is_known_beforehand(tiny_params, tiny_shards, tmp_path):
    params = TrainAE(**COMMON, finish=FINISH | {"batch_size": 97})
    with pytest.raises(InputError, match=r"^finish: batch_size: 97 is more than the 96 training images"):
        train("ae", tiny_params[0], params, tiny_shards, tmp_path / "model", tmp_path / "report")
    assert not (tmp_path / "report" / "history.csv").exists()
