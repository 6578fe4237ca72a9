"""The linear path: cells, where training starts, and that it stays what it is."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from facepipe.models.ae.config import TrainAE
from facepipe.models.ae.model import Autoencoder
from facepipe.models.ae.principal import start_at_principal_components
from facepipe.models.load import load_model
from facepipe.models.vae.config import TrainVAE
from facepipe.models.vae.model import VAE
from facepipe.networks.linear import cell_side, means_of_cells
from facepipe.networks.store import read_weights
from facepipe.shards.shards import Shards
from tests.material import write_shards
from tests.trainings import train as train_model

SPEC = {"latent_dim": 4, "widths": [8, 8], "latent_activation": "linear", "linear_path": True}


def smooth(count, shape, seed=0):
    """Images of four hidden numbers and a little noise, uint8 (count, *shape)."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]] / max(shape)
    waves = np.stack([np.sin(3 * rows), np.cos(4 * columns), np.sin(5 * rows * columns), rows - columns])
    basis = np.repeat(waves[..., None], shape[2], axis=3)
    scores = generator.standard_normal((count, 4)) * [0.12, 0.09, 0.06, 0.05]
    x = 0.5 + np.einsum("nk,khwc->nhwc", scores, basis) + generator.normal(0, 0.01, (count, *shape))
    return np.clip(np.rint(x * 255), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module", params=[(16, 16, 3), (70, 66, 1)], ids=str)
def shards(request, tmp_path_factory):
    """Shards of smooth images; those above 64 pixels are seen in cells, cut at the bottom."""
    folder = tmp_path_factory.mktemp("smooth") / "shards"
    images = {
        split: smooth(count, request.param, count) for split, count in (("train", 90), ("valid", 20), ("test", 21))
    }
    write_shards(folder, images)
    return folder


def test_cells():
    assert [cell_side(shape) for shape in ((64, 64, 3), (16, 65, 1), (128, 100, 3), (218, 178, 3))] == [1, 2, 2, 4]
    images = np.random.default_rng(0).integers(0, 256, (3, 5, 7, 2), dtype=np.uint8)
    assert means_of_cells(images, 1) is images
    found = means_of_cells(images, 2)
    assert found.shape == (3, 3, 4, 2) and found.dtype == np.uint8
    for row in range(3):
        for column in range(4):
            cell = images[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].mean(axis=(1, 2), dtype=np.float64)
            assert np.abs(found[:, row, column] - cell).max() <= 0.5


@pytest.mark.parametrize("kind", [Autoencoder, VAE])
def test_it_starts_as_principal_components(kind, shards):
    data = Shards(shards)
    model = kind(SPEC | {"image_shape": list(data.image_shape)})
    start_at_principal_components(model, data, flip=False, seed=0)
    train, test = (data.images(split).astype(np.float32) / 255 for split in ("train", "test"))
    z = model.encode(train).numpy()
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=0.02)
    np.testing.assert_allclose(z.std(axis=0), 1, atol=0.02)
    exact = PCA(4).fit(train.reshape(len(train), -1))
    floor = np.square(
        exact.inverse_transform(exact.transform(test.reshape(len(test), -1))) - test.reshape(len(test), -1)
    )
    error = np.square(model.decode(model.encode(test)).numpy() - test)
    # logits are not quite linear in the latents, and in cells of two by two pixels the slopes are missing
    assert error.mean() < (1.6 if data.image_shape[0] == 16 else 6.0) * floor.mean()
    assert error.mean() < 0.2 * test.var(axis=0).mean()


def test_fewer_images_than_latents(shards):
    data = Shards(shards)
    model = Autoencoder(SPEC | {"image_shape": list(data.image_shape), "latent_dim": 100})
    start_at_principal_components(model, data, flip=True, seed=0)
    z = model.encode(data.images("valid").astype(np.float32) / 255).numpy()
    assert np.isfinite(z).all() and not z[:, 95:].any()


@pytest.mark.parametrize("kind", ["ae", "vae"])
def test_training_corrects_it_and_leaves_it(kind, tiny_shards, tmp_path, tiny_params):
    section = {"ae": TrainAE, "vae": TrainVAE}[kind](
        latent_dim=4, widths=(8, 8), batch_size=16, epochs=20, patch_size=1, flip=False, learning_rate=5e-3
    )
    train_model(kind, tiny_params[0], section, tiny_shards, tmp_path / "model", tmp_path / "report")
    data, model = Shards(tiny_shards), load_model(tmp_path / "model")
    assert model.info["spec"]["linear_path"] is True
    start = {"ae": Autoencoder, "vae": VAE}[kind](model.info["spec"])
    start_at_principal_components(start, data, flip=False, seed=0)
    stored = {"ae": Autoencoder, "vae": VAE}[kind](model.info["spec"])
    read_weights(tmp_path / "model", stored.networks)
    before, after = (
        each.networks["convolutions"].get_layer("encoder_linear").get_weights() for each in (start, stored)
    )
    for first, then in zip(before, after, strict=True):
        np.testing.assert_array_equal(first, then)
    x = data.images("test").astype(np.float32) / 255
    errors = [np.square(np.asarray(each.decode(each.encode(images))) - x).mean()
              for each, images in ((start, x), (model, data.images("test")))]  # fmt: skip
    assert errors[1] < errors[0]


def test_where_it_can_be():
    assert TrainAE(epochs=1).with_linear_path and TrainVAE(epochs=1).with_linear_path
    assert not TrainAE(epochs=1, linear_path=False).with_linear_path
    forbidding = {"latent_activation": "relu", "latent_l2": 0.1, "decoder_l2": 0.1, "decoder_spectral_norm": True}
    for name, value in forbidding.items():
        assert not TrainAE(epochs=1, **{name: value}).with_linear_path
        with pytest.raises(ValueError, match=rf"linear_path: true cannot be with {name}: {value}; use auto or false"):
            TrainAE(epochs=1, linear_path=True, **{name: value})
