"""What several commands share: the arguments that name a model, and finding it."""

import argparse
import os
from pathlib import Path

from facepipe.errors import InputError, suggest
from facepipe.quiet import import_tensorflow


def add_model(parser, note=""):
    """Add --model and --models to an `argparse` parser."""
    parser.add_argument("--model", required=True, help=f"ae, vae or gan, or the path of a model's folder{note}")
    parser.add_argument("--models", default="data/models", metavar="DIR", help="folder of the models (%(default)s)")


def find_model(name, models):
    """The folder of a model given by name (in the folder `models`) or by path; InputError where there is none."""
    for folder in (Path(models) / name, Path(name)):
        if (folder / "model.json").is_file():
            return folder
    found = sorted(path.parent.name for path in Path(models).glob("*/model.json"))
    there = f"{models} has {', '.join(found)}" if found else f"{models} has none; train them with `dvc repro`"
    raise InputError(f"--model: no model {name!r}{suggest(name, found)}; {there}")


def latents_of(folder, given=None):
    """The exported latents of the model in `folder`: `given`, or latents/ beside the folder that the model is in."""
    folder = Path(folder).absolute()
    return Path(os.path.relpath(folder.parent.parent / "latents" / folder.name)) if given is None else Path(given)


def load(folder):
    """The model in a folder, see `facepipe.models.load.load_model`; TensorFlow is imported here, not before."""
    import_tensorflow()
    from facepipe.models.load import load_model

    return load_model(folder)


def positive(text):
    """A whole number above 0, as an argument's `type`."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return number
