"""The VAE's networks, and the reparameterization."""

import numpy as np
import tensorflow as tf

from facepipe.models.vae.model import LOGVAR_RANGE, VAE, reparameterize

SPEC = {"image_shape": [16, 16, 3], "latent_dim": 6, "widths": [4, 8], "latent_activation": "linear"}


def test_posterior():
    model = VAE(SPEC)
    x = np.random.default_rng(0).random((3, 16, 16, 3)).astype(np.float32)
    mu, logvar = model.posterior(x)
    assert mu.shape == logvar.shape == (3, 6)
    assert not np.array_equal(mu, logvar)
    np.testing.assert_array_equal(model.encode(x), mu)
    model.networks["head"].set_weights([np.full_like(w, 100) for w in model.networks["head"].get_weights()])
    assert np.all(model.posterior(x)[1] <= LOGVAR_RANGE[1])


def test_labels_are_for_the_decoder_alone():
    model = VAE(SPEC | {"condition_on": ["Smiling", "Male"]})
    random = np.random.default_rng(0)
    x, z = random.random((3, 16, 16, 3)).astype(np.float32), random.standard_normal((3, 6)).astype(np.float32)
    np.testing.assert_array_equal(model.encode(x), VAE(SPEC).encode(x))
    codes = np.float32([[1, 0], [0, -1], [0, 0]])
    changed = np.abs(model.decode(z, codes) - model.decode(z)).max(axis=(1, 2, 3))
    assert changed[0] > 1e-3 and changed[1] > 1e-3 and changed[2] == 0


def test_reparameterize_has_the_posterior_moments_and_gradients():
    mu, logvar = tf.constant([[1.0, -2.0]]), tf.constant([[0.0, np.log(9.0)]], tf.float32)
    noise = np.random.default_rng(0).standard_normal((50000, 2)).astype(np.float32)
    with tf.GradientTape() as tape:
        tape.watch(mu)
        z = reparameterize(mu, logvar, noise)
    np.testing.assert_allclose(np.mean(z, axis=0), [1, -2], atol=0.05)
    np.testing.assert_allclose(np.std(z, axis=0), [1, 3], atol=0.05)
    np.testing.assert_allclose(tape.gradient(z, mu), [[50000, 50000]])
