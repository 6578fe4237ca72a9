"""A state is the same to the bit after its way through bytes, and damage is noticed."""

import ml_dtypes
import numpy as np
import pytest

from facepipe.training.state import DamagedState, arrays_of, from_bytes, to_bytes

TREE = {
    "step": 12,
    "sums": {"loss": [0.1 + 0.2, 3], "r1": [float("inf"), 0]},
    "history": [{"epoch": 1, "loss": 1e-300}],
    "nothing": None,
    "schedule": [True, 0.30000000000000004],
    "task": {
        "variables": [
            np.array(7, np.int64),
            np.arange(6, dtype=np.float32).reshape(2, 3) / 7,
            np.array([1.5, -0.0, 3e38], ml_dtypes.bfloat16),
            np.zeros((0, 4), np.float16),
            np.array([True, False]),
        ],
        "best": {"decoder": [np.asfortranarray(np.eye(3, dtype=np.float64))]},
    },
}


def test_there_and_back():
    tree = from_bytes(to_bytes(TREE))
    assert {key: tree[key] for key in tree if key != "task"} == {key: TREE[key] for key in TREE if key != "task"}
    before, after = list(arrays_of(TREE)), list(arrays_of(tree))
    assert len(before) == 6
    for a, b in zip(before, after, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    assert list(tree["task"]["best"]) == ["decoder"]


def test_the_same_state_the_same_bytes():
    assert to_bytes(TREE) == to_bytes(from_bytes(to_bytes(TREE)))


def test_a_changed_bit_or_a_missing_end_is_noticed():
    data = to_bytes({"x": np.arange(3)})
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(DamagedState):
            from_bytes(bytes(changed))
    for end in (0, 10, 32, len(data) - 1):
        with pytest.raises(DamagedState):
            from_bytes(data[:end])
