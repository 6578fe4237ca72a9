"""Generator and discriminator: shapes, ranges, any size."""

import numpy as np
import pytest

from facepipe.errors import InputError
from facepipe.models.gan import GAN


@pytest.mark.parametrize("shape", [(16, 16, 3), (18, 13, 1)])
def test_generate_and_discriminate(shape):
    spec = {
        "image_shape": list(shape),
        "latent_dim": 5,
        "generator_widths": [8, 4],
        "discriminator_widths": [4, 8],
        "latent_activation": "linear",
    }
    model = GAN(spec)
    z = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    x = model.generate(z, training=True).numpy()
    assert x.shape == (3, *shape) and 0 <= x.min() < x.max() <= 1
    assert model.discriminate(x * 2 - 1).shape == (3,)
    relu = GAN(spec | {"latent_activation": "relu"})
    np.testing.assert_array_equal(relu.generate(z), GAN(spec).generate(np.maximum(z, 0)))


@pytest.mark.parametrize("key", ["generator_widths", "discriminator_widths"])
def test_too_many_widths_name_their_key(key):
    spec = {"image_shape": [16, 16, 3], "latent_dim": 5, "latent_activation": "linear"}
    widths = {"generator_widths": [4], "discriminator_widths": [4]} | {key: [4, 4, 4, 4]}
    with pytest.raises(InputError, match=f"params.yaml: {key}: 4 widths halve"):
        GAN(spec | widths)
