"""The page's section on directions: what `facepipe.directions.attribute_vectors` wrote, and edited faces."""

from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from facepipe.draw.heatmap import heatmap, matrix
from facepipe.errors import InputError
from facepipe.report.page.reading import Table, isolated, kept_apart, read_table, signed
from facepipe.report.page.sheets import Sheet, read_sheet

STAGE = "attribute_vectors"
SHOWN = 12  # attributes in a figure of side effects
NAMED = 5  # pairs that are named
METHODS = {
    "mean_difference": "difference of means",
    "logistic": "logistic",
    "orthogonalised": "orthogonalised",
    "adjusted": "adjusted",
}


class SideEffects(NamedTuple):
    """How far each method's directions move the other attributes."""

    medians: list[str]
    better: str  # than the difference of means: the method that is shown
    gains: list[Markup]  # where it is so most
    figures: list[Markup]


class ModelDirections(NamedTuple):
    """What a model's directions have to do with each other."""

    title: str
    method: str
    cosines: Markup | None
    side_effects: SideEffects | None


class DirectionsSection(NamedTuple):
    """What directions_section.html shows; `scores` is None where no attribute has a direction."""

    edits: list[Sheet]
    scores: Table | None
    scales: Table | None  # None where directions were not scaled by pixels
    models: list[ModelDirections]


def directions_section(report, grids, titles):
    """Read what the section shows.

    Args:
        report: Path of the reports of the attribute_vectors stage.
        grids: Path of render_reports/grids in the page's folder, for edits_<model>.png.
        titles: {model: title}, in the order to be shown.

    Returns:
        `DirectionsSection`.

    Raises:
        InputError: one of the stage's tables is missing.
    """
    paths = {name: report / "auc" / f"{name}.csv" for name in titles}
    if not any(path.exists() for path in paths.values()):
        raise InputError(f"{report / 'auc'}: no tables; run dvc repro attribute_vectors")
    scores = {name: read_table(path, STAGE) for name, path in paths.items()}
    scores = {name: rows for name, rows in scores.items() if rows}
    if not scores:
        return DirectionsSection([], None, None, [])
    edits = []
    for name, rows in scores.items():
        path = grids / f"edits_{name}.png"
        if path.exists():
            by = METHODS[rows[0]["method"]]
            caption = f"Held-out faces without the attribute, moved along its direction ({by}); below, the change "
            caption += "from the reconstruction, added to the photograph"
            edits.append(read_sheet(path, grids.parent.parent, caption, titles[name]))
    models = [_model(report, name, titles[name], rows) for name, rows in scores.items()]
    scaled = {name: rows for name, rows in scores.items() if "scale" in rows[0]}
    scales = _scores(scaled, titles, "scale", 2) if scaled else None
    return DirectionsSection(edits, _scores(scores, titles, "auc", 3), scales, models)


def _scores(scores, titles, column, digits):
    """Numbers of a column: a row an attribute, a column a model and method, the largest first."""
    columns = [(name, method) for name, rows in scores.items() for method in _methods(rows)]
    cells, counts = {}, {}
    for name, rows in scores.items():
        for r in rows:
            cells.setdefault(r["attribute"], {})[name, r["method"]] = float(r[column])
            counts[r["attribute"]] = [r["n_pos"], r["n_neg"]]
    ranked = sorted(cells, key=lambda attribute: (-max(cells[attribute].values()), attribute))
    header = ["attribute", *(f"{titles[name]}, {METHODS[method]}" for name, method in columns), "with", "without"]
    rows = [
        [name, *(f"{cells[name][of]:.{digits}f}" if of in cells[name] else "" for of in columns), *counts[name]]
        for name in ranked
    ]
    return Table(header, rows)


def _model(report, model, title, scores):
    """Cosines of the first method, side effects of all."""
    methods, default = _methods(scores), scores[0]["method"]
    cells = _values(report / "cosines" / f"{model}-{default}.csv")
    names, cosines = list(dict.fromkeys(name for name, _ in cells)), None
    if len(names) > 2:
        values = _square(cells, names)
        cosines = heatmap(
            f"Cosines of the directions, {title}",
            names,
            values,
            lambda i, j: f"{kept_apart(names[i])}, {kept_apart(names[j])}: {signed(values[i, j])}",
        )
    effects = {by: _values(report / "side_effects" / f"{model}-{by}.csv") for by in methods}
    best = {r["attribute"]: float(r["auc"]) for r in scores if r["method"] == default}
    judged = {other for (_, other), value in effects[default].items() if not np.isnan(value)}
    shown = sorted(judged & set(best), key=lambda name: (-best[name], name))[:SHOWN]
    side_effects = _side_effects(effects, default, shown) if len(shown) > 1 else None
    return ModelDirections(title, METHODS[default], cosines, side_effects)


def _side_effects(effects, default, shown):
    """The median of each method; shown pairs for which the default improves most on the difference of means."""
    medians, figures = [], []
    for by, cells in effects.items():
        others = [abs(value) for (a, b), value in cells.items() if a != b and not np.isnan(value)]
        medians.append(f"{METHODS[by]} {np.median(others):.2f}" if others else f"{METHODS[by]} unknown")
        values = _square(cells, shown)
        figures.append(matrix(METHODS[by], shown, shown, values, _note(shown, values)))
    plain, found = effects.get("mean_difference", {}), effects[default]
    gains = {
        (a, b): abs(plain[a, b]) - abs(value)
        for (a, b), value in found.items()
        if a != b and {a, b} <= set(shown) and not np.isnan(value) and not np.isnan(plain.get((a, b), np.nan))
    }
    best = sorted(gains, key=lambda pair: (-gains[pair], pair))[:NAMED]
    said = Markup("{} moves {} by {} instead of {}")
    named = [said.format(isolated(a), isolated(b), signed(found[a, b]), signed(plain[a, b])) for a, b in best]
    better = default != "mean_difference" and bool(named) and gains[best[0]] > 0
    return SideEffects(medians, METHODS[default].capitalize(), named if better else [], figures)


def _note(names, values):
    return lambda i, j: f"{kept_apart(names[i])} moves {kept_apart(names[j])} by {_amount(values[i, j])}"


def _amount(value):
    return "an unknown amount" if np.isnan(value) else signed(value)


def _methods(rows):
    return list(dict.fromkeys(r["method"] for r in rows))


def _values(path):
    """{(attribute, other): value or NaN} of a table of pairs."""
    return {(r["attribute"], r["other"]): float(r["value"] or "nan") for r in read_table(path, STAGE)}


def _square(cells, names):
    """float64 (n, n) of those of the pairs that are between `names`; NaN where there is none."""
    return np.array([[cells.get((a, b), np.nan) for b in names] for a in names])
