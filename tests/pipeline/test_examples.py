"""The examples that the commands show in their help, run as they stand after a real `dvc repro`."""

import shlex
import shutil
import zipfile
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

from facepipe.cli import COMMANDS, main
from facepipe.download.synthetic.factors import write_archive
from facepipe.preprocess.align import detect_faces
from tests.conftest import ROOT

# they make no file that one of their options names
SAYING = ("doctor", "recipe", "watch")
# they look at the project itself
PROJECT = ("compare", "doctor")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Folders smile and sad of synthetic faces, large enough for the face detector, which finds all that are there."""
    folder = tmp_path_factory.mktemp("photos")
    write_archive(folder, 24, 160, seed=0, workers=1)
    labels = pd.read_csv(folder / "list_attr_synthetic.txt", sep=r"\s+", skiprows=1)["Smiling"]
    with zipfile.ZipFile(folder / "synthetic.zip") as archive:
        for member in archive.namelist():
            name, data = member.rpartition("/")[2], archive.read(member)
            if detect_faces(data, 10**6):
                path = folder / ("smile" if labels[name] == 1 else "sad") / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(data)
    return folder


def with_experiment(finished, folder):
    """A copy of the finished repository, its branch called main, with an experiment called wide; its folder."""
    repository = finished.copy(folder)
    repository.run("git", "branch", "--move", "--force", "main")
    repository.set_params({"train_vae.latent_dim": 5})
    repository.run("dvc", "exp", "save", "--name", "wide")
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples(finished, photos, tmp_path, monkeypatch, command):
    for name in ("data", "reports"):
        (tmp_path / name).symlink_to(finished.folder / name)
    shutil.copy(finished.folder / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    for name in ("smile", "sad"):
        (tmp_path / name).symlink_to(photos / name)
    monkeypatch.chdir(with_experiment(finished, tmp_path / "repository") if command in PROJECT else tmp_path)
    lines = import_module(f"facepipe.commands.{command}").EXAMPLE.splitlines()
    lines = [shlex.split(line)[1:] for line in lines if line.startswith("  facepipe ")]
    assert command in {line[0] for line in lines}
    for line in lines:
        # it would go on until Ctrl-C
        endless = command == "watch" and "--once" not in line
        assert main(line + ["--once"] * endless) == 0, line
        made = [line[i + 1] for i, word in enumerate(line) if word in ("-o", "--strip", "--decode")]
        assert (made or command in SAYING) and all(Path(name).exists() for name in made)
