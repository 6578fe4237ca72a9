"""A decoder tuned to one photograph: nearer to it, elsewhere as before, and nothing stored changes."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from facepipe.cli import main
from facepipe.directions.table import read_directions
from facepipe.latents.table import read_latents
from facepipe.models import tuning
from facepipe.models.load import load_model
from facepipe.models.steps import REFINING
from facepipe.models.tuning import tune
from facepipe.networks.store import digest
from facepipe.shards.shards import Shards
from tests.test_facemodel import workspace  # noqa: F401 (a fixture)


@pytest.fixture
def here(workspace, tmp_path, monkeypatch):  # noqa: F811
    """A folder with data/ and photo.png, in which the test runs; what is in data/ does not change."""
    (tmp_path / "data").symlink_to(workspace / "data")
    (tmp_path / "photo.png").write_bytes((workspace / "photo.png").read_bytes())
    monkeypatch.chdir(tmp_path)
    before = digest(workspace / "data")
    yield tmp_path
    assert digest(workspace / "data") == before


def face(path):
    return np.asarray(Image.open(path)).astype(np.float32) / 255


def run(*arguments):
    assert main(["edit", *map(str, arguments)]) == 0


@pytest.mark.parametrize("name", ["ae", "vae", "gan"])
def test_an_edit_of_a_photograph(here, capsys, name):
    common = ["photo.png", "--model", name, "--add", "Left=-1:1:3", "--optimize", REFINING, "--plain"]
    run(*common, "-o", "plain.csv", "--decode", "plain")
    capsys.readouterr()
    run(*common, "-o", "tuned.csv", "--decode", "tuned", "--tune", "--strip", "strip.png")
    said = capsys.readouterr().out
    assert "photo: mean squared error 0.0" in said and "after 100 steps of tuning\n3 rows in tuned.csv" in said
    # the numbers are those of the plain edit, the pictures are not
    assert Path("plain.csv").read_bytes() == Path("tuned.csv").read_bytes()
    z, model = read_latents("plain.csv").z, load_model(Path("data/models") / name)
    np.testing.assert_array_equal(z[1], model.encode(face("photo.png")[None], REFINING)[0])
    direction = read_directions(f"data/directions/{name}.csv").vectors[0]
    np.testing.assert_allclose(z[2] - z[1], direction, atol=1e-5)
    errors = [np.mean((face(f"{each}/photo~2.png") - face("photo.png")) ** 2) for each in ("plain", "tuned")]
    assert errors[1] < 0.5 * errors[0]
    # the edit still acts, in the same way
    plain, tuned = ((face(f"{each}/photo~3.png") - face(f"{each}/photo~1.png")).ravel() for each in ("plain", "tuned"))
    sizes = np.linalg.norm(plain), np.linalg.norm(tuned)
    # the tiny GAN has hardly seen a face, and tuning changes most of it
    assert plain @ tuned > (0.1 if name == "gan" else 0.9) * sizes[0] * sizes[1] and sizes[1] > 0.5 * sizes[0]
    # photo, before, three edits
    assert np.asarray(Image.open("strip.png")).shape[1] > 5 * 16
    run(*common, "-o", "again.csv", "--decode", "again", "--tune")
    for each in ("photo~1.png", "photo~3.png"):
        assert Path("again", each).read_bytes() == Path("tuned", each).read_bytes()


def test_the_default_is_refined(here):
    run("photo.png", "--model", "gan", "--set", "z000=0", "-o", "edited.csv")
    expected = load_model(Path("data/models/gan")).encode_photos(face("photo.png")[None])
    expected[:, 0] = 0
    np.testing.assert_array_equal(read_latents("edited.csv").z, expected)


@pytest.mark.parametrize(
    "options, said",
    [
        (["photo.png", "--tune"], "--tune changes the pictures of the edit, not its numbers; add --strip or --decode"),
        (["data/latents/gan/test.csv", "--tune", "--decode", "out"], "--tune is for a photograph, and data/latents"),
        (["data/latents/gan/test.csv", "--optimize", "3"], "--optimize is for a photograph, and data/latents"),
        (["data/latents/gan/test.csv", "--crop", "none"], "--crop is for a photograph, and data/latents"),
        (["gone.png"], "gone.png: no such file"),
        (["bad.png"], "bad.png: not a picture"),
        (["photo.png", "--crop", "middle"], "crop: 'middle': should be align"),
        (["photo.png", "--add", "Lefd=1"], "did you mean Left"),
    ],
)
def test_mistakes_are_one_line(here, capsys, options, said):
    Path("bad.png").write_bytes(b"no picture")
    before = sorted(os.listdir())
    assert main(["edit", *options, "--model", "gan", "--add", "Left=1", "-o", "out.csv"]) == 2
    found = capsys.readouterr()
    assert found.out == "" and found.err.splitlines()[-1].startswith("facepipe: ") and said in found.err
    assert sorted(os.listdir()) == before


def test_steps_that_are_none(here, capsys):
    for wrong in ("0", "photo.png"):
        with pytest.raises(SystemExit) as stop:
            main(["edit", "photo.png", "--model", "gan", "--add", "Left=1", "-o", "out.csv", "--tune", wrong])
        assert stop.value.code == 2 and f"{wrong!r} is not a whole number above 0" in capsys.readouterr().err


def test_a_gan_without_an_inverter(here, capsys):
    (here / "alone").mkdir()
    (here / "alone/gan").symlink_to(here / "data/models/gan")
    command = ["edit", "photo.png", "--model", "gan", "--models", "alone", "--set", "z000=1", "-o", "out.csv"]
    assert main(command) == 2
    assert "model gan has no encoder: `dvc repro train_inverter` trains one for it" in capsys.readouterr().err


def test_elsewhere_it_stays(tiny_models, tiny_shards, monkeypatch):
    model, image = load_model(tiny_models / "gan"), Shards(tiny_shards).images("test", 0, 1)
    z, others = model.encode_photos(image), model.sample_latents(64, 5)
    changes = {}
    for weight in (0.0, 10.0):
        monkeypatch.setattr(tuning, "ELSEWHERE_WEIGHT", weight)
        tuned = model.tuned(image[0], z[0], 100)
        changes[weight] = np.mean((tuned.decode(others) - model.decode(others)) ** 2)
    assert changes[10.0] < 0.7 * changes[0.0]
    zero, one = (model.tuned(image[0], z[0], 5, seed).decode(z) for seed in (0, 1))
    assert not np.array_equal(zero, one)


def test_by_hand():
    bias, zero, one = tf.Variable(tf.zeros((1, 2, 2, 1))), np.zeros((1, 1), np.float32), np.ones((1, 1), np.float32)
    x = np.full((1, 2, 2, 1), 0.3, np.float32)
    # (0.3 - bias)^2 + ELSEWHERE_WEIGHT bias^2 is least there
    tune(lambda z: bias + tf.reshape(z, (-1, 1, 1, 1)), [bias], x, zero, one, 2000)
    np.testing.assert_allclose(bias, 0.3 / (1 + tuning.ELSEWHERE_WEIGHT), atol=1e-3)
