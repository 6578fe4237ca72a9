"""Directions from labelled latents: difference of means, logistic regression, and either with others held still."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from facepipe.core.determinism import fraction
from facepipe.directions.table import Directions
from facepipe.errors import InputError, suggest
from facepipe.tables.cells import short

METHODS = ("orthogonalised", "logistic", "mean_difference", "adjusted")
MIN_HELD_OUT = 2  # positives, and as many negatives, for an AUC
C = 0.1  # inverse strength of the L2 penalty, by the held-out AUC on CelebA (0.01 to 10 differ by less than 0.01)
CORRELATED = 0.1  # |phi| of the labels from which another attribute counts as correlated
ALIKE = 0.5  # |phi| from which it counts as nearly the same thing (Smiling, High_Cheekbones)
INSTEAD = 0.05  # two of which both occur this much less often than by chance stand for each other (colours of hair)
KEPT = 0.9  # an attribute is left alone where being orthogonal to it, too, would cost the direction more than this
FOLDS = 5


class _Examples(NamedTuple):
    column: int  # the attribute's
    x: np.ndarray  # of the training images where it is known
    positive: np.ndarray
    held_x: np.ndarray  # of the held-out ones
    held_positive: np.ndarray


class Problem(NamedTuple):
    """What cannot be had: name of the attribute, method ("" all), reason."""

    name: str
    method: str
    reason: str

    def __str__(self):
        return f"no direction for {self.name}{' by ' * bool(self.method)}{self.method}: {self.reason}"


def choose_methods(names):
    """The names as a tuple, each once; InputError where one is no method."""
    for name in names:
        if name not in METHODS:
            raise InputError(f"no method {short(name)}{suggest(name, METHODS)}; there are {', '.join(METHODS)}")
    return tuple(dict.fromkeys(names))


def mean_difference(z, labels):
    """Mean latent with the attribute minus mean latent without: z float (n, d), labels bool (n,) -> float64 (d,)."""
    labels = np.asarray(labels, bool)
    if labels.all() or not labels.any():
        raise ValueError("mean_difference needs positives and negatives")
    return z[labels].mean(0, dtype=np.float64) - z[~labels].mean(0, dtype=np.float64)


def logistic(x, labels):
    """The weights of an L2-regularised logistic regression: x float (n, d), labels bool (n,) -> float64 (d,)."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    # one thread: the order of sums, and with it the last digits, must not depend on the machine's load
    with threadpool_limits(1):
        return LogisticRegression(C=C, max_iter=1000).fit(x, labels).coef_[0]


def orthogonalised(weights, correlations):
    """A direction made orthogonal to those of the attributes correlated with it, the most correlated first.

    An attribute that is nearly the same thing (Smiling, High_Cheekbones) would take the direction with it: one that
    leaves less than KEPT of its length is passed over.

    Args:
        weights: float (d,), the attribute's logistic weights.
        correlations: list of (|phi|, float (d,)), the other attributes and their logistic weights.

    Returns:
        Float64 (d,), unit length.
    """
    unit = _unit(weights)
    kept, basis = unit, []
    for phi, other in sorted(correlations, key=lambda pair: -pair[0]):
        if phi < CORRELATED or not other.any():
            break
        for known in basis:
            other = other - (other @ known) * known
        if np.linalg.norm(other) > 1e-9:
            without = kept - (kept @ _unit(other)) * _unit(other)
            if np.linalg.norm(without) >= KEPT:
                kept = without
                basis.append(_unit(other))
    return _unit(kept)


def adjusted(x, positive, others):
    """The difference of means that is left with other attributes held equal: a coefficient of linear regression.

    Args:
        x: float (n, d). positive: bool (n,). others: float (n, k), 1 with, 0 without, NaN unknown (taken as the mean).

    Returns:
        Float64 (d,).
    """
    from threadpoolctl import threadpool_limits

    columns = np.column_stack([positive, others])
    columns = np.nan_to_num(columns - np.nanmean(columns, axis=0))
    with threadpool_limits(1):  # as there
        return np.linalg.lstsq(columns, x - x.mean(0), rcond=None)[0][0]


def held_equal(labels):
    """Which attributes are held equal while one is added: those correlated with it, but neither ALIKE nor INSTEAD.

    Who holds the cheekbones still makes no smile, and who holds black hair still makes none blond.

    Args:
        labels: float (n, a), 1 with, 0 without, NaN unknown.

    Returns:
        bool (a, a): row i for attribute i.
    """
    phi, known, there = correlations(labels), (~np.isnan(labels)).astype(float), (labels == 1).astype(float)
    each = there.T @ known
    instead = (there.T @ there) * (known.T @ known) < INSTEAD * each * each.T
    return (phi >= CORRELATED) & (phi < ALIKE) & ~instead


def correlations(labels):
    """|phi| of every two attributes over the images where both are known, 0 where it is not defined.

    Args:
        labels: float (n, a), 1 with, 0 without, NaN unknown.

    Returns:
        Float64 (a, a).
    """
    return np.nan_to_num(np.abs(pd.DataFrame(labels).corr(min_periods=2).to_numpy()))


def auc(scores, labels):
    """Area under the ROC curve: P(score of a positive > score of a negative) + P(equal) / 2 (Mann-Whitney U).

    Args:
        scores: float (n,), finite.
        labels: bool (n,), at least one of each.

    Returns:
        Float in [0, 1].
    """
    from sklearn.metrics import roc_auc_score

    scores, labels = np.asarray(scores, np.float64), np.asarray(labels, bool)
    if labels.all() or not labels.any() or not np.isfinite(scores).all():
        raise ValueError("auc needs positives, negatives and finite scores")
    return float(roc_auc_score(labels, scores))


