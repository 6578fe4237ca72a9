"""Matrices as inline SVG: the heat map of a symmetric one, and a whole one with its numbers."""

import numpy as np
from markupsafe import escape
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform

from facepipe.draw.charts import svg
from facepipe.draw.grids import shortened

POSITIVE, NEGATIVE, UNKNOWN = "#2f6f8f", "#c8643c", "#e8e8e4"
MAP_WIDTH = 760  # of the squares, where they are many
CELLS = (10, 30)  # least and largest side of a square
FONT = 12.0
LETTER = 0.6  # width of a letter, in font sizes; a little too much rather than too little


def heatmap(title, names, values, notes):
    """Draw the lower triangle of a symmetric matrix; like rows stand side by side.

    Args:
        title: str.
        names: n >= 2 str, of the rows and columns; long ones are cut.
        values: float (n, n) in -1..1, symmetric, NaN: unknown. The diagonal is not drawn.
        notes: function (i, j) -> str, shown when the pointer rests on the square of names[i] and names[j].

    Returns:
        Markup, one <svg> element: blue squares are positive, orange ones negative, the paler the nearer to 0.
    """
    values = np.asarray(values, dtype=np.float64)
    order = similar_side_by_side(values)
    cell = float(np.clip(MAP_WIDTH / len(names), *CELLS))
    size = min(FONT, 0.9 * cell)
    rows, columns = ([shortened(names[i]) for i in part] for part in (order[1:], order[:-1]))
    lengths = _climbing(columns, size)
    # the names of the columns begin at the diagonal
    left, top = _beside(rows, size), max(0.0, *(length - cell * i for i, length in enumerate(lengths))) + 8
    parts = []
    for row, name in enumerate(rows):
        y = top + cell * row
        parts.append(_row_name(left, y + 0.5 * cell + 0.35 * size, name))
        for column in range(row + 1):
            i, j = order[row + 1], order[column]
            parts.append(_square(left + cell * column, y, cell - 1, values[i, j], notes(i, j)))
    for column, name in enumerate(columns):
        parts.append(_column_name(left + cell * (column + 0.6), top + cell * column - 4, name))
    width, height = left + _reach(lengths, cell), top + cell * len(rows) + 4
    return svg(title, width, height, _sized(size, parts), natural=True)


def matrix(title, rows, columns, values, notes):
    """Draw a whole matrix, with its numbers, in the order given.

    Args:
        title: str, stands above it.
        rows, columns: names; long ones are cut.
        values: float (len(rows), len(columns)), NaN: unknown; beyond -1..1 the color is that of the end.
        notes: function (i, j) -> str, shown when the pointer rests on a square.

    Returns:
        Markup, one <svg> element, in the colors of `heatmap`.
    """
    values = np.asarray(values, dtype=np.float64)
    rows, columns = [shortened(name) for name in rows], [shortened(name) for name in columns]
    cell, lengths = CELLS[1], _climbing(columns, FONT)
    left, top = _beside(rows, FONT), 24 + max(lengths)
    parts = []
    for i, name in enumerate(rows):
        y = top + cell * i
        parts.append(_row_name(left, y + 0.5 * cell + 4, name))
        for j in range(len(columns)):
            x, value = left + cell * j, values[i, j]
            parts.append(_square(x, y, cell - 1, value, notes(i, j)))
            if not np.isnan(value):
                kind = "middle light" if abs(value) > 0.6 else "middle"
                parts.append(
                    f'<text x="{x + 0.5 * cell:.1f}" y="{y + 0.5 * cell + 3.5:.1f}" class="{kind}" '
                    f'font-size="10">{_brief(value)}</text>'
                )
    for j, name in enumerate(columns):
        parts.append(_column_name(left + cell * (j + 0.6), top - 4, name))
    width, height = left + _reach(lengths, cell), top + cell * len(rows) + 4
    heading = f'<text x="0" y="15" class="title">{escape(title)}</text>'
    return svg(title, width, height, [heading, *_sized(FONT, parts)], natural=True)


def similar_side_by_side(values):
    """An order of the rows of a float (n, n) matrix of correlations, n >= 2, in which like ones are neighbours.

    Returns:
        list of n ints; leaves of the average-linkage tree of the distances 1 - correlation (unknown: 0).
    """
    distances = 1 - np.nan_to_num(values)
    distances = squareform(distances, checks=False)
    tree = linkage(distances, "average")
    return leaves_list(optimal_leaf_ordering(tree, distances)).tolist()


def _beside(names, size):
    """How wide the names to the left of the squares are, and the gap to them."""
    return LETTER * size * max(map(len, names)) + 8


def _climbing(names, size):
    """How far each name of a column reaches to the right and upwards: they climb at 45 degrees."""
    return [LETTER * size * len(name) / np.sqrt(2) + size for name in names]


def _reach(lengths, cell):
    """How far the squares and the names of their columns reach to the right."""
    return max(cell * len(lengths), *(cell * (i + 0.6) + length for i, length in enumerate(lengths)))


def _sized(size, parts):
    return [f'<g font-size="{size:.1f}">', *parts, "</g>"]


def _row_name(left, y, name):
    return f'<text x="{left - 6:.1f}" y="{y:.1f}" class="right">{escape(name)}</text>'


def _column_name(x, y, name):
    return f'<text transform="translate({x:.1f} {y:.1f}) rotate(-45)">{escape(name)}</text>'


def _square(x, y, side, value, note):
    strength = min(abs(value), 1.0)
    fill = UNKNOWN if np.isnan(value) else POSITIVE if value >= 0 else NEGATIVE
    opacity = "1" if np.isnan(value) else f"{strength**0.8:.2f}"
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" fill="{fill}" '
        f'fill-opacity="{opacity}"><title>{escape(note)}</title></rect>'
    )


def _brief(value):
    """A number that fits a square: .5, -.2, 1.0, 20.3, 150."""
    text = f"{value:z.1f}" if abs(value) < 99.95 else f"{value:.0f}"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text
