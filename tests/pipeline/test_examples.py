"""The examples that the commands show in their help, run as they stand after a real `dvc repro`."""

import shlex
from importlib import import_module

import numpy as np
import pytest
from PIL import Image

from facepipe.cli import main
from facepipe.data.shards import Shards

OF = ("edit", "directions", "sample", "interpolate", "traverse", "arithmetic", "nearest")


@pytest.mark.parametrize("command", OF)
def test_the_examples(finished, tmp_path, monkeypatch, command):
    (tmp_path / "data").symlink_to(finished.folder / "data")
    monkeypatch.chdir(tmp_path)
    shards = Shards("data/shards")
    smiling = shards.attributes("train")["Smiling"].to_numpy()
    for name, wanted in (("smile", 1), ("sad", 0)):
        (tmp_path / name).mkdir()
        for i, image in enumerate(shards.gather("train", np.flatnonzero(smiling == wanted)[:5])):
            Image.fromarray(image).save(tmp_path / name / f"{i}.png")
    lines = import_module(f"facepipe.commands.{command}").EXAMPLE.splitlines()
    lines = [shlex.split(line)[1:] for line in lines if line.startswith("  facepipe ")]
    assert command in {line[0] for line in lines}
    for line in lines:
        assert main(line) == 0, line
        made = [line[i + 1] for i, word in enumerate(line) if word in ("-o", "--strip", "--decode")]
        assert made and all((tmp_path / name).exists() for name in made)
