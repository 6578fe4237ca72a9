"""`facepipe interpolate`: faces on the way from one to another."""

from facepipe.commands.common import TABLES, add_latents, add_model, from_two, open_model

HELP = "faces on the way from one face to another"
DESCRIPTION = "Faces on the way from one face to the next, named by their ids."
EXAMPLE = """\
examples, after `dvc repro`, with ids of data/latents/vae/*.csv:
  facepipe interpolate 000001 000004 --model vae -o way.png
  facepipe interpolate 000001 000004 000025 --model vae --steps 20 -o way.gif
"""


def arguments(parser):
    parser.add_argument("ids", nargs="+", metavar="ID", help="two faces or more")
    add_model(parser)
    add_latents(parser)
    parser.add_argument("--steps", type=from_two, default=10, help="from one face to the next, both counted (10)")
    parser.add_argument(
        "--method", choices=("lerp", "slerp"),
        help="straight line or great circle (default: slerp for vae and gan, whose latents lie near a sphere; "
        "lerp for ae)",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE",
        help="strip .png, animation .gif or .webp, or table .csv, .tsv, .parquet",
    )  # fmt: skip


def run(arguments):
    import numpy as np

    from facepipe.draw.strips import check_picture, save_strips
    from facepipe.errors import InputError
    from facepipe.latents.label_columns import mixed_labels
    from facepipe.latents.paths import PATH_METHODS, route
    from facepipe.latents.table import Latents, write_table

    suffix = check_picture(arguments.output, TABLES)
    if len(arguments.ids) < 2:
        raise InputError("one id has nowhere to go; name two faces or more")
    model = open_model(arguments)
    ends = model.find_faces(arguments.ids, arguments.table)
    z = route(ends.z, arguments.steps, arguments.method or PATH_METHODS[model.name])
    shares = route(np.eye(len(ends.ids)), arguments.steps)
    labels = mixed_labels(ends, model.condition_on, shares, "labels")
    digits = len(str(len(z)))
    ids = [f"step-{i:0{digits}d}" for i in range(1, len(z) + 1)]
    table = Latents(ids, [""] * len(z), z, labels)
    if suffix in TABLES:
        write_table(arguments.output, table)
    else:
        names = [ends.ids[i // (arguments.steps - 1)] if i % (arguments.steps - 1) == 0 else "" for i in range(len(z))]
        save_strips(arguments.output, [model.decoded(table)], column_labels=names)
    print(f"{len(z)} faces in {arguments.output}")
