"""What all sections share: no unknown keys, numbers that are numbers."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def no_bool(value):
    """A validator: pydantic would read `true` as 1."""
    if isinstance(value, bool):
        raise ValueError("should be a number, not true or false")
    return value


def no_repeats(values):
    """A validator: each value once."""
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"names {value} twice")
    return values


# what models may have: `train_*` keeps to it, and so does what reads a model from elsewhere
MAX_LATENT = 2**14  # latent_dim; its principal components are 1 GiB then
MAX_SIDE, MAX_WIDTH, MAX_WIDTHS, MAX_PATCH = 1024, 8192, 16, 16

Count = Annotated[int, BeforeValidator(no_bool), Field(ge=1)]
Latent = Annotated[Count, Field(le=MAX_LATENT)]
Natural = Annotated[int, BeforeValidator(no_bool), Field(ge=0)]
# YAML 1.1 reads 1e-4 as text; pydantic makes the float that DVC sees
Number = Annotated[float, BeforeValidator(no_bool), Field(allow_inf_nan=False)]
Positive = Annotated[Number, Field(gt=0)]
NonNegative = Annotated[Number, Field(ge=0)]
Fraction = Annotated[Number, Field(ge=0, lt=1)]
Box = tuple[Number, Number, Number, Number]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
