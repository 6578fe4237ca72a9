"""The sections of what follows training: latents, attribute vectors, metrics, report."""

import typing
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from facepipe.sections.base import Count, Natural, Number, Positive, Section, no_bool

Method = Literal["orthogonalised", "logistic", "mean_difference"]


def no_repeats(values):
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"names {value} twice")
    return values


class ExportLatents(Section):
    """Latents as tables, and a density fitted to the training latents (used for random faces)."""

    format: Literal["csv", "parquet"] = "csv"
    density: Literal["gaussian", "mixture"] = "mixture"
    components: Count = 10
    gan_samples: Annotated[Count, Field(ge=2)] = 1000
    seed: Natural = 0


class AttributeVectors(Section):
    """Directions: an attribute needs `min_examples` positives and as many negatives among the training images."""

    methods: Annotated[tuple[Method, ...], Field(min_length=1), AfterValidator(no_repeats)] = typing.get_args(Method)
    min_examples: Annotated[Count, Field(ge=2)] = 50
    attributes: tuple[str, ...] | None = None


class Evaluate(Section):
    """Held-out reconstruction, samples, latent health."""

    extractor: Literal["mtcnn", "random_conv"] = "mtcnn"
    samples: Annotated[Count, Field(ge=20)] = 1000
    kid_subsets: Count = 50
    kid_subset_size: Annotated[Count, Field(ge=2)] = 200
    neighbours: Count = 5
    active_variance: Positive = 0.01
    seed: Natural = 0


class RenderReports(Section):
    """The final grids and the page."""

    columns: Annotated[int, BeforeValidator(no_bool), Field(ge=2, le=64)] = 10
    rows: Annotated[int, BeforeValidator(no_bool), Field(ge=1, le=64)] = 6
    interpolation_steps: Annotated[int, BeforeValidator(no_bool), Field(ge=3, le=64)] = 10
    strengths: Annotated[tuple[Number, ...], Field(min_length=1, max_length=32)] = (-1.0, 0.0, 0.5, 1.0, 1.5)
    attributes: tuple[str, ...] | None = None
    seed: Natural = 0
