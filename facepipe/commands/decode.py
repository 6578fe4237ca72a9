"""`facepipe decode`: a table of latents to one picture per row."""

from facepipe.commands.common import add_model, find_model, load, positive

HELP = "turn a table of latents into pictures"
DESCRIPTION = "Decode a table of latents: one PNG per row, named by its id, and grid.png of the first 1000."
EXAMPLE = """\
example, after `dvc repro`:
  facepipe decode data/latents/vae/test.csv --model vae -o faces
Copy some of its rows to a new CSV, change numbers in them (a spreadsheet will do) and decode that.
"""


def arguments(parser):
    parser.add_argument(
        "file",
        metavar="FILE",
        help="CSV with the columns id,z000,z001,... (others are ignored), or a text file with one number a line",
    )
    add_model(parser)
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="folder for the pictures")
    parser.add_argument("--columns", type=positive, metavar="N", help="of the grid (as many as rows)")


def run(arguments):
    from facepipe.latents.table import read_latents
    from facepipe.report.decoded import check_folder, decode_table

    # everything that can be wrong without TensorFlow is found before it is imported
    table = read_latents(arguments.file)
    folder = find_model(arguments.model, arguments.models)
    check_folder(arguments.output)
    names = decode_table(load(folder), table, arguments.output, arguments.columns, arguments.file)
    print(f"{len(names)} {'face' if len(names) == 1 else 'faces'} and grid.png in {arguments.output}")