def fit_directions(names, x, labels, held_x, held_labels, min_examples, methods, standard):
    """Directions for every attribute with enough examples, by every method.

    All of them are fitted, scaled and judged in standardised latents: there the position along a logistic direction
    is the score of the regression. The scale is such that strength 1 moves the mean of the negatives, as far as it
    lies along the direction, to that of the positives.

    Args:
        names: list of a str, the attributes.
        x: float (n, d), standardised latents of the training images.
        labels: float (n, a), 1 with, 0 without, NaN unknown.
        held_x, held_labels: the same for held-out images, (m, d) and (m, a); they give the AUC.
        min_examples: int, positives and as many negatives among the training images; 2 suffice held out.
        methods: sequence of `METHODS`.
        standard: `Standard`, to bring the directions into latents.

    Returns:
        (`Directions`, list of `Problem`).
    """
    problems, usable = [], {}
    for i, name in enumerate(names):
        known, held_known = ~np.isnan(labels[:, i]), ~np.isnan(held_labels[:, i])
        positive, held_positive = labels[known, i] > 0.5, held_labels[held_known, i] > 0.5
        if reason := too_few(labels[:, i], held_labels[:, i], min_examples):
            problems.append(Problem(name, "", reason))
        elif not np.isfinite(x).all():
            problems.append(Problem(name, "", "the latents are not finite"))
        else:
            usable[name] = _Examples(i, x[known], positive, held_x[held_known], held_positive)
    weights = {}
    if {"logistic", "orthogonalised"} & set(methods):
        weights = {name: logistic(examples.x, examples.positive) for name, examples in usable.items()}
    phi, equal, rows = correlations(labels), held_equal(labels), []
    for name, examples in usable.items():
        difference = mean_difference(examples.x, examples.positive)
        for method in methods:
            direction = weights[name] if method in ("logistic", "orthogonalised") else difference
            if method == "orthogonalised" and direction.any():
                row = phi[examples.column]
                others = [(row[usable[other].column], weights[other]) for other in usable if other != name]
                direction = orthogonalised(direction, others)
            if method == "adjusted":
                others = [other.column for other in usable.values() if equal[examples.column, other.column]]
                known = ~np.isnan(labels[:, examples.column])
                direction = adjusted(examples.x, examples.positive, labels[known][:, others])
            gap = direction @ difference
            if not gap > 1e-9 * (direction @ direction) ** 0.5:
                reason = "the latents with and without it have the same mean along it"
                problems.append(Problem(name, method, reason))
                continue
            moved = gap / (direction @ direction) * direction
            score = auc(examples.held_x @ moved, examples.held_positive)
            n_pos = int(examples.positive.sum())
            rows.append((name, method, n_pos, len(examples.positive) - n_pos, score, standard.move(moved)))
    names, taken, n_pos, n_neg, aucs, vectors = zip(*rows, strict=True) if rows else ((),) * 6
    directions = Directions(
        names=list(names),
        methods=list(taken),
        n_pos=np.array(n_pos, np.int64),
        n_neg=np.array(n_neg, np.int64),
        auc=np.array(aucs, np.float64),
        vectors=np.array(vectors, np.float32).reshape(len(rows), x.shape[1]),
    )
    return directions, problems


def fit_few(names, ids, x, labels, min_examples, methods, standard):
    """As `fit_directions` where no images are held out: fitted to all, the AUC by cross-validation in FOLDS parts.

    Args:
        ids: list of n str; the parts depend on them alone.
        others: as there.

    Returns:
        (`Directions`, list of `Problem`); an attribute has a Problem, too, where a part is left without examples.
    """
    directions, problems = fit_directions(names, x, labels, x, labels, min_examples, methods, standard)
    parts = _parts(ids, labels)
    scores = np.full((len(directions.names), len(x)), np.nan)
    for part in range(FOLDS):
        held = parts == part
        fitted, _ = fit_directions(names, x[~held], labels[~held], x, labels, 1, methods, standard)
        for i, pair in enumerate(zip(fitted.names, fitted.methods, strict=True)):
            for row, wanted in enumerate(zip(directions.names, directions.methods, strict=True)):
                if pair == wanted:
                    scores[row, held] = x[held] @ standard.standardised_move(fitted.vectors[i])
    kept = []
    for row, name in enumerate(directions.names):
        column = labels[:, names.index(name)]
        known = ~np.isnan(column) & np.isfinite(scores[row])
        reason = _too_few(column[known], MIN_HELD_OUT, "for cross-validation")
        if reason:
            problems.append(Problem(name, directions.methods[row], reason))
        else:
            directions.auc[row] = auc(scores[row, known], column[known] > 0.5)
            kept.append(row)
    return directions.take(kept), problems


def _parts(ids, labels):
    """The part 0..FOLDS-1 of each row; those of equal labels are spread evenly."""
    patterns = [tuple(np.nan_to_num(row, nan=-1)) for row in labels]
    order = sorted(range(len(ids)), key=lambda i: (patterns[i], fraction(ids[i]), ids[i]))
    parts = np.empty(len(ids), int)
    parts[order] = np.arange(len(ids)) % FOLDS
    return parts


def too_few(labels, held_labels, min_examples):
    """Why an attribute has too few examples for a direction, a str, or None; as in `fit_directions`, of one of them."""
    return _too_few(labels, min_examples, "to train on") or _too_few(held_labels, MIN_HELD_OUT, "held out")


def _too_few(labels, needed, what):
    n_pos, n_neg = int((labels > 0.5).sum()), int((labels <= 0.5).sum())
    if min(n_pos, n_neg) >= needed:
        return None
    return f"{n_pos} positives and {n_neg} negatives {what}, {needed} of each needed"


def _unit(vector):
    return vector / np.linalg.norm(vector)
