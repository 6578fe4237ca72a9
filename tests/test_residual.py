"""Edits of a photograph that keep the rest of it: in numbers, from Python and from the command."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import facepipe
from facepipe.cli import main
from facepipe.core.pictures import to_uint8
from facepipe.models.residual import OnPhotograph, residual_edit
from tests.test_facemodel import workspace  # noqa: F401 (a fixture)
from tests.test_tuning import face, here, run  # noqa: F401 (here: a fixture)


def test_by_hand():
    before, after = np.float32([[0.2, 0.5, 0.9]]), np.float32([[0.4, 0.5, 0.1]])
    found = residual_edit(np.uint8([[51, 255, 102]]), before, after)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0.4, 1.0, 0.0]], atol=1e-6)
    x = np.random.default_rng(0).random((2, 4, 4, 3)).astype(np.float32)
    np.testing.assert_array_equal(residual_edit(x, x[::-1], x[::-1]), x)


@pytest.mark.parametrize("name", ["ae", "gan"])
def test_from_python(workspace, name):  # noqa: F811
    model = facepipe.load(workspace / "data/models" / name)
    images = np.repeat(model.read_photos([workspace / "photo.png"])[1], 3, axis=0)
    images[1] = images[1, ::-1]
    z = model.encode(images)
    edited = z + model.directions["Left"]
    found = model.edit_photos(images, z, edited)
    expected = np.clip(images / 255 + model.decode(edited) - model.decode(z), 0, 1)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(to_uint8(model.edit_photos(images, z, z)), images)
    np.testing.assert_array_equal(model.edit_photos(images[1:2], z[1:2], edited[1:2]), found[1:2])
    for wrong, said in (
        ((images[:2], z, edited), "as many latents as images are needed, got 2, 3 and 3"),
        ((images, z, edited[:1]), "got 3, 3 and 1"),
        ((images[:, :8], z, edited), "images must be"),
        ((images, z, edited[:, :2]), "z must be"),
    ):
        with pytest.raises(ValueError, match=said):
            model.edit_photos(*wrong)


def test_a_tuned_decoder_changes_the_photograph_as_well(workspace):  # noqa: F811
    model = facepipe.load(workspace / "data/models/gan")
    images = model.read_photos([workspace / "photo.png"])[1]
    z, tuned = model.encode(images), model.tuned(images[0], steps=30)
    edited = z + 2 * model.directions["Left"]
    found = tuned.edit_photos(images, z, edited)
    np.testing.assert_allclose(found, np.clip(images / 255 + tuned.decode(edited) - tuned.decode(z), 0, 1), atol=1e-6)
    assert not np.array_equal(found, model.edit_photos(images, z, edited))


def test_given_labels():
    """What a conditioned model shows of another label."""

    class Told:
        name, latent_dim, condition_on = "vae", 2, ("Left",)

        def decode(self, z, labels=None):
            told = 0.5 if labels is None else np.nan_to_num(labels[:, 0], nan=0.5)
            return np.ones((len(z), 2, 2, 1), np.float32) * np.reshape(told, (-1, 1, 1, 1)).astype(np.float32)

    on = OnPhotograph(Told(), np.full((2, 2, 1), 51, np.uint8), np.zeros(2))
    np.testing.assert_allclose(
        on.decode(np.zeros((3, 2)), np.array([[0.0], [0.75], [1.0]]))[:, 0, 0, 0], [0, 0.45, 0.7]
    )


@pytest.mark.parametrize("tune", [[], ["--tune", "20"]])
def test_an_edit_of_a_photograph_is_that_photograph_with_the_change(here, tune):  # noqa: F811
    common = ["photo.png", "--model", "ae", "--add", "Left=-1:1:3", *tune]
    run(*common, "-o", "out.csv", "--decode", "out", "--strip", "out.png")
    run(*common, "-o", "plain.csv", "--decode", "plain", "--strip", "plain.png", "--plain")
    # the numbers are the same, the pictures are not; strength 0 is the photograph
    assert Path("out.csv").read_bytes() == Path("plain.csv").read_bytes()
    assert Path("out/photo~2.png").read_bytes() != Path("plain/photo~2.png").read_bytes()
    np.testing.assert_array_equal(face("out/photo~2.png"), face("photo.png"))
    added = face("plain/photo~3.png") - face("plain/photo~2.png")
    np.testing.assert_allclose(face("out/photo~3.png"), np.clip(face("photo.png") + added, 0, 1), atol=1.6 / 255)
    # photo and three edits; plain with the reconstruction between them
    widths = [Image.open(path).width for path in ("out.png", "plain.png")]
    strips = [np.asarray(Image.open(path)) for path in ("out.png", "plain.png")]
    assert widths[1] - widths[0] == 128 + 2 and strips[0].shape[0] == strips[1].shape[0]


def test_an_animation(here):  # noqa: F811
    run("photo.png", "--model", "ae", "--add", "Left=0:1:3", "-o", "out.csv", "--strip", "out.gif")
    assert Image.open("out.gif").n_frames >= 4


@pytest.mark.parametrize(
    "options, said",
    [
        (["photo.png", "--plain"], "--plain changes the pictures of the edit, not its numbers; add --strip or --dec"),
        (["data/latents/gan/test.csv", "--plain", "--decode", "out"], "--plain is for a photograph, and data/latents"),
    ],
)
def test_mistakes_are_one_line(here, capsys, options, said):  # noqa: F811
    before = sorted(os.listdir())
    assert main(["edit", *options, "--model", "gan", "--add", "Left=1", "-o", "out.csv"]) == 2
    found = capsys.readouterr()
    assert found.out == "" and found.err.count("\n") == 1 and said in found.err
    assert sorted(os.listdir()) == before
