"""`facepipe traverse`: what single dimensions of a latent space do."""

from facepipe.commands.common import TABLES, add_latents, add_model, from_two, open_model, positive

HELP = "what single dimensions of the latent do to a face"
DESCRIPTION = (
    "Move a face (or the mean face) along the most influential dimensions, or principal components, one row each."
)
EXAMPLE = """\
examples, after `dvc repro`:
  facepipe traverse --model vae -o dimensions.png
  facepipe traverse 000001 --model ae --pca --count 6 --reach 2 -o components.png
"""


def arguments(parser):
    parser.add_argument(
        "id", nargs="?", metavar="ID", help="face to start from (default: the mean of the training latents)"
    )
    add_model(parser)
    add_latents(parser)
    parser.add_argument("--pca", action="store_true", help="move along principal components instead of dimensions")
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

    from facepipe.draw.strips import check_picture, save_strips
    from facepipe.errors import InputError
    from facepipe.latents.paths import traversal
    from facepipe.latents.standard import standard_of
    from facepipe.latents.table import Latents, write_table
    from facepipe.latents.vectors import z_columns

    suffix = check_picture(arguments.output, TABLES)
    if not 0 < arguments.reach < np.inf:
        raise InputError(f"--reach: {arguments.reach} is not a number above 0")
    model = open_model(arguments)
    latent_dim, components = model.latent_dim, model.components
    base, labels = components.mean, {}
    if arguments.id is not None:
        face = model.find_faces([arguments.id], arguments.table)
        base, labels = face.z[0], face.extra
    if arguments.pca:
        axes, sd = components.components.astype(np.float64), components.sd
        names = [f"pc{i:03d}" for i in range(latent_dim)]
        order = np.arange(latent_dim)
    else:
        axes, sd = np.eye(latent_dim), standard_of(components).sd
        names = z_columns(latent_dim)
        ranks = model.statistics["rank"].to_numpy()
        order = np.argsort(ranks, kind="stable")
    order = order[: arguments.count]
    centers = axes @ components.mean.astype(np.float64)
    rows = [traversal(base, axes[i], centers[i], sd[i], arguments.reach, arguments.steps) for i in order]
    strengths = np.linspace(-arguments.reach, arguments.reach, arguments.steps)
    ids = [f"{names[i]}{strength:+.2f}sd" for i in order for strength in strengths]
    extra = {attribute: cells * len(ids) for attribute, cells in labels.items()}
    table = Latents(ids, [""] * len(ids), np.concatenate(rows), extra)
    if suffix in TABLES:
        write_table(arguments.output, table)
    else:
        faces = model.decoded(table)
        rows = faces.reshape(len(order), arguments.steps, *faces.shape[1:])
        labels = [f"{names[i]}  sd {sd[i]:.3g}" for i in order]
        save_strips(arguments.output, rows, labels, [f"{strength:+.2g} sd" for strength in strengths])
    print(f"{len(order)} x {arguments.steps} faces in {arguments.output}")
