"""The command line: `facepipe decode ...`, also `python -m facepipe`. TensorFlow is imported only to use a model."""

import argparse
import importlib
import os
import sys

from facepipe.errors import NOT_OURS, InputError

COMMANDS = (
    "decode",
    "edit",
    "directions",
    "sample",
    "interpolate",
    "traverse",
    "arithmetic",
    "nearest",
    "encode",
    "export",
    "compare",
    "watch",
    "recipe",
    "doctor",
)


def main(argv=None):
    """Run one command.

    Args:
        argv: list of str; None: the process's arguments.

    Returns:
        Exit code: 0, 2 for wrong input or a full disk (one line on stderr), 130 after Ctrl-C, 141 when the reader of
        our output went away.
    """
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
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
    except OSError as error:
        if error.errno not in NOT_OURS:
            raise
        print(f"facepipe: {error.filename or 'writing'}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


def _parser():
    parser = argparse.ArgumentParser(prog="facepipe", description="Faces from latents.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = importlib.import_module(f"facepipe.commands.{name}")
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.DESCRIPTION,
            epilog=module.EXAMPLE,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.arguments(command)
        command.set_defaults(run=module.run)
    return parser
