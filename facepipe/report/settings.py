"""What of params.yaml differs from a recipe: the few values that tell a run from others."""

from pathlib import Path, PurePath
from typing import NamedTuple

import yaml
from pydantic import BaseModel


class Setting(NamedTuple):
    """A key of params.yaml, as `train_ae.epochs`, its value and the recipe's, as YAML writes them."""

    key: str
    value: str
    recipe: str


class Changed(NamedTuple):
    """What differs from the recipe of that name."""

    recipe: str
    settings: list[Setting]


def changed_settings(params, recipe):
    """The settings that differ, in the order of params.yaml; none of trainings that `params.models` does without.

    Args:
        params: `facepipe.config.Params`.
        recipe: Path of a recipe; what it does not say is at its default.

    Returns:
        `Changed`.
    """
    said = {name: {} for name in type(params).model_fields if name != "models"}
    there = type(params).model_validate(said | yaml.safe_load(Path(recipe).read_text(encoding="utf-8")))
    absent = [name for name in type(params).model_fields if name.startswith("train_")]
    absent = tuple(f"{name}." for name in absent if name.removeprefix("train_") not in params.trained)
    found = [each for each in _changed(params, there, "") if not (absent and each.key.startswith(absent))]
    return Changed(Path(recipe).stem, found)


def _changed(section, there, place):
    for name in type(section).model_fields:
        value, other = getattr(section, name), getattr(there, name)
        if isinstance(value, BaseModel):
            yield from _changed(value, other, f"{place}{name}.")
        elif value != other:
            yield Setting(place + name, _shown(value), _shown(other))


def _shown(value):
    """As params.yaml has it; of an absolute path the last part alone, for the page is passed on."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_shown(each)}' for key, each in value.items())}}}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f".../{PurePath(text).name}" if PurePath(text).is_absolute() else text
