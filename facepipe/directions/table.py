"""A model's directions as CSV: a row per attribute and method, with how well it tells held-out images apart."""

from dataclasses import dataclass

import numpy as np

from facepipe.core.files import write_csv
from facepipe.errors import InputError, suggest
from facepipe.latents.vectors import format_vector, read_vectors, z_columns
from facepipe.tables.cells import Cells, short

_COLUMNS = ("method", "n_pos", "n_neg", "auc", "norm")


@dataclass(frozen=True)
class Directions:
    """k directions of one model; the first of an attribute is the one meant where no method is named.

    names, methods list of k str; n_pos, n_neg int (k,), training images with and without the attribute; auc float64
    (k,) on held-out images; vectors float32 (k, d): added once, a vector moves the mean of the negatives, as far as
    it lies along it, to that of the positives, times its scale; scale float64 (k,), above 0, see
    `facepipe.directions.strength`, or None: they have that length.
    """

    names: list
    methods: list
    n_pos: np.ndarray
    n_neg: np.ndarray
    auc: np.ndarray
    vectors: np.ndarray
    scale: np.ndarray | None = None

    @property
    def norms(self):
        """L2 norms of the vectors, float64 (k,)."""
        return np.linalg.norm(self.vectors.astype(np.float64), axis=1)

    def take(self, rows):
        """`Directions` of these rows (sequence of int) in this order."""
        rows = np.asarray(rows, np.int64)
        arrays = (self.n_pos[rows], self.n_neg[rows], self.auc[rows], self.vectors[rows])
        arrays += () if self.scale is None else (self.scale[rows],)
        return Directions([self.names[i] for i in rows], [self.methods[i] for i in rows], *arrays)

    def preferred(self):
        """`Directions` with the first row of each attribute."""
        return self.take([self.names.index(name) for name in dict.fromkeys(self.names)])

    def find(self, name, method=None):
        """The row of an attribute by one method, or its first.

        Raises:
            InputError: no such attribute or method; the nearest is suggested.
        """
        if name not in self.names:
            known = list(dict.fromkeys(self.names))
            there = suggest(name, known) or f"; there are {', '.join(known) or 'none'}"
            raise InputError(f"no direction for {short(name)}{there}")
        if method is None:
            return self.names.index(name)
        methods = [m for n, m in zip(self.names, self.methods, strict=True) if n == name]
        if method not in methods:
            hint = suggest(method, methods) or f"; there are {', '.join(methods)}"
            raise InputError(f"no direction for {short(name)} by the method {short(method)}{hint}")
        return next(i for i, pair in enumerate(zip(self.names, self.methods, strict=True)) if pair == (name, method))


def write_directions(path, directions):
    """Write `Directions` as CSV: attribute, method, n_pos, n_neg, auc, norm, scale (if they have one), z000, ...

    The vectors are exact.
    """
    scaled = [] if directions.scale is None else ["scale"]
    header, rows = ["attribute", *_COLUMNS, *scaled, *z_columns(directions.vectors.shape[1])], []
    for i, name in enumerate(directions.names):
        scores = f"{directions.auc[i]:.6f}", f"{directions.norms[i]:.9g}"
        row = [name, directions.methods[i], directions.n_pos[i], directions.n_neg[i], *scores]
        row += [f"{directions.scale[i]:.6g}" for _ in scaled]
        rows.append(row + format_vector(directions.vectors[i]))
    write_csv(path, header, rows)


def read_directions(path, latent_dim=None, model_name=None):
    """Read what `write_directions` wrote.

    Args:
        path: the CSV file.
        latent_dim, model_name: as in `facepipe.latents.table.read_latents`.

    Returns:
        `Directions`, possibly of no attribute at all.

    Raises:
        InputError: one line with file, row and column.
    """
    names, cells, vectors = read_vectors(
        path, "attribute", _COLUMNS, ("scale",), latent_dim=latent_dim, model_name=model_name, empty_ok=True
    )
    seen = set()
    for row, pair in enumerate(zip(names, cells["method"], strict=True), 2):
        if not all(pair) or pair in seen:
            raise InputError(
                f"{path}: row {row}, column attribute: {short(pair[0])} by {short(pair[1])} is empty or there already"
            )
        seen.add(pair)
    return Directions(
        names=names,
        methods=cells["method"],
        n_pos=_counts(path, cells, "n_pos"),
        n_neg=_counts(path, cells, "n_neg"),
        auc=_numbers(path, cells, "auc", 1),
        vectors=vectors,
        scale=_numbers(path, cells, "scale", 1000) if "scale" in cells else None,
    )


def _numbers(path, cells, name, most):
    """A column as float64 (n,) in [0, most]."""
    readable, values = Cells(comma=True), []
    for row, text in enumerate(cells[name], 2):
        numbers = readable.numbers([text])
        if numbers is None or not 0 <= numbers[0] <= most:
            raise InputError(f"{path}: row {row}, column {name}: {short(text)} is not a number from 0 to {most}")
        values.append(numbers[0])
    return np.array(values, np.float64)


def _counts(path, cells, name):
    """A column as int64 (n,), from 0 to 999,999,999,999,999,999."""
    for row, text in enumerate(cells[name], 2):
        if not (text.isascii() and text.isdigit()) or len(text) > 18:
            raise InputError(
                f"{path}: row {row}, column {name}: {short(text)} is not a whole number from 0 on, of 18 digits at most"
            )
    return np.array(cells[name], dtype=str).astype(np.int64)
