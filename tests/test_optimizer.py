import keras
import numpy as np
import pytest
import tensorflow as tf

from facepipe.training.optimizer import Adam


def trained(optimizer, steps=20):
    """Values of two variables, of a kernel's and a bias' size, after steps with gradients of any scale."""
    generator = np.random.default_rng(0)
    variables = [keras.Variable(generator.normal(size=shape).astype(np.float32)) for shape in ((30, 7), (7,))]
    optimizer.build(variables)
    for _ in range(steps):
        scale = 10 ** generator.uniform(-4, 2)
        optimizer.apply([tf.constant(scale * generator.normal(size=v.shape), tf.float32) for v in variables])
    return [variable.numpy() for variable in [*variables, *optimizer.variables]]


@pytest.mark.parametrize("options", [{}, {"beta_1": 0.5, "beta_2": 0.99, "epsilon": 1e-8}])
def test_as_that_of_keras(options):
    rate = keras.optimizers.schedules.CosineDecay(1e-2, 30)
    for ours, theirs in zip(
        trained(Adam(rate, **options)), trained(keras.optimizers.Adam(rate, **options)), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=1e-6)
