"""The section dataset: which faces, and where they come from."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from facepipe.core.section import Count, Natural, Section, no_bool


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
