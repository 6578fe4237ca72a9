"""The section evaluate."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from facepipe.core.section import Count, Natural, Positive, Section, no_repeats
from facepipe.errors import FieldError
from facepipe.networks.health import ACTIVE_VARIANCE


class Evaluate(Section):
    """Held-out reconstruction, samples, latent health.

    `samplers`: what the latents of random faces are drawn from beside the models' own samplers and the fitted density.
    `edit_images`: how many images a judge of attributes is trained on, by which edits are judged; 0: they are not.
    `interpolations`: how many paths from one latent to another are judged by their smoothness; 0: none.
    """

    extractor: Literal["mtcnn", "dlib", "inception", "random_conv"] = "mtcnn"
    samples: Annotated[Count, Field(ge=20)] = 1000
    samplers: Annotated[tuple[Literal["uniform", "prior", "gaussian"], ...], AfterValidator(no_repeats)] = (
        "uniform",
        "prior",
        "gaussian",
    )
    edit_images: Natural = 0
    interpolations: Natural = 20
    kid_subsets: Count = 50
    kid_subset_size: Annotated[Count, Field(ge=2)] = 200
    neighbours: Count = 5
    active_variance: Positive = ACTIVE_VARIANCE
    seed: Natural = 0


def check_counts(params, held_out, train):
    """FieldError where so few images give no meaningful neighbourhoods or subsets."""
    for count, what in ((held_out, "held-out (test and valid) images"), (train, "training images")):
        if count <= params.neighbours or count < 2:
            raise FieldError(
                "neighbours",
                f"{params.neighbours} needs more than {params.neighbours} {what}, there are {count}; use more data or "
                "fewer neighbours",
            )
