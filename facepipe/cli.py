"""The command line: `facepipe decode ...`, also `python -m facepipe`. TensorFlow is imported only to use a model."""

import argparse
import importlib
import os
import sys

from facepipe.errors import InputError, fault_of_machine

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
    except Exception as error:
        if (line := fault_of_machine(error)) is None:
            raise
        print(f"facepipe: {line}", file=sys.stderr)
        return 2
    return 0


class _Version(argparse.Action):
    """Says the version and ends; what was installed is looked up only then."""

    def __call__(self, parser, *_):
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"facepipe {version('facepipe')}")
        except PackageNotFoundError:
            print("facepipe, version unknown: not installed here (pip install --editable .)")
        parser.exit()


def _parser():
    parser = argparse.ArgumentParser(prog="facepipe", description="Faces from latents.")
    parser.add_argument("--version", action=_Version, nargs=0, help="say the version and end")
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
