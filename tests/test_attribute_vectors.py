"""The stage: directions and their tables."""

import csv
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from facepipe.directions.attribute_vectors import attribute_vectors
from facepipe.directions.config import AttributeVectors
from facepipe.directions.fitting import METHODS
from facepipe.directions.table import read_directions
from facepipe.errors import InputError
from facepipe.latents.table import write_latents
from tests.material import write_shards
from tests.test_fitting import correlated, latents_with_attributes

COUNTS = {"train": 120, "valid": 20, "test": 30}


@pytest.fixture
def workspace(tmp_path):
    """Shards with attributes and exported latents, as stages 2 and 6 leave them."""

    def make(attributes=True, latents=latents_with_attributes, names=("Smiling", "Young", "Bald"), times=1):
        counts = {split: n * times for split, n in COUNTS.items()}
        ids = {split: [f"{split}-{i:03d}.png" for i in range(n)] for split, n in counts.items()}
        frames = []
        for seed, (split, n) in enumerate(counts.items()):
            z, labels = latents(n, seed)
            frames.append(pd.DataFrame(labels, index=ids[split], columns=list(names)))
            for model in ("ae", "vae"):
                write_latents(tmp_path / "latents" / model / f"{split}.csv", ids[split], split, z.astype(np.float32))
        images = {split: np.zeros((n, 8, 8, 1), np.uint8) for split, n in counts.items()}
        write_shards(tmp_path / "shards", images, ids=ids, attributes=pd.concat(frames) if attributes else None)
        return tmp_path

    return make


def run(folder, **params):
    params = AttributeVectors(min_examples=10, **params)
    return attribute_vectors(params, folder / "shards", folder / "latents", folder / "directions", folder / "reports")


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_stage(workspace, capsys):
    folder = workspace()
    metrics = run(folder)
    assert metrics["ae"] == metrics["vae"]  # equal latents
    assert metrics["ae"]["attributes"] == 2
    assert 0.5 < metrics["ae"]["attributes_lowest_auc"] < metrics["ae"]["attributes_mean_auc"] < 1
    assert metrics["ae"]["attributes_skipped"] == 1 and metrics["ae"]["directions_skipped"] == 3
    assert {f"mean_auc_{method}" for method in METHODS[:3]} <= set(metrics["ae"])
    assert "ae: no direction for Bald: " in capsys.readouterr().out
    assert read_directions(folder / "directions/ae.csv").names == ["Smiling"] * 3 + ["Young"] * 3
    first = (folder / "directions/vae.csv").read_bytes()
    run(folder)
    assert (folder / "directions/vae.csv").read_bytes() == first


def test_tables(workspace):
    folder = workspace()
    run(folder, methods=["logistic", "mean_difference"])
    assert sorted(path.name for path in (folder / "reports").glob("*/*")) == sorted(
        ["ae.csv", "vae.csv"] + [f"{m}-{by}.csv" for m in ("ae", "vae") for by in ("logistic", "mean_difference")] * 2
    )
    rows = table(folder / "reports/auc/vae.csv")
    assert [(r["attribute"], r["method"]) for r in rows[:2]] == [
        ("Smiling", "logistic"),
        ("Smiling", "mean_difference"),
    ]
    assert float(rows[0]["auc"]) == pytest.approx(read_directions(folder / "directions/vae.csv").auc[0], abs=1e-6)
    cosines = {
        (r["attribute"], r["other"]): float(r["value"]) for r in table(folder / "reports/cosines/ae-logistic.csv")
    }
    assert cosines["Smiling", "Smiling"] == 1 and cosines["Smiling", "Young"] == cosines["Young", "Smiling"]
    effects = {(r["attribute"], r["other"]): r for r in table(folder / "reports/side_effects/ae-logistic.csv")}
    assert float(effects["Smiling", "Smiling"]["value"]) == 1 and float(effects["Smiling", "Smiling"]["effect"]) > 1
    assert effects["Smiling", "Bald"]["value"] == ""  # too rare to be judged


def test_the_orthogonalised_smile_moves_male_less_than_the_mean_difference_does(workspace):
    folder = workspace(latents=correlated, names=("Smiling", "Male"), times=8)
    metrics = run(folder, methods=METHODS)
    moved = {}
    for method in METHODS:
        rows = table(folder / f"reports/side_effects/vae-{method}.csv")
        moved[method] = next(float(r["value"]) for r in rows if (r["attribute"], r["other"]) == ("Smiling", "Male"))
    assert moved["mean_difference"] < -0.3 and abs(moved["orthogonalised"]) < 0.3 * abs(moved["mean_difference"])
    assert abs(moved["adjusted"]) < 0.3 * abs(moved["mean_difference"])
    means = metrics["vae"]
    assert means["median_side_effect_orthogonalised"] < 0.5 * means["median_side_effect_mean_difference"]


def test_the_models_are_those_with_latents_of_training_images(workspace):
    folder = workspace()
    (folder / "latents/gan").mkdir()
    write_latents(folder / "latents/gan/sample.csv", ["x"], "sample", np.zeros((1, 6), np.float32))
    assert set(run(folder)) == {"ae", "vae"} and not (folder / "directions/gan.csv").exists()
    for split in COUNTS:
        (folder / f"latents/vae/{split}.csv").rename(folder / f"latents/gan/{split}.csv")
    assert set(run(folder)) == {"ae", "gan"}
    (folder / "latents/gan/valid.csv").unlink()
    with pytest.raises(InputError, match=r"valid\.csv: No such file"):
        run(folder)
    for model in ("ae", "gan"):
        (folder / f"latents/{model}/train.csv").unlink()
    with pytest.raises(InputError, match="no latents of training images"):
        run(folder)


def test_stage_with_chosen_attributes(workspace):
    folder = workspace()
    run(folder, attributes=["Young", "Smiling"])
    assert read_directions(folder / "directions/ae.csv").preferred().names == ["Young", "Smiling"]
    with pytest.raises(InputError, match="unknown attribute 'Smilling'; did you mean Smiling"):
        run(folder, attributes=["Smilling"])


def test_stage_without_attributes(workspace, capsys):
    folder = workspace(attributes=False)
    metrics = run(folder)
    assert metrics == {
        model: {"attributes": 0, "attributes_skipped": 0, "directions_skipped": 0} for model in ("ae", "vae")
    }
    assert "no attributes" in capsys.readouterr().out
    assert len((folder / "directions/vae.csv").read_text().splitlines()) == 1
    assert read_directions(folder / "directions/vae.csv", 6, "vae").names == []
    with pytest.raises(InputError, match="the data set has none"):
        run(folder, attributes=["Smiling"])


def test_stage_with_latents_of_other_images(workspace):
    folder = workspace()
    write_latents(folder / "latents/vae/test.csv", ["x"], "test", np.zeros((1, 6), np.float32))
    with pytest.raises(InputError, match=r"test\.csv: its ids are not those of"):
        run(folder)


def test_the_stage_starts_without_tensorflow():
    code = "import stages.attribute_vectors, facepipe.directions.attribute_vectors, facepipe.shards.shards, sys;"
    code += "print('tensorflow' in sys.modules, 'sklearn' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["False", "False"]
