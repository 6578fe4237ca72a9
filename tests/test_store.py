"""A stored model: the same weights give the same bytes, and a failure leaves the old model."""

import numpy as np
import pytest

from facepipe.core.files import read_json
from facepipe.models.ae.model import Autoencoder
from facepipe.networks.store import save_model

SPEC = {"image_shape": [16, 16, 3], "latent_dim": 4, "widths": [4, 4], "latent_activation": "linear"}


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_equal_weights_equal_bytes(tmp_path):
    first, second = Autoencoder(SPEC), Autoencoder(SPEC, dtype="mixed_bfloat16")
    save_model(tmp_path / "a", first, SPEC, {"seed": 0})
    save_model(tmp_path / "b", second, SPEC, {"seed": 0})
    assert content(tmp_path / "a") == content(tmp_path / "b")
    info = read_json(tmp_path / "a" / "model.json")
    assert info["spec"] == SPEC and info["training"] == {"seed": 0} and info["model"] == "ae"
    head = first.networks["head"]
    head.set_weights([w + 1 for w in head.get_weights()])
    save_model(tmp_path / "b", first, SPEC, {"seed": 0})
    changed = [
        name for name in content(tmp_path / "a") if content(tmp_path / "a")[name] != content(tmp_path / "b")[name]
    ]
    assert changed == ["head.weights.h5"]


def test_a_failing_write_leaves_the_old_model(tmp_path):
    save_model(tmp_path / "a", Autoencoder(SPEC), SPEC, {})
    before = content(tmp_path / "a")

    def fail(folder):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        save_model(tmp_path / "a", Autoencoder(SPEC, seed=1), SPEC, {}, [fail])
    assert content(tmp_path / "a") == before
    save_model(tmp_path / "a", Autoencoder(SPEC), SPEC, {}, [lambda folder: np.save(folder / "extra.npy", np.ones(2))])
    assert (tmp_path / "a" / "extra.npy").exists()
