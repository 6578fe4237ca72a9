"""The autoencoder's networks: shapes, latent activations, value ranges."""

import numpy as np
import pytest

from facepipe.models.ae.model import Autoencoder

X = np.random.default_rng(0).random((3, 17, 12, 1)).astype(np.float32)


@pytest.mark.parametrize("activation, low, high", [("linear", -99, 99), ("relu", 0, 99), ("sigmoid", 0, 1)])
def test_encode_and_decode(activation, low, high):
    spec = {"image_shape": [17, 12, 1], "latent_dim": 6, "widths": [4, 8], "latent_activation": activation}
    model = Autoencoder(spec)
    z = model.encode(X).numpy()
    assert z.shape == (3, 6) and z.dtype == np.float32
    assert low <= z.min() and z.max() <= high
    if activation == "linear":
        assert z.min() < 0
    recon = model.decode(z).numpy()
    assert recon.shape == X.shape and recon.dtype == np.float32
    assert recon.min() >= 0 and recon.max() <= 1
    np.testing.assert_array_equal(Autoencoder(spec).encode(X), z)
    assert not np.array_equal(Autoencoder(spec, seed=1).encode(X), z)


def test_a_sigmoid_latent_does_not_saturate():
    spec = {"image_shape": (16, 16, 3), "latent_dim": 4, "widths": (8, 8), "latent_activation": "sigmoid"}
    model = Autoencoder(spec)
    features = np.random.default_rng(0).normal(50, 100, (64, 4 * 4 * 8)).astype(np.float32)
    z = model.latent(features, training=True).numpy()
    assert ((z > 0.02) & (z < 0.98)).mean() > 0.95 and z.std(axis=0).min() > 0.1
