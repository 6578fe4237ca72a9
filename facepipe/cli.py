"""The command line: `facepipe decode ...`, also `python -m facepipe`. TensorFlow is imported only to use a model."""

import argparse
import os
import sys
from pathlib import Path

from facepipe.errors import InputError, suggest
from facepipe.quiet import import_tensorflow

_EXAMPLE = """\
example, after `dvc repro`:
  facepipe decode data/latents/vae/test.csv --model vae -o faces
Copy some of its rows to a new CSV, change numbers in them (a spreadsheet will do) and decode that.
"""


def main(argv=None):
    """Run one command.

    Args:
        argv: list of str; None: the process's arguments.

    Returns:
        Exit code: 0, 2 for wrong input (one line on stderr), 130 after Ctrl-C, 141 when the reader of our output
        went away.
    """
    arguments = _parser().parse_args(argv)
    try:
        arguments.command(arguments)
        sys.stdout.flush()
    except InputError as error:
        print("facepipe:", str(error).replace("\n", " "), file=sys.stderr)  # a file's name can have line ends
        return 2
    except KeyboardInterrupt:
        print("facepipe: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the flush at exit fails once more
        return 141
    return 0


def decode(arguments):
    """`facepipe decode`: a table of latents to one picture per row."""
    from facepipe.latents.table import read_latents
    from facepipe.report.decoded import check_folder, decode_table

    # everything that can be wrong without TensorFlow is found before it is imported
    table = read_latents(arguments.file)
    folder = find_model(arguments.model, arguments.models)
    check_folder(arguments.output)
    import_tensorflow()
    from facepipe.models.load import load_model

    names = decode_table(load_model(folder), table, arguments.output, arguments.columns, arguments.file)
    print(f"{len(names)} {'face' if len(names) == 1 else 'faces'} and grid.png in {arguments.output}")


def find_model(name, models):
    """The folder of a model given by name (in the folder `models`) or by path; InputError where there is none."""
    for folder in (Path(models) / name, Path(name)):
        if (folder / "model.json").is_file():
            return folder
    found = sorted(path.parent.name for path in Path(models).glob("*/model.json"))
    there = f"{models} has {', '.join(found)}" if found else f"{models} has none; train them with `dvc repro`"
    raise InputError(f"--model: no model {name!r}{suggest(name, found)}; {there}")


def _parser():
    parser = argparse.ArgumentParser(prog="facepipe", description="Faces from latents.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    command = commands.add_parser(
        "decode",
        help="turn a table of latents into pictures",
        description="Decode a table of latents: one PNG per row, named by its id, and grid.png of the first 1000.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "file",
        metavar="FILE",
        help="CSV with the columns id,z000,z001,... (others are ignored), or a text file with one number a line",
    )
    command.add_argument("--model", required=True, help="ae, vae or gan, or the path of a model's folder")
    command.add_argument("-o", "--output", required=True, metavar="DIR", help="folder for the pictures")
    command.add_argument("--models", default="data/models", metavar="DIR", help="folder of the models (%(default)s)")
    command.add_argument("--columns", type=_positive, metavar="N", help="of the grid (as many as rows)")
    command.set_defaults(command=decode)
    return parser


def _positive(text):
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return number
