"""Curves, bars and histograms as small inline SVG: the same numbers give the same bytes, nothing to load."""

import math

from markupsafe import Markup, escape

COLORS = ("#2f6f8f", "#c8643c", "#6a8f3c", "#8a5a9e")
WIDTH, HEIGHT = 420, 250  # of a chart
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 42, 34  # margins around the plot
MOST_POINTS = 400  # a longer curve is thinned
SMALL_WIDTH, SMALL_HEIGHT, SMALL_FOOT = 120, 70, 14  # of a histogram; room for its numbers


def chart(title, x, series, x_label="epoch", log=False, colors=COLORS, legend=True):
    """A line chart.

    Args:
        title: str.
        x: sequence of n finite floats in rising order.
        series: {name: sequence of n floats}; points that are not finite (or, with log, not positive) leave a gap.
        x_label: str.
        log: bool, logarithmic y axis.
        colors: CSS colors of the curves, in order.
        legend: bool, whether the names of several curves stand above them.

    Returns:
        Markup, one <svg> element; escaped, with numbers of fixed format.
    """
    series = {name: [_usable(value, log) for value in values] for name, values in series.items()}
    shown = [value for values in series.values() for value in values if value is not None]
    parts = _titled(title)
    if not shown:
        return svg(title, WIDTH, HEIGHT, [*parts, f'<text x="{LEFT}" y="{HEIGHT // 2}">no finite values</text>'])

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

    for tick, label in zip(ticks, _labels(ticks), strict=True):
        parts += _grid_line(label, to_y(tick))
    ticks = [tick for tick in linear_ticks(first, last) if first <= tick <= last and float(tick).is_integer()]
    for tick, label in zip(ticks, _labels(ticks), strict=True):
        parts.append(f'<text x="{to_x(tick)}" y="{HEIGHT - BOTTOM + 14}" class="middle">{label}</text>')
    middle = (LEFT + WIDTH - RIGHT) // 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 4}" class="middle">{escape(x_label)}</text>')
    for i, (name, values) in enumerate(series.items()):
        parts += _line(x, values, colors[i % len(colors)], to_x, to_y)
        if legend and len(series) > 1:
            parts.append(_legend(name, i, colors[i % len(colors)]))
    return svg(title, WIDTH, HEIGHT, parts)


def bars(title, values, y_label=""):
    """A bar chart of non-negative values from high to low, e.g. one bar per latent dimension.

    Args:
        title: str.
        values: sequence of n >= 1 finite floats >= 0.
        y_label: str, the unit, written after the title.

    Returns:
        Markup, one <svg> element.
    """
    values = sorted(map(float, values), reverse=True)
    ticks = [tick for tick in linear_ticks(0, values[0]) if tick >= 0]
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    title = f"{title}, {y_label}" if y_label else title
    parts = _titled(title)
    for tick, label in zip(ticks, _labels(ticks), strict=True):
        y = HEIGHT - BOTTOM - tick / ticks[-1] * height
        parts += _grid_line(label, f"{y:.1f}")
    step = width / len(values)
    for i, value in enumerate(values):
        tall = value / ticks[-1] * height
        parts.append(
            f'<rect x="{LEFT + i * step:.2f}" y="{HEIGHT - BOTTOM - tall:.1f}" width="{step * 0.8:.2f}" '
            f'height="{tall:.1f}" fill="{COLORS[0]}"/>'
        )
    middle = LEFT + width // 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 4}" class="middle">dimension (1 to {len(values)}, sorted)</text>')
    return svg(title, WIDTH, HEIGHT, parts)


def histogram(title, counts, low, high):
    """A small histogram.

    Args:
        title: str.
        counts: n >= 1 ints, of equal bins.
        low, high: float, where the first bin begins and the last one ends.

    Returns:
        Markup, one <svg> element.
    """
    step, foot, most = SMALL_WIDTH / len(counts), SMALL_HEIGHT - SMALL_FOOT, max(max(counts), 1)
    tall = foot - SMALL_FOOT - 2
    bins = "".join(
        f"M{i * step:.1f},{foot}v{-tall * count / most:.1f}h{step * 0.85:.1f}V{foot}z"
        for i, count in enumerate(counts)
        if count
    )
    base = SMALL_HEIGHT - 4
    parts = [
        f'<g font-size="9"><text x="0" y="9">{escape(title)}</text>',
        f'<path d="{bins}" fill="{COLORS[0]}"/><text x="0" y="{base}">{number(low)}</text>',
        f'<text x="{SMALL_WIDTH}" y="{base}" class="right">{number(high)}</text></g>',
    ]
    return svg(title, SMALL_WIDTH, SMALL_HEIGHT, parts)


def svg(title, width, height, parts, natural=False):
    """A drawing for the page.

    Args:
        title: str, what a screen reader says of it.
        width, height: of the drawing, in its own units.
        parts: str each, SVG; what comes from users in it is escaped already.
        natural: bool, whether it is shown no wider than `width` pixels.

    Returns:
        Markup, one <svg> element.
    """
    # no style attributes anywhere: the page's Content-Security-Policy allows its own style sheet alone
    shown = f'chart natural" width="{width:.0f}' if natural else "chart"
    return Markup(
        f'<svg class="{shown}" viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def linear_ticks(low, high, about=5):
    """Round numbers (1, 2 or 5 times a power of ten apart) that enclose low..high; at least two."""
    span = (high - low) or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(span / about))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= about)
    start, stop = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if start == stop:
        start, stop = start - 1, stop + 1
    return [float(f"{i * step:.12g}") for i in range(start, stop + 1)]


def number(value, digits=4):
    """A number for a tick or a table: `digits` significant digits at most, thousands apart, no needless zeros."""
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    exponent = int(exponent)
    if -3 <= exponent < 6:
        text = f"{float(f'{mantissa}e{exponent}'):,.{max(0, digits - 1 - exponent)}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{exponent}"


def _labels(ticks):
    """A text for each tick; more digits than `number` has by itself only where it would write two of them alike."""
    for digits in range(4, 16):
        labels = [number(tick, digits) for tick in ticks]
        if len(set(labels)) == len(ticks):
            break
    return labels


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


def _titled(title):
    return [f'<text x="{LEFT}" y="15" class="title">{escape(title)}</text>']


def _grid_line(label, y):
    return [
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" class="grid"/>',
        f'<text x="{LEFT - 6}" y="{float(y) + 3.5:.1f}" class="right">{label}</text>',
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
