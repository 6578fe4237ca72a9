"""The section preprocess: from archive to shards."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from facepipe.core.section import MAX_SIDE, Box, Count, Fraction, Number, Positive, Section


class Preprocess(Section):
    """From archive to shards. `crop` holds (left, top, right, bottom) as fractions of the source size.

    `scheduler` and `workers` say who does the work, not what comes out.
    """

    image_size: tuple[Count, Count] = (64, 64)
    channels: Literal[1, 3] = 3
    crop: Literal["default", "center", "none", "align"] | Box = "default"
    faces: Literal["largest", "all", "reject"] = "largest"
    split: Literal["auto", "hash", "official"] = "auto"
    valid_fraction: Fraction = 0.1
    test_fraction: Fraction = 0.1
    limit: Count | None = None
    max_rejected: Annotated[Number, Field(ge=0, le=1)] = 0.1
    max_pixels: Count = 50_000_000
    max_file_mb: Positive = 64.0
    shard_mb: Positive = 64.0
    workers: Count | Literal["auto"] = "auto"
    scheduler: str = "processes"

    @field_validator("scheduler")
    @classmethod
    def _scheduler_or_address(cls, value):
        if not re.fullmatch(r"processes|dask|(tcp|tls)://.+:\d+", value):
            raise ValueError("should be processes, dask, or the address tcp://host:port of a Dask scheduler")
        return value

    @model_validator(mode="after")
    def _boxes_and_fractions(self):
        if min(self.image_size) < 8:
            raise ValueError(f"image_size (height, width) must be at least 8 each, got {list(self.image_size)}")
        if max(self.image_size) > MAX_SIDE:
            raise ValueError(f"image_size (height, width) must be at most {MAX_SIDE} each, got {list(self.image_size)}")
        if isinstance(self.crop, tuple):
            left, top, right, bottom = self.crop
            if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
                raise ValueError(
                    "crop must be [left, top, right, bottom] with 0 <= left < right <= 1 and "
                    f"0 <= top < bottom <= 1, got {list(self.crop)}"
                )
        if self.valid_fraction + self.test_fraction >= 1:
            raise ValueError("valid_fraction + test_fraction must be below 1, or nothing is left to train on")
        return self
