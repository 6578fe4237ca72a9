import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from facepipe.metrics import sharpness as module
from facepipe.metrics.sharpness import gradient_energy


def noise(n, shape=(12, 10, 3)):
    return np.random.default_rng(0).integers(0, 256, (n, *shape)).astype(np.uint8)


def test_equals_the_definition(monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)
    images = noise(3)
    for image, found in zip(images, gradient_energy(images), strict=True):
        luma = (image / 255) @ [0.299, 0.587, 0.114]
        down = [(luma[i + 1, j] - luma[i, j]) ** 2 for i in range(11) for j in range(10)]
        across = [(luma[i, j + 1] - luma[i, j]) ** 2 for i in range(12) for j in range(9)]
        assert found == pytest.approx(np.mean(down) + np.mean(across))


def test_known_answers():
    board = (np.indices((8, 8)).sum(axis=0) % 2 * 255).astype(np.uint8)[None, :, :, None]
    assert gradient_energy(board) == pytest.approx([2.0])
    assert gradient_energy(np.full((1, 8, 8, 3), 77, np.uint8)) == pytest.approx([0.0])
    ramp = np.broadcast_to(np.arange(0, 80, 10, dtype=np.uint8), (1, 8, 8))[..., None]
    assert gradient_energy(ramp) == pytest.approx([(10 / 255) ** 2])
    assert gradient_energy(ramp.repeat(3, axis=-1)) == pytest.approx(gradient_energy(ramp))
    assert gradient_energy(board[:0]).shape == (0,)


def test_blur_lowers_it():
    images = noise(4, (32, 32, 3))
    blurred = gaussian_filter(images, (0, 1, 1, 0))
    assert (gradient_energy(blurred) < 0.2 * gradient_energy(images)).all()


@pytest.mark.parametrize("images", [np.zeros((1, 8, 8, 3), np.float32), np.zeros((8, 8, 3), np.uint8)])
def test_images_of_another_kind(images):
    with pytest.raises(ValueError, match="must be uint8"):
        gradient_energy(images)
