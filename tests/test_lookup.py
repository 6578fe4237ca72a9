"""Faces by id."""

import numpy as np
import pytest

from facepipe.api.lookup import find_faces
from facepipe.errors import InputError
from facepipe.latents.table import Latents, write_latents, write_table

Z = np.arange(12, dtype=np.float32).reshape(6, 2)


@pytest.fixture
def folder(tmp_path):
    write_latents(tmp_path / "vae" / "train.csv", ["1.jpg", "2.jpg", "3"], "train", Z[:3])
    write_latents(tmp_path / "vae" / "test.csv", ["4.png"], "test", Z[3:4])
    return tmp_path / "vae"


def test_in_the_order_asked_for(folder):
    found = find_faces(["3", "4", "1.jpg", "3"], folder)
    assert found.ids == ["3", "4.png", "1.jpg", "3"] and found.splits == ["train", "test", "train", "train"]
    np.testing.assert_array_equal(found.z, Z[[2, 3, 0, 2]])


def test_ones_own_table_goes_first(folder, tmp_path):
    write_table(tmp_path / "my.csv", Latents(["3", "new"], ["", ""], Z[4:], {"note": ["a", "b"]}))
    found = find_faces(["3", "2", "new"], folder, tmp_path / "my.csv")
    np.testing.assert_array_equal(found.z, Z[[4, 1, 5]])
    assert find_faces(["new"], tmp_path / "none", tmp_path / "my.csv").ids == ["new"]


def test_columns_that_are_asked_for(folder, tmp_path):
    write_table(tmp_path / "my.csv", Latents(["x"], [""], Z[4:5], {"note": ["a"], "Male": ["1"], "Young": ["0"]}))
    found = find_faces(["x", "3"], folder, tmp_path / "my.csv", columns=("Male", "Hat"))
    assert found.extra == {"Male": ["1", ""]}
    assert find_faces(["3"], folder, tmp_path / "my.csv", columns=("Male",)).extra == {}


def test_what_is_not_there_is_named(folder, tmp_path):
    with pytest.raises(InputError, match=r"no face '2\.jgp' in .*vae; did you mean 2\.jpg"):
        find_faces(["1", "2.jgp"], folder)
    with pytest.raises(InputError, match=r"no face '1' in .*; `dvc repro export_latents` makes them"):
        find_faces(["1"], tmp_path)
    with pytest.raises(InputError, match="has 2 latent columns, the model has 3"):
        find_faces(["1"], folder, latent_dim=3, model_name="vae")
