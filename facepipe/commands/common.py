"""What several commands share: the arguments that name a model, its latents and directions, and finding them."""

import argparse
import os
import tempfile
from pathlib import Path

from facepipe.errors import InputError, suggest
from facepipe.quiet import import_tensorflow

TABLES = (".csv", ".tsv", ".parquet")
_unpacked = []  # temporary folders, which are removed when the process ends


def add_model(parser, note=""):
    """Add --model and --models to an `argparse` parser."""
    parser.add_argument(
        "--model", required=True, help=f"ae, vae or gan, or the path of a model's folder or bundle{note}"
    )
    parser.add_argument("--models", default="data/models", metavar="DIR", help="folder of the models (%(default)s)")


def add_latents(parser):
    """Add --latents and --table, where faces are looked up by id."""
    add_exported(parser)
    parser.add_argument("--table", metavar="FILE", help="a table of latents whose ids can be named, too")


def add_exported(parser):
    """Add --latents, see `latents_of`."""
    parser.add_argument("--latents", metavar="DIR", help="the model's exported latents (latents/, beside the models)")


def add_directions(parser):
    """Add --directions and --method, see `load_directions`."""
    parser.add_argument(
        "--directions", metavar="FILE", help="CSV of directions (the model's in directions/, beside the models)"
    )
    parser.add_argument("--method", help="of the direction, where a file has several (the first in it)")


def add_changes(parser, flag, help):
    """Add a repeatable NAME=STRENGTH option; its values are parsed by `facepipe.api.edit.parse_change`."""
    parser.add_argument(flag, action="append", default=[], metavar="NAME=STRENGTH", help=help)


def find_model(name, models):
    """The folder of a model given by name (in the folder `models`) or by path; InputError where there is none.

    A bundle is unpacked, for as long as this process lives.
    """
    for folder in (Path(models) / name, Path(name)):
        if (folder / "model.json").is_file():
            return folder
    if Path(name).is_file():
        from facepipe.api.bundle import unpack_bundle

        _unpacked.append(tempfile.TemporaryDirectory(prefix="facepipe."))
        return unpack_bundle(name, _unpacked[-1].name)
    found = sorted(path.parent.name for path in Path(models).glob("*/model.json"))
    there = f"{models} has {', '.join(found)}" if found else f"{models} has none; train them with `dvc repro`"
    raise InputError(f"--model: no model {name!r}{suggest(name, found)}; {there}")


def model_facts(folder):
    """(name, latent_dim) of the model in a folder, from its model.json alone."""
    from facepipe.networks.store import read_info

    info = read_info(folder)
    try:
        return info["model"], int(info["spec"]["latent_dim"])
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{folder / 'model.json'}: not a facepipe model") from None


def conditions_of(folder):
    """The attributes whose labels the model in a folder decodes with, a tuple of str; () mostly."""
    from facepipe.networks.store import read_info

    return tuple(read_info(folder)["spec"].get("condition_on", ()))


def latents_of(folder, given=None):
    """The exported latents of the model in `folder`: `given`, or latents/ beside the folder that the model is in."""
    folder = Path(folder).absolute()
    return Path(os.path.relpath(folder.parent.parent / "latents" / folder.name)) if given is None else Path(given)


def load(folder):
    """The model in a folder, see `facepipe.models.load.load_model`; TensorFlow is imported here, not before."""
    import_tensorflow()
    from facepipe.models.load import load_model

    return load_model(folder)


def find_latents(arguments, folder, ids):
    """The faces of these ids, with their labels, from --table and --latents: see `facepipe.api.lookup`."""
    from facepipe.api.lookup import find_faces

    name, latent_dim = model_facts(folder)
    latents, labels = latents_of(folder, arguments.latents), conditions_of(folder)
    return find_faces(ids, latents, arguments.table, latent_dim, name, labels)


def load_directions(folder, given):
    """The `Directions` of the model in `folder` from the CSV `given`, or directions/ beside the models; None: none."""
    from facepipe.directions.table import read_directions

    beside = latents_of(folder).parent.parent / "directions" / f"{Path(folder).name}.csv"
    if given is None and not beside.exists():
        return None
    name, latent_dim = model_facts(folder)
    return read_directions(given or beside, latent_dim, name)


def load_components(folder, given):
    """The `PCA` of the latents of the model in `folder`, see `latents_of`; InputError: missing, or another model's."""
    from facepipe.latents.folder import pca_path
    from facepipe.latents.pca import load_pca

    path = pca_path(latents_of(folder, given))
    components = load_pca(path)
    name, latent_dim = model_facts(folder)
    if len(components.mean) != latent_dim:
        raise InputError(f"{path}: has {len(components.mean)} dimensions, model {name} has {latent_dim}")
    return components


def decoded(folder, table, path="latents"):
    """uint8 (n, H, W, C): the faces of a table of `Latents`, see `facepipe.report.decoded.decode_faces`."""
    import numpy as np

    from facepipe.report.decoded import decode_faces

    return np.stack(list(decode_faces(load(folder), table, path)))


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
    """Photographs for the model in a folder: (ids, uint8 images), see `facepipe.api.photos.read_photos`."""
    from facepipe.api.photos import read_photos
    from facepipe.networks.store import read_info

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


def from_two(text):
    """A whole number above 1, as an argument's `type`."""
    if positive(text) < 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 1")
    return int(text)
