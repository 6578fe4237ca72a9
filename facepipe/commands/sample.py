"""`facepipe sample`: random faces."""

from pathlib import Path

from facepipe.commands.common import (
    TABLES,
    add_changes,
    add_directions,
    add_exported,
    add_model,
    directions_of,
    open_model,
    positive,
    present,
    say_pictures,
    say_replaced,
)

HELP = "random faces"
DESCRIPTION = "Draw random faces: the same seed gives the same faces."
EXAMPLE = """\
examples, after `dvc repro`:
  facepipe sample --model vae --count 16 --seed 1 -o samples.png
  facepipe sample --model ae --sampler density --attribute Smiling=1 -o smiling.csv
  facepipe sample --model gan -o samples
"""


def arguments(parser):
    add_model(parser)
    parser.add_argument("-n", "--count", type=positive, default=16, help="number of faces (default: 16)")
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: 0)")
    parser.add_argument(
        "--sampler", choices=("prior", "density"), default="prior",
        help="prior: the model's own (for ae a mixture of Gaussians fitted to its latents); density: what "
        "export_latents fitted to the training latents (default: prior)",
    )  # fmt: skip
    add_changes(
        parser, "--attribute",
        "if the model was conditioned on it: 1 with, 0 without, or in between; otherwise its direction is added this "
        "many times; may be repeated",
    )  # fmt: skip
    add_directions(parser)
    add_exported(parser)
    parser.add_argument(
        "-o", "--output", required=True, metavar="PATH",
        help="one picture .png, a table .csv, .tsv, .parquet, or a folder: one picture per face, grid.png, and "
        "sheet.png with their ids",
    )  # fmt: skip


def run(arguments):
    import numpy as np

    from facepipe.api.edit import parse_change, unit_move
    from facepipe.core.files import check_file
    from facepipe.core.pictures import enlarge, save_png, tile
    from facepipe.draw.grids import shown_scale
    from facepipe.errors import InputError
    from facepipe.latents.label_columns import check_label
    from facepipe.latents.table import Latents, write_table
    from facepipe.report.decoded import check_folder, decode_faces, decode_table

    suffix = Path(arguments.output).suffix.lower()
    if suffix not in (*TABLES, ".png", ""):
        known = ", ".join((*TABLES, ".png"))
        raise InputError(f"{arguments.output}: cannot tell the format from the suffix {suffix!r}; use {known} or none")
    (check_file if suffix else check_folder)(arguments.output)
    source = open_model(arguments)
    name = source.name
    changes = [parse_change(text) for text in arguments.attribute]
    if ranged := next((change for change in changes if len(change.strengths) > 1), None):
        raise InputError(f"--attribute {ranged.name}: a range makes no sense for random faces; use one strength")
    labels = [change for change in changes if change.name in source.condition_on]
    for change in labels:
        check_label(change, "--attribute", name)
    model = source.model
    conditions = {change.name: change.strengths[0] for change in labels}
    sampler = source.density if arguments.sampler == "density" else model.sampler
    z = sampler.sample(arguments.count, arguments.seed).astype(np.float64)
    directions = directions_of(arguments, source)
    for change in changes:
        if change.name not in conditions:
            z += change.strengths[0] * unit_move(change.name, directions, None, arguments.method)
    digits = len(str(arguments.count - 1))
    ids = [f"{name}-{arguments.seed}-{i:0{digits}d}" for i in range(arguments.count)]
    extra = {attribute: [f"{value:g}"] * len(ids) for attribute, value in conditions.items()}
    table = Latents(ids, ["sample"] * len(ids), z.astype(np.float32), extra)
    if not suffix:
        say_pictures(arguments.output, decode_table(model, table, arguments.output, sheet=True))
        return
    replaced = present(arguments.output)
    if suffix in TABLES:
        write_table(arguments.output, table)
    else:
        faces = np.stack(list(decode_faces(model, table, "latents")))
        save_png(arguments.output, tile(enlarge(faces, 2 * shown_scale(model.image_shape)), round(len(ids) ** 0.5)))
    print(f"{len(ids)} {'face' if len(ids) == 1 else 'faces'} in {arguments.output}")
    say_replaced(replaced)
