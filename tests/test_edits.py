"""Edits judged by pixels: the judge tells attributes apart, real directions turn them on, others do not."""

import numpy as np
import pandas as pd
import pytest

from facepipe.directions.table import read_directions
from facepipe.metrics.config import Evaluate
from facepipe.metrics.edits import DECODED, RESIDUAL, EditJudge, balanced_accuracy, edit_metrics
from facepipe.metrics.evaluate import evaluate
from facepipe.models.load import load_model
from facepipe.shards.shards import Shards


@pytest.fixture(scope="module")
def judge(tiny_shards):
    return EditJudge(Shards(tiny_shards), 0, 4000, lambda images, changed: None)


@pytest.fixture(scope="module")
def model(tiny_workspace):
    """The autoencoder and its directions of Bright and Left."""
    model = load_model(tiny_workspace / "models/ae")
    return model, read_directions(tiny_workspace / "directions/ae.csv", model.latent_dim, "ae")


@pytest.mark.parametrize("shown", [DECODED, RESIDUAL])
def test_a_direction_turns_its_attribute_on(judge, model, shown):
    rows = {row.attribute: row for row in judge(*model) if row.shown == shown}
    assert set(rows) == {"Bright", "Left"}
    bright = rows["Bright"]
    assert bright.judge_accuracy > 0.9 and bright.before < 0.3 < 0.8 < bright.success
    assert bright.identity_distance is None and bright.same_person is None
    assert edit_metrics([bright]) == {f"edit_{shown}_success_n{bright.n}": bright.success}


def test_no_change_turns_nothing_on(judge, model):
    ae, directions = model
    still = judge(ae, directions.__class__(**vars(directions) | {"vectors": 0 * directions.vectors}))
    for row in still:
        assert row.success == row.before and row.others_moved == 0


def test_identity_is_that_of_the_photographs(tiny_shards, model):
    seen = []

    def distances(images, changed):
        seen.append((images, changed))
        return np.linspace(0, 1.2, len(images))

    judge = EditJudge(Shards(tiny_shards), 0, 64, distances, compared=10)
    decoded, residual = judge(*model)[:2]
    assert decoded.identity_distance == pytest.approx(0.6) and decoded.same_person == 0.5
    (images, changed), (again, added) = seen[:2]
    np.testing.assert_array_equal(images, again)
    assert len(images) == len(changed) == len(added) == 10
    assert np.abs(images.astype(float) - changed).mean() > 10 < np.abs(images.astype(float) - added).mean()
    # the same change, but for what is clipped
    ae, directions = model
    z = ae.encode(images)
    plain, moved = (ae.decode(each) for each in (z, z + directions.preferred().vectors[0]))
    expected = np.clip(images + 255.0 * (moved - plain), 0, 255)
    np.testing.assert_allclose(added, expected, atol=0.51)
    np.testing.assert_allclose(changed, 255 * moved, atol=0.51)
    metrics = edit_metrics([decoded, residual])
    assert metrics["edit_decoded_same_person_n25"] == metrics["edit_residual_same_person_n25"] == 0.5


def test_balanced_accuracy_by_hand():
    labels = np.array([[1, 0, 1], [1, np.nan, 1], [0, 1, 1], [0, 0, 1]])
    found = balanced_accuracy(np.array([[0.9, 0.1, 1], [0.2, 0.9, 1], [0.1, 0.8, 0], [0.7, 0.6, 1]]), labels)
    np.testing.assert_allclose(found, [0.5, 0.75, np.nan])


def test_evaluate_writes_a_row_an_attribute(tiny_workspace, tmp_path):
    params = Evaluate(extractor="random_conv", samples=20, kid_subset_size=10, edit_images=640)
    folders = {"models": tiny_workspace / "models", "latents": tiny_workspace / "latents"}
    metrics = evaluate(
        params, **folders, shards=tiny_workspace / "shards", report=tmp_path,
        directions=tiny_workspace / "directions", wanted=("ae", "vae"),
    )  # fmt: skip
    table = pd.read_csv(tmp_path / "edits.csv")
    assert table[["model", "attribute", "shown"]].apply(tuple, axis=1).tolist() == [
        (model, name, shown)
        for model in ("ae", "vae")
        for name in ("Bright", "Left")
        for shown in ("decoded", "residual")
    ]
    # what the plot of dvc.yaml calls a bar
    assert table["edit"].is_unique and table["edit"][0] == "ae Bright decoded"
    for shown, rows in table[:4].groupby("shown"):
        [success] = [value for key, value in metrics["ae"].items() if key.startswith(f"edit_{shown}_success_n")]
        assert success == pytest.approx(rows["success"].mean())
    assert table["same_person"].isna().all()
