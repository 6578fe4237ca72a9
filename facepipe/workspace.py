"""Makes the folder ready for `dvc repro`: in a git clone, and in a folder without git history."""

import shutil
import subprocess
import sys
from pathlib import Path

NO_GIT = "no git repository here: dvc repro works; dvc exp, dvc metrics diff and dvc plots diff do not"


def prepare(folder="."):
    """Initialise what DVC needs; nothing happens where all is as it should be.

    Args:
        folder: the project's top folder.

    Returns:
        list of str: what was changed and what does not work here, a line each.
    """
    folder = Path(folder).resolve()
    in_git = is_git_top(folder)
    notes = []
    if not (folder / ".dvc").is_dir():
        _dvc(folder, "init", "--quiet", *([] if in_git else ["--no-scm"]))
        notes.append("initialised DVC")
    local = folder / ".dvc" / "config.local"
    without_git = local.exists() and "no_scm = true" in local.read_text(encoding="utf-8").lower()
    if not in_git:
        if not without_git:
            _dvc(folder, "config", "--local", "core.no_scm", "true")
        notes.append(f"{NO_GIT} (git init && git add . && git commit, then make repro again, makes them work)")
    elif without_git:
        _dvc(folder, "config", "--local", "--unset", "core.no_scm")
        notes.append("found the new git repository: dvc exp works now")
    return notes


def is_git_top(folder):
    """True in the top folder of a git repository; not in a sub-folder of one, whose history is another project's."""
    if not shutil.which("git"):
        return False
    answer = subprocess.run(
        ["git", "rev-parse", "--show-cdup"], cwd=folder, capture_output=True, text=True, check=False
    )
    return answer.returncode == 0 and not answer.stdout.strip()


def _dvc(folder, *arguments):
    subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=folder, check=True)


if __name__ == "__main__":
    for note in prepare():
        print(note)
