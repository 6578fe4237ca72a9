"""`facepipe edit`: attributes added to a photograph, or to the faces of a table."""

import sys
from pathlib import Path

from facepipe.commands.common import (
    add_changes,
    add_crop,
    add_directions,
    add_exported,
    add_model,
    add_optimize,
    directions_of,
    open_model,
    positive,
    present,
    say_pictures,
    say_replaced,
)
from facepipe.datasets.names import PICTURE_SUFFIXES
from facepipe.errors import InputError
from facepipe.models.steps import TUNING

HELP = "add attributes to a photograph, or to the faces of a table of latents"
DESCRIPTION = """\
Add directions to every face of a table of latents, whose other columns are kept, or to a photograph, which is encoded
as facepipe encode does it. The pictures of a photograph's edits (--strip, --decode) are the photograph itself with the
difference that the edit makes to what the decoder shows, so that everything else stays; where much changes, what was
there shines through. --plain shows what the decoder makes of the edited latent, a whole face, though one like this.
--tune first trains the decoder on the photograph, for the pictures of this edit alone, so that it knows this face. The
stored model stays as it is.
"""
EXAMPLE = """\
examples, after `dvc repro`:
  facepipe edit data/latents/vae/test.csv --model vae --add Smiling=1 --keep Male -o smiling.csv
  facepipe edit data/latents/vae/test.csv --model vae --first 8 --add Smiling=-1:2:7 -o range.csv --strip range.png
  facepipe edit data/latents/vae/test.csv --model vae --first 8 --add PC3=2 -o component.csv --decode faces
  facepipe edit faces/grid.png --model vae --crop center --add Smiling=-1:1:3 -o photo.csv --strip photo.png
  facepipe edit faces/grid.png --model gan --crop center --tune --plain --add Smiling=1 -o tuned.csv --strip tuned.png
Strength 1 of an attribute moves the mean face without it to that with it; of PC3, the principal component pc003, it is
one standard deviation. An attribute that the model was conditioned on becomes a label from 0 (without) to 1 (with).
A range FROM:TO:COUNT makes COUNT rows of every face. A photograph of a person needs no --crop:
facepipe edit me.jpg --model vae --add Smiling=1 -o me.csv --strip smiling.png
"""
MOST_STRIPS = 100  # faces in a strip picture


def arguments(parser):
    parser.add_argument(
        "file", metavar="FILE", help="photograph, or table of latents in any form that facepipe decode takes"
    )
    add_model(parser)
    add_changes(parser, "--add", "add an attribute, or a principal component such as PC3; may be repeated")
    parser.add_argument("--set", action="append", default=[], metavar="zNNN=VALUE", help="set one number of the latent")
    parser.add_argument(
        "--keep", action="append", default=[], metavar="NAME",
        help="keep this attribute's score as it is; may be repeated",
    )  # fmt: skip
    add_directions(parser)
    add_exported(parser)
    add_crop(parser)
    add_optimize(parser)
    parser.add_argument(
        "--tune", nargs="?", type=positive, const=TUNING, metavar="STEPS",
        help=f"train the decoder on the photograph first, for {TUNING} steps or as many as are named, for --strip and "
        "--decode of this edit alone",
    )  # fmt: skip
    parser.add_argument(
        "--plain", action="store_const", const=True,
        help="show what the decoder makes of the photograph's edited latent, not the photograph with that change in it",
    )  # fmt: skip
    parser.add_argument("--first", type=positive, metavar="N", help="edit only the first N rows")
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE",
        help="the edited table, .csv, .tsv or .parquet; for a single face also .txt, one number per line",
    )  # fmt: skip
    parser.add_argument("--strip", metavar="FILE", help="picture of the edits, one row per face: .png, .gif or .webp")
    parser.add_argument(
        "--decode", metavar="DIR", help="also decode the edited faces into this folder, as facepipe decode does"
    )


