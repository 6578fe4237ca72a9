"""The best of a GAN's snapshots: KID of its samples against the validation images, after every grid."""

import numpy as np

from facepipe.core.determinism import rng
from facepipe.core.pictures import to_uint8
from facepipe.errors import FieldError
from facepipe.features.extractors import features
from facepipe.features.kid import kid

BATCH = 250
# of KID; fewer validation images than this say nothing
SUBSETS, SUBSET_SIZE, FEWEST = 20, 200, 20


class Snapshots:
    """Judges snapshots, and keeps the weights of the best.

    Args:
        params: `models.gan.config.TrainGAN`.
        shards: `Shards`.
        conditions: `shards.labels.Conditions`.
        prior: `Sampler` that the latents are drawn from, truncated as the model will draw them.

    Raises:
        InputError: too few validation images.
    """

    def __init__(self, params, shards, conditions, prior):
        self._params, self._shards, self._prior = params, shards, prior
        self._eyes = (shards.framing or {}).get("eyes")
        self.count = images_to_judge_by(params, shards.count("valid"))
        self._codes, self._reference = conditions.random(self.count, seed=1), None
        self.kid, self.epoch, self.weights = float("inf"), 0, None

    @property
    def metric(self):
        """What the KID is called, with extractor and count."""
        return f"valid_kid_x1000_{self._params.keep_extractor}_n{self.count}"

    def judge(self, epoch, model, weights):
        """KID x 1000 of the model's samples, float; where it is the lowest so far, `weights()` are kept."""
        if self._reference is None:
            rows = np.linspace(0, self._shards.count("valid") - 1, self.count).astype(np.int64)
            self._reference = self._features(self._shards.gather("valid", rows))
        z = self._prior.truncated(self._params.truncation).draw(rng(0, "gan", "snapshots"), self.count)
        parts = [slice(start, start + BATCH) for start in range(0, self.count, BATCH)]
        images = np.concatenate([to_uint8(model.decode(z[part], self._codes[part]).numpy()) for part in parts])
        found, _ = kid(self._reference, self._features(images), SUBSETS, min(SUBSET_SIZE, self.count), seed=0)
        if found < self.kid:
            self.kid, self.epoch, self.weights = found, epoch, weights()
        return found * 1000

    def _features(self, images):
        return features(self._params.keep_extractor, images, self._eyes)

    def state(self):
        """For `restore`, in another process."""
        return {"kid": self.kid, "epoch": self.epoch, "weights": self.weights}

    def restore(self, state):
        """Go on from what `state()` gave."""
        self.kid, self.epoch, self.weights = state["kid"], state["epoch"], state["weights"]


def images_to_judge_by(params, valid):
    """How many of `valid` validation images snapshots are judged by, int; FieldError: too few."""
    count = min(params.keep_samples, valid)
    if count < FEWEST:
        raise FieldError(
            "keep",
            f"best needs {FEWEST} validation images to judge by, there are {count}; use keep: last, or a larger "
            "preprocess.valid_fraction",
        )
    return count
