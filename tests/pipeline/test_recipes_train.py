"""The larger recipes from end to end, their images and sizes as they are, their budgets two batches."""

import re
import shutil

import pytest

from facepipe.core.files import read_json
from facepipe.recipes import list_recipes
from tests.conftest import ROOT, THREADS
from tests.pipeline.conftest import make_repository

pytestmark = pytest.mark.slow
TRAININGS = ("train_ae", "train_vae", "train_gan", "train_inverter")
# in PFLOP
UNITS = {"M": 1e-9, "G": 1e-6, "T": 1e-3}


@pytest.mark.parametrize(("name", "side", "batch"), [("faces", 64, 32), ("gpu", 128, 128)])
def test_a_recipe_trains_and_costs_what_it_says(name, side, batch, tmp_path):
    repository = make_repository(tmp_path / "w")
    for path in ("params.yaml", "recipes"):
        (shutil.copytree if (ROOT / path).is_dir() else shutil.copy)(ROOT / path, repository.folder / path)
    said = repository.run("python", "-m", "facepipe", "recipe", name).stdout
    budgets = dict(re.findall(r"(train_\w+)\.images: \S+ -> (\d+)", said))
    assert sorted(budgets) == sorted(TRAININGS)
    # celeba is not here, and 400,000 images take an hour
    few = {f"{stage}.images": 2 * batch for stage in TRAININGS}
    few |= {f"{stage}.images_per_epoch": 2 * batch for stage in TRAININGS}
    small = {"dataset.synthetic.count": 320, "dataset.synthetic.size": side, "attribute_vectors.min_examples": 20}
    small |= {"export_latents.gan_samples": 40, "evaluate.samples": 40, "evaluate.kid_subset_size": 20}
    repository.set_params({"dataset.name": "synthetic", "train.threads": THREADS} | few | small)
    log = repository.run("dvc", "repro", "render_reports").stdout
    total = 0.0
    for stage in TRAININGS:
        size, unit = re.search(rf"{stage}: .*\(([\d.]+) (\w)FLOP an image\)", log).groups()
        total += int(budgets[stage]) * float(size) * UNITS[unit]
    cost = float(re.search(r"([\d.]+) PFLOP", " ".join(list_recipes(ROOT / "recipes")[name]))[1])
    assert cost == pytest.approx(total, rel=0.06)
    for model in ("ae", "vae", "gan"):
        spec = read_json(repository.folder / f"data/models/{model}/model.json")["spec"]
        assert spec["image_shape"] == [side, side, 3] and max(spec.get("widths", [0])) <= 8 * side
        assert (repository.folder / f"reports/render_reports/grids/samples_{model}.png").exists()
