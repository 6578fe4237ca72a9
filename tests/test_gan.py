"""Generator and discriminator: shapes, ranges, any size."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from facepipe.core.machine import hides_bfloat16_units
from facepipe.errors import InputError
from facepipe.models.gan.discriminators import MinibatchStd
from facepipe.models.gan.losses import squared_slope
from facepipe.models.gan.model import GAN


@pytest.mark.parametrize("spectral_norm", [False, True])
@pytest.mark.parametrize("architecture", ["dcgan", "residual"])
@pytest.mark.parametrize(("shape", "patch"), [((16, 16, 3), 1), ((18, 13, 1), 1), ((18, 13, 1), 2)])
def test_generate_and_discriminate(shape, patch, architecture, spectral_norm):
    spec = {
        "patch_size": patch,
        "image_shape": list(shape),
        "latent_dim": 5,
        "generator_widths": [8, 4],
        "discriminator_widths": [4, 8],
        "latent_activation": "linear",
        "architecture": architecture,
        "spectral_norm": spectral_norm,
    }
    model = GAN(spec)
    z = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    x = model.generate(z, training=True).numpy()
    assert x.shape == (3, *shape) and 0 <= x.min() < x.max() <= 1
    assert model.discriminate(x * 2 - 1).shape == (3,)
    relu = GAN(spec | {"latent_activation": "relu"})
    np.testing.assert_array_equal(relu.generate(z), GAN(spec).generate(np.maximum(z, 0)))
    if not hides_bfloat16_units():
        low = GAN(spec, "mixed_bfloat16")
        assert low.generate(z).dtype == low.discriminate(x).dtype == np.float32
        assert np.abs(low.generate(z, training=True) - x).max() < 0.1, "bfloat16 is close to float32"


SPEC = {
    "image_shape": [16, 16, 3], "latent_dim": 5, "generator_widths": [16, 8, 4], "discriminator_widths": [4, 8, 16],
    "latent_activation": "linear",
}  # fmt: skip


@pytest.mark.parametrize("spectral_norm", [False, True])
@pytest.mark.parametrize("architecture", ["dcgan", "residual"])
def test_labels_in_both_networks(architecture, spectral_norm):
    spec = SPEC | {"architecture": architecture, "spectral_norm": spectral_norm}
    model, plain = GAN(spec | {"condition_on": ["Smiling", "Male"]}), GAN(spec)
    random = np.random.default_rng(0)
    z, x = random.standard_normal((3, 5)).astype(np.float32), random.uniform(-1, 1, (3, 16, 16, 3)).astype(np.float32)
    codes, zero = np.float32([[1, 0], [0, 1], [0, 0]]), np.zeros((3, 2), np.float32)
    changed = np.abs(model.generate(z, codes) - model.generate(z)).max(axis=(1, 2, 3))
    assert changed[0] > 1e-3 and changed[1] > 1e-3 and changed[2] == 0
    # a logit is linear in the codes, and without them that of the features alone
    none, without = model.discriminate(x).numpy(), model.discriminate(x, zero).numpy()
    plus, minus = model.discriminate(x, codes).numpy(), model.discriminate(x, -codes).numpy()
    np.testing.assert_array_equal(none, without)
    np.testing.assert_allclose(none, plain.discriminate(x), atol=1e-6)
    np.testing.assert_allclose(plus + minus, 2 * none, atol=1e-5)
    assert np.abs(plus - none)[:2].min() > 1e-4
    more = model.networks["discriminator"].count_params() - plain.networks["discriminator"].count_params()
    features = model.networks["discriminator"].get_layer("discriminator_projections").input.shape[1]
    assert more == 2 * features + (2 if spectral_norm else 0), "a vector each without bias, and u"


def test_a_residual_block_of_zero_convolutions_is_its_shortcut():
    generator = GAN(SPEC | {"architecture": "residual"}).networks["generator"]
    last = generator.get_layer("generator_block0_conv1")
    last.set_weights([np.zeros_like(w) for w in last.get_weights()])
    shortcut = generator.get_layer("generator_block0_shortcut_up").output
    inside = keras.Model(generator.input, [generator.get_layer("generator_block0").output, shortcut])
    block, shortcut = inside(np.ones((1, 5), np.float32))
    np.testing.assert_array_equal(block, shortcut)
    assert np.abs(block).max() > 0


def test_minibatch_std_sees_how_much_images_differ():
    x = tf.constant(np.random.default_rng(0).normal(0, 1, (8, 2, 2, 3)).astype(np.float32))
    found = MinibatchStd(4)(x).numpy()
    np.testing.assert_array_equal(found[..., :3], x)
    # image i is in a group with i + 2, i + 4 and i + 6
    for start in (0, 1):
        np.testing.assert_allclose(found[start::2, ..., 3], x.numpy()[start::2].std(axis=0).mean(), rtol=1e-5)
    alike = MinibatchStd(4)(tf.repeat(x[:1], 8, axis=0)).numpy()[..., 3]
    assert alike.max() < 1e-3
    whole = MinibatchStd(4)(x[:7]).numpy()[..., 3]
    np.testing.assert_allclose(whole, x.numpy()[:7].std(axis=0).mean(), rtol=1e-5, err_msg="7 are one group")


@pytest.mark.parametrize("architecture", ["dcgan", "residual"])
def test_a_discriminator_with_minibatch_std(architecture):
    spec = SPEC | {"architecture": architecture}
    model, alone = GAN(spec | {"minibatch_std": 2}), GAN(spec)
    x = np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 3)).astype(np.float32)
    other = np.concatenate([x[:2], x[:1], x[3:]])
    # a logit depends on its group, which without it is no matter
    assert abs(float(model.discriminate(x)[0] - model.discriminate(other)[0])) > 1e-4
    np.testing.assert_allclose(alone.discriminate(x)[0], alone.discriminate(other)[0], atol=1e-6)


def test_spectral_norm_bounds_the_slope_of_the_discriminator():
    x = np.random.default_rng(0).random((4, 16, 16, 3)).astype(np.float32) * 2 - 1
    model = GAN(SPEC | {"spectral_norm": True})
    for layer in model.networks["discriminator"].layers:
        if layer.trainable_weights:
            layer.kernel.assign(50 * layer.kernel)
    for _ in range(30):
        model.iterate_spectra()
    # a strided 4x4 kernel as a matrix has norm 1; the convolution may have up to 4 / 2 (each pixel is read 4 times)
    _, squared = squared_slope(model.discriminate, tf.constant(x))
    assert np.sqrt(squared).max() <= 2.0**3
    plain = GAN(SPEC)
    for layer in plain.networks["discriminator"].layers:
        if layer.trainable_weights:
            layer.kernel.assign(50 * layer.kernel)
    assert np.sqrt(squared_slope(plain.discriminate, tf.constant(x))[1]).min() > 1000


def test_equal_seeds_give_equal_weights():
    spec = SPEC | {"architecture": "residual", "spectral_norm": True}
    first, again, other = (GAN(spec, seed=seed) for seed in (1, 1, 2))
    for name, network in first.networks.items():
        pairs = zip(network.get_weights(), again.networks[name].get_weights(), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)
        pairs = zip(network.get_weights(), other.networks[name].get_weights(), strict=True)
        assert not all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("architecture", ["dcgan", "residual"])
@pytest.mark.parametrize("key", ["generator_widths", "discriminator_widths"])
def test_too_many_widths_name_their_key(key, architecture):
    spec = {"image_shape": [16, 16, 3], "latent_dim": 5, "latent_activation": "linear", "architecture": architecture}
    widths = {"generator_widths": [4], "discriminator_widths": [4]} | {key: [4, 4, 4, 4]}
    with pytest.raises(InputError, match=f"^{key}: 4 widths halve"):
        GAN(spec | widths)
