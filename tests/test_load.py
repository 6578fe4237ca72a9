"""A loaded model: numpy in and out, rows independent of their company, clear refusals."""

import re
import shutil

import h5py
import numpy as np
import pytest

from facepipe.core.files import describe_files, read_json, write_sealed
from facepipe.errors import InputError
from facepipe.models.load import BATCH, load_model
from facepipe.shards.shards import Shards


def test_encode_decode_sample(tiny_models, tiny_shards):
    images = Shards(tiny_shards).images("test")
    for name in ("ae", "vae"):
        model = load_model(tiny_models / name)
        z = model.encode(images)
        assert z.shape == (32, 4) and z.dtype == np.float32
        np.testing.assert_array_equal(z, model.encode(images.astype(np.float32) / np.float32(255)))
        recon = model.decode(z)
        assert recon.shape == images.shape and recon.dtype == np.float32
        assert recon.min() >= 0 and recon.max() <= 1
    mu, logvar = model.posterior(images)
    np.testing.assert_array_equal(mu, z)
    assert logvar.shape == z.shape
    assert load_model(tiny_models / "ae").sampler.name == "mixture"
    gan = load_model(tiny_models / "gan")
    assert gan.sampler.name == "prior" and gan.has_encoder
    assert gan.encode(images).shape == (32, 4)
    np.testing.assert_array_equal(gan.sample_latents(3, seed=1), gan.sample_latents(3, seed=1))


def test_a_gan_encodes_by_its_own_inverter_only(tiny_models, tiny_shards, tmp_path):
    images = Shards(tiny_shards).images("test")
    shutil.copytree(tiny_models / "gan", tmp_path / "gan")
    alone = load_model(tmp_path / "gan")
    assert not alone.has_encoder
    with pytest.raises(InputError, match=r"model gan has no encoder: `dvc repro train_inverter`"):
        alone.encode(images)
    named = load_model(tmp_path / "gan", inverter=tiny_models / "inverter")
    np.testing.assert_array_equal(named.encode(images), load_model(tiny_models / "gan").encode(images))
    # another training of the generator
    networks = load_model(tiny_models / "gan").info["networks"]
    with h5py.File(tmp_path / "gan" / "generator.weights.h5", "r+") as file:
        file.attrs["changed"] = 1
    info = read_json(tmp_path / "gan" / "model.json")
    files = describe_files(tmp_path / "gan", info["files"])
    write_sealed(tmp_path / "gan" / "model.json", info | {"files": files})
    shutil.copytree(tiny_models / "inverter", tmp_path / "inverter")
    assert "generator" in networks and not load_model(tmp_path / "gan").has_encoder
    with pytest.raises(InputError, match=r"not an inverter of the generator in .*gan; `dvc repro train_inverter`"):
        load_model(tmp_path / "gan", inverter=tmp_path / "inverter")
    with pytest.raises(InputError, match=r"inverter: the encoder of a GAN, .* name the GAN's folder"):
        load_model(tiny_models / "inverter")


def test_a_truncated_gan_draws_its_latents_nearer_to_the_middle(tiny_models, tmp_path):
    folder = tmp_path / "gan"
    shutil.copytree(tiny_models / "gan", folder)
    info = read_json(folder / "model.json")
    assert info["spec"]["truncation"] == 1.0
    write_sealed(folder / "model.json", info | {"spec": info["spec"] | {"truncation": 0.5}})
    whole = load_model(tiny_models / "gan").sample_latents(9, seed=1)
    np.testing.assert_allclose(load_model(folder).sample_latents(9, seed=1), 0.5 * whole, rtol=1e-6)
    np.testing.assert_array_equal(load_model(folder).sampler.sample(9, 1), load_model(folder).sample_latents(9, seed=1))


@pytest.mark.parametrize("name", ["ae", "vae", "gan"])
def test_a_row_does_not_depend_on_the_others(tiny_models, name):
    model = load_model(tiny_models / name)
    z = np.random.default_rng(0).standard_normal((BATCH + 7, 4)).astype(np.float32)
    together = model.decode(z)
    changed = z.copy()
    changed[3, 2] += 1
    again = model.decode(changed)
    assert [i for i in range(len(z)) if not np.array_equal(together[i], again[i])] == [3]
    np.testing.assert_array_equal(model.decode(z[BATCH:]), together[BATCH:])
    assert model.decode(z[:0]).shape == (0, 16, 16, 3)


