"""Means do not depend on when they are fetched; a value that is not finite is named."""

import csv

import numpy as np
import pytest

from facepipe.errors import InputError
from facepipe.training.history import Means, check_finite, write_history

STEPS = [
    {"loss": np.float32(value)} | ({"r1": np.float32(7.0)} if i % 3 == 0 else {})
    for i, value in enumerate(np.random.default_rng(0).random(50, np.float32))
]


def test_means_are_the_same_whenever_they_are_pulled():
    results = []
    for every in (1, 7, 50):
        means = Means()
        for step, terms in enumerate(STEPS):
            means.add(step, terms)
            if (step + 1) % every == 0:
                assert means.pull(1e-3)["loss"] == float(terms["loss"])
            if step == 20:
                # another process goes on
                means.pull(1e-3)
                means = Means(means.sums)
        means.pull(1e-3)
        results.append(means.means())
    assert results[0] == results[1] == results[2]
    assert results[0]["loss"] == pytest.approx(np.mean([float(terms["loss"]) for terms in STEPS]), rel=1e-12)
    assert results[0]["r1"] == 7.0 and list(results[0]) == ["loss", "r1"]
    assert means.pull(1e-3) == {}


def test_the_first_value_that_is_not_finite_is_named():
    means = Means()
    for step, value in ((4, 1.0), (5, float("inf")), (6, float("nan"))):
        means.add(step, {"loss": np.float32(1.0), "kl": np.float32(value)})
    with pytest.raises(InputError, match=r"^kl became inf at step 5 \(learning rate 0\.002\); the same params come to"):
        means.pull(2e-3)
    check_finite({"a": 1.0}, 1, 0.1)


def test_history_with_columns_that_come_later(tmp_path):
    write_history(tmp_path / "h.csv", [{"epoch": 1, "loss": 1 / 3}, {"epoch": 2, "loss": 2e-12, "r1": 5.0}])
    with open(tmp_path / "h.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {"epoch": "1", "loss": "0.3333333", "r1": ""},
        {"epoch": "2", "loss": "2e-12", "r1": "5"},
    ]
