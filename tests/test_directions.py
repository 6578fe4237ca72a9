import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from facepipe.config import AttributeVectors
from facepipe.data.shard_writer import write_shards
from facepipe.errors import InputError
from facepipe.latents.directions import (
    attribute_vectors,
    auc,
    fit_directions,
    mean_difference,
    read_directions,
    write_directions,
)
from facepipe.latents.table import write_latents

COUNTS = {"train": 120, "valid": 20, "test": 30}


def test_mean_difference_moves_one_mean_to_the_other():
    z = np.random.default_rng(0).normal(size=(100, 5)).astype(np.float32)
    labels = np.arange(100) < 30
    vector = mean_difference(z, labels)
    assert vector.dtype == np.float32
    np.testing.assert_allclose((z[~labels] + vector).mean(0), z[labels].mean(0), atol=1e-6)
    with pytest.raises(ValueError, match="positives and negatives"):
        mean_difference(z, np.ones(100))


def test_auc_by_definition():
    rng = np.random.default_rng(0)
    for _ in range(50):
        labels = rng.permutation(np.arange(20) < rng.integers(1, 20))
        scores = rng.integers(0, 6, 20)  # many ties
        difference = scores[labels][:, None] - scores[~labels][None]
        assert auc(scores, labels) == pytest.approx(((difference > 0) + 0.5 * (difference == 0)).mean(), abs=1e-12)


def test_auc_agrees_with_sklearn():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(1)
    labels, scores = rng.random(5000) < 0.1, rng.normal(size=5000).round(1)
    assert auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_auc_at_its_ends():
    labels = np.array([False, False, True, True])
    assert auc([1, 2, 3, 4], labels) == 1.0
    assert auc([4, 3, 2, 1], labels) == 0.0
    assert auc([7, 7, 7, 7], labels) == 0.5
    for scores, wrong in (([1, 2, 3, 4], np.ones(4)), ([1, 2, 3, np.nan], labels)):
        with pytest.raises(ValueError):
            auc(scores, wrong)


def latents_with_attributes(n, seed, d=6):
    """z with a direction for Smiling along z000 (shift 4) and for Young along z001 (shift 1, a third unknown)."""
    rng = np.random.default_rng(seed)
    labels = np.stack([rng.random(n) < 0.4, rng.random(n) < 0.5, rng.random(n) < 0.02], axis=1).astype(float)
    z = rng.normal(size=(n, d))
    z[:, 0] += 4 * labels[:, 0]
    z[:, 1] += labels[:, 1]
    labels[::3, 1] = np.nan
    return z.astype(np.float32), labels


def test_fit_directions():
    names = ["Smiling", "Young", "Bald"]
    z, labels = latents_with_attributes(3000, 0)
    directions, skipped = fit_directions(names, z, labels, *latents_with_attributes(1000, 1), min_examples=100)
    assert directions.names == ["Smiling", "Young"]
    np.testing.assert_allclose(directions.vectors, [[4, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]], atol=0.2)
    # of two unit normals d apart: P(one above the other) = Phi(d / sqrt 2)
    np.testing.assert_allclose(directions.auc, [0.9977, 0.7602], atol=0.03)
    np.testing.assert_allclose(directions.norms, [4, 1], atol=0.2)
    assert (directions.n_pos + directions.n_neg).tolist() == [3000, 2000]
    assert list(skipped) == ["Bald"] and "100 of each needed" in skipped["Bald"]


def test_the_auc_is_of_held_out_images():
    rng = np.random.default_rng(0)
    z, held = rng.normal(size=(40, 300)), rng.normal(size=(400, 300))  # noise: a direction fits it, and fails elsewhere
    labels, held_labels = (np.arange(len(rows))[:, None] % 2 == 0 for rows in (z, held))
    directions, _ = fit_directions(["X"], z, labels.astype(float), held, held_labels.astype(float), 5)
    assert auc(z @ directions.vectors[0], labels[:, 0]) > 0.95
    assert abs(directions.auc[0] - 0.5) < 0.1


def test_what_gives_no_direction_is_named():
    z, labels = latents_with_attributes(200, 0)
    nothing = np.empty((0, 6)), np.empty((0, 1))
    for latents, held, reason in (
        (z, nothing, "0 positives and 0 negatives held out"),
        (np.zeros_like(z), (z, labels[:, :1]), "same mean"),
        (np.full_like(z, np.inf), (z, labels[:, :1]), "not finite"),
    ):
        with np.errstate(invalid="ignore"):
            directions, skipped = fit_directions(["Smiling"], latents, labels[:, :1], *held, 10)
        assert directions.names == [] and directions.vectors.shape == (0, 6)
        assert reason in skipped["Smiling"]


