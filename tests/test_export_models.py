"""Exports say the same as the model itself: Keras' layers only, SavedModel, ONNX."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from facepipe.api import export
from facepipe.cli import main
from facepipe.errors import InputError
from facepipe.models.load import load_model
from facepipe.shards.shards import Shards

# reads an export without facepipe on its path
ALONE = """
import sys
import numpy as np
import keras
z = np.load(sys.argv[2])
np.save(sys.argv[3], keras.models.load_model(sys.argv[1])(z).numpy())
assert not any(name.split(".")[0] == "facepipe" for name in sys.modules)
"""
Z = np.random.default_rng(0).standard_normal((7, 4)).astype(np.float32)


def keras_file(path):
    return keras.models.load_model(path)


def saved_model(path):
    loaded = tf.saved_model.load(path)
    return lambda inputs: loaded.serve(inputs)  # `loaded` lives as long


def onnx_file(path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs pip install 'facepipe[onnx]'")
    session = onnxruntime.InferenceSession(path)

    def run(*arrays):
        return session.run(None, {given.name: x for given, x in zip(session.get_inputs(), arrays, strict=True)})[0]

    return run


READERS = {"keras": keras_file, "saved_model": saved_model, "onnx": onnx_file}


@pytest.mark.parametrize("form", READERS)
@pytest.mark.parametrize("name", ["ae", "vae", "gan"])
def test_the_exports_equal_the_model(tiny_models, tiny_shards, tmp_path, capsys, name, form):
    if form == "onnx":
        pytest.importorskip("tf2onnx", reason="needs pip install 'facepipe[onnx]'")
    out, suffix = tmp_path / "out", export.FORMATS[form]
    command = ["export", "--model", name, "--models", str(tiny_models), "--format", form, "-o", str(out)]
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"decoder{suffix} and encoder{suffix} in {out}"
    model, images = load_model(tiny_models / name), Shards(tiny_shards).images("test") / np.float32(255)
    decode, encode = (READERS[form](out / f"{part}{suffix}") for part in ("decoder", "encoder"))
    np.testing.assert_allclose(decode(Z), model.decode(Z), atol=1e-5)
    np.testing.assert_allclose(decode(Z[:3]), model.decode(Z[:3]), atol=1e-5)
    np.testing.assert_allclose(encode(images), model.encode(images), atol=1e-5)


@pytest.mark.parametrize("form", READERS)
def test_labels_are_the_second_input(conditioned_models, tmp_path, form):
    if form == "onnx":
        pytest.importorskip("tf2onnx", reason="needs pip install 'facepipe[onnx]'")
    model, labels = load_model(conditioned_models / "vae"), np.tile(np.float32([[0.0, 1.0]]), (7, 1))
    export.export_networks(model, form, tmp_path / "out")
    decode = READERS[form](tmp_path / "out" / f"decoder{export.FORMATS[form]}")
    run = (lambda z, labels: decode([z, labels])) if form != "onnx" else decode
    np.testing.assert_allclose(run(Z, labels), model.decode(Z, labels), atol=1e-5)
    unknown = np.full((7, 2), 0.5, np.float32)
    np.testing.assert_allclose(run(Z, unknown), model.decode(Z), atol=1e-5)


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("keras", {"decoder_spectral_norm": True, "latent_activation": "sigmoid"}),
        ("keras", {"patch_size": 3, "widths": (8,)}),
        ("onnx", {"patch_size": 3, "widths": (8,)}),
    ],
)
def test_other_layers_and_activations(tiny_shards, tmp_path, tiny_params, form, options):
    from tests.trainings import train as train_model

    if form == "onnx":
        pytest.importorskip("tf2onnx", reason="needs pip install 'facepipe[onnx]'")
    train, sections = tiny_params
    params = type(sections["ae"])(**sections["ae"].model_dump() | options)
    train_model("ae", train, params, tiny_shards, tmp_path / "ae", tmp_path / "report")
    model, images = load_model(tmp_path / "ae"), Shards(tiny_shards).images("test") / np.float32(255)
    export.export_networks(model, form, tmp_path / "out")
    decode, encode = (READERS[form](tmp_path / f"out/{part}{export.FORMATS[form]}") for part in ("decoder", "encoder"))
    np.testing.assert_allclose(decode(Z), model.decode(Z), atol=1e-5)
    np.testing.assert_allclose(encode(images), model.encode(images), atol=1e-5)


def test_keras_reads_it_without_facepipe(tiny_models, tmp_path):
    model = load_model(tiny_models / "vae")
    export.export_networks(model, "keras", tmp_path / "out")
    np.save(tmp_path / "z.npy", Z)
    arguments = [str(tmp_path / name) for name in ("out/decoder.keras", "z.npy", "images.npy")]
    done = subprocess.run(
        [sys.executable, "-c", ALONE, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    np.testing.assert_allclose(np.load(tmp_path / "images.npy"), model.decode(Z), atol=1e-5)


def test_mistakes(tiny_models, tmp_path, capsys, monkeypatch):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("")
    command = ["export", "--model", "vae", "--models", str(tiny_models), "--format"]
    assert main([*command, "keras", "-o", str(tmp_path / "full")]) == 2
    assert "full: exists; name a new folder" in capsys.readouterr().err
    assert main([*command, "bundle", "-o", str(tmp_path / "full")]) == 2
    assert "full: is a folder; name a file such as vae.facepipe" in capsys.readouterr().err
    assert main([*command, "bundle", "-o", str(tmp_path / "b")]) == 0
    assert main(["export", "--model", str(tmp_path / "b"), "--format", "bundle", "-o", str(tmp_path / "c")]) == 2
    assert "is a bundle already; copy it" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(InputError, match=r"needs tf2onnx: pip install 'facepipe\[onnx\]'"):
        export.export_networks(load_model(tiny_models / "vae"), "onnx", tmp_path / "onnx")
    assert not (tmp_path / "onnx").exists()
