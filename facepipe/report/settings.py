"""What of params.yaml differs from a recipe: the few values that tell a run from others."""

from pathlib import PurePath
from typing import NamedTuple

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


def changed_settings(params, recipe, name):
    """The settings that differ, in the order of params.yaml; none of trainings that `params.models` does without.

    Args:
        params, recipe: `facepipe.config.Params`.
        name: str, the recipe's.

    Returns:
        `Changed`.
    """
    trainings = [each for each in type(params).model_fields if each.startswith("train_")]
    absent = tuple(f"{each}." for each in trainings if each.removeprefix("train_") not in params.trained)
    found = [each for each in _changed(params, recipe, "") if not (absent and each.key.startswith(absent))]
    return Changed(name, found)


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
