"""Random faces against held-out photographs: everything that one extractor's features say of them."""

from typing import NamedTuple

import numpy as np

from facepipe.features.detector import finds_face
from facepipe.features.extractors import called, features, onet
from facepipe.features.kid import kid
from facepipe.metrics.frechet import frechet
from facepipe.metrics.interpolation import STEPS, evenness, straightness
from facepipe.metrics.memorisation import memorisation
from facepipe.metrics.prdc import prdc
from facepipe.metrics.sharpness import gradient_energy
from facepipe.models.gan.collapse import diversity

# two pictures of one person are usually nearer than this, see `identity.descriptors`
SAME_PERSON = 0.6
# pairs of an image and its reconstruction that are compared so, at most: 0.1 s each
IDENTITY_IMAGES = 500
# that are compared with each other for their diversity, at most
DIVERSITY_IMAGES = 256


class SampleScores(NamedTuple):
    """One row of samples.csv; `n` generated (or real) images against as many held-out real ones."""

    model: str
    sampler: str
    extractor: str
    n: int
    kid_mean: float
    kid_sd: float
    frechet: float
    precision: float
    recall: float
    density: float
    coverage: float
    sharpness: float  # gradient energy over that of the real ones
    diversity: float  # see `models.gan.collapse`, over that of the real ones
    memorised: float  # see `memorisation`
    face_score: float | None  # mtcnn only
    face_rate: float | None  # dlib only: share in which its detector finds a face


class Judge:
    """Compares sets of images with one set of held-out real ones.

    Args:
        params: `facepipe.metrics.config.Evaluate`.
        reference: uint8 (n, h, w, c), the held-out images.
        train: uint8 (n, h, w, c), training images.
        subset: int, size of KID's subsets.
        eyes: see `identity.chips`.

    Attributes:
        real: `SampleScores` of the training images: the best that a model can do.
        identity_images: int, how many images `identity` wants.
    """

    def __init__(self, params, reference, train, subset, eyes):
        self._params, self._subset, self._eyes = params, subset, eyes
        self._by_dlib, self._called = params.extractor == "dlib", called(params.extractor)
        self.identity_images = IDENTITY_IMAGES if self._by_dlib else 0
        self._reference, _ = self._features(reference)
        self._sharpness, self._diversity = gradient_energy(reference).mean(), _diversity(reference)
        self._train, score = self._features(train)
        self.real = self._scores("real", "train", train, self._train, score)

    def __call__(self, model, sampler, images):
        """`SampleScores` of uint8 images (n, h, w, c)."""
        return self._scores(model, sampler, images, *self._features(images))

    def _scores(self, model, sampler, images, found, score):
        p = self._params
        mean, sd = kid(self._reference, found, p.kid_subsets, self._subset, p.seed)
        distance, overlap = frechet(self._reference, found), prdc(self._reference, found, p.neighbours)
        sharpness = gradient_energy(images).mean() / self._sharpness
        varied = _diversity(images) / self._diversity
        # as many of each; the training images themselves are at distance 0 of some
        count = min(len(self._train), len(self._reference))
        copied = memorisation(found, self._train[:count], self._reference[:count])
        rate = float(finds_face(images).mean()) if self._by_dlib else None
        return SampleScores(
            model,
            sampler,
            self._called,
            len(found),
            mean,
            sd,
            distance,
            *overlap,
            sharpness,
            varied,
            copied,
            score,
            rate,
        )

    def _features(self, images):
        """(features float (n, d), mean face score or None): of mtcnn both come from one run."""
        if self._params.extractor != "mtcnn":
            return features(self._params.extractor, images, self._eyes), None
        found = onet(images)
        return found.features, float(found.face_scores.mean())

    def smoothness(self, images):
        """Of interpolations' uint8 faces (p (STEPS + 1), h, w, c), see `interpolation.paths`: metrics by name."""
        found = self._features(images)[0]
        found = found.reshape(-1, STEPS + 1, found.shape[1])
        tag = f"{self._called}_n{len(found)}"
        scores = {"straightness": straightness(found), "evenness": evenness(found)}
        return {f"interpolation_{name}_{tag}": value for name, value in scores.items()}

    def distances(self, images, changed):
        """How far people's pictures are from what a model makes of them, in dlib's features; with others, None.

        Args:
            images, changed: uint8 (n, h, w, c).

        Returns:
            float64 (n,), or None.
        """
        if not self._by_dlib:
            return None
        pairs = (features("dlib", each, self._eyes).astype(np.float64) for each in (images, changed))
        return np.linalg.norm(np.subtract(*pairs), axis=1)

    def identity(self, images, changed):
        """Of `distances`: the mean, and the share below that at which two pictures are of one person; dict or {}."""
        if (distances := self.distances(images, changed)) is None:
            return {}
        tag = f"dlib_n{len(distances)}"
        same = float((distances < SAME_PERSON).mean())
        return {f"identity_distance_{tag}": float(distances.mean()), f"same_person_{tag}": same}


def _diversity(images):
    return diversity(images[:DIVERSITY_IMAGES].astype(np.float32) / 255)


def sample_metrics(scores, tag, kid_tag):
    """The metrics of `SampleScores` by name; tag, kid_tag: str, extractor and counts."""
    metrics = {
        f"kid_x1000_{kid_tag}": scores.kid_mean * 1000,
        f"kid_x1000_sd_{kid_tag}": scores.kid_sd * 1000,
        f"precision_{tag}": scores.precision,
        f"recall_{tag}": scores.recall,
    }
    for name in ("sharpness", "diversity", "memorised", "face_score", "face_rate"):
        if (value := getattr(scores, name)) is not None:
            metrics[f"{name}_{tag}"] = value
    return metrics
