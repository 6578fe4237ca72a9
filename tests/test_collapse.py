"""The collapse warning: diversity by hand, thresholds, one line in the log at the epoch."""

import numpy as np
import pytest

from facepipe.models.gan.collapse import diversity, messages, real_diversity
from facepipe.shards.shards import Shards

WELL = {"sample_diversity": 0.2, "real_sign": 0.9, "fake_sign": -0.9}


def test_diversity():
    images = np.zeros((3, 1, 2, 1), np.float32)
    images[1], images[2, 0, 0] = 1.0, 1.0
    # root mean squares of the three pairs: 1, sqrt(1/2), sqrt(1/2)
    assert diversity(images) == pytest.approx((1 + 2 * 0.5**0.5) / 3)
    assert diversity(np.full((4, 2, 2, 1), 0.7)) == pytest.approx(0, abs=1e-6)


def test_real_diversity_is_that_of_the_training_images(tiny_shards):
    images = Shards(tiny_shards).images("train")
    assert real_diversity(Shards(tiny_shards)) == pytest.approx(diversity(images / 255.0), rel=1e-5)


@pytest.mark.parametrize(
    "change, said",
    [
        ({}, []),
        ({"sample_diversity": 0.061}, []),
        ({"sample_diversity": 0.059}, ["the samples are alike (diversity 0.059, real images 0.200)"]),
        ({"real_sign": 0.99}, []),
        ({"fake_sign": -0.99}, []),
        ({"real_sign": 0.99, "fake_sign": 0.99}, []),
        ({"real_sign": 0.99, "fake_sign": -0.99}, ["the discriminator is never wrong (signs +0.990 and -0.990)"]),
    ],
)
def test_messages(change, said):
    assert messages(WELL | change, 0.2) == said


def test_both_at_once_and_a_critic():
    collapsed = {"sample_diversity": 0.0, "real_sign": 1.0, "fake_sign": -1.0}
    assert len(messages(collapsed, 0.2)) == 2
    assert len(messages(collapsed, 0.2, judge_signs=False)) == 1
    assert len(messages(collapsed, 0.2, judge_samples=False)) == 1
