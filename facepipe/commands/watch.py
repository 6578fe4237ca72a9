"""`facepipe watch`: the trainings that run, on a page in the browser."""

import time
from pathlib import Path

from facepipe.commands.common import positive

HELP = "a page about the training that runs"
DESCRIPTION = """\
Write a page with the curves and grids of the trainings as far as they are, and renew it until Ctrl-C. Open it in a
browser, which loads it again by itself; no server, no network.
"""
EXAMPLE = """\
example, in another terminal, during or after `dvc repro`:
  facepipe watch
  facepipe watch --reports reports --once -o running.html
"""


def arguments(parser):
    parser.add_argument("--reports", default="reports", metavar="DIR", help="their reports (default: %(default)s)")
    parser.add_argument(
        "-o", "--output", default=".facepipe/watch.html", metavar="FILE", help="the page (default: %(default)s)"
    )
    parser.add_argument("--seconds", type=positive, default=10, help="between two looks (default: %(default)s)")
    parser.add_argument("--once", action="store_true", help="write it once and end")


def run(arguments):
    from facepipe.core.files import check_file
    from facepipe.errors import InputError
    from facepipe.report.page.running import write_running

    # before the first training there is no folder, but a project
    if not (Path(arguments.reports).is_dir() or Path("params.yaml").exists()):
        raise InputError(f"watch: {arguments.reports}: not found; run from the project's top folder, or use --reports")
    check_file(arguments.output)
    write_running(arguments.reports, arguments.output, arguments.seconds)
    print(Path(arguments.output).resolve().as_uri(), flush=True)
    try:
        while not arguments.once:
            time.sleep(arguments.seconds)
            write_running(arguments.reports, arguments.output, arguments.seconds)
    except KeyboardInterrupt:
        pass
