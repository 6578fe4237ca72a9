"""Directions fitted to labelled latents."""

import numpy as np
import pytest

from facepipe.directions import fitting
from facepipe.directions.fitting import (
    METHODS,
    adjusted,
    auc,
    choose_methods,
    correlations,
    fit_directions,
    fit_few,
    held_equal,
    logistic,
    mean_difference,
    orthogonalised,
)
from facepipe.errors import InputError
from facepipe.latents.standard import Standard, fit_standard

PLAIN = ("mean_difference",)


def test_mean_difference_moves_one_mean_to_the_other():
    z = np.random.default_rng(0).normal(size=(100, 5)).astype(np.float32)
    labels = np.arange(100) < 30
    vector = mean_difference(z, labels)
    np.testing.assert_allclose((z[~labels] + vector).mean(0), z[labels].mean(0), atol=1e-5)
    with pytest.raises(ValueError, match="positives and negatives"):
        mean_difference(z, np.ones(100))


def test_auc_by_definition():
    rng = np.random.default_rng(0)
    for _ in range(50):
        labels = rng.permutation(np.arange(20) < rng.integers(1, 20))
        scores = rng.integers(0, 6, 20)  # many ties
        difference = scores[labels][:, None] - scores[~labels][None]
        assert auc(scores, labels) == pytest.approx(((difference > 0) + 0.5 * (difference == 0)).mean(), abs=1e-12)


def test_auc_at_its_ends():
    labels = np.array([False, False, True, True])
    assert auc([1, 2, 3, 4], labels) == 1.0
    assert auc([4, 3, 2, 1], labels) == 0.0
    assert auc([7, 7, 7, 7], labels) == 0.5
    for scores, wrong in (([1, 2, 3, 4], np.ones(4)), ([1, 2, 3, np.nan], labels)):
        with pytest.raises(ValueError):
            auc(scores, wrong)


def latents_with_attributes(n, seed, d=6):
    """z with a direction for Smiling along z000 (shift 4) and for Young along z001 (shift 1, a third unknown)."""
    rng = np.random.default_rng(seed)
    labels = np.stack([rng.random(n) < 0.4, rng.random(n) < 0.5, rng.random(n) < 0.02], axis=1).astype(float)
    z = rng.normal(size=(n, d))
    z[:, 0] += 4 * labels[:, 0]
    z[:, 1] += labels[:, 1]
    labels[::3, 1] = np.nan
    return z.astype(np.float32), labels


def same(d):
    """Standardised latents that are the latents."""
    return Standard(np.zeros(d), np.ones(d))


def correlated(n, seed, d=8):
    """z with Smiling along z000 and Male along z001, and women smile twice as often."""
    rng = np.random.default_rng(seed)
    male = rng.random(n) < 0.5
    smiling = rng.random(n) < np.where(male, 0.3, 0.7)
    z = rng.normal(size=(n, d))
    z[:, 0] += 2 * smiling
    z[:, 1] += 3 * male
    return z, np.stack([smiling, male], axis=1).astype(float)


def test_fit_directions():
    names = ["Smiling", "Young", "Bald"]
    z, labels = latents_with_attributes(3000, 0)
    held = latents_with_attributes(1000, 1)
    directions, problems = fit_directions(names, z, labels, *held, 100, METHODS, same(6))
    assert directions.names == ["Smiling"] * 4 + ["Young"] * 4 and directions.methods == list(METHODS) * 2
    expected = np.repeat([[4, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]], 4, axis=0)
    np.testing.assert_allclose(directions.vectors, expected, atol=0.3)
    # of two unit normals d apart: P(one above the other) = Phi(d / sqrt 2)
    np.testing.assert_allclose(directions.auc, [0.9977] * 4 + [0.7602] * 4, atol=0.03)
    np.testing.assert_allclose(directions.norms, [4] * 4 + [1] * 4, atol=0.2)
    assert (directions.n_pos + directions.n_neg).tolist() == [3000] * 4 + [2000] * 4
    (problem,) = problems
    assert problem[:2] == ("Bald", "") and "100 of each needed" in problem.reason