def test_file_round_trip(tmp_path):
    z, labels = latents_with_attributes(300, 0)
    directions, _ = fit_directions(["Smiling", "a, b", "Bald"], z, labels, z, labels, 20)
    write_directions(tmp_path / "vae.csv", directions)
    read = read_directions(tmp_path / "vae.csv", 6, "vae")
    assert read.names == ["Smiling", "a, b"] and read.methods == ["mean_difference"] * 2
    np.testing.assert_array_equal(read.vectors, directions.vectors)
    np.testing.assert_array_equal(read.n_pos, directions.n_pos)
    np.testing.assert_allclose(read.auc, directions.auc, atol=1e-6)
    header = (tmp_path / "vae.csv").read_text().splitlines()[0]
    assert header == "attribute,method,n_pos,n_neg,auc,norm,z000,z001,z002,z003,z004,z005"


@pytest.mark.parametrize(
    "content, message",
    [
        ("attribute,z000\nSmiling,1\n", "row 1: no column named method"),
        ("a,mean_difference,5,5,0.9,1,2\na,mean_difference,5,5,0.9,1,2\n", "row 3, column attribute: 'a'"),
        ("a,mean_difference,5,5,1.9,1,2\n", "row 2, column auc: '1.9'"),
        ("a,mean_difference,5,5,nan,1,2\n", "row 2, column auc: 'nan'"),
        ("a,mean_difference,5.5,5,0.9,1,2\n", "row 2, column n_pos: '5.5'"),
        ("a,mean_difference,5,5,0.9,1,x\n", "row 2, column z000: 'x'"),
    ],
)
def test_damaged_file(tmp_path, content, message):
    header = "" if content.startswith("attribute") else "attribute,method,n_pos,n_neg,auc,norm,z000\n"
    (tmp_path / "vae.csv").write_text(header + content)
    with pytest.raises(InputError, match=r"vae\.csv: ") as caught:
        read_directions(tmp_path / "vae.csv")
    assert message in str(caught.value)


@pytest.fixture
def workspace(tmp_path):
    """Shards with attributes and exported latents, as stages 2 and 6 leave them."""

    def make(attributes=True):
        ids = {split: [f"{split}-{i:03d}.png" for i in range(n)] for split, n in COUNTS.items()}
        frames = []
        for seed, (split, n) in enumerate(COUNTS.items()):
            z, labels = latents_with_attributes(n, seed)
            frames.append(pd.DataFrame(labels, index=ids[split], columns=["Smiling", "Young", "Bald"]))
            for model in ("ae", "vae"):
                write_latents(tmp_path / "latents" / model / f"{split}.csv", ids[split], split, z)
        images = {split: np.zeros((n, 8, 8, 1), np.uint8) for split, n in COUNTS.items()}
        write_shards(tmp_path / "shards", images, ids=ids, attributes=pd.concat(frames) if attributes else None)
        return tmp_path

    return make


def run(folder, **params):
    params = AttributeVectors(min_examples=10, **params)
    return attribute_vectors(params, folder / "shards", folder / "latents", folder / "directions")


def test_stage(workspace, capsys):
    folder = workspace()
    metrics = run(folder)
    assert metrics["ae"] == metrics["vae"]  # equal latents
    assert metrics["ae"]["attributes"] == 2
    assert 0.5 < metrics["ae"]["attributes_lowest_auc"] < metrics["ae"]["attributes_mean_auc"] < 1
    assert metrics["ae"]["attributes_skipped"] == 1
    assert "ae: no direction for Bald: " in capsys.readouterr().out
    assert read_directions(folder / "directions/ae.csv").names == ["Smiling", "Young"]
    first = (folder / "directions/vae.csv").read_bytes()
    run(folder)
    assert (folder / "directions/vae.csv").read_bytes() == first


def test_stage_with_chosen_attributes(workspace):
    folder = workspace()
    run(folder, attributes=["Young", "Smiling"])
    assert read_directions(folder / "directions/ae.csv").names == ["Young", "Smiling"]
    with pytest.raises(InputError, match="unknown attribute 'Smilling'; did you mean Smiling"):
        run(folder, attributes=["Smilling"])


def test_stage_without_attributes(workspace, capsys):
    folder = workspace(attributes=False)
    metrics = run(folder)
    assert metrics == {model: {"attributes": 0, "attributes_skipped": 0} for model in ("ae", "vae")}
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
    code = "import stages.attribute_vectors, facepipe.latents.directions, facepipe.data.shards, sys;"
    code += "print('tensorflow' in sys.modules, 'sklearn' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["False", "False"]
