"""The section attribute_vectors."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from facepipe.core.section import Count, Section, no_repeats

Method = Literal["orthogonalised", "logistic", "mean_difference", "adjusted"]


class AttributeVectors(Section):
    """Directions: an attribute needs `min_examples` positives and as many negatives among the training images.

    `scale`: what strength 1 is, the way between the mean latents without and with it, or until it shows in pictures.
    """

    methods: Annotated[tuple[Method, ...], Field(min_length=1), AfterValidator(no_repeats)] = (
        "orthogonalised", "logistic", "mean_difference",
    )  # fmt: skip
    min_examples: Annotated[Count, Field(ge=2)] = 50
    attributes: tuple[str, ...] | None = None
    scale: Literal["latent", "pixels"] = "latent"
