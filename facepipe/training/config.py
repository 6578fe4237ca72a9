"""What trainings have in params.yaml: the section train, budgets, augmentation, names of attributes."""

import math
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from facepipe.core.section import (
    MAX_PATCH,
    MAX_WIDTH,
    MAX_WIDTHS,
    Count,
    Fraction,
    Natural,
    Number,
    Positive,
    Section,
    no_bool,
)
from facepipe.errors import FieldError


def _checked_names(names):
    if len(set(names)) < len(names):
        raise ValueError(f"should name each attribute once, found {', '.join(names)}")
    return names


AttributeNames = Annotated[tuple[str, ...], AfterValidator(_checked_names)]


class Train(Section):
    """What the three training stages share. How often a state is saved does not change a byte of the result."""

    seed: Natural = 0
    precision: Literal["auto", "float32", "mixed_bfloat16"] = "auto"
    threads: Annotated[Count, Field(le=4096)] | Literal["auto"] = "auto"
    strategy: Literal["auto", "single", "mirrored", "multiworker"] = "auto"
    save_every_minutes: Positive | None = 5.0
    save_every_images: Count | None = None


class Budget(Section):
    """How long a stage trains: in epochs or images, so that a rerun gives the same bytes, or to explore in minutes."""

    batch_size: Annotated[int, BeforeValidator(no_bool), Field(ge=2)] = 32
    epochs: Count | None = None
    images: Count | None = None
    minutes: Positive | None = None
    images_per_epoch: Count | None = None
    grid_every: Count = 1

    @model_validator(mode="after")
    def _one_budget(self):
        if [self.epochs, self.images, self.minutes].count(None) != 2:
            raise ValueError("set exactly one of epochs, images and minutes, the others to null")
        return self


# channels of a network's maps, or as many as suit the image
Widths = (
    Annotated[tuple[Annotated[Count, Field(le=MAX_WIDTH)], ...], Field(min_length=1, max_length=MAX_WIDTHS)]
    | Literal["auto"]
)
# see networks.maps
PatchSize = Annotated[Count, Field(le=MAX_PATCH)] | Literal["auto"]


class Augment(Section):
    """How much training images are changed at most, each by amounts drawn anew at each step; 0: not at all.

    `brightness`: added, of [0, 1]. `contrast`, `saturation`: factors from 1 - x to 1 + x. `shift`: of each side.
    `zoom`: from 1 / (1 + x) to 1 + x times as large. `rotate`: degrees to either side.
    """

    brightness: Fraction = 0.0
    contrast: Fraction = 0.0
    saturation: Annotated[Number, Field(ge=0, le=1)] = 0.0
    shift: Annotated[Number, Field(ge=0, le=0.5)] = 0.0
    zoom: Annotated[Number, Field(ge=0, le=1)] = 0.0
    rotate: Annotated[Number, Field(ge=0, le=180)] = 0.0

    @property
    def on(self):
        """Whether anything is changed."""
        return any(getattr(self, name) for name in type(self).model_fields)


def steps_of(budget, train_images):
    """How the budget divides into epochs and steps.

    Args:
        budget: a `Budget`.
        train_images: int, size of the training split.

    Returns:
        (epochs, steps_per_epoch): ints; every epoch sees `images_per_epoch` images (default: all), in whole
        batches; a budget in images is rounded up to whole epochs; epochs is None under a budget in minutes.

    Raises:
        InputError: a batch is larger than the training split.
    """
    if budget.batch_size > train_images:
        raise FieldError(
            "batch_size",
            f"{budget.batch_size} is more than the {train_images} training images; use a smaller batch or more data",
        )
    per_epoch = min(budget.images_per_epoch or train_images, train_images)
    steps = max(1, per_epoch // budget.batch_size)
    if budget.minutes:
        return None, steps
    return budget.epochs or math.ceil(budget.images / (steps * budget.batch_size)), steps
