"""The sections of the room data: which faces, and from archive to shards."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from facepipe.sections.base import Box, Count, Fraction, Natural, Number, Positive, Section, no_bool


class Synthetic(Section):
    """The embedded data set: how many faces are drawn, how large, from which seed."""

    count: Count = 6000
    size: Annotated[int, BeforeValidator(no_bool), Field(ge=16, le=512)] = 64
    seed: Natural = 0


def _checked_pins(value):
    # one message for a union of words and a mapping, whose own two would speak of neither
    if isinstance(value, dict):
        for name, pin in value.items():
            kind, _, digits = str(pin).partition(":")
            length = {"sha256": 64, "md5": 32}.get(kind)
            if not length or not re.fullmatch(f"[0-9a-fA-F]{{{length}}}", digits):
                raise ValueError(f"{name}: should be sha256: and 64 or md5: and 32 hexadecimal digits, found {pin}")
        return {str(name): pin.lower() for name, pin in value.items()}
    if value not in ("official", "none"):
        raise ValueError('should be official, none, or {file name: "sha256:..." or "md5:..."}')
    return value


def _checked_mirror(value):
    if isinstance(value, str):
        value = value.rstrip("/") or value
        if not value or ("://" in value and not re.match("https?://[^/]", value)):
            raise ValueError("should be an http(s) address, or a folder of this machine")
    return value


class Dataset(Section):
    """Which faces, and where they come from. `archive` and `labels` name files the user already has.

    `mirror` replaces the official hosts. `checksums` maps file names to the checksums they must have.
    """

    name: Literal["synthetic", "lfw", "lfw_funneled", "celeba", "utkface", "yearbook", "olivetti", "orl", "folder"] = (
        "synthetic"
    )
    archive: str | None = None
    mirror: Annotated[str | None, BeforeValidator(_checked_mirror)] = None
    labels: str | None = None
    checksums: Annotated[Literal["official", "none"] | dict[str, str], BeforeValidator(_checked_pins)] = "official"
    synthetic: Synthetic = Synthetic()

    @model_validator(mode="after")
    def _files_where_needed(self):
        if self.name == "synthetic" and (self.archive or self.labels):
            raise ValueError("archive and labels do not apply to name: synthetic; set them to null")
        if self.name in ("synthetic", "folder") and self.mirror:
            raise ValueError(f"mirror does not apply to name: {self.name}; set it to null")
        if self.name == "synthetic" and self.checksums != "official":
            raise ValueError("checksums do not apply to name: synthetic; set them to official")
        if self.name == "folder" and not self.archive:
            raise ValueError("name: folder needs archive: the path of your folder, zip or tar of pictures")
        return self


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