@pytest.mark.parametrize("method", METHODS)
def test_strength_1_moves_the_mean_of_the_negatives_to_that_of_the_positives(method):
    z, labels = correlated(4000, 0)
    z = (5 + z * np.arange(1, 9)).astype(np.float32)  # dimensions of different size
    standard = fit_standard(z)
    x = standard.standardise(z)
    directions, _ = fit_directions(["Smiling", "Male"], x, labels, x, labels, 10, [method], standard)
    for vector, column in zip(directions.vectors, labels.T, strict=True):
        move = standard.standardised_move(vector)
        gap = x[column == 1].mean(0) - x[column == 0].mean(0)
        assert move @ gap == pytest.approx(move @ move, rel=1e-5)
        assert move @ gap > 0.5


def test_a_logistic_direction_is_the_gradient_of_the_regression():
    from sklearn.linear_model import LogisticRegression

    z, labels = correlated(500, 0)
    standard = fit_standard(z)
    x = standard.standardise(z)
    directions, _ = fit_directions(["Smiling"], x, labels[:, :1], x, labels[:, :1], 10, ["logistic"], standard)
    weights = LogisticRegression(C=fitting.C).fit(x, labels[:, 0]).coef_[0]
    move = standard.standardised_move(directions.vectors[0])
    np.testing.assert_allclose(move / np.linalg.norm(move), weights / np.linalg.norm(weights), atol=1e-3)


