"""How long a direction must be to show: until a judge of pixels sees its attribute in most of the edited pictures."""

from dataclasses import replace
from functools import partial

import numpy as np

from facepipe.core.determinism import rng
from facepipe.core.pictures import to_uint8
from facepipe.directions.classifier import fit_classifier
from facepipe.shards.labels import read_labels

SEEN = 24_000  # images that the judge sees in training
KEPT = 8  # one training image in so many is kept from it, to be edited
EDITED, FEWEST = 192, 5  # of those that lack the attribute, at most; fewer say nothing
SHARE = 0.9  # of them in which the judge is to see it: on other photographs another judge sees it in 0.8 and more
LENGTHS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)  # tried in turn, as multiples of the direction
HALVINGS = 3  # of the step to the first that will do: the last one is 4 %


class PixelScale:
    """Brings directions to the length at which they show in most pictures: what success of edits is, not a mean.

    The judge is a classifier of training photographs, with random numbers of its own: that of `evaluate` is another,
    and judges photographs that neither this one nor any direction was made of.

    Args:
        shards: `Shards` with attributes; only the training split is used.
        seed: int, of the judge. images: int, how many it sees in training; None: SEEN.
    """

    def __init__(self, shards, seed=0, images=None):
        self._shards, self.names = shards, shards.attribute_names
        self._labels = shards.attributes("train").to_numpy()
        self._rows = rng(seed, "scale", "rows").permutation(len(self._labels))[: -(-len(self._labels) // KEPT)]
        others = self._labels.copy()
        others[self._rows] = np.nan
        self._classifier = fit_classifier(self.names, shards, others, seed, images or SEEN, "scale")

    def __call__(self, model, z, directions):
        """Directions of a model, each times the least of LENGTHS at which the judge sees it in SHARE of the pictures.

        Args:
            model: `models.load.LoadedModel`.
            z: float32 (n, d), the latents of the training images.
            directions: `directions.table.Directions` of them. That of an attribute which the model is conditioned on,
                or which fewer than FEWEST of the pictures lack, stays as it is.

        Returns:
            (`Directions` with `scale`, list of str): a line for each direction that could not be scaled, or does not
            get there, and has the length at which it is seen most.
        """
        given, scale, notes = read_labels(self._shards, "train", model.condition_on), np.ones(len(directions.names)), []
        for i, (name, vector) in enumerate(zip(directions.names, directions.vectors, strict=True)):
            own = self.names.index(name)
            rows = self._rows[self._labels[self._rows, own] == 0][:EDITED]
            what = f"{name} by {directions.methods[i]}"
            if name in model.condition_on:
                continue
            if len(rows) < FEWEST:
                notes.append(f"{what}: keeps its length; {len(rows)} pictures to scale it by, {FEWEST} needed")
                continue
            scale[i], most = shortest(partial(self._share, own, model, z[rows], given[rows], vector))
            if most < SHARE:
                notes.append(
                    f"{what}: from {LENGTHS[0]:g} to {LENGTHS[-1]:g} times its length it shows in {most:.0%} of "
                    f"pictures at most, not in {SHARE:.0%}; it gets {scale[i]:g} times"
                )
        return replace(directions, vectors=(directions.vectors * scale[:, None]).astype(np.float32), scale=scale), notes

    def _share(self, own, model, z, labels, vector, length):
        """Of the decoded latents, so far along the vector: in which the judge sees the attribute number `own`."""
        images = to_uint8(model.decode(z + np.float32(length) * vector, labels))
        return float((self._classifier.probabilities(images)[:, own] > 0.5).mean())


def shortest(share):
    """The least length within LENGTHS, to 4 %, at which SHARE is reached; where none is, that of the greatest share.

    Args:
        share: function length -> float in [0, 1].

    Returns:
        (float, float): the length and its share.
    """
    found = {}
    # far from the faces there are it may be seen less again, so not by halving from the ends
    for length in LENGTHS:
        found[length] = share(length)
        if found[length] >= SHARE:
            break
    else:
        return max(found.items(), key=lambda item: item[1])
    low, high = max((each for each in LENGTHS if each < length), default=length), length
    for _ in range(HALVINGS if low < high else 0):
        middle = (low * high) ** 0.5
        found[middle] = share(middle)
        low, high = (low, middle) if found[middle] >= SHARE else (middle, high)
    return high, found[high]
