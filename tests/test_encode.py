"""`facepipe encode`: photos to latents, by every model; mistakes are one line and leave nothing behind."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from facepipe.cli import main
from facepipe.core.files import read_json, write_sealed
from facepipe.latents.table import read_latents
from facepipe.models.load import load_model
from facepipe.models.steps import REFINING
from facepipe.shards.shards import Shards
from tests.conftest import ROOT
from tests.encoded import encoded

FRAMING = {"image_shape": [16, 16, 3], "crop": "center", "eyes": None, "max_pixels": 10**6}


@pytest.fixture(scope="module")
def models(tiny_models, tmp_path_factory):
    """The tiny models as the preprocess stage's own shards would have made them."""
    folder = tmp_path_factory.mktemp("framed")
    for path in tiny_models.rglob("*"):
        if path.is_file():
            copy = folder / path.relative_to(tiny_models)
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(path.read_bytes())
    for path in folder.glob("*/model.json"):
        write_sealed(path, read_json(path) | {"framing": FRAMING})
    return folder


@pytest.fixture
def album(tiny_shards, tmp_path):
    """Five held-out images as files, enlarged four times, which the resize undoes (nearly)."""
    images = Shards(tiny_shards).images("test", 0, 5)
    (tmp_path / "album").mkdir()
    for i, image in enumerate(images):
        (tmp_path / "album" / f"face {i}.png").write_bytes(encoded(Image.fromarray(image)))
    return tmp_path / "album", images


def fails(capsys, *arguments):
    """The one line on stderr of a command that ends with 2."""
    assert main(["encode", *map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("facepipe: ")
    return captured.err.splitlines()[-1]


@pytest.mark.parametrize("name", ["ae", "vae", "gan"])
def test_the_table_is_what_the_model_encodes(album, models, tmp_path, capsys, name):
    folder, images = album
    table = tmp_path / "mine.csv"
    arguments = ["encode", str(folder), "--model", name, "--models", str(models), "-o", str(table)]
    assert main([*arguments, "--show", str(tmp_path / "show")]) == 0
    assert capsys.readouterr().out == f"5 photos in {table}\n5 pairs in {tmp_path / 'show'}\n"
    model, found = load_model(models / name), read_latents(table)
    assert found.ids == [f"face {i}" for i in range(5)]
    np.testing.assert_array_equal(found.z, model.encode(images, REFINING if name == "gan" else 0))
    pair = np.asarray(Image.open(tmp_path / "show" / "face 3.png"))
    assert pair.shape == (20, 38, 3) and len(os.listdir(tmp_path / "show")) == 5
    np.testing.assert_array_equal(pair[2:18, 2:18], images[3])
    recon = np.floor(model.decode(found.z)[3] * 255 + 0.5)
    np.testing.assert_array_equal(pair[2:18, 20:36], recon)
    assert main(["decode", str(table), "--model", name, "--models", str(models), "-o", str(tmp_path / "back")]) == 0
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "back" / "face 3.png")), recon)


def test_optimize_comes_nearer(album, models, tmp_path):
    folder, images = album
    arguments = ["encode", str(folder), "--model", "gan", "--models", str(models), "-o"]
    assert main([*arguments, str(tmp_path / "a.tsv"), "--optimize", "0"]) == 0
    assert main([*arguments, str(tmp_path / "b.tsv")]) == 0
    assert main([*arguments, str(tmp_path / "c.tsv"), "--optimize", "60"]) == 0
    model = load_model(models / "gan")
    errors = [np.mean((model.decode(read_latents(tmp_path / f"{n}.tsv").z) - images / 255) ** 2) for n in "abc"]
    assert errors[2] < errors[1] < errors[0]
    np.testing.assert_array_equal(read_latents(tmp_path / "a.tsv").z, model.encode(images))


def test_mistakes_are_one_line(album, models, tmp_path, capsys):
    folder, _ = album
    rest = ["--model", "vae", "--models", models, "-o", tmp_path / "mine.csv"]
    (folder / "broken.png").write_bytes(b"no picture")
    assert f"{folder / 'broken.png'}: not a picture that Pillow can read" in fails(capsys, folder / "broken.png", *rest)
    assert "face: no such file" in fails(capsys, folder / "face", *rest)
    photo = folder / "face 1.png"
    assert "cannot write '.xlsx' files" in fails(capsys, photo, *rest[:-1], tmp_path / "mine.xlsx")
    assert "no face found" in fails(capsys, photo, *rest, "--crop", "align")
    assert "crop: 'middle': should be align," in fails(capsys, photo, *rest, "--crop", "middle")
    assert "is a file; name a folder" in fails(capsys, photo, *rest, "--show", photo)
    assert sorted(os.listdir(tmp_path)) == ["album", "resume"] or sorted(os.listdir(tmp_path)) == ["album"]
    with pytest.raises(SystemExit):
        main(["encode", str(photo), *map(str, rest), "--crop", "0.5,0,0.2,1"])
    assert "'0.5,0,0.2,1': a box is LEFT,TOP,RIGHT,BOTTOM from 0 to 1" in capsys.readouterr().err
    for wrong in ("-1", "few", "2.5"):
        with pytest.raises(SystemExit):
            main(["encode", str(photo), *map(str, rest), f"--optimize={wrong}"])
        assert f"{wrong!r} is not a whole number from 0" in capsys.readouterr().err


def test_a_model_of_before(album, tiny_models, tmp_path, capsys):
    message = fails(capsys, album[0], "--model", "vae", "--models", tiny_models, "-o", tmp_path / "mine.csv")
    assert "does not record how its training images were made" in message


def test_help_and_bad_photos_come_before_tensorflow(models, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "facepipe", "encode"]
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('imported')")  # python -m looks here first
    text = subprocess.check_output([*command, "--help"], text=True, env=environment, cwd=tmp_path)
    assert "facepipe encode faces --crop training" in text
    (tmp_path / "a.png").write_bytes(b"")
    done = subprocess.run(
        [*command, "a.png", "--model", "vae", "--models", str(models), "-o", "mine.csv"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("facepipe: a.png: not a picture")
