"""What several commands share: the arguments that name a model, and finding it."""

import argparse
import tempfile
from pathlib import Path

from facepipe.errors import InputError, suggest
from facepipe.quiet import import_tensorflow

_unpacked = []  # temporary folders, which are removed when the process ends


def add_model(parser, note=""):
    """Add --model and --models to an `argparse` parser."""
    parser.add_argument(
        "--model", required=True, help=f"ae, vae or gan, or the path of a model's folder or bundle{note}"
    )
    parser.add_argument("--models", default="data/models", metavar="DIR", help="folder of the models (%(default)s)")


def find_model(name, models):
    """The folder of a model given by name (in the folder `models`) or by path; InputError where there is none.

    A bundle is unpacked, for as long as this process lives.
    """
    for folder in (Path(models) / name, Path(name)):
        if (folder / "model.json").is_file():
            return folder
    if Path(name).is_file():
        from facepipe.latents.bundle import unpack_bundle

        _unpacked.append(tempfile.TemporaryDirectory(prefix="facepipe."))
        return unpack_bundle(name, _unpacked[-1].name)
    found = sorted(path.parent.name for path in Path(models).glob("*/model.json"))
    there = f"{models} has {', '.join(found)}" if found else f"{models} has none; train them with `dvc repro`"
    raise InputError(f"--model: no model {name!r}{suggest(name, found)}; {there}")


def load(folder):
    """The model in a folder, see `facepipe.models.load.load_model`; TensorFlow is imported here, not before."""
    import_tensorflow()
    from facepipe.models.load import load_model

    return load_model(folder)


def add_crop(parser):
    """Add --crop, how photographs are framed, to an `argparse` parser."""
    parser.add_argument(
        "--crop",
        type=_crop,
        metavar="CROP",
        help="align (by the eyes), training (as the training images), center, none, or LEFT,TOP,RIGHT,BOTTOM as "
        "fractions of the photo (align where it is known where the training faces' eyes are, else training)",
    )


def photos_for(folder, paths, crop=None):
    """Photographs for the model in a folder: (ids, uint8 images), see `facepipe.data.photos.read_photos`."""
    from facepipe.data.photos import read_photos
    from facepipe.models.store import read_info

    return read_photos(paths, read_info(folder).get("framing"), crop)


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