@pytest.mark.parametrize("name", ["vae", "gan"])
def test_labels_of_a_conditioned_model(conditioned_models, name):
    model = load_model(conditioned_models / name)
    assert model.condition_on == ("Left", "Bright")
    z = np.random.default_rng(0).standard_normal((BATCH + 3, 4)).astype(np.float32)
    unknown = np.full((len(z), 2), np.nan)
    np.testing.assert_array_equal(model.decode(z), model.decode(z, unknown))
    np.testing.assert_array_equal(model.decode(z), model.decode(z, np.full((len(z), 2), 0.5)))
    labels = unknown.copy()
    labels[BATCH + 1, 1] = 1
    changed = np.abs(model.decode(z, labels) - model.decode(z)).max(axis=(1, 2, 3))
    assert list(np.flatnonzero(changed)) == [BATCH + 1], "a row's label is its own"
    for wrong in (np.zeros((len(z), 1)), np.zeros((2, 2)), np.zeros(2)):
        with pytest.raises(ValueError, match=r"labels must be \(67, 2\) \(Left, Bright\), got"):
            model.decode(z, wrong)
    with pytest.raises(ValueError, match=r"labels must be in \[0, 1\] or NaN, got -1 to 1"):
        model.decode(z, np.tile([1.0, -1.0], (len(z), 1)))


def test_labels_for_a_model_that_takes_none(tiny_models):
    model = load_model(tiny_models / "gan")
    assert model.condition_on == () and "condition_on" not in model.info["spec"]
    with pytest.raises(ValueError, match=r"labels must be \(2, 0\) \(no labels\), got \(2, 1\)"):
        model.decode(np.zeros((2, 4)), np.ones((2, 1)))


def test_wrong_shapes(tiny_models):
    model = load_model(tiny_models / "ae")
    with pytest.raises(ValueError, match=r"z must be \(n, 4\), got \(2, 5\)"):
        model.decode(np.zeros((2, 5)))
    with pytest.raises(ValueError, match=r"images must be \(n, 16, 16, 3\)"):
        model.encode(np.zeros((2, 8, 8, 3)))


def test_broken_folders(tiny_models, tmp_path):
    with pytest.raises(InputError, match=r"no model.json there; train the model first"):
        load_model(tmp_path / "nothing")
    folder = tmp_path / "ae"
    shutil.copytree(tiny_models / "ae", folder)
    info = read_json(folder / "model.json")
    write_sealed(folder / "model.json", info | {"version": 99})
    with pytest.raises(InputError, match="version 99, this facepipe reads 2"):
        load_model(folder)
    write_sealed(folder / "model.json", info | {"spec": info["spec"] | {"latent_dim": 7}})
    with pytest.raises(InputError, match=r"(convolutions|decoder|head).weights.h5: weights cannot be read"):
        load_model(folder)
    for change, said in (
        ({"latent_dim": "7"}, "spec.latent_dim: '7'"), ({"image_shape": [16, 16]}, "spec.image_shape"),
        ({"latent_activation": ["linear"]}, "spec.latent_activation"), ({"widths": 8}, "spec.widths: 8"),
    ):  # fmt: skip
        write_sealed(folder / "model.json", info | {"spec": info["spec"] | change})
        with pytest.raises(InputError, match=f"not a facepipe model: {re.escape(said)}"):
            load_model(folder)
    write_sealed(folder / "model.json", info | {"spec": {"image_shape": [16, 16, 3], "widths": [8, 8]}})
    with pytest.raises(InputError, match="not a facepipe model: spec has no latent_dim, latent_activation"):
        load_model(folder)
    write_sealed(folder / "model.json", info | {"networks": ["head"]})
    with pytest.raises(InputError, match="not a facepipe model: networks"):
        load_model(folder)
    (folder / "model.json").write_text("{")
    with pytest.raises(InputError, match="not a facepipe model"):
        load_model(folder)
    write_sealed(folder / "model.json", info)
    (folder / "decoder.weights.h5").unlink()
    with pytest.raises(InputError, match=r"decoder\.weights\.h5: missing; `dvc checkout` brings it back"):
        load_model(folder)


def test_a_mistake_of_ours_keeps_its_traceback(tiny_models, monkeypatch):
    def broken(*arguments, **options):
        raise TypeError("convolutions() takes no such thing")

    monkeypatch.setattr("facepipe.models.ae.model.convolutions", broken)
    with pytest.raises(TypeError, match="takes no such thing"):
        load_model(tiny_models / "ae")
