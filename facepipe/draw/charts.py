"""Training curves as small inline SVG: the same numbers give the same bytes, nothing to load."""

import csv
import math
from html import escape

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform

from facepipe.draw.grids import shortened
from facepipe.errors import InputError

POSITIVE, NEGATIVE, UNKNOWN = "#2f6f8f", "#c8643c", "#e8e8e4"
MAP_WIDTH = 760  # of the squares, where they are many
CELLS = (10, 30)  # least and largest side of a square
LETTER = 0.6  # width of a letter, in font sizes; a little too much rather than too little

COLORS = ("#2f6f8f", "#c8643c", "#6a8f3c", "#8a5a9e")
WIDTH, HEIGHT = 420, 250
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 42, 34  # margins around the plot
MOST_POINTS = 400  # a longer curve is thinned


def read_history(path):
    """Read a history.csv.

    Args:
        path: CSV with a header; one row per epoch.

    Returns:
        {column: list of float}, NaN where a cell is empty.

    Raises:
        InputError: missing, no header, ragged, or a cell that is not a number.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            header, *rows = list(csv.reader(file)) or [[]]
    except FileNotFoundError:
        raise InputError(f"{path}: not found; train the model first (dvc repro)") from None
    if not header:
        raise InputError(f"{path}: empty; expected a header such as epoch,loss")
    columns = {name: [] for name in header}
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise InputError(f"{path}: row {number}: {len(row)} cells, the header has {len(header)}")
        for name, cell in zip(header, row, strict=True):
            try:
                columns[name].append(float(cell) if cell else math.nan)
            except ValueError:
                raise InputError(f"{path}: row {number}, column {name}: {cell!r} is not a number") from None
    return columns


def chart(title, x, series, x_label="epoch", log=False, colors=COLORS):
    """A line chart.

    Args:
        title: str.
        x: sequence of n finite floats in rising order.
        series: {name: sequence of n floats}; points that are not finite (or, with log, not positive) leave a gap.
        x_label: str.
        log: bool, logarithmic y axis.
        colors: CSS colors of the curves, in order.

    Returns:
        str, one <svg> element; escaped, with numbers of fixed format.
    """
    series = {name: [_usable(value, log) for value in values] for name, values in series.items()}
    shown = [value for values in series.values() for value in values if value is not None]
    parts = [_open(title)]
    if not shown:
        parts.append(f'<text x="{LEFT}" y="{HEIGHT // 2}">no finite values</text></svg>')
        return "".join(parts)

    transform = math.log10 if log else float
    ticks = _log_ticks(min(shown), max(shown)) if log else linear_ticks(min(shown), max(shown))
    low, high = (transform(edge(ticks[i], pick)) for i, edge, pick in ((0, min, min(shown)), (-1, max, max(shown))))
    first, last = min(x), max(x)

    def to_x(value):
        share = (value - first) / (last - first) if last > first else 0.5
        return f"{LEFT + share * (WIDTH - LEFT - RIGHT):.1f}"

    def to_y(value):
        share = (transform(value) - low) / (high - low)
        return f"{HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM):.1f}"

    for tick in ticks:
        parts += _grid_line(tick, to_y(tick))
    for tick in linear_ticks(first, last):
        if first <= tick <= last and float(tick).is_integer():
            parts.append(f'<text x="{to_x(tick)}" y="{HEIGHT - BOTTOM + 14}" class="middle">{number(tick)}</text>')
    middle = (LEFT + WIDTH - RIGHT) // 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 4}" class="middle">{escape(x_label)}</text>')
    for i, (name, values) in enumerate(series.items()):
        parts += _line(x, values, colors[i % len(colors)], to_x, to_y)
        if len(series) > 1:
            parts.append(_legend(name, i, colors[i % len(colors)]))
    return "".join(parts) + "</svg>"


def bars(title, values, y_label=""):
    """A bar chart of non-negative values from high to low, e.g. one bar per latent dimension.

    Args:
        title: str.
        values: sequence of n >= 1 finite floats >= 0.
        y_label: str, the unit, written after the title.

    Returns:
        str, one <svg> element.
    """
    values = sorted(map(float, values), reverse=True)
    ticks = linear_ticks(0, values[0])
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    parts = [_open(f"{title}{', ' if y_label else ''}{y_label}")]
    for tick in (tick for tick in ticks if tick >= 0):
        y = HEIGHT - BOTTOM - tick / ticks[-1] * height
        parts += _grid_line(tick, f"{y:.1f}")
    step = width / len(values)
    for i, value in enumerate(values):
        tall = value / ticks[-1] * height
        parts.append(
            f'<rect x="{LEFT + i * step:.2f}" y="{HEIGHT - BOTTOM - tall:.1f}" width="{step * 0.8:.2f}" '
            f'height="{tall:.1f}" fill="{COLORS[0]}"/>'
        )
    middle = LEFT + width // 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 4}" class="middle">dimension (1 to {len(values)}, sorted)</text>')
    return "".join(parts) + "</svg>"


def linear_ticks(low, high, about=5):
    """Round numbers (1, 2 or 5 times a power of ten apart) that enclose low..high; at least two."""
    span = (high - low) or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(span / about))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= about)
    start, stop = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if start == stop:
        start, stop = start - 1, stop + 1
    return [round(i * step, 12) for i in range(start, stop + 1)]


def number(value):
    """A number for a tick or a table: four significant digits at most, no needless zeros."""
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        digits = max(0, 3 - math.floor(math.log10(abs(value))))
        text = f"{value:.{digits}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, exponent = f"{value:.3e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def _log_ticks(low, high):
    """1, 2, 5 times powers of ten that enclose low..high; only the powers where there would be many."""
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    for factors in ((1, 2, 5), (1,)):
        candidates = [factor * 10.0**decade for decade in decades for factor in factors]
        start = max(i for i, tick in enumerate(candidates) if tick <= low * (1 + 1e-9))
        stop = min(i for i, tick in enumerate(candidates) if tick >= high * (1 - 1e-9))
        ticks = candidates[start : max(stop, start + 1) + 1]
        if len(ticks) <= 7:
            break
    return ticks


def _open(title):
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg"><text x="{LEFT}" y="15" class="title">{escape(title)}</text>'
    )


def _grid_line(tick, y):
    return [
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" class="grid"/>',
        f'<text x="{LEFT - 6}" y="{float(y) + 3.5:.1f}" class="right">{number(tick)}</text>',
    ]


def _usable(value, log):
    return value if math.isfinite(value) and (value > 0 or not log) else None


def _line(x, values, color, to_x, to_y):
    """The curve as polylines between gaps; single points, and those of short curves, as dots."""
    stride = -(-len(values) // MOST_POINTS)
    kept = [i for i in range(len(values)) if i % stride == 0 or i == len(values) - 1]
    runs = [[]]
    for i in kept:
        if values[i] is None:
            runs.append([])
        else:
            runs[-1].append((to_x(x[i]), to_y(values[i])))
    parts = []
    for run in runs:
        if len(run) > 1:
            points = " ".join(f"{px},{py}" for px, py in run)
            parts.append(f'<polyline points="{points}" stroke="{color}" class="curve"/>')
        if len(run) == 1 or len(values) <= 25:
            parts += [f'<circle cx="{px}" cy="{py}" r="2" fill="{color}"/>' for px, py in run]
    return parts


def _legend(name, i, color):
    x = LEFT + 110 * i
    return (
        f'<line x1="{x}" x2="{x + 14}" y1="27" y2="27" stroke="{color}" class="curve"/>'
        f'<text x="{x + 18}" y="30.5">{escape(name)}</text>'
    )


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
    cell = float(np.clip(MAP_WIDTH / len(names), *CELLS))
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
