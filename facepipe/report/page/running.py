"""The trainings that run or have run, on a page that a browser loads again every few seconds."""

import time
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from facepipe.core.files import atomic_file
from facepipe.report.page.model_section import history_charts
from facepipe.report.page.page import INVERTER, TITLES
from facepipe.report.page.reading import Picture, Table, read_history, read_picture, text
from facepipe.report.page.templates import render


class Running(NamedTuple):
    """What running.html shows of a training; `state` has the numbers of its last row, None: it has none yet."""

    title: str
    changed: str
    state: Table | None
    charts: list[Markup]
    pictures: list[Picture]


def write_running(reports, path, seconds):
    """Write the page: every training of which there is a grid or a history, the latest first.

    Args:
        reports: folder with train_*/history.csv and train_*/grids, which a training renews while it runs.
        path: the HTML file.
        seconds: int, after which the browser is to load it again.

    Raises:
        InputError: a history that cannot be read.
    """
    found = {}
    for name, title in (TITLES | {"inverter": INVERTER}).items():
        training = _training(Path(reports) / f"train_{name}", title)
        if training:
            found[training[0]] = training[1]
    page = render("running.html", trainings=[found[when] for when in sorted(found, reverse=True)], seconds=seconds)
    with atomic_file(path) as file:
        file.write(page)


def _training(folder, title):
    """(when it last changed, in ns, `Running`); None where there is nothing yet, or DVC removes it just now."""
    history, grids = folder / "history.csv", sorted(folder.glob("grids/[0-9]*.png"))
    paths = [*grids, *([history] if history.exists() else [])]
    if not paths:
        return None
    try:
        changed = max(path.stat().st_mtime_ns for path in paths)
        columns = read_history(history) if history in paths else {}
        pictures = [read_picture(path, f"epoch {int(path.stem)}") for path in dict.fromkeys([grids[-1], grids[0]])]
    except (FileNotFoundError, IndexError):
        return None
    last = {name: values[-1] for name, values in columns.items() if values and values[-1] == values[-1]}
    state = Table(list(last), [[text(int(v) if v.is_integer() else v) for v in last.values()]]) if last else None
    charts = history_charts(columns) if last else []
    return changed, Running(title, time.strftime("%a %H:%M:%S", time.localtime(changed / 1e9)), state, charts, pictures)
