"""Edits of latents: directions added in given strengths, other attributes kept as they are, numbers set."""

import itertools
import re
from typing import NamedTuple

import numpy as np

from facepipe.core.names import stem
from facepipe.errors import InputError
from facepipe.latents.standard import standard_of
from facepipe.latents.table import Latents
from facepipe.latents.vectors import z_columns
from facepipe.tables.cells import LIMIT, short

MOST_STEPS = 1000
_COMPONENT = re.compile(r"pc0*(\d+)", re.IGNORECASE)
_LATENT = re.compile(r"z\d{3,}")
_DIMENSION = re.compile(r"z0*(\d+)", re.IGNORECASE)
_FORM = "NAME=STRENGTH or NAME=FROM:TO:COUNT, such as Smiling=1 or Smiling=-1:2:7"


class Change(NamedTuple):
    """A direction (an attribute, or a principal component such as PC3) and the strengths to add it in, float64 (s,)."""

    name: str
    strengths: np.ndarray


def parse_change(text):
    """The `Change` that NAME=STRENGTH or NAME=FROM:TO:COUNT means; InputError where it is neither."""
    name, equals, value = text.rpartition("=")
    if not name or not equals:
        raise InputError(f"{short(text)}: expected {_FORM}")
    parts = value.split(":")
    numbers = [_number(part) for part in parts]
    if len(parts) not in (1, 3) or any(number is None for number in numbers):
        raise InputError(f"{short(text)}: {short(value)} is not a strength; expected {_FORM}")
    if len(parts) == 1:
        return Change(name, np.array(numbers))
    if not (numbers[2].is_integer() and 2 <= numbers[2] <= MOST_STEPS):
        raise InputError(f"{short(text)}: {short(parts[2])} is not a count from 2 to {MOST_STEPS}; expected {_FORM}")
    return Change(name, np.linspace(*numbers[:2], int(numbers[2])))


def parse_setting(text, latent_dim):
    """(column, value) of z007=1.5, `column` an int; InputError where it is not, or the latent has no such number."""
    name, _, value = text.partition("=")
    number = _number(value)
    if number is None or not _LATENT.fullmatch(name):
        other = "; --add moves along principal components" if _COMPONENT.fullmatch(name) else ""
        raise InputError(f"{short(text)}: expected a latent's number and its value, such as z007=1.5{other}")
    columns = z_columns(latent_dim)
    if name not in columns:
        raise InputError(f"{short(text)}: no latent {name}; there are {columns[0]} to {columns[-1]}")
    return columns.index(name), number


def unit_move(name, directions, components, method=None):
    """What strength 1 of a direction adds to a latent.

    Args:
        name: an attribute of `directions`; or PC3: the principal component pc003, by one standard deviation.
        directions: `Directions` or None: there are none.
        components: `facepipe.latents.pca.PCA` or None.
        method: of the direction; None: the first that is there.

    Returns:
        Float64 (d,).

    Raises:
        InputError: no such attribute, method or component.
    """
    if is_component(name, directions):
        _, unit, sd = axis(name, components)
        return unit * sd
    if directions is None:
        raise InputError(f"no direction for {short(name)}: there are no directions of this model; see --directions")
    return directions.vectors[directions.find(name, method)].astype(np.float64)


def axis(name, components):
    """A dimension of the latent, such as z003, or a principal component, such as PC3.

    Args:
        name: str.
        components: `facepipe.latents.pca.PCA`.

    Returns:
        (its name in full, unit float64 (d,), standard deviation of the training latents along it).

    Raises:
        InputError: neither, or there is none of that number.
    """
    count = len(components.sd)
    if found := _COMPONENT.fullmatch(name):
        if (number := int(found[1])) >= count:
            raise InputError(f"no component {name}; there are PC0 to PC{count - 1}")
        return f"pc{number:03d}", components.components[number].astype(np.float64), components.sd[number]
    if found := _DIMENSION.fullmatch(name):
        if (number := int(found[1])) >= count:
            raise InputError(f"no latent {name}; there are z000 to z{count - 1:03d}")
        return f"z{number:03d}", np.eye(count)[number], standard_of(components).sd[number]
    raise InputError(f"{short(name)}: expected a dimension such as z003, or a principal component such as PC3")


