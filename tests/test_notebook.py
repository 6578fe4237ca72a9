"""Faces and models in a notebook, by the methods that Jupyter calls; and that NumPy's users notice nothing of it."""

import copy
import io
import pickle
import re
import shutil
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

import facepipe
from facepipe.api.notebook import Faces
from facepipe.core.pictures import to_uint8
from facepipe.latents.vectors import z_columns

HOSTILE = "<script>alert('1')</script>&\""


def picture(shown):
    return None if shown is None else np.asarray(Image.open(io.BytesIO(shown)))


def some(count=16, shape=(16, 16, 3)):
    """Square, and as many faces as rows and columns, so that every mistaken axis would still have a face's shape."""
    return Faces.of(np.random.default_rng(0).random((count, *shape)).astype(np.float32))


def test_one_face_and_many():
    faces = some()
    alone = picture(faces[3]._repr_png_())
    np.testing.assert_array_equal(alone, to_uint8(np.asarray(faces[3])).repeat(4, 0).repeat(4, 1))
    sheet = picture(faces._repr_png_())
    assert sheet.shape == (4 * (64 + 16 + 6) + 6, 4 * 70 + 6, 3), "with their rows under them"
    np.testing.assert_array_equal(sheet[6:70, 6:70], to_uint8(np.asarray(faces[0])).repeat(4, 0).repeat(4, 1))
    assert picture(some(250, (64, 64, 1))._repr_png_()).shape == picture(some(100, (64, 64, 1))._repr_png_()).shape
    gray, large = some(2, (64, 80, 1)), some(1, (128, 128, 3))
    assert picture(gray[1]._repr_png_()).shape[:2] == (64, 80) and picture(large[0]._repr_png_()).shape == (128, 128, 3)
    whole = Faces.of(to_uint8(np.asarray(faces)))
    np.testing.assert_array_equal(picture(whole._repr_png_()), sheet)


@pytest.mark.parametrize("index", [
    5, -1, np.int64(2), slice(2, 6), slice(None, None, -1), [4, 0, 4], np.array([1, 2]), np.arange(16) % 2 == 0, ...,
    (3,), (3, ...), (slice(1, 3), ..., slice(None)), (slice(None), slice(None)), ([1, 2], slice(None), slice(None)),
])  # fmt: skip
def test_whole_faces_are_faces(index):
    faces = some()
    found = faces[index]
    assert isinstance(found, Faces) and picture(found._repr_png_()) is not None
    np.testing.assert_array_equal(np.asarray(found), np.asarray(faces)[index])


@pytest.mark.parametrize("index", [
    (slice(None), 0), (slice(None), slice(None), 0), (..., 0), (..., slice(0, 1)), (slice(None), slice(0, 8)), (3, 4),
    (3, 4, 5), None, (slice(None), None), np.ones((16, 16), bool), (..., np.arange(3)), (slice(None), np.arange(16)),
    (slice(None), slice(None, None, -1)), np.zeros((16, 16), int),
])  # fmt: skip
def test_all_else_is_a_plain_array(index):
    faces = some()
    found = faces[index]
    assert type(found) is np.ndarray and not hasattr(found, "_repr_png_")
    np.testing.assert_array_equal(found, np.asarray(faces)[index])


def test_a_pixel_is_a_number_and_a_face_has_no_faces():
    faces = some()
    assert type(faces[0, 1, 2, 0]) is np.float32 and type(faces[0][0]) is np.ndarray
    assert [type(face) for face in faces] == [Faces] * 16 and all(face._repr_png_() for face in faces)
    assert type(faces[0][:, ::-1]) is np.ndarray and faces[0][...]._repr_png_() == faces[0]._repr_png_()


@pytest.mark.parametrize("compute", [
    lambda x: x + 0.5, lambda x: 2 * x, lambda x: x - x[::-1], lambda x: x.mean(axis=0), lambda x: x.mean(), np.mean,
    lambda x: x.std(axis=(1, 2, 3)), lambda x: np.clip(x, 0, 1), lambda x: x > 0.5, lambda x: x.max(), np.median,
    lambda x: x.sum(axis=-1, keepdims=True), lambda x: np.matmul(x, np.eye(3)), lambda x: x == x, np.sqrt,
    lambda x: np.einsum("nhwc->n", x), lambda x: np.add.reduce(x),
])  # fmt: skip
def test_what_is_computed_is_as_ever(compute):
    faces = some()
    found, expected = compute(faces), compute(np.asarray(faces))
    assert type(found) is type(expected)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("change", [
    lambda x: x.swapaxes(0, 1), lambda x: x.T, lambda x: x.reshape(16, 16, 16, 3)[:, :, ::-1], lambda x: x.ravel(),
    lambda x: x.argsort(axis=0), lambda x: np.concatenate([x, x]), lambda x: x.view(np.uint32), np.zeros_like,
])  # fmt: skip
def test_what_numpy_makes_of_it_is_not_shown(change):
    assert getattr(change(some()), "_repr_png_", lambda: None)() is None


