"""Directions brought to the length at which they show in pictures."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from facepipe.directions import strength
from facepipe.directions.attribute_vectors import attribute_vectors
from facepipe.directions.config import AttributeVectors
from facepipe.directions.strength import LENGTHS, SHARE, PixelScale, shortest
from facepipe.directions.table import read_directions
from facepipe.errors import InputError
from facepipe.latents.table import read_latents
from facepipe.models.load import load_model
from facepipe.shards.shards import Shards


@pytest.mark.parametrize("wanted", [0.3, 0.9, 1, 1.7, 2.7])
def test_the_shortest_length_that_will_do(wanted):
    length, share = shortest(lambda length: SHARE * length / wanted)
    assert wanted <= length <= 1.045 * wanted and share >= SHARE


def test_at_the_ends_of_the_range():
    assert shortest(lambda length: 0.95) == (LENGTHS[0], 0.95)
    assert shortest(lambda length: 0.1 * length) == (LENGTHS[-1], pytest.approx(0.28))
    # seen less again beyond
    assert shortest(lambda length: 0.7 - abs(length - 1.4)) == (1.4, pytest.approx(0.7))
    # and where it is enough before that
    assert shortest(lambda length: 1 - abs(length - 1.4))[0] == pytest.approx(1.3, rel=0.04)


@pytest.fixture(scope="module")
def scaler(tiny_shards):
    return PixelScale(Shards(tiny_shards), images=4000)


@pytest.fixture(scope="module")
def material(tiny_workspace):
    """The autoencoder, its training latents, and its directions."""
    model = load_model(tiny_workspace / "models/ae")
    return model, read_latents(tiny_workspace / "latents/ae/train.csv").z, read_directions(
        tiny_workspace / "directions/ae.csv", model.latent_dim, "ae"
    )  # fmt: skip


def test_a_direction_has_one_length_however_long_it_was(scaler, material):
    model, z, directions = material
    bright = directions.take([directions.find("Bright", "mean_difference")])
    weak = replace(bright, vectors=bright.vectors / 2)
    (found, _), (other, _) = scaler(model, z, bright), scaler(model, z, weak)
    assert found.scale[0] > LENGTHS[0] and other.scale[0] == pytest.approx(2 * found.scale[0], rel=0.15)
    np.testing.assert_array_equal(found.vectors, (bright.vectors * found.scale[:, None]).astype(np.float32))
    np.testing.assert_allclose(found.vectors, other.vectors, rtol=0.15)
    assert found.auc == bright.auc and found.names == ["Bright"]


def test_a_direction_that_does_nothing_is_named(scaler, material):
    model, z, directions = material
    still = directions.take([0])
    found, (note,) = scaler(model, z, replace(still, vectors=0 * still.vectors))
    assert found.scale[0] == LENGTHS[0]
    assert note.startswith("Bright by orthogonalised: from 0.25 to 2.8 times its length it shows in ")
    assert note.endswith("of pictures at most, not in 90%; it gets 0.25 times")


def test_too_few_pictures_to_judge_by(scaler, material, monkeypatch):
    monkeypatch.setattr(scaler, "_rows", scaler._rows[:2])
    found, notes = scaler(*material[:2], material[2].take([0]))
    assert found.scale.tolist() == [1.0] and notes[0].startswith("Bright by orthogonalised: keeps its length; ")


def test_what_a_model_is_conditioned_on_stays_as_it_is(scaler, tiny_shards, material, conditioned_models):
    model = load_model(conditioned_models / "vae")
    found, notes = scaler(model, model.encode(Shards(tiny_shards).images("train")), material[2])
    assert set(found.scale) == {1.0} and not notes
    np.testing.assert_array_equal(found.vectors, material[2].vectors)


def run(workspace, out, **params):
    params = AttributeVectors(min_examples=5, scale="pixels", **params)
    shards, latents = workspace / "shards", workspace / "latents"
    return attribute_vectors(params, shards, latents, out / "directions", out / "report", models=workspace / "models")


def test_the_stage_scales_all_models_alike_and_again(tiny_workspace, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(strength, "SEEN", 640)
    run(tiny_workspace, tmp_path)
    for name in ("ae", "vae", "gan"):
        plain, found = (
            read_directions(folder / f"directions/{name}.csv") for folder in (tiny_workspace, tmp_path)
        )  # fmt: skip
        assert plain.scale is None and (found.scale != 1).any()
        np.testing.assert_allclose(found.norms, plain.norms * found.scale, rtol=1e-4)
        np.testing.assert_array_equal(found.auc, plain.auc)
        scores = pd.read_csv(tmp_path / f"report/auc/{name}.csv")
        np.testing.assert_allclose(scores["scale"], found.scale, rtol=1e-4)
        missed = re.findall(f"attribute_vectors: {name}: .* by .*; it gets .* times", capsys.readouterr().out)
        assert len(missed) < len(found.names)
    first = (tmp_path / "directions/ae.csv").read_bytes()
    run(tiny_workspace, tmp_path)
    assert (tmp_path / "directions/ae.csv").read_bytes() == first


def test_a_model_that_is_not_there_is_one_line(tiny_workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(strength, "SEEN", 64)
    (tmp_path / "models").mkdir()
    for name in ("latents", "shards"):
        (tmp_path / name).symlink_to(tiny_workspace / name)
    with pytest.raises(InputError, match="models/ae"):
        run(tmp_path, tmp_path)
    assert not (tmp_path / "directions/ae.csv").exists()
