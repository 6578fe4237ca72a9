import builtins
import hashlib
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

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
from tests.conftest import ROOT
from tests.servers import FileServer
from tests.standins import evaluate_world, make_world

# tests of dlib's, which takes 0.1 s an image, are in test_identity.py; those of inception, which is as slow, below
QUICK = sorted(EXTRACTORS.keys() - {"dlib", "inception"})


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
    metrics = evaluate_world(tmp_path, load, extractor="mtcnn")
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


def test_onet_has_its_weights_where_a_training_asks_for_it_first(faces):
    import tensorflow as tf

    images = tf.constant(faces[:4], tf.float32) / 255.0
    expected = module.onet_maps(images)
    module._onet.cache_clear()
    for found, known in zip(tf.function(module.onet_maps)(images), expected, strict=True):
        np.testing.assert_allclose(found, known, atol=1e-5)


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


@pytest.fixture(scope="module")
def inception_weights(tmp_path_factory):
    """Untrained weights in the form of those that Keras downloads: the file, and the network that they are of."""
    import h5py
    import keras
    from keras.src.legacy.saving import legacy_h5_format

    keras.utils.set_random_seed(0)
    net = keras.applications.InceptionV3(include_top=False, weights=None, input_shape=(299, 299, 3), pooling="avg")
    path = tmp_path_factory.mktemp("inception") / module.INCEPTION_FILE
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, net)
    return path, net


@pytest.fixture
def inception(monkeypatch, tmp_path, inception_weights):
    """Keras' folder, empty, and a server that has the weights in place of Keras'."""
    path, net = inception_weights
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "keras").mkdir()
    monkeypatch.setattr(module, "INCEPTION_BATCH", 4)
    monkeypatch.setattr(module, "INCEPTION_MD5", hashlib.md5(path.read_bytes()).hexdigest())
    module._inception_network.cache_clear()
    with FileServer.of_folder(path.parent) as server:
        monkeypatch.setattr(module, "INCEPTION_URL", f"{server.url}/{path.name}")
        yield SimpleNamespace(server=server, net=net, weights=path, kept=tmp_path / "keras" / "models" / path.name)
    module._inception_network.cache_clear()


@pytest.mark.slow
def test_inception_is_that_of_keras(inception, monkeypatch):
    import keras

    images = noise(5, 40)  # more than one batch
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        found = features("inception", images)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    large = [Image.fromarray(image).resize((299, 299), Image.Resampling.BILINEAR) for image in images]
    expected = inception.net(np.stack(large).astype(np.float32) / 127.5 - 1, training=False).numpy()
    assert found.dtype == np.float32 and found.shape == (5, 2048)
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-5 * np.abs(expected).max())
    # downloaded once, and found again by the next process
    assert inception.kept.read_bytes() == inception.weights.read_bytes()
    module._inception_network.cache_clear()
    monkeypatch.setattr(module, "INCEPTION_URL", "http://127.0.0.1:9/")
    assert (features("inception", images) == found).all()
    assert len(inception.server.requests) == 1
    # a row depends on its image alone, gray counts as RGB
    gray = images[1:, :, :, :1]
    assert (features("inception", gray) == features("inception", gray.repeat(3, axis=-1))).all()
    assert (features("inception", images[1:]) == found[1:]).all()
    assert features("inception", images[:0]).shape == (0, 2048)


def test_inception_asks_for_what_keras_asks_for(monkeypatch):
    import keras

    class Asked(Exception):
        pass

    def get_file(*args, **kwargs):
        raise Asked(args, kwargs)

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", get_file)
    with pytest.raises(Asked) as caught:
        keras.applications.InceptionV3(include_top=False, weights="imagenet", pooling="avg")
    options = {"cache_subdir": "models", "file_hash": module.INCEPTION_MD5}
    assert caught.value.args == ((module.INCEPTION_FILE, module.INCEPTION_URL), options)


def test_the_names_of_metrics_say_whose_inception_it_is(monkeypatch, tmp_path):
    monkeypatch.setitem(EXTRACTORS, "inception", EXTRACTORS["random_conv"])
    _, load = make_world(tmp_path, train=8, valid=6, test=20)
    metrics = evaluate_world(tmp_path, load, ("gan",), extractor="inception", interpolations=1)
    assert {"kid_x1000_inception_keras_n20", "interpolation_evenness_inception_keras_n1"} <= metrics["gan"].keys()
    assert not any("inception_n" in name or "fid" in name for name in metrics["gan"])
    assert set(pd.read_csv(tmp_path / "report/samples.csv")["extractor"]) == {"inception_keras"}


@pytest.mark.parametrize("served, problem", [
    (None, "404"), (b"<html>sign in</html>", "Incomplete or corrupted file detected"), ("closed", "refused"),
])  # fmt: skip
def test_inception_without_its_weights(inception, monkeypatch, served, problem):
    if served == "closed":
        monkeypatch.setattr(module, "INCEPTION_URL", "http://127.0.0.1:9/")
    elif served:
        inception.server.files[module.INCEPTION_FILE] = served
    else:
        inception.server.files.clear()
    with pytest.raises(InputError) as caught:
        features("inception", noise(1))
    message = str(caught.value)
    assert message.startswith("extractor: inception needs weights that Keras downloads once, which failed (")
    where = f"or put {module.INCEPTION_FILE} into {inception.kept.parent}, or choose mtcnn"
    assert problem in message and message.endswith(f"connect this machine once, {where}") and "\n" not in message
    # put there by hand
    shutil.copy(inception.weights, inception.kept)
    assert module._inception_weights() == str(inception.kept)


def test_inception_without_a_network_is_one_line(tmp_path):
    make_world(tmp_path / "data")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    text = (tmp_path / "params.yaml").read_text()
    assert "  extractor: mtcnn " in text
    (tmp_path / "params.yaml").write_text(text.replace("  extractor: mtcnn ", "  extractor: inception "))
    (tmp_path / "keras").mkdir()
    # a proxy that is not there, also where there is a network
    environment = {"KERAS_HOME": str(tmp_path / "keras"), "https_proxy": "http://127.0.0.1:9", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "stages.evaluate"]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | environment, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    *_, line = done.stderr.splitlines()
    assert line.startswith("evaluate: params.yaml: evaluate.extractor: inception needs weights")
    assert f"put {module.INCEPTION_FILE} into {tmp_path / 'keras'}/models" in line and "Traceback" not in done.stderr
    assert not (tmp_path / "reports").exists()
