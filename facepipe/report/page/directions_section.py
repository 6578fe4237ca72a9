"""The page's section on directions: what `facepipe.directions.attribute_vectors` wrote, and edited faces."""

import numpy as np

from facepipe.draw.charts import heatmap, matrix
from facepipe.draw.html import details, heading, paragraph, picture, row, table
from facepipe.errors import InputError
from facepipe.report.page.data_section import read_table

SHOWN = 12  # attributes in a figure of side effects
NAMED = 5  # pairs that are named
METHODS = {
    "mean_difference": "difference of means",
    "logistic": "logistic",
    "orthogonalised": "orthogonalised",
}
EXPLAINED = (
    "Strength 1 of a direction moves the mean face without the attribute to that with it, as far as the two differ "
    "along it. Difference of means: the mean latent with the attribute minus that without. Logistic: the direction in "
    "which the score of a logistic regression grows. Orthogonalised: that, less what it shares with the directions of "
    "correlated attributes. AUC: how well the position along it tells held-out images with the attribute from those "
    "without (0.5 is chance)."
)
SIDE_EFFECTS = (
    "How far a move along the direction of the row's attribute moves the score of the column's, relative to its own; "
    "scores are those of logistic regressions fitted to held-out images only. 1: just as far; 0: not at all."
)


def directions_section(report, grids, titles):
    """HTML of the section.

    Args:
        report: Path of the reports of the attribute_vectors stage.
        grids: Path of the folder of the grids, for edits_<model>.png.
        titles: {model: title}, in the order to be shown.

    Returns:
        str.

    Raises:
        InputError: one of the stage's tables is missing.
    """
    paths = {name: report / "auc" / f"{name}.csv" for name in titles}
    if not any(path.exists() for path in paths.values()):
        raise InputError(f"{report / 'auc'}: no tables; run dvc repro attribute_vectors")
    scores = {name: read_table(path) for name, path in paths.items() if path.exists()}
    first = heading(2, "Attributes", "attributes")
    if not any(scores.values()):
        return first + paragraph("No attribute has a direction: the data set has no labels, or too few.", soft=True)
    parts = [first, paragraph(EXPLAINED, soft=True)]
    for name in scores:
        path = grids / f"edits_{name}.png"
        if path.exists():
            by = METHODS[scores[name][0]["method"]]
            caption = f"Held-out faces without the attribute, moved along its direction ({by})"
            parts += [heading(3, titles[name]), picture(path, caption)]
    parts += [heading(3, "Held-out AUC"), _scores(scores, titles)]
    for name, rows in scores.items():
        if rows:
            parts.append(_pairs(report, name, titles[name], rows))
    return "".join(parts)


def _scores(scores, titles):
    """A row an attribute, a column a model and method, the best attributes first."""
    columns = [(name, method) for name, rows in scores.items() for method in _methods(rows)]
    cells, counts = {}, {}
    for name, rows in scores.items():
        for r in rows:
            cells.setdefault(r["attribute"], {})[name, r["method"]] = float(r["auc"])
            counts[r["attribute"]] = [r["n_pos"], r["n_neg"]]
    ranked = sorted(cells, key=lambda attribute: (-max(cells[attribute].values()), attribute))
    header = ["attribute", *(f"{titles[name]}, {METHODS[method]}" for name, method in columns), "with", "without"]
    rows = [
        [name, *(f"{cells[name][column]:.3f}" if column in cells[name] else "" for column in columns), *counts[name]]
        for name in ranked
    ]
    return table(header, rows)


def _pairs(report, model, title, scores):
    """Cosines of the first method, side effects of all."""
    methods, default = _methods(scores), scores[0]["method"]
    parts = []
    names, values = _matrix(report / "cosines" / f"{model}-{default}.csv")
    if len(names) > 2:
        text = heatmap(
            f"Cosines of the directions, {title}",
            names,
            values,
            lambda i, j: f"{names[i]}, {names[j]}: {values[i, j]:+.2f}",
        )
        parts.append(details(f"{title}: cosines of the directions ({METHODS[default]})", text))
    best = {r["attribute"]: float(r["auc"]) for r in scores if r["method"] == default}
    effects = {by: _effects(report / "side_effects" / f"{model}-{by}.csv") for by in methods}
    judged = {other for (_, other), value in effects[default].items() if not np.isnan(value)}
    shown = sorted(judged & set(best), key=lambda name: (-best[name], name))[:SHOWN]
    if len(shown) < 2:
        return "".join(parts)
    figures = []
    for by in methods:
        values = np.array([[effects[by].get((a, b), np.nan) for b in shown] for a in shown])
        figures.append(matrix(METHODS[by], shown, shown, values, _note(shown, values)))
    parts += [heading(3, f"{title}: side effects"), paragraph(SIDE_EFFECTS, soft=True)]
    parts += [paragraph(_summary(effects, methods, default, shown), soft=True), row(figures)]
    return "".join(parts)


def _note(names, values):
    return lambda i, j: f"{names[i]} moves {names[j]} by {values[i, j]:+.2f}"


def _summary(effects, methods, default, shown):
    """The median side effect of each method; shown pairs for which the first improves most on the mean difference."""
    medians = []
    for by in methods:
        others = [abs(value) for (a, b), value in effects[by].items() if a != b and not np.isnan(value)]
        medians.append(f"{METHODS[by]} {np.median(others):.2f}" if others else f"{METHODS[by]} unknown")
    text = f"Median size over all pairs: {', '.join(medians)}."
    plain = effects.get("mean_difference", {})
    gains = {
        (a, b): abs(plain[a, b]) - abs(value)
        for (a, b), value in effects[default].items()
        if a != b and {a, b} <= set(shown) and not np.isnan(value) and not np.isnan(plain.get((a, b), np.nan))
    }
    best = sorted(gains, key=lambda pair: (-gains[pair], pair))[:NAMED]
    named = [f"{a} moves {b} by {effects[default][a, b]:+.2f} instead of {plain[a, b]:+.2f}" for a, b in best]
    if default != "mean_difference" and named and gains[best[0]] > 0:
        text += f" {METHODS[default].capitalize()} instead of difference of means: {'; '.join(named)}."
    return text


def _methods(rows):
    return list(dict.fromkeys(r["method"] for r in rows))


def _effects(path):
    """{(attribute, other): relative effect or NaN}."""
    return {(r["attribute"], r["other"]): float(r["value"] or "nan") for r in read_table(path)}


def _matrix(path):
    """(names, float64 (n, n)) of the cosines."""
    cells = _effects(path)
    names = list(dict.fromkeys(name for name, _ in cells))
    return names, np.array([[cells[a, b] for b in names] for a in names]).reshape(len(names), -1)
