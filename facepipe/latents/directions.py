"""Attribute vectors: directions in latent space along which an attribute appears, judged on held-out images."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facepipe.errors import InputError, suggest
from facepipe.files import atomic_file
from facepipe.latents.cells import short
from facepipe.latents.table import read_latents
from facepipe.latents.vectors import format_vector, read_vectors, z_columns

MODELS = ("ae", "vae")  # those with an encoder
MIN_HELD_OUT = 2  # positives, and as many negatives, for an AUC
_COLUMNS = ("method", "n_pos", "n_neg", "auc", "norm")


@dataclass(frozen=True)
class Directions:
    """k directions of one model.

    names list of k str; methods list of k str; n_pos, n_neg int (k,), training images with and without the
    attribute; auc float64 (k,) on held-out images; vectors float32 (k, d): added once, a vector moves the mean
    of the negatives to that of the positives.
    """

    names: list
    methods: list
    n_pos: np.ndarray
    n_neg: np.ndarray
    auc: np.ndarray
    vectors: np.ndarray

    @property
    def norms(self):
        """L2 norms of the vectors, float64 (k,)."""
        return np.linalg.norm(self.vectors.astype(np.float64), axis=1)


def mean_difference(z, labels):
    """Mean latent with the attribute minus mean latent without: z float (n, d), labels bool (n,) -> float32 (d,)."""
    labels = np.asarray(labels, bool)
    if labels.all() or not labels.any():
        raise ValueError("mean_difference needs positives and negatives")
    return (z[labels].mean(0, dtype=np.float64) - z[~labels].mean(0, dtype=np.float64)).astype(np.float32)


def auc(scores, labels):
    """Area under the ROC curve: P(score of a positive > score of a negative) + P(equal) / 2 (Mann-Whitney U).

    Args:
        scores: float (n,), finite.
        labels: bool (n,), at least one of each.

    Returns:
        Float in [0, 1], exact with ties.
    """
    scores, labels = np.asarray(scores, np.float64), np.asarray(labels, bool)
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives or not np.isfinite(scores).all():
        raise ValueError("auc needs positives, negatives and finite scores")
    _, position, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[position]  # ties share the mean of their ranks, from 1
    return float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def fit_directions(names, z, labels, held_z, held_labels, min_examples):
    """A mean-difference direction for every attribute with enough examples.

    Args:
        names: list of a str, the attributes.
        z: float32 (n, d), latents of the training images.
        labels: float (n, a), 1 with, 0 without, NaN unknown.
        held_z, held_labels: the same for held-out images, (m, d) and (m, a); they give the AUC.
        min_examples: int, positives and as many negatives among the training images; 2 suffice held out.

    Returns:
        (`Directions`, skipped): skipped maps the name of each attribute without a direction to the reason.
    """
    rows, skipped = [], {}
    for name, column, held in zip(names, labels.T, held_labels.T, strict=True):
        known, held_known = ~np.isnan(column), ~np.isnan(held)
        positive, held_positive = column[known] > 0.5, held[held_known] > 0.5
        n_pos, n_neg = int(positive.sum()), int((~positive).sum())
        if min(n_pos, n_neg) < min_examples:
            skipped[name] = f"{n_pos} positives and {n_neg} negatives to train on, {min_examples} of each needed"
            continue
        if min(held_positive.sum(), (~held_positive).sum()) < MIN_HELD_OUT:
            skipped[name] = (
                f"{held_positive.sum()} positives and {(~held_positive).sum()} negatives held out, "
                f"{MIN_HELD_OUT} of each needed"
            )
            continue
        vector = mean_difference(z[known], positive)
        if not np.isfinite(vector).all() or not vector.any():
            skipped[name] = "the latents with and without it have the same mean, or one that is not finite"
            continue
        scores = held_z[held_known].astype(np.float64) @ vector.astype(np.float64)
        rows.append((name, n_pos, n_neg, auc(scores, held_positive), vector))
    names, n_pos, n_neg, aucs, vectors = zip(*rows, strict=True) if rows else ((),) * 5
    directions = Directions(
        names=list(names),
        methods=["mean_difference"] * len(rows),
        n_pos=np.array(n_pos, np.int64),
        n_neg=np.array(n_neg, np.int64),
        auc=np.array(aucs, np.float64),
        vectors=np.array(vectors, np.float32).reshape(len(rows), z.shape[1]),
    )
    return directions, skipped


def write_directions(path, directions):
    """Write `Directions` as CSV: attribute, method, n_pos, n_neg, auc, norm, z000, ... (vectors exact)."""
    with atomic_file(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["attribute", *_COLUMNS, *z_columns(directions.vectors.shape[1])])
        for i, name in enumerate(directions.names):
            scores = f"{directions.auc[i]:.6f}", f"{directions.norms[i]:.9g}"
            row = [name, directions.methods[i], directions.n_pos[i], directions.n_neg[i], *scores]
            writer.writerow(row + format_vector(directions.vectors[i]))


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
        path, "attribute", required=_COLUMNS, latent_dim=latent_dim, model_name=model_name, empty_ok=True
    )
    for row, name in enumerate(names, 2):
        if not name or names.index(name) != row - 2:
            raise InputError(f"{path}: row {row}, column attribute: {short(name)} is empty or there already")
    return Directions(
        names=names,
        methods=cells["method"],
        n_pos=_column(path, cells, "n_pos", int),
        n_neg=_column(path, cells, "n_neg", int),
        auc=_column(path, cells, "auc", float, 1.0),
        vectors=vectors,
    )


def attribute_vectors(params, shards, latents, out):
    """Stage 7: directions for the AE and the VAE.

    Args:
        params: `facepipe.config.AttributeVectors`.
        shards: folder of the shards, for the attributes.
        latents: folder of the exported latents.
        out: folder for `<model>.csv`.

    Returns:
        Metrics: per model the number of attributes with a direction, the mean and the lowest of their held-out
        AUCs (left out where there is none), and how many attributes were skipped (the reasons are printed).

    Raises:
        InputError: an attribute that the data set does not have, or latents of other images.
    """
    from facepipe.data.shards import Shards

    shards = Shards(shards)
    labels = {split: shards.attributes(split) for split in ("train", "valid", "test")}
    names = _choose(params.attributes, list(labels["train"].columns))
    if not names:
        print("attribute_vectors: the data set has no attributes, so there are no directions")
    metrics = {}
    for model in MODELS:
        z, y = {}, {}
        for split, frame in labels.items():
            z[split], y[split] = _labelled(Path(latents) / model / f"{split}.csv", frame[names])
        d = z["train"].shape[1]
        held = [split for split in ("valid", "test") if len(z[split])]
        directions, skipped = fit_directions(
            names,
            z["train"],
            y["train"],
            np.concatenate([np.empty((0, d), np.float32), *(z[split] for split in held)]),
            np.concatenate([np.empty((0, len(names))), *(y[split] for split in held)]),
            params.min_examples,
        )
        for name, reason in skipped.items():
            print(f"attribute_vectors: {model}: no direction for {name}: {reason}")
        write_directions(Path(out) / f"{model}.csv", directions)
        metrics[model] = {"attributes": len(directions.names), "attributes_skipped": len(skipped)}
        if directions.names:
            metrics[model] |= {
                "attributes_mean_auc": float(directions.auc.mean()),
                "attributes_lowest_auc": float(directions.auc.min()),
            }
    return metrics


def _choose(wanted, known):
    if wanted is None:
        return known
    for name in wanted:
        if name not in known:
            hint = suggest(name, known) or ("; there are " + ", ".join(known) if known else "; the data set has none")
            raise InputError(f"params.yaml: attribute_vectors.attributes: unknown attribute {short(name)}{hint}")
    return list(dict.fromkeys(wanted))


def _labelled(path, frame):
    """Latents float32 (n, d) of `path` and labels float (n, a) of the same images; (0, 0) where the split is empty."""
    if not len(frame):
        return np.empty((0, 0), np.float32), frame.to_numpy(float)
    table = read_latents(path)
    if table.ids != list(frame.index):
        raise InputError(f"{path}: its ids are not those of data/shards; run `dvc repro export_latents`")
    return table.z, frame.to_numpy(float)


def _column(path, cells, name, kind, most=np.inf):
    values = []
    for row, text in enumerate(cells[name], 2):
        try:
            value = kind(text)
        except ValueError:
            value = -1
        if not 0 <= value <= most:
            raise InputError(f"{path}: row {row}, column {name}: {short(text)} is not a number from 0 to {most}")
        values.append(value)
    return np.array(values, np.int64 if kind is int else np.float64)
