"""Generator and discriminator: shapes, ranges, any size."""

import numpy as np
import pytest

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
