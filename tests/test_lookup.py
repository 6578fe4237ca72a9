"""Faces by id, and the faces nearest to them."""

import numpy as np
import pytest

from facepipe.api import lookup
from facepipe.api.lookup import find_faces, nearest
from facepipe.errors import InputError
from facepipe.latents.table import Latents, write_latents, write_table

Z = np.arange(12, dtype=np.float32).reshape(6, 2)
RNG = np.random.default_rng(0)
X, OTHERS = RNG.normal(size=(7, 4)), RNG.normal(size=(50, 4))


@pytest.fixture
def folder(tmp_path):
    write_latents(tmp_path / "vae" / "train.csv", ["1.jpg", "2.jpg", "3"], "train", Z[:3])
    write_latents(tmp_path / "vae" / "test.csv", ["4.png"], "test", Z[3:4])
    return tmp_path / "vae"


def test_in_the_order_asked_for(folder):
    found = find_faces(["3", "4", "1.jpg", "3"], folder)
    assert found.ids == ["3", "4.png", "1.jpg", "3"] and found.splits == ["train", "test", "train", "train"]
    np.testing.assert_array_equal(found.z, Z[[2, 3, 0, 2]])


def test_the_users_table_goes_first(folder, tmp_path):
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
    with pytest.raises(InputError, match="has 2 latent columns, model vae has 3"):
        find_faces(["1"], folder, latent_dim=3, model_name="vae")


@pytest.mark.parametrize("suffix", [".jpg", ".JPG", ".Jpeg", ".PNG"])
def test_a_suffix_in_any_case_may_be_left_out(tmp_path, suffix):
    write_latents(tmp_path / "train.csv", ["IMG_2.jpg", f"IMG_1{suffix}"], "train", Z[:2])
    assert find_faces(["IMG_1", "IMG_2.jpg"], tmp_path).ids == [f"IMG_1{suffix}", "IMG_2.jpg"]


def test_the_very_id_goes_before_one_with_a_suffix(tmp_path):
    write_latents(tmp_path / "test.csv", ["IMG_1.JPG", "IMG_1.PNG"], "test", Z[:2])
    write_latents(tmp_path / "train.csv", ["IMG_1"], "train", Z[2:3])
    write_table(tmp_path / "my.csv", Latents(["IMG_1.JPG"], [""], Z[3:4]))
    found = find_faces(["IMG_1", "IMG_1.PNG"], tmp_path, tmp_path / "my.csv")
    assert found.ids == ["IMG_1", "IMG_1.PNG"]
    np.testing.assert_array_equal(found.z, Z[[2, 1]])


def test_two_faces_of_one_name_are_not_mixed_up(tmp_path):
    write_latents(tmp_path / "test.csv", ["IMG_1.JPG"], "test", Z[:1])
    write_latents(tmp_path / "train.csv", ["IMG_1.PNG"], "train", Z[1:2])
    with pytest.raises(InputError, match=r"'IMG_1' may be 'IMG_1\.JPG' or 'IMG_1\.PNG'; name one of them"):
        find_faces(["IMG_1"], tmp_path)
    write_table(tmp_path / "my.csv", Latents(["IMG_2.JPG"], [""], Z[3:4]))
    write_latents(tmp_path / "valid.csv", ["IMG_2.JPG"], "valid", Z[2:3])  # the same face again
    np.testing.assert_array_equal(find_faces(["IMG_2"], tmp_path, tmp_path / "my.csv").z, Z[3:4])


def test_nearest_by_definition(monkeypatch):
    monkeypatch.setattr(lookup, "CHUNK", 3)
    rows, distances = nearest(X, OTHERS, 5)
    every = np.linalg.norm(X[:, None] - OTHERS, axis=2)
    np.testing.assert_array_equal(rows, np.argsort(every, axis=1)[:, :5])
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :5])


def test_a_face_is_not_its_own_neighbour(monkeypatch):
    monkeypatch.setattr(lookup, "CHUNK", 3)
    same = [None, 4, None, None, 9, None, None]
    x = X.copy()
    x[1], x[4] = OTHERS[4], OTHERS[9]
    rows, distances = nearest(x, OTHERS, 3, same)
    assert 4 not in rows[1] and 9 not in rows[4] and (distances > 0).all()
    assert nearest(x, OTHERS, 3)[0][1, 0] == 4


def test_no_more_neighbours_than_there_are():
    rows, _ = nearest(X, OTHERS[:3], 5)
    assert rows.shape == (7, 3)
    assert sorted(nearest(OTHERS[:1], OTHERS[:3], 5, [0])[0][0]) == [1, 2]


def test_neighbours_that_are_close_keep_their_order_and_distances():
    steps = np.array([3, 1, 2, 1, 0]) * 1e-9
    x = np.full((1, 4), 100.0)
    others = x + steps[:, None] * [1, 0, 0, 0]
    rows, distances = nearest(x, others, 5)
    assert rows[0].tolist() == [4, 1, 3, 2, 0]  # equal ones by their rows
    np.testing.assert_allclose(distances[0], np.sort(steps), rtol=1e-4)
