import builtins
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facepipe.download.synthetic.factors import sample_factors
from facepipe.download.synthetic.renderer import render
from facepipe.errors import InputError
from facepipe.features import extractors as module
from facepipe.features.extractors import BATCH, EXTRACTORS, features, onet, resize
from facepipe.features.kid import kid
from facepipe.metrics.config import Evaluate
from facepipe.metrics.evaluate import evaluate
from tests.standins import make_world

# tests of dlib's, which takes 0.1 s an image, are in test_identity.py
QUICK = sorted(EXTRACTORS.keys() - {"dlib"})


@pytest.fixture(scope="module")
def faces():
    return np.stack([render(sample_factors(0, i), 48) for i in range(120)]).astype(np.uint8)


def noise(n, size=48, channels=3):
    return np.random.default_rng(0).integers(0, 256, (n, size, size, channels)).astype(np.uint8)


@pytest.mark.parametrize("name", QUICK)
def test_a_row_depends_on_its_image_alone(name, faces):
    found = features(name, faces[:9])
    assert found.dtype == np.float32 and found.shape == (9, {"mtcnn": 256, "random_conv": 64}[name])
    assert features(name, faces[8:9]) == pytest.approx(found[8:], abs=1e-5)
    assert (features(name, faces[:9]) == found).all()
    assert np.abs(found[0] - found[1]).max() > 1e-3


@pytest.mark.parametrize("name", QUICK)
def test_more_than_one_batch(name, faces):
    many = np.concatenate([faces, faces])
    assert len(many) > BATCH
    found = features(name, many)
    assert found[: len(faces)] == pytest.approx(found[len(faces) :], abs=1e-5)


@pytest.mark.parametrize("name", QUICK)
def test_gray_counts_as_rgb_and_size_is_free(name):
    gray = noise(3, 20, 1)
    assert (features(name, gray) == features(name, gray.repeat(3, axis=-1))).all()
    assert features(name, noise(2, 16)[:, :12]).shape[0] == 2


@pytest.mark.parametrize("name", QUICK)
def test_kid_ranks_faces_before_noise_and_one_color(name, faces):
    real, other = features(name, faces[:60]), features(name, faces[60:])
    same, sd = kid(real, other, 20, 40, seed=0)
    worse = noise(60), np.full_like(faces[:60], 128)
    bad = [kid(real, features(name, images), 20, 40, seed=0)[0] for images in worse]
    assert abs(same) < 2 * sd + 1e-4 < min(bad)


def test_face_scores_know_faces_from_noise(faces):
    scores = onet(np.concatenate([faces, noise(10)])).face_scores
    assert scores.shape == (len(faces) + 10,) and 0 <= scores.min() <= scores.max() <= 1
    assert np.median(scores[: len(faces)]) > 3 * scores[len(faces) :].max()


def test_evaluate_runs_onet_once_over_each_set(tmp_path, monkeypatch):
    _, load = make_world(tmp_path, train=60, valid=6, test=20)
    network, batches = module._onet_network(), []

    def counted(x):
        batches.append(len(x))
        return network(x)

    monkeypatch.setattr(module, "_onet_network", lambda: counted)
    params = Evaluate(extractor="mtcnn", samples=20, kid_subsets=2, kid_subset_size=4, neighbours=1)
    folders = {name: tmp_path / name for name in ("models", "latents", "shards", "report")}
    metrics = evaluate(params, **folders, load=load)
    # what is compared (samples.csv), what it is compared with, and 10 interpolations of 9 faces by each model
    assert batches == [BATCH] * (1 + len(pd.read_csv(tmp_path / "report/samples.csv")) + 3 + 1)
    assert "interpolation_evenness_mtcnn_n20" in metrics["gan"]
    assert 0 <= metrics["real"]["face_score_mtcnn_n20"] <= 1


def test_mtcnn_is_float32_whatever_a_model_set(faces):
    import keras

    expected = features("mtcnn", faces[:4])
    module._onet.cache_clear()
    module._onet_network.cache_clear()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        assert (features("mtcnn", faces[:4]) == expected).all()
        assert keras.mixed_precision.global_policy().name == "mixed_bfloat16"
    finally:
        keras.mixed_precision.set_global_policy("float32")


def test_resize_averages_when_it_shrinks():
    stripes = np.zeros((1, 96, 96, 3), np.uint8)
    stripes[:, ::2] = 255
    small = resize(stripes, 24)
    assert small.shape == (1, 24, 24, 3) and np.abs(small.astype(int) - 127).max() < 20
    assert (resize(stripes, 96) == stripes).all()
    tall = noise(1, 40)[:, :, :30]
    expected = np.asarray(Image.fromarray(tall[0]).resize((24, 24), Image.Resampling.BILINEAR))
    assert (resize(tall, 24)[0] == expected).all()


def test_resize_refuses_floats():
    with pytest.raises(ValueError, match="uint8"):
        resize(np.zeros((1, 4, 4, 3)), 4)


def test_unknown_extractor_is_named():
    with pytest.raises(InputError, match="no extractor 'mtcn'; did you mean mtcnn"):
        features("mtcn", noise(1))


def test_missing_package_is_named(monkeypatch):
    real_import = builtins.__import__

    def without_mtcnn(name, *args, **kwargs):
        if name.split(".")[0] == "mtcnn":
            raise ModuleNotFoundError("No module named 'mtcnn'", name="mtcnn")
        return real_import(name, *args, **kwargs)

    for name in [name for name in sys.modules if name.split(".")[0] == "mtcnn"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without_mtcnn)
    module._onet.cache_clear()
    module._onet_network.cache_clear()
    with pytest.raises(InputError, match="mtcnn needs the package mtcnn; pip install it, or choose random_conv"):
        features("mtcnn", noise(1))
