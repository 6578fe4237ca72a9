"""Principal components of images against an exact decomposition."""

import numpy as np
import pytest
from sklearn.decomposition import PCA as ReferencePCA

from facepipe.metrics.reconstruction import mse
from facepipe.networks.pixel_pca import fit_pca


def smooth_images(n=300, size=8):
    generator = np.random.default_rng(1)
    scores = generator.standard_normal((n, 20)) * 0.8 ** np.arange(20)
    x = 0.5 + 0.08 * scores @ generator.standard_normal((20, size * size * 3))
    return np.clip(np.round(x * 255), 0, 255).astype(np.uint8).reshape(n, size, size, 3)


def batched(images, size=64):
    return lambda: (images[i : i + size] for i in range(0, len(images), size))


@pytest.mark.parametrize("k", [1, 8, 30])
def test_pca_reconstructs_as_well_as_the_exact_one(k):
    images = smooth_images()
    train, test = images[:200], images[200:]
    pca = fit_pca(batched(train), k)
    x = test.astype(np.float32) / 255
    exact = ReferencePCA(k, svd_solver="full").fit(train.reshape(200, -1) / 255.0)
    best = np.clip(exact.inverse_transform(exact.transform(x.reshape(100, -1))), 0, 1).reshape(x.shape)
    assert mse(x, pca.reconstruct(test)).mean() == pytest.approx(mse(x, best).mean(), rel=0.01)
    assert pca.components.T @ pca.components == pytest.approx(np.eye(k), abs=1e-4)
    assert pca.components.shape == (192, k)


def test_pca_does_not_depend_on_the_batches():
    images = smooth_images()
    one, many = fit_pca(batched(images, 300), 5), fit_pca(batched(images, 7), 5)
    assert one.reconstruct(images) == pytest.approx(many.reconstruct(images), abs=1e-4)
    assert (fit_pca(batched(images), 5).components == fit_pca(batched(images), 5).components).all()


def test_pca_caps_its_components():
    few = smooth_images(6)
    pca = fit_pca(batched(few), 64)
    assert pca.components.shape[1] == 5
    # n - 1 components span all n images
    assert pca.reconstruct(few) == pytest.approx(few / 255, abs=1e-3)


def test_pca_needs_two_images():
    with pytest.raises(ValueError, match="at least 2"):
        fit_pca(batched(smooth_images(1)), 3)
