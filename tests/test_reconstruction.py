import numpy as np
import pytest

from facepipe.metrics.reconstruction import mse, psnr, ssim


def pair(height=20, width=16, channels=3, n=3):
    generator = np.random.default_rng(0)
    x = generator.random((n, height, width, channels)).astype(np.float32)
    return x, np.clip(x + generator.normal(0, 0.1, x.shape), 0, 1).astype(np.float32)


def naive_ssim(x, y, window=11, sigma=1.5):
    """Wang et al. 2004, equation 13, one window at a time."""
    offset = np.arange(window) - window // 2
    weights = np.exp(-(offset[:, None] ** 2 + offset[None] ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    values = []
    for c in range(x.shape[2]):
        for i in range(x.shape[0] - window + 1):
            for j in range(x.shape[1] - window + 1):
                a, b = (im[i : i + window, j : j + window, c].astype(np.float64) for im in (x, y))
                mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
                var_a, var_b = (weights * (a - mean_a) ** 2).sum(), (weights * (b - mean_b) ** 2).sum()
                cov = (weights * (a - mean_a) * (b - mean_b)).sum()
                luminance = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
                values.append(luminance * (2 * cov + 9e-4) / (var_a + var_b + 9e-4))
    return np.mean(values)


def test_mse_and_psnr_of_each_image():
    x = np.zeros((2, 4, 4, 1), np.float32)
    y = np.stack([np.full((4, 4, 1), 0.1), np.full((4, 4, 1), 0.5)]).astype(np.float32)
    assert mse(x, y) == pytest.approx([0.01, 0.25])
    assert psnr(x, y) == pytest.approx([20, 6.0206], abs=1e-4)
    assert psnr(x, x) == pytest.approx([100, 100])


@pytest.mark.parametrize("shape", [(20, 16, 3), (11, 12, 1)])
def test_ssim_equals_the_naive_definition(shape):
    x, y = pair(*shape)
    assert ssim(x, y) == pytest.approx([naive_ssim(a, b) for a, b in zip(x, y, strict=True)], abs=1e-9)


def test_ssim_shrinks_its_window_for_small_images():
    x, y = pair(8, 10, 3)
    assert ssim(x, y) == pytest.approx([naive_ssim(a, b, window=7) for a, b in zip(x, y, strict=True)], abs=1e-9)


def test_ssim_is_one_for_equal_images_and_falls_with_noise():
    x, y = pair()
    assert ssim(x, x) == pytest.approx(1)
    assert (ssim(x, y) < 0.999).all() and (ssim(x, 1 - x) < ssim(x, y)).all()


def test_shapes_must_agree():
    x, _ = pair()
    for metric in (mse, psnr, ssim):
        with pytest.raises(ValueError, match="one shape"):
            metric(x, x[:, :-1])
