import itertools
import math
import re
import xml.etree.ElementTree as ElementTree

import pytest

from facepipe.draw.charts import COLORS, bars, chart, histogram, linear_ticks, number

SVG = "{http://www.w3.org/2000/svg}"


def points(svg):
    return [
        [tuple(map(float, point.split(","))) for point in line.get("points").split()]
        for line in ElementTree.fromstring(svg).iter(f"{SVG}polyline")
    ]


def texts(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_points_lie_where_their_values_say():
    (line,) = points(chart("t", [1, 2, 3], {"loss": [0.0, 5.0, 10.0]}))
    (x0, y0), (x1, y1), (x2, y2) = line
    assert x1 - x0 == pytest.approx(x2 - x1) and x0 < x1
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.11) and y0 > y1  # SVG's y grows downwards


def test_log_axis_spaces_powers_evenly():
    svg = chart("t", [1, 2, 3], {"loss": [1.0, 0.1, 0.01]}, log=True)
    ((_, y0), (_, y1), (_, y2)) = points(svg)[0]
    assert y1 - y0 == pytest.approx(y2 - y1, abs=0.11) and y1 > y0
    assert {"0.01", "0.1", "1"} <= set(texts(svg))


def test_gaps_split_the_curve():
    values = [1.0, 2.0, math.nan, 3.0, math.inf, 4.0, 5.0]
    svg = chart("t", range(7), {"loss": values})
    assert [len(line) for line in points(svg)] == [2, 2]
    assert svg.count("<circle") == 5
    assert [len(line) for line in points(chart("t", range(4), {"l": [0.0, 1.0, 2.0, -1.0]}, log=True))] == [2]


def test_one_epoch_constant_or_nothing_still_draw():
    for values in ([3.0], [0.0], [-2.0]):
        assert chart("t", [1], {"loss": values}).count("<circle") == 1
    assert "<polyline" in chart("t", [1, 2], {"loss": [0.1, 0.1]}, log=True)
    assert "no finite values" in chart("t", [1], {"loss": [math.nan]})
    assert "no finite values" in chart("t", [], {"loss": []})


def test_everything_stays_inside_the_frame():
    svg = chart("t", range(1000), {"a": [math.sin(i) * 1e-5 for i in range(1000)], "b": [1e4] * 1000})
    for line in points(svg):
        assert len(line) <= 402
        assert all(56 <= x <= 408 and 42 <= y <= 216 for x, y in line)


def test_names_are_escaped_and_bytes_repeat():
    svg = chart("<b>&", [1, 2], {"<i>": [1.0, 2.0], "b": [2.0, 1.0]}, x_label='"x"')
    assert "<b>" not in svg and "<i>" not in svg
    assert {"<b>&", "<i>", '"x"'} <= set(texts(svg))
    assert svg == chart("<b>&", [1, 2], {"<i>": [1.0, 2.0], "b": [2.0, 1.0]}, x_label='"x"')
    assert not re.search(r"\d\.\d{7}", svg)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.0031, 0.0187), (-3, 7), (5, 5), (0, 0), (1, 20), (1e-9, 1e9)])
def test_ticks_enclose_the_range(low, high):
    ticks = linear_ticks(low, high)
    assert ticks[0] <= low and ticks[-1] >= high and 2 <= len(ticks) <= 8
    steps = [b - a for a, b in itertools.pairwise(ticks)]
    assert steps == pytest.approx([steps[0]] * len(steps))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1, "1"), (0.5, "0.5"), (0.00768, "0.00768"), (1234.5678, "1,235"), (20, "20"), (-0.25, "-0.25"),
     (1e-5, "1e-5"), (2.5e7, "2.5e7"), (0.1 + 0.2, "0.3"), (12345.6, "12,350"), (-123456, "-123,500"),
     (999999, "1e6"), (999.96, "1,000"), (0.00099996, "0.001"), (200, "200"), (-0.0, "0"), (math.inf, "inf"),
     (math.nan, "nan")],
)  # fmt: skip
def test_numbers_are_short(value, text):
    assert number(value) == text


def test_bars_are_sorted_and_to_scale():
    svg = bars("KL", [1.0, 4.0, 2.0, 0.0], "nats")
    heights = [float(rect.get("height")) for rect in ElementTree.fromstring(svg).iter(f"{SVG}rect")]
    assert heights == sorted(heights, reverse=True)
    assert heights == pytest.approx([heights[0], heights[0] / 2, heights[0] / 4, 0], abs=0.11)
    assert "KL, nats" in texts(svg) and "dimension (1 to 4, sorted)" in texts(svg)
    assert "<rect" in bars("dead", [0.0, 0.0])


def test_curves_take_the_colors_asked_for():
    text = chart("t", [1, 2], {"red": [1, 2], "blue": [2, 1]}, colors=["#f00", "#00f"])
    assert text.count('stroke="#f00"') == 2 and text.count('stroke="#00f"') == 2  # curve and legend
    assert COLORS[0] not in text


def test_the_legend_may_stand_elsewhere():
    series = {"one": [1, 2], "two": [2, 1]}
    with_names, without = (chart("t", [1, 2], series, legend=legend) for legend in (True, False))
    assert "two</text>" in with_names and "two" not in without and without.count("<polyline") == 2


def test_ticks_that_four_digits_do_not_tell_apart_get_more():
    labels = texts(chart("t", [1, 2], {"loss": [5000.1, 5000.3]}))
    assert {"5,000.1", "5,000.15", "5,000.3"} <= set(labels) and labels.count("5,000") == 0
    assert {"5,000", "5,100"} <= set(texts(chart("t", [1, 2], {"loss": [5000.0, 5100.0]})))


def test_bars_however_small():
    heights = [
        float(rect.get("height")) for rect in ElementTree.fromstring(bars("sd", [2e-14, 1e-14])).iter(f"{SVG}rect")
    ]
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.11) and heights[1] > 50


def test_a_histogram_is_as_tall_as_its_counts():
    drawn = histogram("<z>", [0, 1, 4], -1.5, 2)
    heights = [float(text) for text in re.findall(r"v-([\d.]+)h", drawn)]
    assert len(heights) == 2 and heights[1] == 4 * heights[0]
    assert {"<z>", "-1.5", "2"} == set(texts(drawn))
