"""What of params.yaml is not at its default: the few values that tell a run from others."""

from pathlib import PurePath
from typing import NamedTuple

from pydantic import BaseModel


class Setting(NamedTuple):
    """A key of params.yaml, as `train_ae.epochs`, its value and its default as YAML writes them."""

    key: str
    value: str
    default: str


def changed_settings(params):
    """The `Setting`s that differ, in the order of params.yaml; none of trainings that `params.models` does without.

    Args:
        params: `facepipe.config.Params`.

    Returns:
        list of `Setting`.
    """
    absent = [name for name in type(params).model_fields if name.startswith("train_")]
    absent = [f"{name}." for name in absent if name.removeprefix("train_") not in params.trained]
    return [each for each in _changed(params, "") if not each.key.startswith(tuple(absent) or ("\0",))]


def _changed(section, place):
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _changed(value, f"{place}{name}.")
            continue
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        if value != default:
            yield Setting(place + name, _shown(value), _shown(default))


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
