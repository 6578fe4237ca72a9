"""What `facepipe doctor` says: the machine; the project's disk, DVC, pictures, what would run, is lost, old states."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from facepipe.config import load_params
from facepipe.diagnosis import Problem, machine, software
from facepipe.disk import bytes_of, in_words, made_bytes, needed_bytes
from facepipe.errors import InputError
from facepipe.own_pictures import own_pictures
from facepipe.restore import LOCK
from facepipe.training.config import Train
from facepipe.training.kept import KEPT_DAYS, states_folder
from facepipe.workspace import NO_GIT, is_git_top

STATUS_SECONDS = 60
REPRO = "dvc repro render_reports"
NAMED = 4  # of stages or paths, before they are counted


def examine(speed=False):
    """Look at the machine, and at the project in the current folder where there is a params.yaml; changes nothing.

    Args:
        speed: bool, whether to time convolutions.

    Returns:
        (rows, problems): list of (name, text) of what there is to say; list of `diagnosis.Problem`.
    """
    params, problems, project = None, [], None
    if Path("params.yaml").exists():
        try:
            params = load_params()
        except InputError as error:
            problems.append(Problem(str(error), "change it in params.yaml", True))
        project = _Project(params)
    text, found = software(params)
    rows, more = machine(params.train if params else Train(), speed)
    problems += found + more
    if project:
        found, more = project.findings()
        rows, problems = rows + found, problems + more
    else:
        rows.append(("project", "none in this folder: it has no params.yaml"))
    return [("software", text), *rows], problems


class _Project:
    """The state of the project in the current folder; DVC begins to look at it when this is made.

    Args:
        params: `facepipe.config.Params`; None: params.yaml is not right, and what follows from it is left out.
    """

    def __init__(self, params):
        self._params, self._status = params, None
        if Path(".dvc").is_dir() and Path("dvc.yaml").is_file() and Path(LOCK).is_file():
            command = [sys.executable, "-m", "dvc", "status", "--json", "render_reports", "--with-deps"]
            self._status = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def findings(self):
        """(rows, problems): list of (name, text) of what there is to say; list of `diagnosis.Problem`."""
        rows, problems, changed = [], [], None
        for look in (self._disk, self._dvc):
            row, found = look()
            rows.append(row)
            problems += found
        if self._params and self._params.dataset.name == "folder":
            found, more = own_pictures(self._params)
            rows, problems = rows + found, problems + more
        if self._status:
            found, changed = self._stages()
            rows += found[0]
            problems += found[1]
        row, found = _states(changed)
        return [*rows, row], problems + found

    def _disk(self):
        free = shutil.disk_usage(".").free
        text, need = f"{in_words(free)} free", needed_bytes(self._params) if self._params else None
        if need is None:
            return ("disk", f"{text}; how many pictures there will be is not known" if self._params else text), []
        more = max(0, need - made_bytes())
        text += f"; what params.yaml asks for takes {in_words(need)} at most, of which {in_words(more)} are to come"
        if free >= more:
            return ("disk", text), []
        remedy = "make room, move DVC's cache to another disk (dvc cache dir), or set preprocess.limit"
        return ("disk", text), [Problem(f"disk: {in_words(free)} free, {in_words(more)} are needed", remedy, True)]

    def _dvc(self):
        problems = []
        if not Path("dvc.yaml").is_file():
            return ("DVC", "no pipeline"), [Problem("no dvc.yaml beside params.yaml", "git checkout dvc.yaml", True)]
        if not Path(".dvc").is_dir():
            problems.append(Problem("DVC is not initialised here", "python -m facepipe.workspace", True))
        in_git = is_git_top(Path())
        if not in_git:
            problems.append(Problem(NO_GIT, "git init && git add . && git commit -m start, then make setup", False))
        python = shutil.which("python")
        if python is None or Path(python).parent.resolve() != Path(sys.executable).parent.resolve():
            problems.append(
                Problem(
                    f"dvc repro would run the stages with {python or 'no python at all'}, this is {sys.executable}",
                    f". {Path(sys.prefix) / 'bin' / 'activate'}",
                    False,
                )
            )
        if os.geteuid() == 0 and (kind := _config(r"^\s*type\s*=.*?(symlink|hardlink)")):
            text = f"outputs may be {kind}s into DVC's cache, and root may write there: an edit would change both"
            problems.append(Problem(text, "dvc config cache.type copy, then dvc checkout --relink", False))
        state = "not initialised" if problems and problems[0].stops else "initialised"
        never = "" if Path(LOCK).is_file() else f"; never reproduced: {REPRO}"
        return ("DVC", f"{state}, {'in' if in_git else 'without'} git{never}"), problems

    def _stages(self):
        """((rows, problems), the stages that would run, None: it is not known)."""
        try:
            out, error = self._status.communicate(timeout=STATUS_SECONDS)
        except subprocess.TimeoutExpired:
            self._status.kill()
            self._status.communicate()
            return ([("stages", f"dvc status has not answered for {STATUS_SECONDS} s")], []), None
        if self._status.returncode:
            if "is busy" in error or "acquire lock" in error or "Unable to acquire" in error:
                return ([("stages", "DVC is at work here just now, so that nothing can be said of them")], []), None
            lines = [line for line in error.splitlines() if line.strip()] or ["says nothing"]
            said = next((line for line in lines if line.startswith("ERROR")), lines[0]).removeprefix("ERROR: ")
            return ([], [Problem(f"dvc status: {said}", "mend that; dvc status --verbose says more", True)]), None
        changed, lost, gone = read_status(json.loads(out or "{}"))
        text = f"{_few(changed)} would run, the others are as {LOCK} has them" if changed else f"all as {LOCK} has them"
        problems = []
        if gone:
            problems.append(Problem(f"{_few(gone)}: not in this folder, but in {LOCK}", "dvc checkout", False))
        if lost:
            without = f"{REPRO} makes them again; there is no remote to dvc pull from"
            remedy = "dvc pull" if _config('remote "(.+)"') else without
            problems.append(Problem(f"{_few(lost)}: not in DVC's cache", remedy, False))
        return ([("stages", text), ("cache", f"{len(lost)} missing" if lost else "complete")], problems), changed


def read_status(status):
    """What `dvc status --json` says.

    Returns:
        (changed, lost, gone): lists of str: stages that would run; outputs of the others that are not in the cache;
        and those that are, but not in the folder.
    """
    changed, lost, gone = [], [], []
    for name, items in status.items():
        # beside dicts of outs and deps there are words, such as "changed command"
        found = [item["changed outs"] for item in items if isinstance(item, dict) and set(item) == {"changed outs"}]
        outs = {path: how for each in found for path, how in each.items()}
        if len(found) < len(items) or set(outs.values()) - {"not in cache", "deleted"}:
            changed.append(name)
        else:
            lost += [path for path, how in outs.items() if how == "not in cache"]
            gone += [path for path, how in outs.items() if how == "deleted"]
    return changed, lost, gone


def _states(changed):
    """The row and the `Problem`s about states to resume from; `changed`: the stages that would run, None: unknown."""
    texts, problems, seen = [], [], set()
    for age, size, folder in _kept():
        name = folder.name.rpartition("-")[0]
        stage = name.removesuffix("_finish")
        what = f"{stage}, {_age(age)} old, {in_words(size)}"
        if _in_use(folder / "lock"):
            texts.append(f"{what} (training now)")
            continue
        why = None
        if folder.suffix == ".old":
            why = "left over"
        elif not any(folder.glob("*.state")):
            why = "empty"
        elif age > KEPT_DAYS * 24 * 3600:
            why = f"older than {KEPT_DAYS} days, the next training removes it"
        elif name in seen:
            why = "there is a newer one of the same stage"
        elif changed is not None and stage not in changed:
            why = "the stage is complete"
        if why:
            problems.append(Problem(f"state of {what}: stale: {why}", f"rm -r {folder}", False))
        else:
            seen.add(name)
            texts.append(f"{what} (dvc repro goes on from it, if params, data and code are the same)")
    return ("states", "; ".join(texts) or ("stale ones" if problems else "none")), problems


def _kept():
    """(seconds old, bytes, folder) of each state, the newest first; a training may remove its own meanwhile."""
    found = []
    for folder in states_folder().glob("train_*"):
        with contextlib.suppress(FileNotFoundError):
            found.append((time.time() - folder.stat().st_mtime, bytes_of(folder), folder))
    return sorted(found)


def _in_use(path):
    """Whether a training has the lock file `path`."""
    try:
        with open(path, encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _config(pattern):
    """What a pattern's first group finds in DVC's configuration of this project; None: nothing."""
    for path in map(Path, (".dvc/config", ".dvc/config.local")):
        if path.exists() and (found := re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)):
            return found[1]
    return None


def _few(names):
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def _age(seconds):
    hours = seconds / 3600
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} h" if hours >= 1 else f"{seconds / 60:.0f} min"
