import os
import subprocess
import sys

import numpy as np
import pytest

from facepipe.errors import InputError
from facepipe.networks.samplers import Gaussian, Mixture, Prior, Uniform, fit_gaussian, fit_mixture, load_sampler

MEAN = np.array([1.0, -2.0, 0.5])
COVARIANCE = np.array([[2.0, 0.6, 0.0], [0.6, 1.0, -0.3], [0.0, -0.3, 0.5]])


def correlated(n, seed=0):
    return np.random.default_rng(seed).multivariate_normal(MEAN, COVARIANCE, n).astype(np.float32)


def two_clusters(n=2000):
    z = np.random.default_rng(1).normal(size=(n, 2)) * 0.1
    z[: n // 4] += 5
    return z.astype(np.float32)


def test_prior_is_standard_normal():
    z = Prior(4).sample(50_000, 3)
    assert z.shape == (50_000, 4) and z.dtype == np.float32
    np.testing.assert_allclose(z.mean(0), 0, atol=0.02)
    np.testing.assert_allclose(np.cov(z.T), np.eye(4), atol=0.03)


def test_truncation_shrinks_the_prior():
    np.testing.assert_allclose(Prior(4, 0.5).sample(100, 3), 0.5 * Prior(4).sample(100, 3), rtol=1e-6)
    for value in (0, 1.1, -1):
        with pytest.raises(ValueError, match="truncation should be above 0 and at most 1"):
            Prior(4, value)


def test_uniform_fills_the_unit_cube():
    z = Uniform(3).sample(20_000, 0)
    assert z.dtype == np.float32 and z.min() >= 0 and z.max() < 1
    np.testing.assert_allclose(z.mean(0), 0.5, atol=0.01)
    np.testing.assert_allclose(np.cov(z.T), np.eye(3) / 12, atol=0.002)


@pytest.mark.parametrize(
    "sampler", [Prior(3), Uniform(3), fit_gaussian(correlated(500)), fit_mixture(correlated(500), 3, 0)]
)
def test_draws_by_a_generator_have_the_same_distribution(sampler):
    drawn, sampled = sampler.draw(np.random.default_rng(5), 30_000), sampler.sample(30_000, 0)
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(drawn.mean(0), sampled.mean(0), atol=0.06)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(sampled.T), atol=0.1)
    np.testing.assert_array_equal(sampler.draw(np.random.default_rng(5), 7), sampler.draw(np.random.default_rng(5), 7))


def test_a_truncated_mixture_keeps_its_means():
    fitted = fit_mixture(two_clusters(), 2, 0)
    np.testing.assert_array_equal(fitted.truncated(1.0).sample(9, 0), fitted.sample(9, 0))
    spread = fitted.truncated(0.5).sample(4000, 0)
    near = spread[spread[:, 0] < 2.5]
    assert near.std() == pytest.approx(0.05, rel=0.1) and abs(near.mean()) < 0.01


def test_fitted_gaussian_reproduces_mean_and_covariance():
    fitted = fit_gaussian(correlated(20_000))
    z = fitted.sample(50_000, 7)
    np.testing.assert_allclose(z.mean(0), MEAN, atol=0.05)
    np.testing.assert_allclose(np.cov(z.T), COVARIANCE, atol=0.06)
    assert not np.array_equal(z[:10], fitted.sample(10, 8))


def test_gaussian_of_a_dead_dimension_stays_on_it():
    z = correlated(500)
    z[:, 1] = 0.25
    np.testing.assert_allclose(fit_gaussian(z).sample(100, 0)[:, 1], 0.25, atol=1e-6)


def test_gaussian_of_one_dimension():
    z = fit_gaussian(correlated(5000)[:, :1]).sample(20_000, 0)
    assert z.shape == (20_000, 1)
    assert abs(z.std() - np.sqrt(2)) < 0.05


def test_mixture_finds_clusters_that_a_gaussian_misses():
    z = two_clusters()
    fitted = fit_mixture(z, 2, 0)
    np.testing.assert_allclose(fitted.weights, [0.75, 0.25], atol=0.01)
    drawn = fitted.sample(4000, 0)
    near = np.minimum(np.linalg.norm(drawn, axis=1), np.linalg.norm(drawn - 5, axis=1))
    assert (near < 1).all()
    assert abs((drawn[:, 0] > 2.5).mean() - 0.25) < 0.03
    drawn = fit_gaussian(z).sample(4000, 0)
    assert (np.minimum(np.linalg.norm(drawn, axis=1), np.linalg.norm(drawn - 5, axis=1)) > 1).mean() > 0.3


