"""Heat maps and matrices."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from facepipe.draw.heatmap import NEGATIVE, POSITIVE, UNKNOWN, heatmap, matrix, similar_side_by_side

SVG = "{http://www.w3.org/2000/svg}"
NAMES = ["a", "b & c", "a", "<d>"]
VALUES = np.array([[1, 0.5, np.nan, 0], [0.5, 1, -0.9, 0.1], [np.nan, -0.9, 1, 0.2], [0, 0.1, 0.2, 1]])


def draw(names=NAMES, values=VALUES):
    return heatmap("<title>", names, values, lambda i, j: f"{min(i, j)}-{max(i, j)} & more")


def test_one_square_a_pair():
    squares = {r.find(f"{SVG}title").text[:3]: r for r in ET.fromstring(draw()).iter(f"{SVG}rect")}
    assert sorted(squares) == ["0-1", "0-2", "0-3", "1-2", "1-3", "2-3"]
    colors = {pair: square.get("fill") for pair, square in squares.items()}
    assert (colors["0-1"], colors["1-2"], colors["0-2"]) == (POSITIVE, NEGATIVE, UNKNOWN)
    strength = {pair: float(square.get("fill-opacity")) for pair, square in squares.items()}
    assert strength["1-2"] > strength["0-1"] > strength["2-3"] > strength["1-3"] > strength["0-3"] == 0


def test_names_stand_beside_their_squares():
    parsed = ET.fromstring(draw())
    order = similar_side_by_side(VALUES)
    texts = [t.text for t in parsed.iter(f"{SVG}text")]
    assert texts == [NAMES[i] for i in order[1:]] + [NAMES[i] for i in order[:-1]]
    corners = [(float(r.get("x")), float(r.get("y"))) for r in parsed.iter(f"{SVG}rect")]
    lefts, tops = sorted({x for x, _ in corners}), sorted({y for _, y in corners})
    assert [(lefts.index(x), tops.index(y)) for x, y in corners] == [(0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2)]


def test_it_fits_its_frame():
    for count, length in ((3, 4), (3, 29), (60, 29), (40, 3)):
        names = ["m" * length] * count
        values = np.eye(count)
        _, _, width, height = map(float, ET.fromstring(draw(names, values)).get("viewBox").split())
        text = draw(names, values)
        size = float(re.search(r'font-size="([\d.]+)"', text)[1])
        for x, y in re.findall(r"translate\(([\d.]+) ([\d.]+)\)", text):
            climb = 0.6 * size * length / np.sqrt(2)
            assert float(x) + climb < width and float(y) - climb > 0
        square = ET.fromstring(text).findall(f".//{SVG}rect")[-1]
        assert float(square.get("x")) + float(square.get("width")) < width
        assert float(square.get("y")) + float(square.get("height")) < height


def test_like_attributes_are_neighbours():
    random = np.random.default_rng(0)
    kind = np.arange(20) % 4
    values = np.where(kind[:, None] == kind, 0.8, -0.2) + random.normal(0, 0.02, (20, 20))
    values = (values + values.T) / 2
    values[0, 5] = values[5, 0] = np.nan
    kinds = kind[similar_side_by_side(values)]
    assert sorted(similar_side_by_side(values)) == list(range(20))
    assert (np.diff(kinds) != 0).sum() == 3
    assert draw(["x"] * 20, values) == draw(["x"] * 20, values)


def test_a_matrix_shows_all_its_squares_in_order_and_their_numbers():
    values = np.array([[1, -0.25, np.nan], [-3, 0.04, 0.5]])
    svg = matrix("<b>", ["r", "<s>"], ["x", "y" * 40, "z"], values, lambda i, j: f"{i}{j} & more")
    parsed = ET.fromstring(svg)
    squares = list(parsed.iter(f"{SVG}rect"))
    assert [s.find(f"{SVG}title").text[:2] for s in squares] == ["00", "01", "02", "10", "11", "12"]
    fills = [POSITIVE, NEGATIVE, UNKNOWN, NEGATIVE, POSITIVE, POSITIVE]
    assert [s.get("fill") for s in squares] == fills
    assert squares[3].get("fill-opacity") == squares[0].get("fill-opacity") == "1.00"
    texts = [t.text for t in parsed.iter(f"{SVG}text")]
    assert texts[:5] == ["<b>", "r", "1.0", "-.2", "<s>"] and texts[5:8] == ["-3.0", ".0", ".5"]
    _, _, width, height = map(float, parsed.get("viewBox").split())
    assert max(float(s.get("x")) for s in squares) + 30 < width
    assert max(float(s.get("y")) for s in squares) + 30 < height


@pytest.mark.parametrize(("value", "text"), [
    (10, "10.0"), (20.3, "20.3"), (-10.04, "-10.0"), (0.5, ".5"), (-0.25, "-.2"), (-0.04, ".0"), (0.96, "1.0"),
    (100.04, "100"), (-1234.5, "-1234"),
])  # fmt: skip
def test_the_numbers_in_a_matrix_are_those_of_its_values(value, text):
    parsed = ET.fromstring(matrix("t", ["r"], ["c"], [[value]], lambda i, j: ""))
    assert [t.text for t in parsed.iter(f"{SVG}text")] == ["t", "r", text, "c"]
