"""The flow: an untrained one is a Gaussian, a trained one follows the latents; stored, reloaded, refused."""

import numpy as np
import pytest

from facepipe.errors import InputError
from facepipe.networks import flow as module
from facepipe.networks.flow import Flow, fit_flow
from facepipe.networks.samplers import load_sampler


def ring(count=3000):
    random = np.random.default_rng(0)
    angle = random.random(count) * 2 * np.pi
    return np.stack([3 * np.cos(angle) + 1, np.sin(angle)], 1) + random.normal(0, 0.03, (count, 2))


def radius(z):
    return np.hypot((z[:, 0] - 1) / 3, z[:, 1])


@pytest.fixture(scope="module")
def small():
    """Tiny networks, so that a fit takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"WIDTH": 64, "BLOCKS": 2, "BATCH": 256}.items():
            patch.setattr(module, name, value)
        yield fit_flow(ring(), 0, 600)


def test_a_flow_follows_what_no_gaussian_can(small):
    drawn = radius(small.sample(1000, 1))
    assert abs(drawn.mean() - 1) < 0.03 and drawn.std() < 0.15
    assert np.linalg.norm(small.sample(2000, 0).mean(axis=0) - ring().mean(axis=0)) < 0.2
    gaussian = radius(fit_flow(ring(), 0, 1).sample(1000, 1))
    assert gaussian.std() > 0.3, "one step leaves the Gaussian that it begins with"


def test_an_untrained_flow_is_the_gaussian(small):
    z = np.random.default_rng(0).multivariate_normal([1, -2, 0.5], np.diag([4, 1, 0.25]) + 0.2, 5000)
    drawn = fit_flow(z, 0, 1).sample(20_000, 3).astype(np.float64)
    np.testing.assert_allclose(drawn.mean(axis=0), z.mean(axis=0), atol=0.06)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(z.T), atol=0.06 * 4.3)


def test_stored_and_reloaded_it_draws_the_same(small, tmp_path):
    small.save(tmp_path / "density.npz")
    again = load_sampler(tmp_path / "density.npz")
    assert isinstance(again, Flow) and again.name == "flow" and again.latent_dim == 2
    np.testing.assert_array_equal(again.sample(50, 4), small.sample(50, 4))
    again.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "density.npz").read_bytes()


def test_equal_seeds_give_equal_flows():
    first, again, other = (fit_flow(ring(200), seed, 3).sample(5, 0) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_row_depends_on_its_noise_alone(small, monkeypatch):
    whole = small.sample(50, 0)
    monkeypatch.setattr(module, "ROWS", 7)
    np.testing.assert_allclose(small.sample(50, 0), whole, atol=1e-6)


def test_a_dead_dimension_stays_where_it_is():
    z = np.column_stack([ring(500), np.full(500, 0.25)])
    np.testing.assert_allclose(fit_flow(z, 0, 5).sample(100, 0)[:, 2], 0.25, atol=0.02)


def test_a_density_whose_arrays_do_not_fit(small, tmp_path):
    arrays = {name: getattr(small, name) for name in Flow.fields}
    np.savez(tmp_path / "density.npz", name="flow", **arrays | {"enter": arrays["enter"][:1]})
    with pytest.raises(InputError, match=r"density.npz: not a stored sampler: enter should have shape \(2, 64\)"):
        load_sampler(tmp_path / "density.npz")
    with pytest.raises(InputError, match="latents: row 1, z001: nan is not finite"):
        fit_flow(np.array([[0, 1], [1, np.nan]]), 0, 1)
