"""Small changes against numpy; DiffAugment: what each policy does, differentiably, image by image."""

import numpy as np
import pytest
import tensorflow as tf

from facepipe.models.ae.config import TrainAE
from facepipe.training import augment

X = np.random.default_rng(0).uniform(-1, 1, (6, 16, 16, 3)).astype(np.float32)
NOISE = augment.draw(np.random.default_rng(1), 6)


IMAGES = ((X + 1) / 2).astype(np.float32)
MIDDLE = np.full((6, 7), 0.5, np.float32)


def changed(noise, **amounts):
    params = TrainAE(epochs=1, augment=amounts).augment
    assert params.on
    return augment.change(tf.constant(IMAGES), tf.constant(noise), params).numpy()


def most(*columns):
    """Noise that asks for the largest change by these numbers, for none by the others."""
    noise = MIDDLE.copy()
    noise[:, columns] = 1
    return noise


def test_brightness_saturation_and_contrast():
    bright = changed(most(0), brightness=0.2)
    np.testing.assert_allclose(bright, np.clip(IMAGES + 0.2, 0, 1), atol=1e-6)
    gray = IMAGES.mean(axis=3, keepdims=True)
    np.testing.assert_allclose(changed(1 - most(1), saturation=1.0), np.broadcast_to(gray, IMAGES.shape), atol=1e-6)
    mean = IMAGES.mean(axis=(1, 2, 3), keepdims=True)
    expected = np.clip(mean + 1.5 * (IMAGES - mean), 0, 1)
    np.testing.assert_allclose(changed(most(2), contrast=0.5), expected, atol=1e-5)


def test_rotation_zoom_and_shift():
    np.testing.assert_allclose(changed(most(3), rotate=90), np.rot90(IMAGES, axes=(2, 1)), atol=1e-4)
    # twice as large about the centre: each pixel of the middle lies between the same pixels as before
    twice = changed(most(4), zoom=1.0)
    expected = 0.75 * IMAGES[:, 7] + 0.25 * IMAGES[:, 8]
    np.testing.assert_allclose(twice[:, 7, 7], 0.75 * expected[:, 7] + 0.25 * expected[:, 8], atol=1e-4)
    np.testing.assert_allclose(changed(most(5), shift=0.25)[:, 4:], IMAGES[:, :12], atol=1e-5)
    moved = changed(1 - most(6), shift=0.25)
    np.testing.assert_allclose(moved[:, :, :12], IMAGES[:, :, 4:], atol=1e-5)
    np.testing.assert_allclose(moved[:, :, 12:], IMAGES[:, :, :11:-1], atol=1e-5, err_msg="mirrored at the edge")


def test_each_image_changes_in_its_own_way_and_stays_in_range():
    amounts = {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "shift": 0.1, "zoom": 0.2, "rotate": 20.0}
    whole = changed(NOISE, **amounts)
    assert whole.min() >= 0 and whole.max() <= 1
    params = TrainAE(epochs=1, augment=amounts).augment
    for part in (slice(0, 2), slice(2, 6)):
        alone = augment.change(tf.constant(IMAGES[part]), tf.constant(NOISE[part]), params)
        np.testing.assert_allclose(alone, whole[part], atol=1e-6)
    same = augment.change(tf.constant(IMAGES[:1].repeat(6, axis=0)), tf.constant(NOISE), params).numpy()
    assert min(np.abs(same[i] - same[j]).max() for i in range(6) for j in range(i)) > 0.05


def test_nothing_without_amounts():
    assert not TrainAE(epochs=1).augment.on
    neutral = changed(MIDDLE, brightness=0.4, contrast=0.4, saturation=0.4, shift=0.1, zoom=0.2, rotate=20.0)
    np.testing.assert_allclose(neutral, IMAGES, atol=1e-5)


def test_nothing_without_policies():
    np.testing.assert_array_equal(augment.diffaugment(X, NOISE, ()), X)


def test_neutral_numbers_leave_the_colors():
    neutral = np.full((6, 7), 0.5, np.float32)
    np.testing.assert_allclose(augment.diffaugment(X, neutral, ("color",)), X, atol=1e-6)


def test_translation_moves_by_whole_pixels_and_fills_gray():
    moved = augment.diffaugment(X, NOISE, ("translation",)).numpy()
    for image, result, numbers in zip(X, moved, NOISE, strict=True):
        dy, dx = (int(np.floor(n * 5)) - 2 for n in numbers[3:5])
        expected = np.zeros_like(image)
        expected[max(dy, 0) : 16 + min(dy, 0), max(dx, 0) : 16 + min(dx, 0)] = image[
            max(-dy, 0) : 16 + min(-dy, 0), max(-dx, 0) : 16 + min(-dx, 0)
        ]
        np.testing.assert_allclose(result, expected, atol=1e-6)
    assert len({tuple(np.floor(n[3:5] * 5)) for n in NOISE}) > 1


def test_cutout_blanks_a_square():
    cut = augment.diffaugment(np.ones_like(X), NOISE, ("cutout",)).numpy()
    blank = (cut == 0).all(axis=3).sum(axis=(1, 2))
    assert blank.max() <= 64 and blank.min() >= 12


@pytest.mark.parametrize("policy", augment.POLICIES)
def test_gradients_flow(policy):
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = augment.diffaugment(x, NOISE, (policy,))
        loss = tf.reduce_sum(tf.square(y))
    assert not np.array_equal(y, X)
    assert np.abs(tape.gradient(loss, x)).sum(axis=(1, 2, 3)).min() > 0


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_mirrored_where_asked(channels, dtype):
    x = (100 * X[:, :, :11, :channels]).astype(dtype)
    flip = np.array([True, False, False, True, True, False])
    expected = np.where(flip[:, None, None, None], x[:, :, ::-1], x)
    np.testing.assert_array_equal(augment.mirror(tf.constant(x), tf.constant(flip)), expected)
