"""A GAN that starts from a trained VAE or GAN: the same faces before its first step, refusals, what is recorded."""

import re
import shutil

import numpy as np
import pytest

from facepipe.core.files import read_json, write_sealed
from facepipe.errors import InputError
from facepipe.models.gan.config import TrainGAN
from facepipe.models.gan.model import GAN
from facepipe.models.gan.start import first_weights, fitting
from facepipe.models.load import load_model
from facepipe.training import session
from tests.trainings import train as train_model

SPEC = {
    "image_shape": [16, 16, 3], "latent_dim": 4, "generator_widths": [16, 8], "discriminator_widths": [8, 8],
    "latent_activation": "linear", "architecture": "dcgan", "spectral_norm": False, "truncation": 1.0,
}  # fmt: skip
PARAMS = {
    "latent_dim": 4, "generator_widths": (16, 8), "discriminator_widths": (8, 8), "batch_size": 16, "epochs": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def vae(tiny_shards, tiny_params, tmp_path_factory):
    """A VAE whose widths differ from each other, so that their order matters."""
    folder = tmp_path_factory.mktemp("vae")
    params = tiny_params[1]["vae"].model_copy(update={"widths": (8, 16)})
    train_model("vae", tiny_params[0], params, tiny_shards, folder / "vae", folder / "report")
    return folder / "vae"


@pytest.mark.parametrize("name", ["ae", "vae", "gan"])
def test_before_its_first_step_it_makes_the_other_models_faces(name, vae, tiny_models):
    folder, spec = (vae, SPEC) if name == "vae" else (tiny_models / name, SPEC | {"generator_widths": [8, 8]})
    weights, _, inherited = first_weights(folder, spec)
    assert set(weights) == {"generator"} | ({"discriminator"} if name == "gan" else set())
    assert inherited == ({} if name == "gan" else {"linear_path": True})
    model = GAN(spec | inherited)
    for network, values in weights.items():
        model.networks[network].set_weights(values)
    z = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    np.testing.assert_allclose(model.decode(z), load_model(folder).decode(z), atol=1e-5)
    assert np.abs(GAN(spec, seed=1).decode(z) - load_model(folder).decode(z)).max() > 2e-3


def test_sizes_left_open_are_those_of_the_other_model(vae, tiny_models, tiny_shards, tmp_path, tiny_params):
    params = TrainGAN(batch_size=16, epochs=1, discriminator_widths=(8, 8), init_from=str(vae))
    train_model("gan", tiny_params[0], params, tiny_shards, tmp_path / "m", tmp_path / "r")
    spec = load_model(tmp_path / "m").info["spec"]
    assert (spec["latent_dim"], spec["generator_widths"], spec["linear_path"]) == (4, [16, 8], True)
    again = TrainGAN(batch_size=16, epochs=1, init_from=str(tiny_models / "gan"))
    found = fitting(again)
    assert (found.latent_dim, found.generator_widths, found.discriminator_widths) == (4, [8, 8], [8, 8])
    assert fitting(again.model_copy(update={"latent_dim": 9})).latent_dim == 9


def test_training_starts_there(vae, tiny_shards, tiny_params, tmp_path):
    options = {"generator_learning_rate": 1e-9, "ema_half_life_kimg": 1.0}
    train_model(
        "gan",
        tiny_params[0],
        TrainGAN(**PARAMS, **options, init_from=str(vae)),
        tiny_shards,
        tmp_path / "m",
        tmp_path / "r",
    )
    trained, z = load_model(tmp_path / "m"), np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    # the statistics of the batch normalisation move on alone
    assert np.abs(trained.decode(z) - load_model(vae).decode(z)).mean() < 0.05
    record = trained.info["training"]["init_from"]
    assert record == {"folder": str(vae), "sha256": first_weights(vae, SPEC)[1]}
    train_model("gan", tiny_params[0], TrainGAN(**PARAMS, **options), tiny_shards, tmp_path / "m2", tmp_path / "r2")
    assert np.abs(load_model(tmp_path / "m2").decode(z) - load_model(vae).decode(z)).mean() > 0.05
    assert "init_from" not in read_json(tmp_path / "m2/model.json")["training"]


def test_from_an_autoencoder_it_has_the_density_of_its_latents(tiny_models, tiny_shards, tiny_params, tmp_path):
    common = {"batch_size": 16, "epochs": 1, "generator_learning_rate": 1e-9, "discriminator_widths": (8, 8)}
    for name, start, psi in (("first", tiny_models / "ae", 1.0), ("second", tmp_path / "first/m", 0.5)):
        params = TrainGAN(**common, init_from=str(start), truncation=psi)
        folder = tmp_path / name
        train_model("gan", tiny_params[0], params, tiny_shards, folder / "m", folder / "r")
    ae, first, second = (load_model(f) for f in (tiny_models / "ae", tmp_path / "first/m", tmp_path / "second/m"))
    z = ae.sample_latents(20, 3)
    np.testing.assert_array_equal(first.sample_latents(20, 3), z)
    assert np.abs(first.decode(z) - ae.decode(z)).mean() < 0.05
    assert second.sampler.name == "mixture" and not np.array_equal(second.sample_latents(20, 3), z)
    np.testing.assert_allclose(second.sampler.covariances, 0.25 * ae.sampler.covariances, rtol=1e-5)


def test_the_discriminator_may_be_first(tiny_shards, tiny_params, tmp_path):
    params = TrainGAN(**PARAMS | {"epochs": 2}, discriminator_first=96, discriminator_learning_rate=1e-2)
    train_model("gan", tiny_params[0], params, tiny_shards, tmp_path / "m", tmp_path / "r")
    rows = (tmp_path / "r/history.csv").read_text().splitlines()
    column = rows[0].split(",").index("g_trains")
    assert [float(row.split(",")[column]) for row in rows[1:]] == [0, 1]


def test_the_discriminator_may_begin_as_the_encoder(vae, tiny_shards, tiny_params, tmp_path):
    params = TrainGAN(
        batch_size=16, epochs=1, discriminator_widths=(8, 16), init_from=str(vae), discriminator_start="encoder",
        discriminator_learning_rate=1e-9,
    )  # fmt: skip
    train_model("gan", tiny_params[0], params, tiny_shards, tmp_path / "m", tmp_path / "r")
    encoder, judge = load_model(vae).model.networks["convolutions"], load_model(tmp_path / "m").model.networks
    for level in range(2):
        layers = (
            encoder.get_layer(f"encoder_conv{level}"),
            judge["discriminator"].get_layer(f"discriminator_conv{level}"),
        )
        np.testing.assert_allclose(*(layer.get_weights()[0] for layer in layers), atol=1e-5)
    with pytest.raises(InputError, match=r"discriminator_start: encoder .* discriminator_widths"):
        train_model(
            "gan", tiny_params[0], params.model_copy(update={"discriminator_widths": (8, 8)}), tiny_shards,
            tmp_path / "m", tmp_path / "r",
        )  # fmt: skip


def test_a_state_is_not_used_when_the_other_model_has_changed(vae, tiny_shards, tiny_params, tmp_path, monkeypatch):
    copy, keys = tmp_path / "vae", []
    opened = session.open_states
    monkeypatch.setattr(session, "open_states", lambda *a: keys.append(a[3]["init_from"]) or opened(*a))
    shutil.copytree(vae, copy)
    for _ in range(2):
        train_model(
            "gan", tiny_params[0], TrainGAN(**PARAMS, init_from=str(copy)), tiny_shards, tmp_path / "m", tmp_path / "r"
        )
    model = load_model(copy)
    info = read_json(copy / "model.json")
    write_sealed(copy / "model.json", info | {"training": info["training"] | {"seed": 7}})
    train_model(
        "gan", tiny_params[0], TrainGAN(**PARAMS, init_from=str(copy)), tiny_shards, tmp_path / "m", tmp_path / "r"
    )
    assert keys[0] == keys[1] != keys[2] and model.name == "vae"


@pytest.mark.parametrize(
    "change, said",
    [
        ({"generator_widths": [8, 16]}, r"does not fit: generator_widths is \[16, 8\] there, \[8, 16\] here$"),
        (
            {"latent_dim": 5, "architecture": "residual"},
            "latent_dim is 4 there, 5 here; architecture is dcgan there, res",
        ),
        ({"latent_activation": "relu"}, "latent_activation is linear there, relu here$"),
        ({"image_shape": [16, 16, 1]}, "image_shape is"),
    ],
)
def test_one_that_does_not_fit(change, said, vae):
    with pytest.raises(InputError, match=rf"^init_from: .*{said}"):
        first_weights(vae, SPEC | change)
    first_weights(vae, SPEC | {"truncation": 0.5, "spectral_norm": True, "discriminator_widths": [4]})


def test_both_conditioned_on_the_same(conditioned_models):
    z = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    for name in ("vae", "gan"):
        widths = {"vae": [8, 8], "gan": [16, 16]}[name]
        spec = SPEC | {"generator_widths": widths, "discriminator_widths": widths, "condition_on": ["Left", "Bright"]}
        weights, _, inherited = first_weights(conditioned_models / name, spec)
        model = GAN(spec | inherited)
        for network, values in weights.items():
            model.networks[network].set_weights(values)
        codes = np.tile(np.float32([1, -1]), (5, 1))
        faces = load_model(conditioned_models / name).decode(z, (codes + 1) / 2)
        np.testing.assert_allclose(model.decode(z, codes), faces, atol=1e-5)
        for other in (["Left"], ["Bright", "Left"]):
            with pytest.raises(InputError, match=rf"\] there, {re.escape(str(other))} here$"):
                first_weights(conditioned_models / name, spec | {"condition_on": other})
        with pytest.raises(InputError, match=r"condition_on is \['Left', 'Bright'\] there, \[\] here$"):
            first_weights(conditioned_models / name, {key: spec[key] for key in SPEC})


def test_broken_folders(vae, tiny_models, tmp_path):
    with pytest.raises(InputError, match=r"no model.json there; train the model first"):
        first_weights(tmp_path / "nothing", SPEC)
    with pytest.raises(InputError, match=r"model inverter; a GAN starts from an ae, a vae or a gan"):
        first_weights(tiny_models / "inverter", SPEC)
    folder = tmp_path / "vae"
    shutil.copytree(vae, folder)
    (folder / "decoder.weights.h5").write_bytes(b"no")
    with pytest.raises(InputError, match=r"decoder.weights.h5: damaged: 2 bytes, not "):
        first_weights(folder, SPEC)
    (folder / "decoder.weights.h5").unlink()
    with pytest.raises(InputError, match=r"decoder.weights.h5: missing; `dvc checkout`"):
        first_weights(folder, SPEC)
    (folder / "model.json").write_text("[]")
    with pytest.raises(InputError, match=r"model.json: not a facepipe model"):
        first_weights(folder, SPEC)
