"""Memorisation: known answers, and point by point."""

import numpy as np
import pytest

from facepipe.metrics import memorisation as module
from facepipe.metrics.memorisation import memorisation


def draw(count, seed, d=8):
    return np.random.default_rng(seed).standard_normal((count, d)).astype(np.float32)


def test_copies_and_strangers():
    train, held_out = draw(100, 0), draw(100, 1)
    assert memorisation(train[:40] + 1e-3, train, held_out) == 1
    assert memorisation(held_out[:40], train, held_out) == 0
    assert abs(memorisation(draw(4000, 2), train, held_out) - 0.5) < 0.15
    mixed = np.concatenate([train[:30], held_out[:10]])
    assert memorisation(mixed, train, held_out) == 0.75


def test_point_by_point(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 7)
    samples, train, held_out = draw(50, 0), draw(30, 1), draw(30, 2)
    nearer = [min(np.linalg.norm(s - t) for t in train) < min(np.linalg.norm(s - h) for h in held_out) for s in samples]
    assert memorisation(samples, train, held_out) == np.mean(nearer)


def test_a_tie_is_half_and_counts_have_to_be_equal():
    assert memorisation(draw(5, 0), draw(9, 1), draw(9, 1)) == 0.5
    with pytest.raises(ValueError, match="got 9 and 8"):
        memorisation(draw(5, 0), draw(9, 1), draw(8, 1))