def is_component(name, directions):
    """Whether a name means a principal component, and no attribute of `directions` (or None)."""
    return bool(_COMPONENT.fullmatch(name)) and (directions is None or name not in directions.names)


def kept_direction(name, directions):
    """The direction, float32 (d,), whose score is kept: the logistic one, whose score tells best who has it, if any.

    Raises:
        InputError: no direction for that attribute.
    """
    if directions is None:
        raise InputError(f"no direction for {short(name)}: there are no directions of this model; see --directions")
    row = directions.find(name)
    pairs = list(zip(directions.names, directions.methods, strict=True))
    return directions.vectors[pairs.index((name, "logistic")) if (name, "logistic") in pairs else row]


def keeping(move, kept, standard):
    """The part of a move that does not change the positions along other directions.

    Args:
        move: float64 (d,), in latents.
        kept: float (k, d), the directions, in latents.
        standard: `facepipe.latents.standard.Standard`, in whose latents positions are measured.

    Returns:
        Float64 (d,); 0 where nothing is left.
    """
    basis = np.linalg.qr(standard.standardised_move(kept).T)[0]
    moved = standard.standardised_move(move)
    rest = moved - basis @ (basis.T @ moved)
    if np.linalg.norm(rest) <= 1e-6 * np.linalg.norm(moved):
        return np.zeros_like(rest)
    return standard.move(rest)


def combinations(changes, moves, latent_dim):
    """Every combination of the changes' strengths.

    Args:
        changes: list of `Change`.
        moves: list of float64 (latent_dim,), what strength 1 of each adds.

    Returns:
        (strengths, total): float64 (c, len(changes)), the last change varying fastest; float64 (c, latent_dim), to be
        added. Without any change there is one combination, which adds nothing.

    Raises:
        InputError: two changes of one name.
    """
    names = [change.name for change in changes]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"{short(twice)} is there twice; give each direction one strength or one range")
    strengths = np.array(list(itertools.product(*(change.strengths for change in changes))), np.float64)
    return strengths, strengths @ np.reshape(np.asarray(moves, np.float64), (len(changes), latent_dim))


def edited(table, changes, strengths, total, settings=(), labels=()):
    """The rows of a table, each moved by each combination.

    Args:
        table: `Latents` of n rows.
        changes: list of `Change`.
        strengths, total: as from `combinations`, of c combinations.
        settings: list of (column, value), set after the moves.
        labels: names of those changes whose strengths are labels: they become the column of that name.

    Returns:
        `Latents` of n * c rows, a face's combinations together. One combination keeps the ids; of several, those of
        face are face~1, face~2, ..., and columns named add:NAME tell the strengths that vary.

    Raises:
        InputError: numbers that float32 cannot hold.
    """
    count = len(strengths)
    z = (table.z.astype(np.float64)[:, None] + total[None]).reshape(-1, table.z.shape[1])
    for column, value in settings:
        z[:, column] = value
    if not (np.abs(z) < LIMIT).all():
        raise InputError("numbers of the edited latents become too large for float32; use smaller strengths and values")
    extra = {name: [cell for cell in cells for _ in range(count)] for name, cells in table.extra.items()}
    ids = table.ids
    if count > 1:
        digits = len(str(count))
        ids = [f"{stem(name)}~{i:0{digits}d}" for name in table.ids for i in range(1, count + 1)]
    for i, change in enumerate(changes):
        if change.name in labels or len(change.strengths) > 1:
            column = change.name if change.name in labels else f"add:{change.name}"
            extra[column] = [f"{value:.6g}" for value in strengths[:, i]] * len(table.ids)
    splits = [split for split in table.splits for _ in range(count)]
    return Latents(list(ids), splits, z.astype(np.float32), extra)


def _number(text):
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None
