import numpy as np
import pytest

from facepipe.latents import influence as module
from facepipe.latents.influence import influence, variance_explained


class Linear:
    """Dimension i moves pixel i by its weight."""

    def __init__(self, weights):
        self.weights, self.decoded = np.float32(weights), 0

    def decode(self, z):
        self.decoded += len(z)
        return (0.5 + z * self.weights).reshape(len(z), 1, -1, 1).astype(np.float32)


def test_influence_is_the_change_between_one_sd_below_and_above(monkeypatch):
    model = Linear([0.1, 0.02, 0, 0.05])
    expected = 2 * np.array([1, 2, 3, 0]) * model.weights / np.sqrt(4)
    np.testing.assert_allclose(influence(model, np.ones(4), np.array([1.0, 2, 3, 0])), expected, atol=1e-7)
    monkeypatch.setattr(module, "_CHUNK", 3)
    np.testing.assert_allclose(influence(model, np.ones(4), np.array([1.0, 2, 3, 0])), expected, atol=1e-7)


def test_variance_explained_of_a_linear_decoder_sums_to_one():
    z = np.random.default_rng(0).normal(size=(5000, 3)).astype(np.float32)
    shares = variance_explained(Linear([0.1, 0.2, 0]), z, z.mean(0), seed=0)
    assert shares[2] == 0 and shares.sum() == pytest.approx(1, abs=0.05)
    assert shares[1] / shares[0] == pytest.approx(4, rel=0.5)
    assert (variance_explained(Linear([0, 0, 0]), z, z.mean(0), seed=0) == 0).all()


def test_the_work_is_bounded_and_the_same_each_time():
    for dimensions in (2, 500, 3000):
        z = np.random.default_rng(0).normal(size=(200, dimensions)).astype(np.float32)
        model = Linear(np.ones(dimensions))
        first = variance_explained(model, z, z.mean(0), seed=1)
        assert model.decoded <= max(module.DECODED, 4 * dimensions) + 64
        np.testing.assert_array_equal(first, variance_explained(model, z, z.mean(0), seed=1))