def test_orthogonalised_is_orthogonal_to_the_correlated_and_passes_over_the_same_thing():
    a, b, twin, far = np.array([[1, 0.3, 0, 0], [0, 1, 0, 0], [1, 0.3, 0.3, 0], [1, 1, 1, 1.0]])
    alone = orthogonalised(a, [(0.4, b), (0.9, twin), (fitting.CORRELATED / 2, far)])
    np.testing.assert_allclose(alone, [1, 0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(orthogonalised(a, []), a / np.linalg.norm(a))
    # of two that together would take too much of it, the more correlated goes first
    both = [(0.3, np.array([0.4, 1, 0, 0])), (0.5, np.array([0.4, 0, 1, 0]))]
    kept = orthogonalised(np.array([1.0, 0, 0, 0]), both)
    assert abs(kept @ both[1][1]) < 1e-12 < abs(kept @ both[0][1])


def test_adjusted_is_what_an_attribute_does_beside_the_others():
    rng = np.random.default_rng(0)
    labels = (rng.random((4000, 2)) < 0.5).astype(float)
    labels[labels[:, 1] == 1, 0] = rng.random(int(labels[:, 1].sum())) < 0.8
    effects = np.array([[1.0, 0, 0.5], [0, 2, 0.5]])
    x = labels @ effects + 0.1 * rng.normal(size=(4000, 3))
    np.testing.assert_allclose(adjusted(x, labels[:, 0] > 0.5, labels[:, 1:]), effects[0], atol=0.02)
    assert mean_difference(x, labels[:, 0] > 0.5)[1] > 0.5
    # with nothing held equal it is the difference of means
    alone = adjusted(x, labels[:, 0] > 0.5, labels[:, :0])
    np.testing.assert_allclose(alone, mean_difference(x, labels[:, 0] > 0.5), atol=1e-9)
    # what is unknown says nothing
    unknown = np.where(rng.random(4000) < 0.3, np.nan, labels[:, 1])[:, None]
    assert abs(adjusted(x, labels[:, 0] > 0.5, unknown)[1]) < 0.3


def test_what_is_held_equal_is_correlated_but_not_alike_nor_instead():
    rng = np.random.default_rng(0)
    male, hair = rng.random(8000) < 0.5, rng.integers(0, 3, 8000)
    beard = male & (rng.random(8000) < 0.3)
    tie = rng.random(8000) < np.where(male, 0.4, 0.2)
    twin = np.where(rng.random(8000) < 0.1, ~male, male)
    labels = np.stack([male, twin, tie, beard, ~beard, hair == 0, hair == 1, rng.random(8000) < 0.5], 1).astype(float)
    equal = held_equal(labels)
    assert equal[0].tolist() == [False, False, True, True, True, False, False, False]  # a twin is alike
    assert not equal[3, 4] and not equal[5, 6]  # a beard and none, hair of two colours
    assert (equal == equal.T).all() and not held_equal(np.full((4, 2), np.nan)).any()


def test_correlations_of_what_is_known():
    nan = np.nan
    labels = np.array([[1, 1, 0, 1], [1, 1, nan, 1], [0, 0, 1, 1], [0, nan, 1, 1]])
    phi = correlations(labels)
    assert phi[0, 1] == pytest.approx(1) and phi[0, 2] == pytest.approx(1) and (phi[3] == 0).all()


def test_the_auc_is_of_held_out_images():
    rng = np.random.default_rng(0)
    z, held = rng.normal(size=(40, 300)), rng.normal(size=(400, 300))  # noise: a direction fits it, and fails elsewhere
    labels, held_labels = (np.arange(len(rows))[:, None] % 2 == 0 for rows in (z, held))
    given = labels.astype(float), held, held_labels.astype(float)
    directions, _ = fit_directions(["X"], z, *given, 5, METHODS, same(300))
    for vector, score in zip(directions.vectors, directions.auc, strict=True):
        assert auc(z @ vector, labels[:, 0]) > 0.95 and abs(score - 0.5) < 0.1


def test_cross_validation_judges_images_that_a_fit_has_not_seen():
    rng = np.random.default_rng(0)
    noise, labels = rng.normal(size=(60, 100)), (np.arange(60)[:, None] % 2).astype(float)
    ids = [f"photo {i}" for i in range(60)]
    directions, problems = fit_few(["X"], ids, noise, labels, 2, METHODS, same(100))
    assert not problems and (abs(directions.auc - 0.5) < 0.2).all()
    z, smiling = latents_with_attributes(60, 0)
    directions, _ = fit_few(["Smiling"], ids, z, smiling[:, :1], 2, METHODS, same(6))
    assert (directions.auc > 0.95).all()
    again, _ = fit_few(["Smiling"], ids[::-1], z[::-1], smiling[::-1, :1], 2, METHODS, same(6))
    np.testing.assert_allclose(again.auc, directions.auc)  # the parts depend on the ids, not on the order


def test_cross_validation_of_many_attributes_at_once():
    rng = np.random.default_rng(0)
    z, labels = rng.normal(size=(60, 12)), (rng.random((60, 12)) < 0.5).astype(float)  # hardly two rows are alike
    z += 3 * labels
    directions, problems = fit_few(list("abcdefghijkl"), [str(i) for i in range(60)], z, labels, 2, METHODS, same(12))
    assert not problems and len(directions.names) == 48 and np.median(directions.auc) > 0.9


def test_two_photos_of_each_are_the_least():
    z, labels = np.eye(4), np.array([[1.0], [1], [0], [0]])
    directions, problems = fit_few(["X"], list("abcd"), z, labels, 2, PLAIN, same(4))
    assert directions.names == ["X"] and not problems
    directions, problems = fit_few(["X"], list("abc"), z[:3], labels[:3], 2, PLAIN, same(4))
    assert not directions.names and "2 positives and 1 negatives" in problems[0].reason


def test_what_gives_no_direction_is_named():
    z, labels = latents_with_attributes(200, 0)
    nothing = np.empty((0, 6)), np.empty((0, 1))
    for latents, held, reason in (
        (z, nothing, "0 positives and 0 negatives held out"),
        (np.zeros_like(z), (z, labels[:, :1]), "same mean"),
        (np.full_like(z, np.inf), (z, labels[:, :1]), "not finite"),
    ):
        directions, problems = fit_directions(["Smiling"], latents, labels[:, :1], *held, 10, METHODS, same(6))
        assert directions.names == [] and directions.vectors.shape == (0, 6)
        assert problems and all(p.name == "Smiling" and reason in p.reason for p in problems)


def test_a_dead_dimension_stays_where_it_is():
    z, labels = latents_with_attributes(400, 0)
    z[:, 3] = 7
    standard = fit_standard(z)
    x = standard.standardise(z)
    directions, _ = fit_directions(["Smiling"], x, labels[:, :1], x, labels[:, :1], 10, METHODS, standard)
    assert len(directions.names) == 4 and (directions.vectors[:, 3] == 0).all()


def test_methods_are_chosen_by_name():
    assert choose_methods(["logistic", "mean_difference", "logistic"]) == ("logistic", "mean_difference")
    with pytest.raises(InputError, match="no method 'logisitc'; did you mean logistic"):
        choose_methods(["logisitc"])


def test_logistic_finds_the_way_with_few_examples():
    z, labels = latents_with_attributes(12, 0)
    weights = logistic(z, labels[:, 0] > 0.5)
    assert np.argmax(np.abs(weights)) == 0 and weights[0] > 0
