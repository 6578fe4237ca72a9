"""Labels that a model is conditioned on: checked, read from shards, and as the numbers that its networks take."""

import hashlib

import numpy as np

from facepipe.core.determinism import rng
from facepipe.errors import FieldError, InputError, suggest


def check_names(shards, names, field):
    """Whether a model can learn what the attributes `names` look like.

    Args:
        shards: `facepipe.shards.shards.Shards`.
        names: attributes.
        field: str, what the list of them is called, for messages.

    Raises:
        FieldError: the data has no such attribute, or no training image with it, or none without.
    """
    for name in names:
        if name not in shards.attribute_names:
            known = ", ".join(shards.attribute_names) or "none"
            hint = suggest(name, shards.attribute_names) or f"; the data has {known}"
            raise FieldError(field, f"no attribute {name!r}{hint}")
    labels = read_labels(shards, "train", names)
    for name, column in zip(names, labels.T, strict=True):
        for value, what in ((1, "with"), (0, "without")):
            if not (column == value).any():
                raise FieldError(field, f"{name}: no training image is labelled as {what} it; leave it out")


def read_labels(shards, split, names):
    """Labels of a split's images, row by row.

    Args:
        shards: `facepipe.shards.shards.Shards`.
        split: str.
        names: attributes that the shards have, k of them.

    Returns:
        float32 (n, k): 1 with the attribute, 0 without, NaN unknown.

    Raises:
        InputError: the shards lack an attribute.
    """
    if not names:
        return np.zeros((shards.count(split), 0), np.float32)
    for name in names:
        if name not in shards.attribute_names:
            raise InputError(f"{shards.folder}: no attribute {name!r}, which the model is conditioned on; retrain it")
    return shards.attributes(split)[list(names)].to_numpy(np.float32)


def random_labels(shards, names, count, seed):
    """The labels of `count` training images drawn at random: float32 (count, k), see `read_labels`."""
    if not names:
        return np.zeros((count, 0), np.float32)
    return read_labels(shards, "train", names)[rng(seed, "labels").integers(0, shards.count("train"), count)]


def labels_digest(shards, names):
    """{"labels": sha256 of the labels that a training sees}, as the shards' own digest leaves them out; else {}."""
    if not names:
        return {}
    labels = [read_labels(shards, split, names) for split in ("train", "valid")]
    return {"labels": hashlib.sha256(np.concatenate(labels).tobytes()).hexdigest()}


def label_codes(labels):
    """Labels -> codes: 1 with the attribute, -1 without, 0 unknown; what lies between 0 and 1 lies between -1 and 1.

    Args:
        labels: float (n, k) in [0, 1] or NaN.

    Returns:
        float32 (n, k).
    """
    return 2 * np.nan_to_num(np.asarray(labels, np.float32), nan=0.5) - 1


class Conditions:
    """The codes that a training takes from its shards; without names nothing is read.

    Args:
        shards: `facepipe.shards.shards.Shards`.
        names: attributes, k of them.
    """

    def __init__(self, shards, names):
        self._shards, self._names, self._codes = shards, tuple(names), {}

    def of(self, split):
        """Codes of all images of a split: float32 (n, k)."""
        if split not in self._codes:
            self._codes[split] = label_codes(read_labels(self._shards, split, self._names))
        return self._codes[split]

    def random(self, count, seed):
        """Codes of `count` training images drawn at random: float32 (count, k)."""
        return label_codes(random_labels(self._shards, self._names, count, seed))

    def draw(self, generator, rows, dropout):
        """A training step's codes, so that it learns what it is to know none.

        Args:
            generator: numpy Generator.
            rows: int (n,), of the training images.
            dropout: float, share of the images whose codes become 0, all of them.

        Returns:
            {"codes": float32 (n, k)}; {} without names, and nothing is drawn.
        """
        if not self._names:
            return {}
        known = generator.random(len(rows), np.float32) >= dropout
        return {"codes": self.of("train")[rows] * known[:, None]}
