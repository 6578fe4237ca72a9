"""The section evaluate."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from facepipe.core.section import Count, Natural, Positive, Section, no_repeats
from facepipe.networks.health import ACTIVE_VARIANCE


class Evaluate(Section):
    """Held-out reconstruction, samples, latent health.

    `samplers`: what the latents of random faces are drawn from beside the models' own samplers and the fitted density.
    """

    extractor: Literal["mtcnn", "dlib", "random_conv"] = "mtcnn"
    samples: Annotated[Count, Field(ge=20)] = 1000
    samplers: Annotated[tuple[Literal["uniform", "prior", "gaussian"], ...], AfterValidator(no_repeats)] = ()
    kid_subsets: Count = 50
    kid_subset_size: Annotated[Count, Field(ge=2)] = 200
    neighbours: Count = 5
    active_variance: Positive = ACTIVE_VARIANCE
    seed: Natural = 0
