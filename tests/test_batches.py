"""Batch order is a function of (seed, epoch); batches come in order, ahead of their use."""

import threading

import numpy as np
import pytest

from facepipe.shards.order import ahead, epoch_order


def test_a_permutation_that_depends_on_seed_and_epoch_alone():
    order = epoch_order(0, 1, 50, 50)
    assert sorted(order) == list(range(50))
    assert np.array_equal(order, epoch_order(0, 1, 50, 50))
    assert not np.array_equal(order, epoch_order(0, 2, 50, 50))
    assert not np.array_equal(order, epoch_order(1, 1, 50, 50))


def test_two_epochs_subsets_differ():
    first, second = (set(epoch_order(0, epoch, 1000, 100)) for epoch in (1, 2))
    assert len(first) == len(second) == 100
    assert len(first & second) < 40


def test_one_ahead_and_in_order():
    made, second = [], threading.Event()

    def make(index):
        made.append(index)
        if index == 1:
            second.set()
        return index * 10

    values = ahead(make, 0, 4)
    assert next(values) == 0
    assert second.wait(10), "the next batch is made while the first is in use"
    assert list(values) == [10, 20, 30]
    assert made == [0, 1, 2, 3]
    assert list(ahead(make, 0, 1)) == [0]
    assert list(ahead(make, 2, 4)) == [20, 30]
    made.clear()
    assert list(ahead(make, 4, 4)) == [] == made


def test_an_error_comes_where_its_batch_would_have():
    def make(index):
        if index == 2:
            raise RuntimeError("broken shard")
        return index

    values = ahead(make, 0, 4)
    assert [next(values), next(values)] == [0, 1]
    with pytest.raises(RuntimeError, match="broken shard"):
        next(values)
