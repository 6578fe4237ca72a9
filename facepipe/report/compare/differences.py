"""Where revisions differ: their params, and their metrics with the better one marked."""

import math
import re
from pathlib import Path
from typing import NamedTuple

from facepipe.core.files import read_json
from facepipe.draw.charts import number
from facepipe.errors import InputError
from facepipe.report.page.page import INVERTER, TITLES
from facepipe.report.page.reading import read_scores, text

MISSING = "missing"
PARAMS_OF = "params.yaml"
EVALUATION, TRAININGS = "evaluate", TITLES | {"inverter": INVERTER}
# which of two values of a metric is the better one; the first of these that fits its name decides, none: no one can say
DIRECTIONS = (
    # deviations, the floor that PCA sets, and losses, which differ by what they are made of
    (0, re.compile(r"(^|_)(sd|pca\d+|loss|before|judge)(_|$)")),
    (-1, re.compile(r"(^|_)(mse|mae|l1|rmse|error|kid|fid|frechet|distance|moved|lpips|dead)(_|$)")),
    (
        1,
        re.compile(
            r"(^|_)(psnr|ssim|precision|recall|density|coverage|success|auc|accuracy|straightness|evenness)(_|$)"
            r"|face_rate|face_score|same_person"
        ),
    ),
)
REAL = "real"  # what photographs score: nobody's merit
# of the evaluation, what a terminal shows
MAIN = re.compile(r"test_mse$|kid_x1000_(?!sd_|density_)|recall_")


class Cell(NamedTuple):
    """A value of one revision; `change`: from that of the first, in words, or ""; `better`: than the others'."""

    text: str
    change: str = ""
    better: bool = False


class Row(NamedTuple):
    """A param or metric, and its `Cell` in each revision."""

    name: str
    cells: list[Cell]


class Group(NamedTuple):
    """The metrics of one report, that of the evaluation or of the training called `name`."""

    name: str
    title: str
    rows: list[Row]


def params_differences(revisions):
    """The `Row`s of params.yaml in which `revisions` differ, by dotted key, in the order of the files."""
    found = [flat(revision.params) for revision in revisions]
    keys = dict.fromkeys(key for values in found for key in values)
    rows = []
    for key in keys:
        values = [values.get(key, MISSING) for values in found]
        if len({_comparable(value) for value in values}) > 1 or any(key not in each for each in found):
            rows.append(Row(key, [Cell(_shown(values[key]) if key in values else MISSING) for values in found]))
    return rows


def changed_since(revision):
    """The dotted keys of params.yaml that are not as they were when the revision's results were made, by dvc.lock."""
    now, changed = flat(revision.params), {}
    for name, stage in revision.stages.items():
        model = name.removeprefix("train_")
        if model in TRAININGS and not revision.trained("gan" if model == "inverter" else model):
            continue  # params.yaml does not ask for it any more
        used = stage.get("params", {}).get(PARAMS_OF, {}) if isinstance(stage, dict) else {}
        for key, value in flat(used).items():
            if key in now and _comparable(now[key]) != _comparable(value):
                changed[key] = None
    return list(changed)


def metrics_differences(revisions):
    """What the revisions score.

    Returns:
        (groups, scores): list of `Group`, one for metrics.json of the evaluation and one for each training; and one of
        all that the evaluation found, or None.

    Raises:
        InputError: a metrics.json, facts.csv or scores.csv that cannot be read.
    """
    found = [_read(revision, "reports/evaluate/metrics.json", _flat_json) for revision in revisions]
    groups = [_group(EVALUATION, "Evaluation", found)]
    for name, title in TRAININGS.items():
        found = [_training(revision, f"reports/train_{name}") for revision in revisions]
        found = [{key.removeprefix(f"{name} "): value for key, value in values.items()} for values in found]
        groups.append(_group(name, f"Training: {title}", found))
    found = [_read(revision, "reports/evaluate/scores.csv", _flat_scores) for revision in revisions]
    scores = _group(EVALUATION, "All scores", found)
    return [group for group in groups if group.rows], scores if scores.rows else None


def main_metrics(groups):
    """The `Row`s worth a look in a terminal: the few of the evaluation; without one, the errors of the trainings."""
    evaluated = [row for group in groups if group.name == EVALUATION for row in group.rows]
    if evaluated:
        return [row for row in evaluated if MAIN.match(row.name.partition(" ")[2])]
    return [Row(f"{group.name} {row.name}", row.cells) for group in groups for row in group.rows if direction(row.name)]


def direction(name):
    """1: the higher the better, -1: the lower, 0: nobody can say; `name` as in "vae test_mse"."""
    model, _, metric = name.rpartition(" ")
    if model == REAL:
        return 0
    return next((sign for sign, pattern in DIRECTIONS if pattern.search(metric)), 0)


def flat(values, place=""):
    """{dotted key: value} of nested dicts; an empty one is a value."""
    found = {}
    for name, value in values.items():
        key = f"{place}{name}"
        found |= flat(value, f"{key}.") if isinstance(value, dict) and value else {key: value}
    return found


def _group(name, title, found):
    """The `Group` of the metrics ({name: value}) of each revision."""
    names = dict.fromkeys(name for values in found for name in values)
    return Group(name, title, [Row(each, _cells(each, [values.get(each) for values in found])) for each in names])


def _cells(name, values):
    """The values of a metric, None where it is missing, as `Cell`s."""
    numbers = [value for value in values if _is_number(value)]
    sign, best = direction(name), None
    if sign and len(numbers) > 1 and min(numbers) < max(numbers):
        best = max(numbers) if sign > 0 else min(numbers)
    cells = []
    for i, value in enumerate(values):
        change = _change(values[0], value) if i else ""
        cells.append(Cell(MISSING if value is None else text(value), change, best is not None and value == best))
    return cells


def _change(first, value):
    """How much more a value is than the first one, such as "-4.1 %"; "" where that says nothing."""
    if not (_is_number(first) and _is_number(value)) or first * value <= 0 or first == value:
        return ""
    share = 100 * (value - first) / abs(first)
    return f"{'+' if share > 0 else '-'}{number(abs(share), 2 if abs(share) < 100 else 3)} %"


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _training(revision, folder):
    """What a training says of itself; before there was facts.csv, metrics.json said it."""
    return _read(revision, f"{folder}/facts.csv", _flat_scores) or _read(revision, f"{folder}/metrics.json", _flat_json)


def _read(revision, path, read):
    """A revision's metrics, {} where it has no such file."""
    place = revision.report(path)
    if place is None:
        return {}
    with revision.reading():
        return read(place)


def _flat_json(path):
    """{"vae test_mse": value} of a metrics.json."""
    try:
        found = read_json(Path(path))
    except (ValueError, UnicodeDecodeError):
        raise InputError(f"{path}: not valid JSON; run dvc repro") from None
    return _spaced(found if isinstance(found, dict) else {})


def _flat_scores(path):
    """The same of a scores.csv or facts.csv."""
    return _spaced(read_scores(path, []))


def _spaced(found):
    return {
        f"{model} {name}": value
        for model, values in found.items()
        for name, value in (flat(values).items() if isinstance(values, dict) else [("", values)])
    }


def _comparable(value):
    """Something hashable that is equal for what params.yaml's readers take for equal: 1e-4, "1e-4" and 0.0001."""
    if isinstance(value, list):
        return tuple(map(_comparable, value))
    if isinstance(value, bool) or value is None:
        return str(value)
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def _shown(value):
    """A value as params.yaml writes it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, bool) or value is None:
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
