"""The section evaluate."""

from typing import Annotated, Literal

from pydantic import Field

from facepipe.core.section import Count, Natural, Positive, Section
from facepipe.networks.health import ACTIVE_VARIANCE


class Evaluate(Section):
    """Held-out reconstruction, samples, latent health."""

    extractor: Literal["mtcnn", "dlib", "random_conv"] = "mtcnn"
    samples: Annotated[Count, Field(ge=20)] = 1000
    kid_subsets: Count = 50
    kid_subset_size: Annotated[Count, Field(ge=2)] = 200
    neighbours: Count = 5
    active_variance: Positive = ACTIVE_VARIANCE
    seed: Natural = 0
