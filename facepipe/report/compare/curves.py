"""Curves of the trainings of several revisions, one over the other."""

from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from facepipe.draw.charts import COLORS, chart
from facepipe.latents.folder import MODELS
from facepipe.report.page.model_section import CHARTS, NOT_CHARTED
from facepipe.report.page.page import TITLES
from facepipe.report.page.reading import read_history

# of the revisions, in order; the ninth begins again
PALETTE = (*COLORS, "#b0892c", "#4f5d75", "#b0457b", "#3b8f86")


class Curves(NamedTuple):
    """The charts of one model's trainings; `missing`: names of the revisions that have no such training."""

    title: str
    missing: list[str]
    charts: list[Markup]


def colors(count):
    """A color for each of so many revisions, list of str."""
    return [PALETTE[i % len(PALETTE)] for i in range(count)]


def training_curves(revisions):
    """The `Curves` of the models that any of the revisions has trained: a chart for each column of history.csv.

    Raises:
        InputError: a history that cannot be read.
    """
    found = []
    for name in MODELS:
        histories = {}
        for revision in revisions:
            path = revision.report(f"reports/train_{name}/history.csv")
            if path is not None:
                with revision.reading():
                    history = read_history(path)
                if history.get("epoch"):
                    histories[revision.name] = history
        if histories:
            missing = [revision.name for revision in revisions if revision.name not in histories]
            found.append(Curves(TITLES[name], missing, _charts(histories, [each.name for each in revisions])))
    return found


def _charts(histories, names):
    """A chart for each column that any history ({name of the revision: {column: values}}) has, over images seen."""
    by_images = all("images" in history for history in histories.values())
    over = "images" if by_images else "epoch"
    logarithmic = {column for shown in CHARTS if shown.log for column in shown.columns}
    columns = dict.fromkeys(column for history in histories.values() for column in history)
    x = sorted({value for history in histories.values() for value in history[over]})
    drawn, palette = [], dict(zip(names, colors(len(names)), strict=True))
    for column in columns:
        curves = {name: history for name, history in histories.items() if column in history}
        if column in NOT_CHARTED:
            continue
        series = {name: _at(x, history[over], history[column]) for name, history in curves.items()}
        title = column.removeprefix("valid_").replace("_", " ") + (", held-out" if column.startswith("valid_") else "")
        label = "images seen" if by_images else over
        shown = [palette[name] for name in curves]
        drawn.append(chart(title, x, series, label, column in logarithmic, shown, legend=False))
    return drawn


def _at(x, own_x, values):
    """A curve's heights at `x`, on the straight lines between its own points; NaN where it has not begun or has ended.

    Points that are not finite are passed over.
    """
    own_x, values = np.asarray(own_x), np.asarray(values)
    finite = np.isfinite(values) & np.isfinite(own_x)
    if not finite.any():
        return [np.nan] * len(x)
    return np.interp(x, own_x[finite], values[finite], left=np.nan, right=np.nan).tolist()
