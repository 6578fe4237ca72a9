"""Random streams depend on their key alone."""

import subprocess
import sys

import numpy as np

from facepipe.core.determinism import fraction, rng, stream_seed


def test_equal_keys_give_equal_draws_in_another_process():
    here = rng(7, "order", 3).integers(0, 1000, 5).tolist()
    code = "from facepipe.core.determinism import rng; print(rng(7, 'order', 3).integers(0, 1000, 5).tolist())"
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert str(here) == there


def test_other_keys_give_other_draws():
    draws = [rng(*key).random() for key in [(0, "a"), (1, "a"), (0, "b"), (0, "a", 1), (0, "a", "1"), (0, "a1")]]
    assert len(set(draws)) == len(draws)
    assert not np.array_equal(stream_seed(0, "a"), stream_seed(0, "b"))
    assert stream_seed(0, "a").dtype == np.int32


def test_fraction_is_uniform_and_fixed():
    values = np.array([fraction(f"id{i}") for i in range(4000)])
    assert values.min() >= 0 and values.max() < 1
    assert abs(values.mean() - 0.5) < 0.02
    # written out, since a change would move every image to another split
    assert fraction("Aaron_Eckhart") == 0.15434780399503611
