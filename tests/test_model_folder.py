"""What lies around a model is found in one place and read once, by the commands, the API and the bundle."""

import shutil

import pytest

from facepipe.api import model_folder
from facepipe.api.model_folder import ModelFolder
from facepipe.cli import main
from facepipe.core.files import read_json, write_sealed
from facepipe.errors import InputError
from facepipe.latents.folder import density_path, pca_path, stats_path
from facepipe.networks import store


def test_what_lies_around(tiny_workspace):
    found = ModelFolder.find("vae", tiny_workspace / "models")
    assert (found.name, found.latent_dim, found.condition_on) == ("vae", 4, ())
    assert (
        found.model.latent_dim == len(found.components.mean) == len(found.statistics) == found.density.latent_dim == 4
    )
    assert set(found.directions.names) == {"Bright", "Left"}
    assert all(found.has(place) for place in (pca_path, stats_path, density_path))
    for name in ("model", "components", "statistics", "density", "directions"):
        assert getattr(found, name) is getattr(found, name), "read once"
    assert found.inverter is None and ModelFolder(tiny_workspace / "models/gan").inverter.name == "inverter"


def test_what_is_missing_is_said_when_it_is_asked_for(tiny_workspace, tmp_path):
    shutil.copytree(tiny_workspace / "models/ae", tmp_path / "models/mine")
    found = ModelFolder(tmp_path / "models/mine")
    assert found.directions is None and not found.has(density_path)
    with pytest.raises(InputError, match=r"latents/mine/pca\.npz: not found"):
        found.components  # noqa: B018
    shutil.copytree(tiny_workspace / "latents/ae", tmp_path / "latents/mine")
    assert len(ModelFolder(tmp_path / "models/mine").components.mean) == 4
    with pytest.raises(InputError, match=r"no model\.json there"):
        ModelFolder(tmp_path)


def test_an_edit_with_pictures_loads_its_model_once_and_reads_its_facts_once(tiny_workspace, tmp_path, monkeypatch):
    from facepipe.models import load

    loads, reads = [], []
    load_model, read_info = load.load_model, store.read_info
    monkeypatch.setattr(load, "load_model", lambda *a: loads.append(a) or load_model(*a))
    for module in (model_folder, load):
        monkeypatch.setattr(module, "read_info", lambda *a: reads.append(a) or read_info(*a))
    table = tiny_workspace / "latents/vae/test.csv"
    words = ["edit", table, "--model", "vae", "--models", tiny_workspace / "models", "--first", 2, "--add", "Left=1"]
    words += ["--keep", "Bright", "-o", tmp_path / "o.csv", "--strip", tmp_path / "o.png", "--decode"]
    words += [tmp_path / "faces"]
    assert main([str(word) for word in words]) == 0
    assert len(loads) == 1 and len(reads) == 1
    assert (tmp_path / "o.png").exists() and {path.name for path in (tmp_path / "faces").iterdir()} >= {
        "grid.png",
        "sheet.png",
    }


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"condition_on": None}, "spec.condition_on: None"), ({"condition_on": 5}, "spec.condition_on: 5"),
        ({"latent_dim": "4"}, "spec.latent_dim: '4'"), (None, "spec has no latent_dim"),
    ],
)  # fmt: skip
def test_a_spec_that_cannot_be_is_named_by_a_command_that_builds_no_network(
    tiny_workspace, tmp_path, capsys, spec, said
):
    folder = tmp_path / "models/vae"
    shutil.copytree(tiny_workspace / "models/vae", folder)
    info = read_json(folder / "model.json")
    write_sealed(folder / "model.json", info | {"spec": {} if spec is None else info["spec"] | spec})
    table = tiny_workspace / "latents/vae/test.csv"
    words = ["edit", table, "--model", "vae", "--models", folder.parent, "--add", "Left=1", "-o", tmp_path / "o.csv"]
    assert main([str(word) for word in words]) == 2
    said = f"facepipe: {folder / 'model.json'}: not a facepipe model: {said}"
    assert capsys.readouterr().err.strip() == said and not (tmp_path / "o.csv").exists()
