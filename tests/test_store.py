"""A stored model: the same weights give the same bytes, and a failure leaves the old model."""

import numpy as np
import pytest

from facepipe.core.files import describe_files, read_json, write_json, write_sealed
from facepipe.errors import InputError
from facepipe.models.ae.model import Autoencoder
from facepipe.networks.store import read_info, read_weights, save_model, stored_file

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
    assert changed == ["head.weights.h5", "model.json"]  # which names the bytes of the others


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


def add_density(folder):
    (folder / "more").mkdir()
    (folder / "more" / "density.npz").write_bytes(b"density")


def test_every_file_is_listed_and_checked_when_it_is_read(tmp_path):
    folder, model = tmp_path / "a", Autoencoder(SPEC)
    save_model(folder, model, SPEC, {}, [add_density])
    weights = [f"{name}.weights.h5" for name in ("convolutions", "decoder", "head")]
    names = [*weights, "more/density.npz"]
    assert read_json(folder / "model.json")["files"] == describe_files(folder, names)
    assert stored_file(folder, "more/density.npz").read_bytes() == b"density"
    assert stored_file(folder, "sampler.npz") is None, "it never had one"
    for name in names:
        path, data = folder / name, (folder / name).read_bytes()
        for changed, said in (
            (data[:-1] + bytes([data[-1] ^ 4]), "damaged: its sha256 does not fit"), (data + b"x", "damaged: "),
            (None, "missing; `dvc checkout` brings it back"),
        ):  # fmt: skip
            path.unlink() if changed is None else path.write_bytes(changed)
            with pytest.raises(InputError, match=f"^{path}: {said}"):
                stored_file(folder, name)
            if name in weights:
                with pytest.raises(InputError, match=f"^{path}: {said}"):
                    read_weights(folder, model.networks)
        path.write_bytes(data)
    read_weights(folder, model.networks)
    info = read_json(folder / "model.json")
    write_json(folder / "model.json", info | {"spec": info["spec"] | {"latent_activation": "relu"}})
    with pytest.raises(InputError, match=r"model.json: damaged: its sha256 does not fit; .*train"):
        read_info(folder)


def test_a_model_of_an_earlier_facepipe_is_read_and_it_is_said(tmp_path, capsys):
    folder, model, other = tmp_path / "a", Autoencoder(SPEC), Autoencoder(SPEC, seed=1)
    save_model(folder, model, SPEC, {})
    info = read_json(folder / "model.json")
    del info["sha256"], info["files"]
    write_json(folder / "model.json", info | {"version": 1})
    for _ in range(2):
        read_weights(folder, other.networks)
    for name, network in model.networks.items():
        for mine, read in zip(network.get_weights(), other.networks[name].get_weights(), strict=True):
            np.testing.assert_array_equal(mine, read)
    said = f"{folder}: made by an earlier facepipe, without checksums: not checked; `dvc repro` renews it\n"
    assert capsys.readouterr().err == said
    # what lost its checksums on the way is not taken for one
    write_json(folder / "model.json", info)
    with pytest.raises(InputError, match=r"model.json: damaged: its sha256 does not fit"):
        read_info(folder)
    write_sealed(folder / "model.json", info)
    with pytest.raises(InputError, match=r"model.json: not a facepipe model"):
        read_weights(folder, other.networks)
