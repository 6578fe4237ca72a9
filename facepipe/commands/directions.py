"""`facepipe directions`: your own directions, from photographs or from labels."""

from pathlib import Path
from typing import Any, NamedTuple

from facepipe.commands.common import add_crop, add_exported, add_model, open_model, positive
from facepipe.errors import InputError

HELP = "make directions from two folders of photos, or from labels"
DESCRIPTION = (
    "Make a file of directions: from photographs with something and without it, or from a table of labels of the data "
    "set's own faces. The other commands take it as --directions."
)
EXAMPLE = """\
examples, after `dvc repro`:
  facepipe directions --model vae --with smile/ --without sad/ --name Smile -o my.csv
  facepipe directions --model vae --labels data/shards/attributes.csv -o labelled.csv
  facepipe edit data/latents/vae/test.csv --model vae --directions my.csv --add Smile=1 -o smiling.csv
smile/ and sad/ are folders of photographs; a table of labels has a column id, as in data/latents/vae/train.csv, and a
column of 0 and 1 for each attribute, empty where unknown.
"""
NAMED = 3  # attributes without a direction, at most, in a message
FROM_PHOTOS = "mean_difference"  # of few examples; from labels all methods


def arguments(parser):
    add_model(parser)
    parser.add_argument(
        "--with", dest="having", nargs="+", metavar="PHOTO", help="photos that show it: files and folders"
    )
    parser.add_argument("--without", dest="lacking", nargs="+", metavar="PHOTO", help="photos that do not")
    parser.add_argument("--name", help="name of the new direction")
    add_crop(parser)
    parser.add_argument(
        "--labels", metavar="FILE", help="CSV with a column id and a column of 0s and 1s for each attribute"
    )
    add_exported(parser)
    parser.add_argument(
        "--method", action="append",
        help="orthogonalised, logistic, mean_difference or adjusted; may be repeated; edits use the first (default for "
        "photos: mean_difference; for labels: all four)",
    )  # fmt: skip
    parser.add_argument(
        "--min-examples",
        type=positive,
        default=2,
        metavar="N",
        help="examples needed with it, and as many without (default: 2)",
    )
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="file for the directions, .csv")


def run(arguments):
    from facepipe.core.files import check_file
    from facepipe.directions.fitting import METHODS, choose_methods, fit_few
    from facepipe.directions.table import write_directions
    from facepipe.latents.standard import standard_of
    from facepipe.tables.columns import cannot_be_attribute

    if bool(arguments.labels) == bool(arguments.having or arguments.lacking):
        raise InputError("where from? name --with and --without for photos, or --labels for a table")
    if Path(arguments.output).suffix.lower() != ".csv":
        raise InputError(f"{arguments.output}: directions are written as .csv")
    if arguments.name and (reason := cannot_be_attribute(arguments.name)):
        raise InputError(f"--name {arguments.name}: no direction can be called so: {reason}")
    check_file(arguments.output)
    methods = choose_methods(arguments.method or (METHODS if arguments.labels else [FROM_PHOTOS]))
    model = open_model(arguments)
    standard = standard_of(model.components)
    source = _from_labels(arguments, model) if arguments.labels else _from_photos(arguments, model)
    names, ids, z, labels = source
    fitted = fit_few(names, ids, standard.standardise(z), labels, arguments.min_examples, methods, standard)
    directions, problems = fitted
    if not directions.names:
        more = f"; and {len(problems) - NAMED} more" if len(problems) > NAMED else ""
        raise InputError("; ".join(map(str, problems[:NAMED])) + more)
    for problem in problems:
        print(problem)
    write_directions(arguments.output, directions)
    for i, attribute in enumerate(directions.names):
        counts = f"{directions.n_pos[i]} with, {directions.n_neg[i]} without"
        print(f"{attribute}, {directions.methods[i]}: {counts}, cross-validated AUC {directions.auc[i]:.3f}")
    print(f"{len(directions.names)} directions in {arguments.output}")


class _Labelled(NamedTuple):
    names: list  # of the attributes, k
    ids: list  # of the faces, n
    z: Any  # float32 (n, d)
    labels: Any  # float (n, k), NaN unknown


def _from_photos(arguments, model):
    """`_Labelled` photos."""
    import numpy as np

    if not (arguments.having and arguments.lacking and arguments.name):
        raise InputError("photos need all of --with, --without and --name")
    having, lacking = (model.read_photos(paths, arguments.crop) for paths in (arguments.having, arguments.lacking))
    images = np.concatenate([having[1], lacking[1]])
    labels = np.array([1.0] * len(having[0]) + [0.0] * len(lacking[0]))[:, None]
    # photos of both folders may have one name
    ids = [f"with {name}" for name in having[0]] + [f"without {name}" for name in lacking[0]]
    return _Labelled([arguments.name], ids, model.model.encode_photos(images), labels)


def _from_labels(arguments, model):
    """`_Labelled` faces of the data set."""
    import numpy as np
    import pandas as pd

    from facepipe.datasets.own_table import read_table
    from facepipe.latents.folder import split_path
    from facepipe.latents.table import read_latents

    table = read_latents(split_path(model.latents, "train"), model.latent_dim, model.name)
    frame = read_table(arguments.labels, pd.Index(table.ids, dtype=str), table.ids).attributes
    if not len(frame.columns):
        raise InputError(f"{arguments.labels}: no column of 0 and 1; each attribute is such a column")
    labels = frame.to_numpy(float)
    known = np.flatnonzero(~np.isnan(labels).all(1))
    return _Labelled(list(frame.columns), [table.ids[i] for i in known], table.z[known], labels[known])