def test_mixture_is_the_same_in_another_process_with_other_threads():
    code = (
        "import numpy as np; from facepipe.networks.samplers import fit_mixture;"
        "z = np.random.default_rng(0).normal(size=(900, 5)); print(fit_mixture(z, 4, 2).sample(20, 1).tobytes().hex())"
    )
    runs = set()
    for threads in "12":
        environment = os.environ | {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        runs.add(subprocess.check_output([sys.executable, "-c", code], env=environment))
    assert len(runs) == 1


@pytest.mark.parametrize(
    "sampler",
    [Prior(3), Prior(3, 0.7), fit_gaussian(correlated(200)), fit_mixture(two_clusters(200), 3, 0)],
    ids=["prior", "truncated", "gaussian", "mixture"],
)
def test_saved_sampler_draws_the_same_and_has_the_same_bytes(sampler, tmp_path):
    sampler.save(tmp_path / "a.npz")
    loaded = load_sampler(tmp_path / "a.npz")
    loaded.save(tmp_path / "b.npz")
    assert type(loaded) is type(sampler) and loaded.latent_dim == sampler.latent_dim
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    np.testing.assert_array_equal(loaded.sample(50, 5), sampler.sample(50, 5))
    assert loaded.sample(0, 5).shape == (0, sampler.latent_dim)


def test_bytes_do_not_depend_on_the_clock(tmp_path, monkeypatch):
    Prior(3).save(tmp_path / "a.npz")
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    Prior(3).save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_too_few_rows():
    with pytest.raises(InputError, match=r"components: 10 .* at least 20 .* there are 12; use at most 6"):
        fit_mixture(np.zeros((12, 2)), 10, 0)
    for fit in (fit_gaussian, lambda z: fit_mixture(z, "auto", 0)):
        with pytest.raises(InputError, match="at least 2 rows"):
            fit(np.zeros((1, 2)))


@pytest.mark.parametrize("rows, components", [(2, 1), (19, 2), (240, 30), (2000, 40)])
def test_as_many_gaussians_as_the_rows_allow(rows, components):
    assert len(fit_mixture(correlated(rows)[:, [0, 1, 0, 1]], "auto", 0).weights) == components


def test_few_rows_in_many_dimensions_still_fit():
    z = np.random.default_rng(0).normal(size=(20, 40))
    assert np.isfinite(fit_mixture(z, 10, 0).sample(30, 0)).all()
    assert np.isfinite(fit_gaussian(z).sample(30, 0)).all()


@pytest.mark.parametrize("fit", [fit_gaussian, lambda z: fit_mixture(z, 2, 0)])
def test_latents_that_diverged(fit):
    z = correlated(50)
    z[7, 2] = np.nan
    with pytest.raises(InputError, match="row 7, z002"):
        fit(z)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Prior(0),
        lambda: Gaussian([1.0, 2.0], np.eye(3)),
        lambda: Gaussian([1.0, np.inf], np.eye(2)),
        lambda: Mixture([1.0], np.zeros((2, 2)), np.zeros((2, 2, 2))),
        lambda: Mixture([1.0, -1.0], np.zeros((2, 2)), np.zeros((2, 2, 2))),
    ],
)
def test_parameters_that_do_not_fit_together(make):
    with pytest.raises(ValueError):
        make()


def test_damaged_files(tmp_path):
    path = tmp_path / "density.npz"
    with pytest.raises(InputError, match="not found"):
        load_sampler(path)
    fit_gaussian(correlated(50)).save(path)
    whole = path.read_bytes()
    for damaged in (b"", b"text", whole[:100], whole[:-30], whole[:50] + b"x" + whole[51:]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"not a stored sampler|damaged: its sha256 does not fit") as caught:
            load_sampler(path)
        assert "\n" not in str(caught.value)
    np.save(tmp_path / "array.npy", np.zeros(3))
    np.savez(tmp_path / "other.npz", name=np.array("prior"))
    np.savez(tmp_path / "kind.npz", name=np.array("cauchy"))
    np.savez(tmp_path / "shapes.npz", name=np.array("gaussian"), mean=np.zeros(2), covariance=np.eye(3))
    for name in ("array.npy", "other.npz", "kind.npz", "shapes.npz"):
        with pytest.raises(InputError, match="not a stored sampler"):
            load_sampler(tmp_path / name)
