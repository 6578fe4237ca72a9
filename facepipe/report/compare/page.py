"""The page that shows several revisions side by side, and the lines about them for a terminal."""

import tempfile
from pathlib import Path
from typing import NamedTuple

from facepipe.core.files import atomic_file, temporary_folder
from facepipe.report.compare.curves import colors, training_curves
from facepipe.report.compare.differences import (
    PARAMS_OF,
    changed_since,
    main_metrics,
    metrics_differences,
    params_differences,
)
from facepipe.report.compare.names import find_revisions
from facepipe.report.page.page import TITLES
from facepipe.report.page.reading import Table
from facepipe.report.page.templates import render

MOST_NAMED = 5  # params in a note
WIDEST = 32  # letters of a cell in a terminal


class Legend(NamedTuple):
    """A revision's name and the color of its curves."""

    name: str
    color: str


def write_comparison(names, project, output, faces=True, load=None):
    """Write the page.

    Args:
        names: list of str, the revisions, see `find_revisions`.
        project: Path, the top folder of the project.
        output: the HTML file.
        faces: bool, whether to decode faces by the models, which takes TensorFlow.
        load: see `compared_faces`.

    Returns:
        list of str: params and metrics in short, for a terminal.

    Raises:
        InputError: see `find_revisions`, `metrics_differences`, `training_curves` and `compared_faces`. Nothing is
            written then.
    """
    with temporary_folder(tempfile.gettempdir(), "compare") as temporary:
        revisions = find_revisions(names, project, temporary)
        params = params_differences(revisions)
        groups, scores = metrics_differences(revisions)
        curves, models = training_curves(revisions), []
        if faces:
            from facepipe.report.compare.faces import compared_faces

            models = compared_faces(revisions, load)
    notes = [f"{revision.name}: {note}." for revision in revisions for note in _notes(revision)]
    page = render(
        "compare.html",
        title=" | ".join(revision.name for revision in revisions),
        names=[revision.name for revision in revisions],
        about=Table(
            ["revision", "commit", "date", "subject"], [[r.name, r.commit, r.date, r.subject] for r in revisions]
        ),
        notes=notes,
        params=params,
        groups=groups,
        scores=scores,
        curves=curves,
        legend=[Legend(r.name, color) for r, color in zip(revisions, colors(len(revisions)), strict=True)],
        faces=faces,
        models=[(TITLES[model.name], model) for model in models],
    )
    with atomic_file(output) as file:
        file.write(page)
    return [*_lines(revisions, params, main_metrics(groups)), *map(_printable, notes)]


def _notes(revision):
    """What to know of a revision's reports and params."""
    changed = changed_since(revision)
    if not changed:
        return revision.notes
    named = ", ".join(changed[:MOST_NAMED]) + (", ..." if len(changed) > MOST_NAMED else "")
    return [*revision.notes, f"{PARAMS_OF} has changed since these results were made ({named}); run dvc repro"]


def _lines(revisions, params, metrics):
    """The tables for a terminal, as lines."""
    names = [revision.name for revision in revisions]
    rows = [(row.name, *(cell.text for cell in row.cells)) for row in params]
    lines = aligned(("params", *names), rows) if rows else ["params: no differences"]
    rows = [(row.name, *(f"{cell.text}{'*' if cell.better else ' '}" for cell in row.cells)) for row in metrics]
    lines += ["", *(aligned(("metrics", *(f"{name} " for name in names)), rows) if rows else ["metrics: none"])]
    return [*lines, ""]


def aligned(header, rows):
    """A table as lines: the first column begins at the left, the others end at the right; long cells are cut.

    Args:
        header: sequence of str.
        rows: of as many str each.

    Returns:
        list of str.
    """
    cells = [[_short(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]).rstrip()
        for row in cells
    ]


def _short(cell):
    """A cell of `WIDEST` letters at most; a final star or space stays."""
    cell = _printable(cell)
    return cell if len(cell) <= WIDEST else f"{cell[: WIDEST - 4]}...{cell[-1] if cell[-1] in ' *' else ''}"


def _printable(text):
    """`text` without what would move the terminal's cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def project_folder():
    """The top folder of the project that the current folder lies in, `Path`; None: it lies in none."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".dvc").is_dir()), None)