def run(arguments):
    import numpy as np

    from facepipe.api import edit
    from facepipe.draw.strips import check_picture
    from facepipe.latents.edited import read_edited
    from facepipe.latents.label_columns import check_label
    from facepipe.latents.rows import check_suffix
    from facepipe.latents.standard import standard_of
    from facepipe.latents.table import Latents, take, write_table
    from facepipe.models.residual import OnPhotograph
    from facepipe.report.decoded import check_folder, decode_table

    # everything that can be wrong without TensorFlow is found before it is imported
    changes = [edit.parse_change(text) for text in arguments.add]
    if not changes and not arguments.set:
        raise InputError("nothing to do; name what to add, such as --add Smiling=1")
    is_photo = _is_photo(arguments)
    model = open_model(arguments)
    name, latent_dim, labels = model.name, model.latent_dim, model.condition_on
    for change in changes:
        if change.name in labels:
            check_label(change, "--add", name)
    settings = [edit.parse_setting(text, latent_dim) for text in arguments.set]
    check_suffix(arguments.output)
    table, photo, warnings = None, None, ()
    if is_photo:
        ids, photo = model.read_photos([arguments.file], arguments.crop)
    else:
        table, warnings = read_edited(arguments.file, model.latents, latent_dim, name)
        if arguments.first:
            table = take(table, range(min(arguments.first, len(table.ids))))
        ids = table.ids
    directions = directions_of(arguments, model)
    components, moving = None, [change.name for change in changes if change.name not in labels]
    if arguments.keep or any(edit.is_component(other, directions) for other in moving):
        components = model.components
    moves = {other: edit.unit_move(other, directions, components, arguments.method) for other in moving}
    if arguments.keep:
        kept = np.stack([edit.kept_direction(other, directions) for other in arguments.keep])
        moves = {other: edit.keeping(move, kept, standard_of(components)) for other, move in moves.items()}
        for other, move in moves.items():
            if not move.any():
                raise InputError(f"--keep {' '.join(arguments.keep)}: nothing is left of --add {other}")
    still = np.zeros(latent_dim)
    strengths, total = edit.combinations(changes, [moves.get(change.name, still) for change in changes], latent_dim)
    check_suffix(arguments.output, len(ids) * len(strengths))
    if arguments.strip:
        check_picture(arguments.strip)
        if len(ids) > MOST_STRIPS:
            raise InputError(f"--strip: {len(ids)} faces are too many for a picture; use --first {MOST_STRIPS}")
    if arguments.decode:
        check_folder(arguments.decode)
    if is_photo:
        table = Latents(ids, [""], model.model.encode_photos(photo, arguments.optimize))
    result = edit.edited(table, changes, strengths, total, settings, labels)
    for line in warnings:
        print("facepipe: warning:", line, file=sys.stderr)
    tuning = _tune(model, photo, table, arguments.tune) if arguments.tune else None
    residual = is_photo and not arguments.plain
    if residual:
        model.model = OnPhotograph(model.model, photo[0], table.z[0])
    replaced, written = present(arguments.output, arguments.strip), None
    if arguments.strip:
        firsts = {"photo": photo} if is_photo else {}
        if not residual:
            firsts["before"] = model.decoded(table, arguments.file)
        _strip(arguments.strip, firsts, model.decoded(result, arguments.file), table.ids, changes, strengths)
    if arguments.decode:
        written = decode_table(model.model, result, arguments.decode, path=arguments.file, sheet=True)
    write_table(arguments.output, result)
    if tuning:
        print(tuning)
    print(f"{len(result.ids)} {'row' if len(result.ids) == 1 else 'rows'} in {arguments.output}")
    if arguments.strip:
        print(f"{len(table.ids)} {'strip' if len(table.ids) == 1 else 'strips'} in {arguments.strip}")
    say_replaced(replaced)
    if written:
        say_pictures(arguments.decode, written)


def _is_photo(arguments):
    """Whether FILE is a photograph; InputError: options that do not go with it."""
    if Path(arguments.file).suffix.lower().removeprefix(".") in PICTURE_SUFFIXES:
        for name in ("tune", "plain"):
            if getattr(arguments, name) and not (arguments.strip or arguments.decode):
                raise InputError(f"--{name} changes the pictures of the edit, not its numbers; add --strip or --decode")
        return True
    for name in ("crop", "optimize", "tune", "plain"):
        if getattr(arguments, name) is not None:
            raise InputError(f"--{name} is for a photograph, and {arguments.file} is read as a table of latents")
    return False


def _tune(model, photo, table, steps):
    """Give a `ModelFolder`, for as long as this process lives, a decoder tuned to the photograph; a line on it."""
    plain = model.model
    model.model = plain.tuned(photo[0], table.z[0], steps)
    before, after = (((each.decode(table.z) - photo / 255) ** 2).mean() for each in (plain, model.model))
    return f"{table.ids[0]}: mean squared error {before:.5f}, {after:.5f} after {steps} steps of tuning"


def _strip(path, firsts, after, ids, changes, strengths):
    """A row for each face: those of `firsts`, {label: faces}, then its edits."""
    import numpy as np

    from facepipe.draw.strips import save_strips

    count, labels = len(strengths), list(firsts)
    rows = [
        np.concatenate([*(faces[i : i + 1] for faces in firsts.values()), after[i * count : (i + 1) * count]])
        for i in range(len(ids))
    ]
    for row in strengths:
        parts = [f"{change.name} {value:+.2g}" for change, value in zip(changes, row, strict=True)]
        labels.append(", ".join(parts) if parts else "after")
    save_strips(path, rows, ids, labels)
