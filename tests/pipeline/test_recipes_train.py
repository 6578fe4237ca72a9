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
    shutil.copy(ROOT / "params.yaml", repository.folder / "params.yaml")
    said = repository.run("python", "-m", "facepipe", "recipe", name).stdout
    budgets = dict(re.findall(r"(train_\w+)\.images: \S+ -> (\d+)", said))
    assert sorted(budgets) == sorted(TRAININGS)
    # celeba is not here, and 400,000 images take an hour
    few = {f"{stage}.images": 2 * batch for stage in TRAININGS}
    few |= {f"{stage}.images_per_epoch": 2 * batch for stage in TRAININGS}
    small = {"dataset.synthetic.count": 320, "dataset.synthetic.size": side, "attribute_vectors.min_examples": 20}
    small |= {"export_latents.gan_samples": 40, "evaluate.samples": 40, "evaluate.kid_subset_size": 20}
    small |= {"evaluate.edit_images": 640}
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


# what makes each of the five earlier projects what it is, in the models' own words
EARLIER = {
    "s0": ("ae", {"image_shape": [218, 178, 3], "latent_dim": 512}),
    "s1-mse": ("ae", {"image_shape": [128, 128, 3], "latent_dim": 1024, "latent_activation": "relu"}),
    "s1-bce": ("ae", {"image_shape": [128, 128, 3], "latent_dim": 1024, "latent_activation": "sigmoid"}),
    "s2": ("vae", {"image_shape": [128, 128, 3], "latent_dim": 2048}),
    "s3-ratio": ("gan", {"image_shape": [128, 128, 3], "latent_dim": 100}),
    "s3-decay": ("gan", {"image_shape": [128, 128, 3], "latent_dim": 100}),
    "s3-accuracy": ("gan", {"image_shape": [128, 128, 3], "latent_dim": 100}),
    "s4": ("ae", {"image_shape": [186, 171, 1], "latent_dim": 80, "latent_activation": "relu"}),
}


@pytest.mark.parametrize("name", EARLIER)
def test_an_earlier_project_from_end_to_end(name, tmp_path):
    repository = make_repository(tmp_path / "w")
    shutil.copy(ROOT / "params.yaml", repository.folder / "params.yaml")
    repository.run("python", "-m", "facepipe", "recipe", name)
    model, spec = EARLIER[name]
    # its own data are not here; two batches of synthetic faces, sizes as they are
    small = {"dataset.name": "synthetic", "dataset.synthetic.count": 340, "dataset.synthetic.size": 128}
    small |= {f"train_{model}.epochs": 1, f"train_{model}.images_per_epoch": 256 if name == "s2" else 128}
    small |= {"attribute_vectors.min_examples": 20, "export_latents.gan_samples": 20, "export_latents.components": 1}
    small |= {"evaluate.samples": 30, "evaluate.kid_subset_size": 20, "evaluate.extractor": "random_conv"}
    small |= {"train_inverter.images": 32, "train.threads": THREADS}
    repository.set_params(small)
    repository.run("dvc", "repro", "render_reports")
    found = read_json(repository.folder / f"data/models/{model}/model.json")["spec"]
    assert {key: found[key] for key in spec} == spec
    assert (repository.folder / f"reports/render_reports/grids/samples_{model}.png").exists()
    assert not {"ae", "vae", "gan"} - {model} & {path.name for path in (repository.folder / "data/models").iterdir()}
    if model == "ae":
        samplers = (repository.folder / "reports/evaluate/samples.csv").read_text()
        assert "\nae,uniform," in samplers and "\nae,density (mixture)," in samplers
