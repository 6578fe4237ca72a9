"""`facepipe traverse`: what single dimensions of a latent space do."""

from facepipe.commands.common import TABLES, add_latents, add_model, from_two, open_model, positive

HELP = "what single dimensions of the latent do to a face"
DESCRIPTION = (
    "Move a face (or the mean face) along the most influential dimensions, or principal components, one row each; "
    "or along those that you name."
)
EXAMPLE = """\
examples, after `dvc repro`:
  facepipe traverse --model vae -o dimensions.png
  facepipe traverse 000001 --model ae --pca --count 6 --reach 2 -o components.png
  facepipe traverse 000001 --model ae --along PC0 --along z003 -o two.gif
"""


def arguments(parser):
    parser.add_argument(
        "id", nargs="?", metavar="ID", help="face to start from (default: the mean of the training latents)"
    )
    add_model(parser)
    add_latents(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--pca", action="store_true", help="move along principal components instead of dimensions")
    which.add_argument(
        "--along", action="append", default=[], metavar="NAME",
        help="move along this dimension, such as z003, or principal component, such as PC1; may be repeated",
    )  # fmt: skip
    parser.add_argument("--count", type=positive, default=8, metavar="N", help="number of dimensions (default: 8)")
    parser.add_argument("--steps", type=from_two, default=7, metavar="N", help="faces per row (default: 7)")
    parser.add_argument(
        "--reach", type=float, default=3.0, metavar="SD", help="standard deviations to each side (default: 3)"
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE",
        help="strips .png, animation .gif or .webp, or table .csv, .tsv, .parquet",
    )  # fmt: skip


def run(arguments):
    import numpy as np

    from facepipe.api.edit import axis
    from facepipe.draw.strips import check_picture, save_strips
    from facepipe.errors import InputError, about
    from facepipe.latents.paths import traversal
    from facepipe.latents.table import Latents, write_table
    from facepipe.latents.vectors import z_columns

    suffix = check_picture(arguments.output, TABLES)
    if not 0 < arguments.reach < np.inf:
        raise InputError(f"--reach: {arguments.reach} is not a number above 0")
    model = open_model(arguments)
    components = model.components
    if arguments.along:
        names = arguments.along
    else:
        names = z_columns(model.latent_dim, "pc" if arguments.pca else "z")
        if not arguments.pca:
            names = [names[i] for i in np.argsort(model.statistics["rank"].to_numpy(), kind="stable")]
        names = names[: arguments.count]
    with about("--along"):
        axes = [axis(name, components) for name in names]
    base, labels = components.mean, {}
    if arguments.id is not None:
        face = model.find_faces([arguments.id], arguments.table)
        base, labels = face.z[0], face.extra
    mean = components.mean.astype(np.float64)
    rows = [traversal(base, unit, unit @ mean, sd, arguments.reach, arguments.steps) for _, unit, sd in axes]
    strengths = np.linspace(-arguments.reach, arguments.reach, arguments.steps)
    ids = [f"{name}{strength:+.2f}sd" for name, _, _ in axes for strength in strengths]
    extra = {attribute: cells * len(ids) for attribute, cells in labels.items()}
    table = Latents(ids, [""] * len(ids), np.concatenate(rows), extra)
    if suffix in TABLES:
        write_table(arguments.output, table)
    else:
        faces = model.decoded(table)
        rows = faces.reshape(len(axes), arguments.steps, *faces.shape[1:])
        labels = [f"{name}  sd {sd:.3g}" for name, _, sd in axes]
        save_strips(arguments.output, rows, labels, [f"{strength:+.2g} sd" for strength in strengths])
    print(f"{len(axes)} x {arguments.steps} faces in {arguments.output}")
