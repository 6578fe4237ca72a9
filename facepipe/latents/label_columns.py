"""The labels that a conditioned model decodes with, as columns of a table: read, checked, mixed."""

import numpy as np

from facepipe.errors import InputError
from facepipe.shards.labels import label_codes
from facepipe.tables.cells import Cells, short, zero_one


def labels_of(table, conditions, path):
    """The labels that a conditioned model is to decode a table with.

    Args:
        table: `Latents`; columns of the names in `conditions` are labels.
        conditions: sequence of k names.
        path: where the table comes from, for messages.

    Returns:
        float32 (n, k): 1 with, 0 without, between them what blends, NaN where the cell is empty or there is no such
        column. None where no column is there.

    Raises:
        InputError: a cell that is neither a number from 0 to 1, nor yes or no in words, nor empty. -1 means without in
            a column that has no other number but 1.
    """
    if not any(name in table.extra for name in conditions):
        return None
    labels = np.full((len(table.ids), len(conditions)), np.nan, np.float32)
    for column, name in enumerate(conditions):
        if name in table.extra:
            labels[:, column] = _column(table.extra[name], name, path)
    return labels


def check_label(change, flag, model_name):
    """InputError where a strength of a `facepipe.api.edit.Change` is no label; flag, model_name: for it."""
    for value in change.strengths:
        if not 0 <= value <= 1:
            raise InputError(
                f"{flag} {change.name}={value:g}: model {model_name} was conditioned on it; use 1 (with it), "
                "0 (without) or a number between"
            )


def mixed_labels(table, conditions, weights, path):
    """Label columns of weighted sums of rows; unknown lies half-way between with and without.

    Args:
        table, conditions, path: as for `labels_of`; n rows.
        weights: float (m, n). Sums that come out beyond with or without stay there.

    Returns:
        {name: list of m str} for those of `conditions` that the table has a column for.

    Raises:
        InputError: as `labels_of`.
    """
    names = [name for name in conditions if name in table.extra]
    labels = labels_of(table, names, path)
    if labels is None:
        return {}
    mixed = (np.clip(np.asarray(weights, np.float64) @ label_codes(labels), -1, 1) + 1) / 2
    return {name: [f"{value:.6g}" for value in column] for name, column in zip(names, mixed.T, strict=True)}


def _column(texts, name, path):
    """Labels of a column, float64 (n,)."""
    numbers = []
    for row, text in enumerate(texts, 2):
        # whatever separates the cells: a label has no thousands
        number = Cells(comma=True).label(text)
        if number is None or number > 1 or number < -1:
            raise _no_label(path, row, name, text)
        numbers.append(number)
    numbers = np.array(numbers, np.float64)
    if (labels := zero_one(numbers)) is not None:
        return labels
    if (numbers < 0).any():
        i = int(np.argmax(numbers < 0))
        raise _no_label(path, i + 2, name, texts[i])
    return numbers


def _no_label(path, row, name, text):
    return InputError(
        f"{path}: row {row}, column {name}: {short(text)} is not a label; expected 0 (without), 1 (with), a number "
        "between, or nothing (or -1, 1 and nothing)"
    )
