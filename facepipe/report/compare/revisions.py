"""Revisions of the project and their files, without checking anything out: git's objects, and DVC's cache."""

import contextlib
import functools
import posixpath
import subprocess
import time
from pathlib import Path

from facepipe.core.files import atomic_file, read_json
from facepipe.core.yaml_read import MAX_BYTES, parse_yaml
from facepipe.errors import InputError
from facepipe.restore import LOCK, cached

PARAMS = "params.yaml"
ABOUT = (
    "-c",
    "log.showSignature=false",
    "show",
    "--no-patch",
    "--date=format:%Y-%m-%d %H:%M",
    "--format=%h%x00%s%x00%cd",
)
PULL = "`dvc pull` in that revision brings it (dvc exp pull that of an experiment)"


class MissingError(InputError):
    """A file that the revision has by its dvc.lock, and that is not here."""


class _Revision:
    """A state of the project.

    Subclasses give `get(path)`: a `Path` where the file or folder of the project can be read; None: the revision has
    none. MissingError: it has one by its dvc.lock, but it is not on this machine.

    Attributes:
        name: str, as the user gave it.
        absent: str, what may be said of a report that `get` does not find.
        commit, subject, date: str, what to say of it.
        identity: what makes it one and the same revision.
        notes: list of str, what readers should know of it.
    """

    def __init__(self, name, identity, commit, subject, date):
        self.name, self.identity = name, identity
        self.commit, self.subject, self.date = commit, subject, date
        self.notes = []

    @functools.cached_property
    def stages(self):
        """What its dvc.lock says of each stage; InputError: it has no dvc.lock."""
        path = self.get(LOCK)
        if path is None:
            raise InputError(f"{self.name}: no {LOCK} there: never reproduced; run dvc repro and commit what it makes")
        stages = self._yaml(path).get("stages")
        return stages if isinstance(stages, dict) else {}

    @functools.cached_property
    def outs(self):
        """{path: md5} of all that its stages make, from dvc.lock."""
        outs = [out for stage in self.stages.values() if isinstance(stage, dict) for out in stage.get("outs", ())]
        return {out["path"]: str(out.get("md5", "")) for out in outs}

    @functools.cached_property
    def params(self):
        """Its params.yaml, a dict; empty where it has none."""
        path = self.get(PARAMS)
        return {} if path is None else self._yaml(path)

    def trained(self, model):
        """Whether it has this model: DVC has made it, and params.yaml, where it says so at all, asks for it."""
        return f"data/models/{model}" in self.outs and model in (self.params.get("models") or [model])

    def report(self, path):
        """As `get`, but of what is not here there is a note, and None."""
        try:
            return self.get(path)
        except MissingError:
            self.notes.append(f"{path} is listed in {LOCK}, but {self.absent}")
            return None

    @contextlib.contextmanager
    def reading(self):
        """A block whose every InputError names the revision, not the place where its files happen to lie."""
        try:
            yield
        except MissingError:
            raise
        except InputError as error:
            raise InputError(f"{self.name}: {str(error).replace(f'{self.folder}/', '')}") from None

    def _yaml(self, path):
        try:
            with open(path, encoding="utf-8") as file:
                found = parse_yaml(file.read(MAX_BYTES + 1))
        except UnicodeDecodeError:
            raise InputError(f"{self.name}: {path.name}: not valid YAML: not UTF-8 text") from None
        except ValueError as error:
            raise InputError(f"{self.name}: {path.name}: {error}") from None
        return found if isinstance(found, dict) else {}


class Checkout(_Revision):
    """A folder in which the project lies, as it is now.

    Args:
        name: str.
        folder: its top folder.
    """

    absent = "is not there"

    def __init__(self, name, folder):
        self.folder = Path(folder).resolve()
        about = (git(self.folder, *ABOUT, "HEAD") or "\0\0").rstrip("\n").split("\0")
        changed = len((git(self.folder, "status", "--porcelain", "--untracked-files=no", "--", ".") or "").splitlines())
        subject = about[1] + (f" (and {changed} changed {'file' if changed == 1 else 'files'})" if changed else "")
        lock = self.folder / LOCK
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(lock.stat().st_mtime)) if lock.exists() else ""
        super().__init__(name, self.folder, about[0], subject, made)

    def get(self, path):
        place = self.folder / path
        if place.exists():
            return place
        if path not in (LOCK, PARAMS):
            for out in self.outs:
                if (_within(path, out) or _within(out, path)) and not (self.folder / out).exists():
                    raise MissingError(
                        f"{self.name}: {out}: {LOCK} lists it, but it is not there; `dvc checkout` or `dvc pull` there "
                        "brings it"
                    )
        return None


class Commit(_Revision):
    """A commit.

    Args:
        name: str.
        project: Path, the project's top folder.
        sha: of the commit.
        folder: Path, where what is asked for is put together: text from git, and links into DVC's cache.
        cache: function () -> Path, that cache.
        subject: str; None: the commit's own.
    """

    absent = "was not committed to git"

    def __init__(self, name, project, sha, folder, cache, subject=None):
        commit, own, date = git(project, *ABOUT, sha).rstrip("\n").split("\0")
        super().__init__(name, sha, commit, subject or own, date)
        self.folder, self._project, self._cache = folder, project, cache

    def get(self, path):
        place = self.folder / path
        if place.exists():
            return place
        blob = run_git(self._project, "cat-file", "blob", f"{self.identity}:./{path}")
        if blob.returncode == 0:
            with atomic_file(place, "wb") as file:
                file.write(blob.stdout)
            return place
        # neither of these can be in the cache
        files = {} if path in (LOCK, PARAMS) else self._files(path)
        for name, source in files.items():
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(source.absolute())
        return place if files else None

    def _files(self, path):
        """{path of the project: `Path` in the cache} of the files at or below a path."""
        found = {}
        for out, digest in self.outs.items():
            if not (_within(path, out) or _within(out, path)):
                continue
            files = {out: digest}
            if digest.endswith(".dir"):
                listing = self._cached(out, digest)
                try:
                    entries = read_json(listing)
                except ValueError:
                    raise MissingError(
                        f"{self.name}: {out}: damaged in DVC's cache; remove it there, and {PULL}"
                    ) from None
                files = {posixpath.join(out, entry["relpath"]): entry["md5"] for entry in entries}
            for name, md5 in files.items():
                if _within(name, path) and ".." not in name.split("/"):
                    found[name] = self._cached(name, md5)
        return found

    def _cached(self, path, digest):
        place = cached(self._cache(), digest)
        if not place.is_file():
            raise MissingError(f"{self.name}: {path}: not in DVC's cache; {PULL}, or leave pictures out (--no-faces)")
        return place


def git(folder, *arguments):
    """What a git command says in a folder, str; None where it fails."""
    done = run_git(folder, *arguments)
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None


def run_git(folder, *arguments):
    """A git command in a folder: its `CompletedProcess`, of code 127 where there is no git."""
    try:
        # git status would write its index anew otherwise
        return subprocess.run(
            ["git", "--no-optional-locks", "-C", str(folder), *arguments], capture_output=True, check=False
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(arguments, 127, b"", b"")


def _within(path, folder):
    return path == folder or path.startswith(f"{folder}/")
