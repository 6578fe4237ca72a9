"""DiffAugment: what each policy does, differentiably, image by image."""

import numpy as np
import pytest
import tensorflow as tf

from facepipe.training import augment

X = np.random.default_rng(0).uniform(-1, 1, (6, 16, 16, 3)).astype(np.float32)
NOISE = augment.draw(np.random.default_rng(1), 6)


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
