"""Schedules driven through scripted histories."""

import json

import numpy as np
import pytest

from facepipe.models.gan.config import Schedule
from facepipe.models.gan.schedules import make_schedule


def decisions(schedule, steps):
    return [schedule.decide() for _ in range(steps)]


@pytest.mark.parametrize("d_steps, g_steps", [(1, 1), (1, 5), (5, 1), (2, 3), (1, 10)])
def test_ratio(d_steps, g_steps):
    schedule = make_schedule(Schedule(name="ratio", d_steps=d_steps, g_steps=g_steps), 64)
    steps = decisions(schedule, 30 * max(d_steps, g_steps))
    assert sum(d for d, _ in steps) * g_steps == sum(g for _, g in steps) * d_steps
    assert steps[0] == (True, True)
    longest = max(d_steps, g_steps)
    if d_steps == 1:
        assert [d for d, _ in steps] == [step % longest == 0 for step in range(len(steps))]
    assert all(d or g for d, g in steps)


def test_decay():
    # 64 images a step: from 4 D steps per G step to 1 over 100 steps
    schedule = make_schedule(Schedule(name="decay", d_start=4, d_end=1, decay_images=6400), 64)
    steps = decisions(schedule, 300)
    assert all(d for d, _ in steps)
    generator = [g for _, g in steps]
    assert sum(generator[:20]) == 6, "about every fourth step in the beginning"
    assert sum(generator[:50]) < sum(generator[50:100])
    assert all(generator[102:])
    rising = make_schedule(Schedule(name="decay", d_start=1, d_end=0.2, decay_images=640), 64)
    steps = decisions(rising, 110)
    assert all(g for _, g in steps)
    assert sum(d for d, _ in steps[10:]) == 20


@pytest.mark.parametrize("start, end", [(4, 1), (1, 0.25), (0.5, 0.1), (3, 0.5)])
def test_decay_is_linear_in_images_at_every_step(start, end):
    # 50 images a step, 5000 images: 100 steps, and 100 more at the end value
    schedule = make_schedule(Schedule(name="decay", d_start=start, d_end=end, decay_images=5000), 50)
    steps = np.array(decisions(schedule, 200))
    ratio = start + (end - start) * np.minimum(1, np.arange(200) / 100)
    # D trains on the share min(1, ratio) of the steps and G on min(1, 1 / ratio): never a step and a bit off the sum
    for taken, share in zip(steps.T, (np.minimum(1, ratio), np.minimum(1, 1 / ratio)), strict=True):
        assert np.abs(np.cumsum(taken) - np.cumsum(share)).max() <= 1.01
    assert steps.any(axis=1).all(), "no step in which nobody trains"


@pytest.mark.parametrize("smoothing", [0.0, 0.5, 0.9])
def test_accuracy_is_smoothed_before_it_is_compared(smoothing):
    schedule = make_schedule(Schedule(name="accuracy", threshold=0.75, smoothing=smoothing), 64)
    script = np.random.default_rng(0).random(200)
    smoothed = 0.5
    seen = set()
    for accuracy in script:
        assert schedule.decide() == (smoothed < 0.75, True)
        seen.add(smoothed < 0.75)
        schedule.observe(float(accuracy))
        smoothed = smoothing * smoothed + (1 - smoothing) * float(accuracy)
    assert seen == ({True} if smoothing == 0.9 else {True, False}), "0.9 evens such noise out"
    for _ in range(30):
        schedule.observe(1.0)
    assert schedule.decide() == (False, True)


@pytest.mark.parametrize(
    "params",
    [
        Schedule(name="ratio", d_steps=2, g_steps=7),
        Schedule(name="decay", d_start=3, d_end=0.3, decay_images=1000),
        Schedule(name="accuracy", threshold=0.7, smoothing=0.8),
    ],
    ids=lambda params: params.name,
)
def test_a_restored_schedule_goes_on_as_the_first_would(params):
    def play(schedule, steps):
        said = []
        for step in steps:
            said.append(schedule.decide())
            schedule.observe(0.5 + 0.5 * (step % 11 > 4))
        return said

    whole = make_schedule(params, 64)
    said = play(whole, range(40))
    assert len(set(said)) > 1
    for cut in (0, 1, 7, 20, 39):
        first, second = make_schedule(params, 64), make_schedule(params, 64)
        before = play(first, range(cut))
        second.restore(json.loads(json.dumps(first.state())))
        assert before + play(second, range(cut, 40)) == said
        assert second.state() == whole.state()


def test_accuracy():
    schedule = make_schedule(Schedule(name="accuracy", threshold=0.8, smoothing=0.5), 64)
    seen = []
    for accuracy in [0.5, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 1.0, 1.0]:
        seen.append(schedule.decide())
        schedule.observe(accuracy)
    # smoothed before each step: .5 .5 .75 .875 .9375 .96875 .734 .617 .809
    assert [d for d, _ in seen] == [True, True, True, False, False, False, True, True, False]
    assert all(g for _, g in seen)
    assert schedule.needs_accuracy
