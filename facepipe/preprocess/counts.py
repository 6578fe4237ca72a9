"""Counts over the tables of the shards: splits, attributes and pairs of them, sizes of the sources, rejections."""

import csv
from collections import Counter
from typing import NamedTuple

import numpy as np
import pandas as pd

from facepipe.errors import InputError
from facepipe.preprocess.rejected import count_reasons
from facepipe.shards.shards import SPLITS

MOST_ATTRIBUTES = 60  # pairs are counted of this many, the most frequent ones
MOST_SIZES = 50
MOST_REASONS = 50
BOX, SIZE = ["left", "top", "right", "bottom"], ["width", "height"]
ROWS_AT_ONCE = 8192  # below 2**24, so that counts add up exactly in float32


def count_ids(shards):
    """Count images, people and sizes from ids.csv, read piece by piece.

    Args:
        shards: `facepipe.shards.shards.Shards`.

    Returns:
        (splits, sizes): DataFrames. Splits has the columns split, images, people (how many, where the person is
        known; missing where nobody is) and enlarged (images whose crop is narrower or lower than they are; missing
        where no crop is known). Sizes has the columns size ("178x218"), width, height (pixels of the source pictures)
        and images, the most frequent first; after `MOST_SIZES` sizes one row "other", without width and height,
        counts the rest.
    """
    people, cropped = {split: set() for split in SPLITS}, dict.fromkeys(SPLITS, 0)
    enlarged, sizes = dict.fromkeys(SPLITS, 0), Counter()
    types = {"split": str, "identity": str} | dict.fromkeys(BOX + SIZE, float)
    # a person may be called NA or None: only the empty cell is missing, and only where a number is due
    missing = {name: [""] for name in BOX + SIZE}
    for part in pd.read_csv(
        _existing(shards, "ids.csv"), usecols=list(types), dtype=types, keep_default_na=False, na_values=missing,
        chunksize=ROWS_AT_ONCE,
    ):  # fmt: skip
        left, top, right, bottom = (part[name].to_numpy() for name in BOX)
        smaller = (right - left < shards.image_shape[1]) | (bottom - top < shards.image_shape[0])
        for split in SPLITS:
            here = (part["split"] == split).to_numpy()
            people[split].update(part["identity"][here])
            cropped[split] += int(np.isfinite(left[here]).sum())
            enlarged[split] += int(smaller[here].sum())
        for size, count in part.value_counts(SIZE).items():
            sizes[size] += count
    rows = [
        (split, shards.count(split), len(people[split] - {""}) or None, enlarged[split] if cropped[split] else None)
        for split in SPLITS
    ]
    table = pd.DataFrame(rows, columns=["split", "images", "people", "enlarged"])
    return table.astype({"people": "Int64", "enlarged": "Int64"}), _size_table(sizes)


def attribute_table(labels):
    """One row an attribute, the most frequent first.

    Args:
        labels: {split: DataFrame, one column an attribute, 1.0, 0.0 or NaN (unknown)}.

    Returns:
        DataFrame with the columns attribute, known and positive (images of all splits), share (positive / known,
        missing where nothing is known), train_positive, valid_positive, test_positive.
    """
    known = sum(part.notna().sum() for part in labels.values())
    positive = pd.DataFrame({split: (part == 1).sum() for split, part in labels.items()})
    table = pd.DataFrame({"known": known, "positive": positive.sum(axis=1)})
    table["share"] = (table["positive"] / table["known"]).where(table["known"] > 0)
    table = table.join(positive.add_suffix("_positive")).rename_axis("attribute").reset_index()
    return table.sort_values(["positive", "attribute"], ascending=[False, True], ignore_index=True)


class PairCounts(NamedTuple):
    """Of every two of A attributes, float64 (A, A) each.

    Attributes:
        known: images that both are known of.
        both: images that have both.
        correlation: the phi coefficient (Pearson's correlation of two binary labels) over `known`; NaN where one of
            the two does not vary.
    """

    known: np.ndarray
    both: np.ndarray
    correlation: np.ndarray


def pair_counts(parts):
    """Count pairs of attributes.

    Args:
        parts: iterable of float (n, A) arrays, 1.0, 0.0 or NaN, the labels of some images each.

    Returns:
        `PairCounts`.
    """
    known = both = first = 0.0
    for labels in parts:
        for start in range(0, len(labels), ROWS_AT_ONCE):
            rows = labels[start : start + ROWS_AT_ONCE]
            has, knows = (rows == 1).astype(np.float32), (~np.isnan(rows)).astype(np.float32)
            pairs = (knows.T @ knows, has.T @ has, has.T @ knows)
            known, both, first = (
                total + n.astype(np.float64) for total, n in zip((known, both, first), pairs, strict=True)
            )
    second = first.T
    variance = first * (known - first) * second * (known - second)
    covariance = known * both - first * second
    correlation = np.full(variance.shape, np.nan)
    np.divide(covariance, np.sqrt(variance), out=correlation, where=variance > 0)
    return PairCounts(known, both, correlation)


def pair_table(labels, names):
    """Every ordered pair of `names`, in long form (a row a cell of the square), as `dvc plots` draws heat maps.

    Args:
        labels: as for `attribute_table`.
        names: attributes; the first `MOST_ATTRIBUTES` are taken.

    Returns:
        DataFrame with the columns attribute, other, known (images that both are known of), both (images that have
        both), share (both / known) and correlation (phi, -1 to 1); share and correlation may be missing.
    """
    names = list(names)[:MOST_ATTRIBUTES]
    parts = [part[names].to_numpy() for part in labels.values()]
    known, both, correlation = (np.atleast_2d(counts).ravel() for counts in pair_counts(parts))
    share = np.full(known.shape, np.nan)
    np.divide(both, known, out=share, where=known > 0)
    return pd.DataFrame(
        {
            "attribute": np.repeat(np.array(names, dtype=object), len(names)),
            "other": np.tile(np.array(names, dtype=object), len(names)),
            "known": known.astype(np.int64),
            "both": both.astype(np.int64),
            "share": share,
            "correlation": correlation,
        }
    )


def rejected_table(shards):
    """Why pictures were rejected.

    Args:
        shards: `facepipe.shards.shards.Shards`.

    Returns:
        DataFrame with the columns reason, pictures and example (the first of them), the most frequent first; after
        `MOST_REASONS` reasons one row counts the others.
    """
    with open(_existing(shards, "rejected.csv"), encoding="utf-8", newline="") as file:
        rows = count_reasons((row["source"], row["reason"]) for row in csv.DictReader(file))
    if len(rows) > MOST_REASONS:
        _, counts, examples = zip(*rows[MOST_REASONS:], strict=True)
        rows[MOST_REASONS:] = [("other reasons", sum(counts), examples[0])]
    return pd.DataFrame(rows, columns=["reason", "pictures", "example"])


def _existing(shards, name):
    path = shards.folder / name
    if not path.is_file():
        raise InputError(f"{path}: not found; run the preprocess stage again")
    return path


def _size_table(sizes):
    """DataFrame of {(width, height): images}."""
    ordered = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    rows = [(f"{width:.0f}x{height:.0f}", width, height, count) for (width, height), count in ordered[:MOST_SIZES]]
    if len(ordered) > MOST_SIZES:
        rows.append(("other", None, None, sum(count for _, count in ordered[MOST_SIZES:])))
    table = pd.DataFrame(rows, columns=["size", *SIZE, "images"])
    return table.astype(dict.fromkeys([*SIZE, "images"], "Int64"))