def test_arrays_are_shared_and_stored_as_ever(tmp_path):
    faces = some()
    plain = np.asarray(faces)
    assert type(plain) is np.ndarray and plain.base is not None and np.shares_memory(plain, faces)
    for other in (pickle.loads(pickle.dumps(faces)), np.array(faces)):
        assert type(other) is np.ndarray
        np.testing.assert_array_equal(other, plain)
    np.save(tmp_path / "faces.npy", faces)
    assert type(np.load(tmp_path / "faces.npy")) is np.ndarray
    np.testing.assert_array_equal(copy.deepcopy(faces), plain)
    Image.fromarray(to_uint8(faces[0]))
    before, copied = plain.copy(), faces.copy()
    copied[0] = 0
    copied *= 0.5
    assert type(copied) is Faces and copied._repr_png_() and not copied[0].any()
    np.testing.assert_array_equal(plain, before)


def test_what_cannot_be_shown():
    assert some(0)._repr_png_() is None
    broken = some()
    broken[2, 3, 4] = np.nan
    assert broken._repr_png_() is None and broken[0]._repr_png_()
    assert picture(Faces.of(np.full((2, 4, 4, 3), 7.0))[0]._repr_png_()).min() == 255


@pytest.fixture(scope="module")
def folder(tiny_workspace, tmp_path_factory):
    """Models with all that lies around them, the VAE's directions named by somebody hostile."""
    data = tmp_path_factory.mktemp("data")
    for name in ("models", "latents"):
        (data / name).symlink_to(tiny_workspace / name)
    shutil.copytree(tiny_workspace / "directions", data / "directions")
    quoted = HOSTILE.replace('"', '""')
    row = ",".join(["9", "9", "0.7", "1", *["1"] * 4])
    header = ",".join(["attribute", "method", "n_pos", "n_neg", "auc", "norm", *z_columns(4)])
    (data / "directions/vae.csv").write_text(f'{header}\n"{quoted}",mean_difference,{row}\n')
    return data / "models"


def test_the_card_of_a_model(folder, monkeypatch):
    model = facepipe.load(folder / "vae")
    decoded, decode = [], model._model.decode
    monkeypatch.setattr(model._model, "decode", lambda *given: decoded.append(1) or decode(*given))
    assert not decoded, "its faces are made when they are first shown"
    card = model._repr_html_()
    assert "<script>" not in card and "&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;&amp;&quot;" in card
    for said in ("<b>vae</b>", ">4<", "16 x 16, RGB", ">prior; density: ", "<th>encodes images</th><td>yes</td>"):
        assert said in card, said
    assert "condition_on" not in card and repr(model) == "<FaceModel vae: latent_dim 4, image_shape (16, 16, 3)>"
    shown = b64decode(re.search('src="data:image/png;base64,([^"]+)"', card).group(1))
    assert shown == model._repr_png_() == model.sample(8)._repr_png_()
    assert model._repr_html_() == card and len(decoded) == 2, "once, and once by this test"


def test_what_a_model_gives_is_shown(folder, tiny_shards):
    from facepipe.shards.shards import Shards

    model, images = facepipe.load(folder / "ae"), Shards(tiny_shards).images("test", 0, 3)
    z = model.encode(images)
    assert type(z) is np.ndarray
    edited = model.edit_photos(images, z, z + model.directions["Bright"])
    for faces in (model.sample(3, seed=1), model.decode(z), edited):
        assert isinstance(faces, Faces) and faces.dtype == np.float32 and faces._repr_png_()
    np.testing.assert_array_equal(model.encode(model.decode(z)), model.encode(np.asarray(model.decode(z))))
    assert model.sample(0).shape == (0, 16, 16, 3) and model.sample(0)._repr_png_() is None
