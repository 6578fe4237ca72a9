"""Whether edits do what they say: attributes turned on in held-out photographs, judged by pixels alone."""

from typing import NamedTuple

import numpy as np

from facepipe.core.determinism import rng
from facepipe.core.pictures import to_uint8
from facepipe.directions.classifier import fit_classifier
from facepipe.metrics.samples import SAME_PERSON
from facepipe.models.residual import residual_edit

# held-out photographs without the attribute that are edited, at most, and of them those whose identity is compared
EDITED, COMPARED = 100, 25
# what is judged: what the decoder makes of the edited latents, or the photographs with the change in them
DECODED, RESIDUAL = "decoded", "residual"
# fewer say nothing
FEWEST = 5


class EditScores(NamedTuple):
    """One row of edits.csv: an attribute added with strength 1 to `n` photographs that lack it.

    Two rows an attribute: the pictures are `DECODED`, and compared with the reconstructions; or they are the `RESIDUAL`
    edits, and compared with the photographs.
    """

    model: str
    attribute: str
    shown: str  # DECODED or RESIDUAL
    n: int
    success: float  # share in which the judge of pixels then sees it
    before: float  # share in which it sees it in the reconstructions, or in the photographs
    others_moved: float  # mean change of the probabilities of the other attributes, against these
    judge_accuracy: float  # balanced, of the judge on held-out photographs
    identity_distance: float | None  # dlib only: from the photographs, mean
    same_person: float | None  # and the share below that at which two pictures are of one person

    @property
    def edit(self):
        """What no other row is called, for a plot."""
        return f"{self.model} {self.attribute} {self.shown}"


class EditJudge:
    """Judges edits of a data set's held-out photographs.

    Args:
        shards: `Shards` with attributes.
        seed: int.
        images: int, how many the judge of pixels sees in training.
        identity: function (images, changed) -> array of distances, or None, see `samples.Judge.distances`.
        compared: int, how many photographs' identity is compared.
    """

    def __init__(self, shards, seed, images, identity, compared=COMPARED):
        self._seed, self._identity, self._compared = seed, identity, compared
        self.names = shards.attribute_names
        self._classifier = fit_classifier(self.names, shards, shards.attributes("train").to_numpy(), seed, images)
        self._images = np.concatenate([shards.images(split) for split in ("valid", "test")])
        self._labels = np.concatenate([shards.attributes(split).to_numpy() for split in ("valid", "test")])
        self._accuracy = balanced_accuracy(self._classifier.probabilities(self._images), self._labels)

    def __call__(self, model, directions):
        """The two `EditScores` of each attribute that has a direction and enough photographs without it.

        Args:
            model: `models.load.LoadedModel` with an encoder.
            directions: `directions.table.Directions` of it.
        """
        found, preferred = [], directions.preferred()
        for name, vector in zip(preferred.names, preferred.vectors, strict=True):
            if name in self.names and name not in model.condition_on:
                rows = self._without(name)
                if len(rows) >= FEWEST:
                    found += self._scores(model, name, vector, rows)
        return found

    def _without(self, name):
        rows = np.flatnonzero(self._labels[:, self.names.index(name)] == 0)
        chosen = rng(self._seed, "edits", name).permutation(len(rows))[:EDITED]
        return rows[np.sort(chosen)]

    def _scores(self, model, name, vector, rows):
        own, images = self.names.index(name), self._images[rows]
        labels = self._labels[rows][:, [self.names.index(each) for each in model.condition_on]]
        z = model.encode(images)
        plain, moved = (model.decode(each, labels) for each in (z, z + vector))
        found = []
        for shown, before, after in (
            (DECODED, to_uint8(plain), to_uint8(moved)),
            (RESIDUAL, images, to_uint8(residual_edit(images, plain, moved))),
        ):
            probabilities = [self._classifier.probabilities(each) for each in (before, after)]
            others = np.delete(np.abs(np.subtract(*probabilities)), own, axis=1)
            others = float(others.mean()) if others.size else 0.0
            seen, success = (float((each[:, own] > 0.5).mean()) for each in probabilities)
            distances = self._identity(images[: self._compared], after[: self._compared])
            identity = (None, None) if distances is None else _identity_scores(distances)
            accuracy = float(self._accuracy[own])
            found.append(EditScores(model.name, name, shown, len(rows), success, seen, others, accuracy, *identity))
        return found


def balanced_accuracy(probabilities, labels):
    """Mean of the shares of those with and of those without an attribute that are told rightly.

    Args:
        probabilities: float (n, k). labels: float (n, k), 1 with, 0 without, NaN unknown.

    Returns:
        float64 (k,); NaN where all known ones are alike.
    """
    right = (probabilities > 0.5) == (labels > 0.5)
    shares = []
    for value in (0, 1):
        among = labels == value
        with np.errstate(invalid="ignore"):
            shares.append((right & among).sum(axis=0) / among.sum(axis=0))
    return np.mean(shares, axis=0)


def edit_metrics(rows):
    """Metrics by name of a model's `EditScores`: means over the attributes; {} where there are none."""
    found = {}
    for shown in (DECODED, RESIDUAL):
        if not (own := [row for row in rows if row.shown == shown]):
            continue
        found[f"edit_{shown}_success_n{max(row.n for row in own)}"] = float(np.mean([row.success for row in own]))
        if kept := [row.same_person for row in own if row.same_person is not None]:
            found[f"edit_{shown}_same_person_n{COMPARED}"] = float(np.mean(kept))
    return found


def _identity_scores(distances):
    return float(distances.mean()), float((distances < SAME_PERSON).mean())
