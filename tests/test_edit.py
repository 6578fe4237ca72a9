"""Edits of latents."""

import numpy as np
import pytest

from facepipe.api.edit import (
    axis,
    combinations,
    edited,
    keeping,
    kept_direction,
    parse_change,
    parse_setting,
    unit_move,
)
from facepipe.directions.table import Directions
from facepipe.errors import InputError
from facepipe.latents.pca import fit_pca
from facepipe.latents.standard import fit_standard
from facepipe.latents.table import Latents

RNG = np.random.default_rng(0)
Z = (RNG.normal(size=(200, 5)) * [1, 2, 3, 4, 5]).astype(np.float32)
DIRECTIONS = Directions(
    ["Smiling", "Smiling", "PC1"], ["orthogonalised", "logistic", "logistic"], np.ones(3, int), np.ones(3, int),
    np.ones(3), RNG.normal(size=(3, 5)).astype(np.float32),
)  # fmt: skip
PCA = fit_pca(Z)


def table():
    return Latents(["a.jpg", "b"], ["test", "train"], Z[:2].copy(), {"note": ["x", "y"]})


def test_strengths_and_ranges():
    assert parse_change("Smiling=-0.5").strengths.tolist() == [-0.5]
    change = parse_change("a=b=-1:2:7")
    assert change.name == "a=b" and change.strengths.tolist() == [-1, -0.5, 0, 0.5, 1, 1.5, 2]


@pytest.mark.parametrize("text, message", [
    ("Smiling", "expected NAME=STRENGTH"), ("=1", "expected NAME=STRENGTH"), ("A=x", "'x' is not a strength"),
    ("A=1:2", "'1:2' is not a strength"), ("A=1:2:1", "'1' is not a count"), ("A=nan", "'nan' is not a strength"),
    ("A=0:1:2.5", "'2.5' is not a count"), ("A=0:1:1e9", "'1e9' is not a count"), ("A=", "'' is not a strength"),
])  # fmt: skip
def test_what_is_no_change(text, message):
    with pytest.raises(InputError) as caught:
        parse_change(text)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_settings():
    assert parse_setting("z003=-1.5", 5) == (3, -1.5)
    with pytest.raises(InputError, match="there are z000 to z004"):
        parse_setting("z005=1", 5)
    for text in ("z3=1", "z003", "z003=x", "pc003=1"):
        with pytest.raises(InputError, match=r"such as z007=1\.5"):
            parse_setting(text, 5)
    with pytest.raises(InputError, match=r"--add moves along principal components$"):
        parse_setting("pc003=1", 5)


def test_moves_by_name():
    np.testing.assert_array_equal(unit_move("Smiling", DIRECTIONS, None), DIRECTIONS.vectors[0])
    np.testing.assert_array_equal(unit_move("Smiling", DIRECTIONS, None, "logistic"), DIRECTIONS.vectors[1])
    np.testing.assert_array_equal(unit_move("PC1", DIRECTIONS, PCA), DIRECTIONS.vectors[2])  # an attribute of that name
    move = unit_move("pc002", DIRECTIONS, PCA)
    np.testing.assert_allclose(move, PCA.components[2] * PCA.sd[2], rtol=1e-6)
    np.testing.assert_allclose(PCA.project(Z[:1] + move) - PCA.project(Z[:1]), [[0, 0, PCA.sd[2], 0, 0]], atol=1e-5)
    for name, message in (("Smilling", "did you mean Smiling"), ("PC5", "there are PC0 to PC4")):
        with pytest.raises(InputError, match=message):
            unit_move(name, DIRECTIONS, PCA)
    with pytest.raises(InputError, match="there are no directions of this model"):
        unit_move("Smiling", None, PCA)


