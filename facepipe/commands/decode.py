"""`facepipe decode`: a table of latents to one picture per row."""

import argparse
import sys

from facepipe.commands.common import add_model, open_model, positive, say_pictures
from facepipe.errors import InputError

HELP = "turn a table of latents into pictures"
DESCRIPTION = (
    "Decode a table of latents: one PNG per row, named by its id, and of the first 1000 grid.png and, with their ids, "
    "sheet.png."
)
EXAMPLE = """\
example, after `dvc repro`:
  facepipe decode data/latents/vae/test.csv --model vae -o faces --compare
Copy some of its rows to a new CSV, change numbers in them (a spreadsheet will do) and decode that.
"""


def arguments(parser):
    parser.add_argument(
        "file",
        metavar="FILE",
        help="CSV, TSV or Parquet with the columns id and z000,z001,... or pc000,pc001,..., or a text file with one "
        "number per line",
    )
    add_model(parser)
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="folder for the pictures")
    parser.add_argument("--columns", type=positive, metavar="N", help="in the grid (default: as many as rows)")
    parser.add_argument(
        "--base", metavar="ID", help="an exported face, from which the columns that FILE lacks are taken"
    )
    parser.add_argument("--clip", action="store_true", help="bring all values into the range of the model's latents")
    # for scripts from before it was always made
    parser.add_argument("--sheet", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument(
        "--compare",
        action="store_true",
        help="also compare.png: original, reconstruction and the face in FILE side by side",
    )
    parser.add_argument(
        "--latents", metavar="DIR", help="the model's exported latents (default: latents/ beside the models)"
    )
    parser.add_argument(
        "--shards", default="data/shards", metavar="DIR", help="folder of the original images (default: %(default)s)"
    )


def run(arguments):
    from facepipe.latents.edited import read_edited
    from facepipe.report.decoded import check_folder, decode_table, known_faces
    from facepipe.shards.shards import Shards

    # everything that can be wrong without TensorFlow is found before it is imported
    source = open_model(arguments)
    latents = source.latents
    table, warnings = read_edited(
        arguments.file, latents, source.latent_dim, source.name, arguments.base, arguments.clip, source.condition_on
    )
    shards = Shards(arguments.shards) if arguments.compare else None
    check_folder(arguments.output)
    model = source.model
    known = known_faces(model, table.ids, shards, latents) if arguments.compare else None
    if arguments.compare and not known:
        raise InputError(f"--compare: no id of {arguments.file} is both in {shards.folder} and in {latents}")
    written = decode_table(model, table, arguments.output, arguments.columns, arguments.file, True, known)
    for line in warnings:
        print("facepipe: warning:", line, file=sys.stderr)
    say_pictures(arguments.output, written)
