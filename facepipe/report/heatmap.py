"""Correlations and other numbers between attributes as colored squares, inline SVG."""

from html import escape

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform

from facepipe.data.grids import shortened

POSITIVE, NEGATIVE, UNKNOWN = "#2f6f8f", "#c8643c", "#e8e8e4"
WIDTH = 760  # of the squares, where they are many
CELLS = (10, 30)  # least and largest side of a square
LETTER = 0.6  # width of a letter, in font sizes; a little too much rather than too little


def heatmap(title, names, values, notes):
    """Draw the lower triangle of a symmetric matrix; like rows stand side by side.

    Args:
        title: str.
        names: n >= 2 str, of the rows and columns; long ones are cut.
        values: float (n, n) in -1..1, symmetric, NaN: unknown. The diagonal is not drawn.
        notes: function (i, j) -> str, shown when the pointer rests on the square of names[i] and names[j].

    Returns:
        str, one <svg> element: blue squares are positive, orange ones negative, the paler the nearer to 0.
    """
    values = np.asarray(values, dtype=np.float64)
    order, names = similar_side_by_side(values), [shortened(name) for name in names]
    cell = float(np.clip(WIDTH / len(names), *CELLS))
    size = min(12.0, 0.9 * cell)
    left = LETTER * size * max(len(names[i]) for i in order[1:]) + 8
    # the names of the columns climb at 45 degrees from the diagonal, beyond the squares
    lengths = [LETTER * size * len(names[i]) / np.sqrt(2) + size for i in order[:-1]]
    climb = max(0.0, *(length - cell * i for i, length in enumerate(lengths))) + 8
    beyond = max(cell * (i + 0.6) + length for i, length in enumerate(lengths))
    width, height = left + max(beyond, cell * len(lengths)), climb + cell * len(lengths) + 4
    parts = [
        f'<svg class="chart" viewBox="0 0 {width:.0f} {height:.0f}" style="max-width:{width:.0f}px" role="img" '
        f'aria-label="{escape(title)}" xmlns="http://www.w3.org/2000/svg"><g style="font-size:{size:.1f}px">'
    ]
    for row in range(1, len(names)):
        y = climb + cell * (row - 1)
        parts.append(f'<text x="{left - 6:.1f}" y="{y + 0.5 * cell + 0.35 * size:.1f}" class="right">')
        parts.append(f"{escape(names[order[row]])}</text>")
        for column in range(row):
            i, j = order[row], order[column]
            fill, opacity = _color(values[i, j])
            parts.append(
                f'<rect x="{left + cell * column:.1f}" y="{y:.1f}" width="{cell - 1:.1f}" height="{cell - 1:.1f}" '
                f'fill="{fill}" fill-opacity="{opacity}"><title>{escape(notes(i, j))}</title></rect>'
            )
    for column in range(len(names) - 1):
        x, y = left + cell * (column + 0.6), climb + cell * column - 4
        parts.append(f'<text transform="translate({x:.1f} {y:.1f}) rotate(-45)">{escape(names[order[column]])}</text>')
    return "".join(parts) + "</g></svg>"


def similar_side_by_side(values):
    """An order of the rows of a float (n, n) matrix of correlations, n >= 2, in which like ones are neighbours.

    Returns:
        list of n ints; leaves of the average-linkage tree of the distances 1 - correlation (unknown: 0).
    """
    distances = 1 - np.nan_to_num(values)
    distances = squareform(distances, checks=False)
    tree = linkage(distances, "average")
    return leaves_list(optimal_leaf_ordering(tree, distances)).tolist()


def _color(value):
    if np.isnan(value):
        return UNKNOWN, "1"
    return POSITIVE if value >= 0 else NEGATIVE, f"{abs(value) ** 0.8:.2f}"


def matrix(title, rows, columns, values, notes):
    """Draw a whole matrix, with its numbers, in the order given.

    Args:
        title: str, stands above it.
        rows, columns: names; long ones are cut.
        values: float (len(rows), len(columns)), NaN: unknown; beyond -1..1 the color is that of the end.
        notes: function (i, j) -> str, shown when the pointer rests on a square.

    Returns:
        str, one <svg> element, in the colors of `heatmap`.
    """
    values = np.asarray(values, dtype=np.float64)
    rows, columns = [shortened(name) for name in rows], [shortened(name) for name in columns]
    cell, size = CELLS[1], 12.0
    left = LETTER * size * max(map(len, rows)) + 8
    top = 24 + max(LETTER * size * len(name) / np.sqrt(2) for name in columns) + size
    beyond = max(cell * (i + 0.6) + LETTER * size * len(name) / np.sqrt(2) + size for i, name in enumerate(columns))
    width, height = left + max(beyond, cell * len(columns)), top + cell * len(rows) + 4
    parts = [
        f'<svg class="chart" viewBox="0 0 {width:.0f} {height:.0f}" style="max-width:{width:.0f}px" role="img" '
        f'aria-label="{escape(title)}" xmlns="http://www.w3.org/2000/svg">'
        f'<text x="0" y="15" class="title">{escape(title)}</text><g style="font-size:{size:.1f}px">'
    ]
    for i, name in enumerate(rows):
        y = top + cell * i
        parts.append(f'<text x="{left - 6:.1f}" y="{y + 0.5 * cell + 4:.1f}" class="right">{escape(name)}</text>')
        for j in range(len(columns)):
            x, (fill, opacity) = left + cell * j, _color(np.clip(values[i, j], -1, 1))
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{cell - 1}" height="{cell - 1}" '
                f'fill="{fill}" fill-opacity="{opacity}"><title>{escape(notes(i, j))}</title></rect>'
            )
            if not np.isnan(values[i, j]):
                text = f"{values[i, j]:.1f}".replace("-0.0", "0.0").replace("0.", ".", 1)
                ink = "; fill: white" if abs(values[i, j]) > 0.6 else ""
                parts.append(
                    f'<text x="{x + 0.5 * cell:.1f}" y="{y + 0.5 * cell + 3.5:.1f}" class="middle" '
                    f'style="font-size: 10px{ink}">{text}</text>'
                )
    for j, name in enumerate(columns):
        x = left + cell * (j + 0.6)
        parts.append(f'<text transform="translate({x:.1f} {top - 4:.1f}) rotate(-45)">{escape(name)}</text>')
    return "".join(parts) + "</g></svg>"
