"""What several commands share: the arguments that name a model, its latents, directions and framing."""

import argparse
import os
from pathlib import Path

from facepipe.models.steps import REFINING

TABLES = (".csv", ".tsv", ".parquet")
SAID = 5  # files that are named, of those that were replaced


def add_model(parser, note=""):
    """Add --model and --models to an `argparse` parser."""
    parser.add_argument(
        "--model", required=True, help=f"ae, vae or gan, or the path of a model's folder or bundle{note}"
    )
    parser.add_argument(
        "--models", default="data/models", metavar="DIR", help="folder of the models (default: %(default)s)"
    )


def add_latents(parser):
    """Add --latents and --table, where faces are looked up by id."""
    add_exported(parser)
    parser.add_argument("--table", metavar="FILE", help="a table of latents whose ids can be named as well")


def add_exported(parser):
    """Add --latents, see `api.model_folder`."""
    parser.add_argument(
        "--latents", metavar="DIR", help="the model's exported latents (default: latents/ beside the models)"
    )


def add_directions(parser):
    """Add --directions and --method, see `directions_of`."""
    parser.add_argument(
        "--directions",
        metavar="FILE",
        help="CSV of directions (default: the model's, in directions/ beside the models)",
    )
    parser.add_argument("--method", help="of the direction, where the file has several (default: the first)")


def add_changes(parser, flag, help):
    """Add a repeatable NAME=STRENGTH option; its values are parsed by `facepipe.api.edit.parse_change`."""
    parser.add_argument(flag, action="append", default=[], metavar="NAME=STRENGTH", help=help)


def open_model(arguments):
    """The `ModelFolder` that --model, --models and, where there is one, --latents name."""
    from facepipe.api.model_folder import ModelFolder

    return ModelFolder.find(arguments.model, arguments.models, getattr(arguments, "latents", None))


def directions_of(arguments, model):
    """The `Directions` that --directions names, or the model's own; None: there are none."""
    return model.read_directions(arguments.directions) if arguments.directions else model.directions


def add_crop(parser):
    """Add --crop, how photographs are framed, to an `argparse` parser."""
    parser.add_argument(
        "--crop",
        type=_crop,
        metavar="CROP",
        help="align (by the eyes), training (as the training images), center, none, or LEFT,TOP,RIGHT,BOTTOM as "
        "fractions of the photo (default: align if the place of the training faces' eyes is known, else training)",
    )


def add_optimize(parser):
    """Add --optimize, how many steps a photograph's latents are refined by, see `LoadedModel.encode_photos`."""
    parser.add_argument(
        "--optimize", type=natural, metavar="STEPS",
        help="steps of gradient descent on the latents after the encoder, to come closer to the photo; 0: none "
        f"(default: {REFINING} for a GAN, none for the others)",
    )  # fmt: skip


def present(*paths):
    """Those of the files (None: none is wanted) that a command is about to write that are there, for `say_replaced`."""
    return [path for path in paths if path and os.path.lexists(path)]


def say_pictures(folder, written, noun="face"):
    """Print what there is now in a folder of pictures: a line, and another one on what was there before.

    Args:
        folder: the folder.
        written: `facepipe.report.decoded.Written`.
        noun: str, what a single picture shows.
    """
    count = len(written.names)
    parts = [f"{count} {noun if count == 1 else noun + 's'}", *written.sheets]
    print(f"{', '.join(parts[:-1])} and {parts[-1]} in {folder}" if written.sheets else f"{parts[0]} in {folder}")
    say_replaced([str(Path(folder) / name) for name in written.replaced])


def say_replaced(paths):
    """Print which files were there before and are now others; nothing where there were none."""
    if paths:
        more = f" and {len(paths) - SAID} more" if len(paths) > SAID else ""
        print(f"replaced {', '.join(map(str, paths[:SAID]))}{more}")


def _crop(text):
    """A crop's name as it is, to be checked with the photos; four numbers as a box."""
    if "," not in text:
        return text
    try:
        left, top, right, bottom = (float(part) for part in text.split(","))
    except ValueError:
        left, top, right, bottom = 0.0, 0.0, 0.0, 0.0
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise argparse.ArgumentTypeError(f"{text!r}: a box is LEFT,TOP,RIGHT,BOTTOM from 0 to 1, such as 0.1,0,0.9,0.8")
    return left, top, right, bottom


def positive(text):
    """A whole number above 0, as an argument's `type`."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return number


def natural(text):
    """A whole number from 0, as an argument's `type`."""
    try:
        return 0 if text.strip() == "0" else positive(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0") from None


def from_two(text):
    """A whole number above 1, as an argument's `type`."""
    if positive(text) < 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 1")
    return int(text)
