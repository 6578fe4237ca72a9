"""facepipe.load: a bundle on a machine without the pipeline says what the commands say in the workspace."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import facepipe
from facepipe.cli import main
from facepipe.core.files import read_json, write_sealed
from facepipe.directions.table import read_directions
from facepipe.errors import InputError
from facepipe.latents.config import ExportLatents
from facepipe.latents.table import read_latents
from facepipe.latents.vectors import z_columns
from facepipe.models.load import load_model
from facepipe.networks.samplers import load_sampler
from facepipe.shards.shards import Shards
from tests.conftest import ROOT
from tests.test_encode import FRAMING
from tests.trainings import export_all

ALONE = """
import json, sys
import numpy as np
import facepipe
model = facepipe.load(sys.argv[1])
ids, images = model.read_photos(["photo.png"])
z = model.encode(images)
np.savez("out.npz", z=z, images=model.decode(z), faces=model.sample(3, seed=1), dense=model.sample(3, 1, "density"))
json.dump([ids, sorted(model.directions), model.name, model.latent_dim, model.image_shape], open("facts.json", "w"))
"""


@pytest.fixture(scope="module")
def workspace(tiny_models, tiny_shards, tmp_path_factory):
    """A workspace with models that record a framing, exported latents, directions and PCA."""
    folder = tmp_path_factory.mktemp("workspace")
    for path in [p for p in tiny_models.rglob("*") if p.is_file()]:
        copy = folder / "data/models" / path.relative_to(tiny_models)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
        if copy.name == "model.json":
            write_sealed(copy, read_json(copy) | {"framing": FRAMING})
    params = ExportLatents(components=2, gan_samples=5)
    export_all(params, folder / "data/models", tiny_shards, folder / "data/latents")
    for name in ("ae", "vae", "gan"):
        row = {"attribute": "Left", "method": "m", "n_pos": 9, "n_neg": 9, "auc": 0.75, "norm": 2}
        (folder / "data/directions").mkdir(exist_ok=True)
        table = pd.DataFrame([row | dict.fromkeys(z_columns(4), 1.0)])
        table.to_csv(folder / f"data/directions/{name}.csv", index=False)
    Image.fromarray(Shards(tiny_shards).images("test", 0, 1)[0]).save(folder / "photo.png")
    return folder


@pytest.fixture(scope="module")
def bundles(workspace, tmp_path_factory):
    """Folder of vae.facepipe and gan.facepipe."""
    folder = tmp_path_factory.mktemp("bundles")
    for name in ("vae", "gan"):
        command = ["export", "--model", name, "--models", str(workspace / "data/models"), "--format", "bundle"]
        assert main([*command, "-o", str(folder / f"{name}.facepipe")]) == 0
    return folder


@pytest.mark.parametrize("name", ["vae", "gan"])
def test_a_bundle_in_an_empty_folder(workspace, bundles, tmp_path, name):
    (tmp_path / "photo.png").write_bytes((workspace / "photo.png").read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(bundles / f"{name}.facepipe")],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert sorted(os.listdir(tmp_path)) == ["facts.json", "out.npz", "photo.png"]
    assert json.loads((tmp_path / "facts.json").read_text()) == [["photo"], ["Left"], name, 4, [16, 16, 3]]
    out, model = np.load(tmp_path / "out.npz"), load_model(workspace / "data/models" / name)
    image = np.asarray(Image.open(workspace / "photo.png"))[None]
    # another process, perhaps with other threads
    np.testing.assert_allclose(out["z"], model.encode_photos(image), atol=1e-5)
    np.testing.assert_allclose(out["images"], model.decode(out["z"]), atol=1e-5)
    np.testing.assert_allclose(out["faces"], model.decode(model.sample_latents(3, 1)), atol=1e-5)
    density = load_sampler(workspace / "data/latents" / name / "density.npz")
    np.testing.assert_allclose(out["dense"], model.decode(density.sample(3, 1)), atol=1e-5)


def test_the_api_and_the_commands_agree(workspace, bundles, tmp_path):
    bundle = str(bundles / "vae.facepipe")
    assert main(["encode", str(workspace / "photo.png"), "--model", bundle, "-o", str(tmp_path / "mine.csv")]) == 0
    assert main(["decode", str(tmp_path / "mine.csv"), "--model", bundle, "-o", str(tmp_path / "faces")]) == 0
    model = facepipe.load(bundle)
    ids, images = model.read_photos([workspace / "photo.png"])
    table = read_latents(tmp_path / "mine.csv")
    assert table.ids == ids == ["photo"]
    np.testing.assert_array_equal(table.z, model.encode(images))
    pixels = np.floor(model.decode(table.z)[0] * 255 + 0.5)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "faces" / "photo.png")), pixels)


def test_what_belongs_to_the_model(workspace, bundles, tmp_path):
    model = facepipe.load(bundles / "vae.facepipe")
    found = read_directions(workspace / "data/directions/vae.csv")
    np.testing.assert_array_equal(model.directions["Left"], found.vectors[0])
    assert len(model.stats) == 4 and model.pca.components.shape == (4, 4) and model.has_encoder
    np.testing.assert_array_equal(model.sample(4, seed=7), model.decode(model.sample_latents(4, 7)))
    assert not np.array_equal(model.sample(4, seed=7), model.sample(4, seed=8))
    shutil.copytree(workspace / "data/models/vae", tmp_path / "models/vae")
    alone = facepipe.load(tmp_path / "models/vae")
    assert (alone.directions, alone.stats, alone.pca) == ({}, None, None)
    with pytest.raises(InputError, match="no density of its latents beside it"):
        alone.sample(1, sampler="density")
    with pytest.raises(InputError, match="should be model or density"):
        alone.sample(1, sampler="prior")
    full = facepipe.load(workspace / "data/models/vae")
    np.testing.assert_array_equal(full.sample(2, 3, "density"), model.sample(2, 3, "density"))


def test_tuned_to_a_photograph(bundles, workspace):
    model, image = facepipe.load(bundles / "gan.facepipe"), np.asarray(Image.open(workspace / "photo.png"))
    z = model.encode(image[None])
    before = model.decode(z)
    tuned = model.tuned(image, steps=60)
    errors = [np.mean((each.decode(z) - image / 255) ** 2) for each in (model, tuned)]
    assert errors[1] < 0.5 * errors[0]
    np.testing.assert_array_equal(model.decode(z), before)
    np.testing.assert_array_equal(tuned.decode(z), model.tuned(image, z[0], steps=60).decode(z))
    assert tuned.directions is model.directions and tuned.name == "gan"
    for wrong, said in (((image[:8], z[0]), "images must be"), ((image, z[0, :2]), "z must be")):
        with pytest.raises(ValueError, match=said):
            model.tuned(*wrong)


def test_no_model(tmp_path, capsys):
    (tmp_path / "cake.facepipe").write_text("flour")
    for path, said in (("cake.facepipe", "not a facepipe bundle"), ("none", "no such file")):
        with pytest.raises(InputError, match=said):
            facepipe.load(tmp_path / path)
    (tmp_path / "t.csv").write_text("id,z000\na,1\n")
    command = ["decode", str(tmp_path / "t.csv"), "--model", str(tmp_path / "cake.facepipe"), "-o", str(tmp_path / "o")]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "cake.facepipe: not a facepipe bundle" in error


def test_import_is_quick():
    code = "import facepipe, sys; assert 'tensorflow' not in sys.modules and 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
