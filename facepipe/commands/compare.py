"""`facepipe compare`: experiments and other revisions side by side, on a page."""

from pathlib import Path

HELP = "revisions or experiments side by side, on a page"
DESCRIPTION = """\
Write a page that shows two or more revisions side by side: params that differ, metrics with the better one marked,
curves one over the other, and, by the models of each, the same faces reconstructed, the same noise decoded and the
same edits. Nothing is checked out: all is read from git and from DVC's cache. A summary goes to the terminal.
"""
EXAMPLE = """\
examples, after `dvc repro`, `git commit` and `dvc exp run --name wide -S train_vae.latent_dim=64`:
  facepipe compare HEAD workspace -o compare.html
  facepipe compare main wide --no-faces -o wide.html
"""


def arguments(parser):
    parser.add_argument(
        "revisions", nargs="+", metavar="REV",
        help="an experiment, branch, tag or commit; workspace: the files as they are now; or the folder of another "
        "checkout. The others are compared with the first",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", default="compare.html", metavar="FILE", help="the page (default: %(default)s)"
    )
    parser.add_argument(
        "--no-faces", dest="faces", action="store_false", help="no decoded faces: quick, without TensorFlow"
    )


def run(arguments):
    from facepipe.core.files import check_file
    from facepipe.errors import InputError
    from facepipe.report.compare.page import project_folder, write_comparison

    check_file(arguments.output)
    folder = Path(arguments.output).absolute().parent
    if not folder.is_dir():
        raise InputError(f"{arguments.output}: no folder {folder}; make it, or name another")
    project = project_folder()
    if project is None:
        raise InputError("compare: no DVC project here; run it in the project's folder")
    for line in write_comparison(arguments.revisions, project, arguments.output, arguments.faces):
        print(line)
    print(arguments.output)
