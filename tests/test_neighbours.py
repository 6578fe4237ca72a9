"""Nearest faces."""

import numpy as np

from facepipe.api import lookup as neighbours
from facepipe.api.lookup import nearest

RNG = np.random.default_rng(0)
X, OTHERS = RNG.normal(size=(7, 4)), RNG.normal(size=(50, 4))


def test_by_definition(monkeypatch):
    monkeypatch.setattr(neighbours, "CHUNK", 3)
    rows, distances = nearest(X, OTHERS, 5)
    every = np.linalg.norm(X[:, None] - OTHERS, axis=2)
    np.testing.assert_array_equal(rows, np.argsort(every, axis=1)[:, :5])
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :5])


def test_a_face_is_not_its_own_neighbour(monkeypatch):
    monkeypatch.setattr(neighbours, "CHUNK", 3)
    same = [None, 4, None, None, 9, None, None]
    x = X.copy()
    x[1], x[4] = OTHERS[4], OTHERS[9]
    rows, distances = nearest(x, OTHERS, 3, same)
    assert 4 not in rows[1] and 9 not in rows[4] and (distances > 0).all()
    assert nearest(x, OTHERS, 3)[0][1, 0] == 4


def test_no_more_than_there_are():
    rows, _ = nearest(X, OTHERS[:3], 5)
    assert rows.shape == (7, 3)
    assert sorted(nearest(OTHERS[:1], OTHERS[:3], 5, [0])[0][0]) == [1, 2]