def test_axes_by_name():
    name, unit, sd = axis("PC2", PCA)
    assert name == "pc002" and sd == PCA.sd[2]
    np.testing.assert_array_equal(unit, PCA.components[2])
    name, unit, sd = axis("z3", PCA)
    assert (name, unit.tolist()) == ("z003", [0, 0, 0, 1, 0]) and sd == pytest.approx(Z[:, 3].std(), rel=0.01)
    for name, message in (
        ("pc5", "^no component pc5; there are PC0 to PC4$"), ("z005", "^no latent z005; there are z000 to z004$"),
        ("Smiling", "^'Smiling': expected a dimension such as z003, or a principal component such as PC3$"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            axis(name, PCA)


def test_what_is_kept_does_not_change_its_score():
    standard = fit_standard(Z)
    move, kept = RNG.normal(size=5), RNG.normal(size=(2, 5))
    rest = keeping(move, kept, standard)
    scores = standard.standardised_move(kept) @ standard.standardised_move(rest)
    np.testing.assert_allclose(scores, 0, atol=1e-12)
    np.testing.assert_allclose(keeping(rest, kept, standard), rest, atol=1e-12)
    assert not keeping(kept[0] * 2, kept, standard).any()
    np.testing.assert_array_equal(kept_direction("Smiling", DIRECTIONS), DIRECTIONS.vectors[1])
    with pytest.raises(InputError, match="did you mean Smiling"):
        kept_direction("Smile", DIRECTIONS)


def test_one_combination_keeps_ids_and_other_columns():
    changes = [parse_change("A=1"), parse_change("B=-2")]
    moves = np.array([[1.0, 0, 0, 0, 0], [0, 1, 0, 0, 0]])
    result = edited(table(), changes, *combinations(changes, moves, 5), settings=[(4, 9.0)])
    assert result.ids == ["a.jpg", "b"] and result.splits == ["test", "train"] and result.extra == {"note": ["x", "y"]}
    np.testing.assert_allclose(result.z, np.column_stack([Z[:2, 0] + 1, Z[:2, 1] - 2, Z[:2, 2:4], [9, 9]]), rtol=1e-6)
    assert result.z.dtype == np.float32


def test_a_range_gives_a_row_for_every_strength():
    changes = [parse_change("A=0:1:3"), parse_change("B=1"), parse_change("C=1:2:2")]
    moves = np.eye(5)[:3]
    strengths, total = combinations(changes, moves, 5)
    assert strengths.tolist() == [[0, 1, 1], [0, 1, 2], [0.5, 1, 1], [0.5, 1, 2], [1, 1, 1], [1, 1, 2]]
    result = edited(table(), changes, strengths, total)
    assert result.ids == [f"{name}~{i}" for name in "ab" for i in range(1, 7)]
    assert result.extra["note"] == ["x"] * 6 + ["y"] * 6 and set(result.extra) == {"note", "add:A", "add:C"}
    assert result.extra["add:A"] == ["0", "0", "0.5", "0.5", "1", "1"] * 2
    np.testing.assert_allclose(result.z[7], Z[1] + [0, 1, 2, 0, 0], rtol=1e-6)


def test_a_label_becomes_a_column():
    changes = [parse_change("A=2"), parse_change("note=0:1:3")]
    strengths, total = combinations(changes, [np.eye(5)[0], np.zeros(5)], 5)
    result = edited(table(), changes, strengths, total, labels=("note", "other"))
    assert result.extra == {"note": ["0", "0.5", "1"] * 2} and result.ids[0] == "a~1"
    np.testing.assert_allclose(result.z, np.repeat(Z[:2], 3, axis=0) + 2 * np.eye(5)[0], rtol=1e-6)
    one = edited(table(), changes[1:], np.array([[0.0]]), np.zeros((1, 5)), labels=("note",))
    assert one.extra == {"note": ["0", "0"]} and one.ids == ["a.jpg", "b"]


def test_only_settings():
    result = edited(table(), [], *combinations([], [], 5), settings=[(0, 1.0)])
    np.testing.assert_array_equal(result.z, np.column_stack([[1, 1], Z[:2, 1:]]))


def test_one_name_twice_is_refused():
    with pytest.raises(InputError, match="'A' is there twice"):
        combinations([parse_change("A=1"), parse_change("A=2")], np.eye(5)[:2], 5)
