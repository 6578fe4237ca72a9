import numpy as np
import pytest

from facepipe.core.pictures import to_uint8
from facepipe.latents.table import write_latents
from facepipe.report import decoded as compare
from facepipe.report.decoded import comparison, known_faces
from facepipe.shards.shards import Shards
from tests.standins import LinearModel, make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    models, _ = make_world(folder, train=40, valid=4, test=6)
    shards = Shards(folder / "shards")
    for split in ("train", "test"):
        z = models["vae"].encode(shards.images(split))
        write_latents(folder / "latents/vae" / f"{split}.csv", shards.ids(split), split, z)
    return models["vae"], shards, folder / "latents/vae"


def test_faces_known_to_the_shards_and_to_the_latents(world):
    model, shards, folder = world
    known = known_faces(model, ["test-003.png", "mine", "valid-001.png", "train-007.png"], shards, folder)
    assert list(known) == ["test-003.png", "train-007.png"]
    original, reconstruction = known["test-003.png"]
    np.testing.assert_array_equal(original, shards.images("test")[3])
    np.testing.assert_array_equal(reconstruction, to_uint8(model.decode(model.encode(original[None])))[0])
    assert known_faces(model, ["mine"], shards, folder) == {}


def test_a_model_of_another_shape_knows_no_face(world):
    _, shards, folder = world
    other = LinearModel("vae", np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3)).astype(np.uint8))
    assert known_faces(other, ["test-003.png"], shards, folder) == {}


def test_long_tables_are_cut(world, monkeypatch):
    model, shards, folder = world
    monkeypatch.setattr(compare, "COMPARED", 2)
    assert list(known_faces(model, shards.ids("test"), shards, folder)) == shards.ids("test")[:2]


def test_three_pictures_a_row(world):
    model, shards, folder = world
    known = known_faces(model, ["test-001.png", "test-000.png"], shards, folder)
    edited = {name: np.full((16, 16, 3), 10 * i, np.uint8) for i, name in enumerate(known, 1)}
    sheet = comparison(known, edited)
    left = sheet.shape[1] - 3 * 66
    for row, name in enumerate(known):
        y = sheet.shape[0] - (2 - row) * 66
        for column, picture in enumerate([*known[name], edited[name]]):
            x = left + column * 66
            np.testing.assert_array_equal(sheet[y : y + 64 : 4, x : x + 64 : 4], picture)
