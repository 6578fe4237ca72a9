"""How rates, penalty and average of the GAN change over a training."""

import pytest

from facepipe.models.gan import annealing
from facepipe.models.gan.config import TrainGAN


def params(**values):
    return TrainGAN(epochs=1, batch_size=32, **values)


@pytest.mark.parametrize(
    ("decay", "start", "left"),
    [
        ("constant", 0.0, [1, 1, 1, 1]),
        ("linear", 0.6, [1, 1, 0.5, 0]),
        ("linear", 0.0, [1, 0.4, 0.2, 0]),
        ("cosine", 0.6, [1, 1, 0.5, 0]),
        ("cosine", 0.0, [1, 0.345492, 0.095492, 0]),
    ],
)
def test_what_is_left_of_the_rates(decay, start, left):
    given = params(learning_rate_decay=decay, decay_from=start)
    assert [annealing.rate_left(given, share) for share in (0, 0.6, 0.8, 1)] == pytest.approx(left, abs=1e-6)


def test_gamma_by_pixels_and_batch():
    # StyleGAN2-ADA at 64x64 and a batch of 32: .0256; half of it, on every 16th step
    auto = params(r1_gamma="auto")
    assert annealing.penalty_weight(auto, 0.3, (64, 64, 3)) == pytest.approx(0.0256 / 2 * 16)
    given = params(r1_gamma=2.0, r1_end=0.1, r1_every=1)
    found = [annealing.penalty_weight(given, share, (16, 16, 3)) for share in (0, 0.5, 1)]
    assert found == pytest.approx([1.0, 0.55, 0.1])
    assert annealing.penalty_weight(params(r1_gamma=0), 0, (16, 16, 3)) == 0


def test_the_critic_has_a_weight_of_its_own():
    assert annealing.penalty_weight(params(loss="wasserstein_gp", r1_gamma=0, gp_weight=7), 0.5, (16, 16, 3)) == 7


def test_half_of_the_average_is_gone_after_the_half_life():
    given = params(ema_half_life_kimg=3.2)
    assert annealing.average_decay(given, 0) ** 100 == pytest.approx(0.5)
    assert annealing.average_decay(params(ema_half_life_kimg=0), 1000) == 0


def test_a_ramp_lets_go_of_the_first_weights():
    given = params(ema_half_life_kimg=10, ema_ramp=0.05)
    assert annealing.average_decay(given, 0) == 0
    assert annealing.average_decay(given, 64_000) ** 100 == pytest.approx(0.5), "a half-life of 3,200 images"
    assert annealing.average_decay(given, 10**6) ** (10_000 / 32) == pytest.approx(0.5)
