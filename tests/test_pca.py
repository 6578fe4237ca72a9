import numpy as np
import pytest
from sklearn.decomposition import PCA as Reference

from facepipe.errors import InputError
from facepipe.latents.pca import fit_pca, load_pca


@pytest.fixture
def z():
    generator = np.random.default_rng(0)
    return (generator.normal(size=(300, 6)) @ generator.normal(size=(6, 6)) + 40).astype(np.float32)


def test_like_scikit_learn(z):
    pca, reference = fit_pca(z), Reference().fit(z.astype(np.float64))
    np.testing.assert_allclose(pca.sd**2, reference.explained_variance_, rtol=1e-4)
    np.testing.assert_allclose(np.abs(pca.components @ reference.components_.T), np.eye(6), atol=1e-4)
    assert (pca.components[np.arange(6), np.abs(pca.components).argmax(1)] > 0).all()


def test_in_chunks_as_at_once(z):
    for whole, parts in zip(fit_pca(z), fit_pca(iter([z[:1], z[1:200], z[200:]])), strict=True):
        np.testing.assert_allclose(whole, parts, rtol=1e-4, atol=1e-5)


def test_there_and_back(z):
    pca = fit_pca(z)
    coordinates = pca.project(z)
    np.testing.assert_allclose(coordinates.std(0, ddof=1), pca.sd, rtol=1e-4)
    np.testing.assert_allclose(pca.restore(coordinates), z, atol=1e-4)
    left_out = np.concatenate([coordinates[:, :2], np.zeros((300, 4), np.float32)], axis=1)
    np.testing.assert_array_equal(pca.restore(coordinates[:, :2]), pca.restore(left_out))


def test_a_dead_dimension_has_no_spread():
    z = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    z[:, 1] = 7
    pca = fit_pca(z)
    assert pca.sd[2] < 1e-5 and abs(pca.components[2, 1]) > 0.999
    assert np.isfinite(pca.project(z)).all()


def test_stored_and_read_back(z, tmp_path):
    pca = fit_pca(z)
    pca.save(tmp_path / "a.npz")
    pca.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    for stored, kept in zip(load_pca(tmp_path / "a.npz"), pca, strict=True):
        np.testing.assert_array_equal(stored, kept)


@pytest.mark.parametrize("content", [None, b"", b"PK", b"no"])
def test_not_a_pca(tmp_path, content):
    if content is not None:
        (tmp_path / "pca.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"not found; `dvc repro|not a stored PCA"):
        load_pca(tmp_path / "pca.npz")


def test_too_few():
    with pytest.raises(ValueError, match="at least 2 rows"):
        fit_pca(np.zeros((1, 3)))
