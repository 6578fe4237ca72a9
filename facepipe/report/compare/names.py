"""Which revision a name means: a branch, tag or commit of git, an experiment of DVC, the workspace, a folder."""

import functools
from pathlib import Path

from facepipe.errors import InputError, suggest
from facepipe.report.compare.revisions import ABOUT, PARAMS, Checkout, Commit, git
from facepipe.restore import cache_folder
from facepipe.tables.cells import short

WORKSPACE = "workspace"
EXPERIMENTS = "refs/exps/"
# below it there is what DVC notes for itself, too
NO_EXPERIMENTS = ("apply", "celery", "exec", "stash", "temp")


def find_revisions(names, project, temporary):
    """The revisions that a user names.

    Args:
        names: list of str: a branch, tag, commit or experiment, "workspace", or a folder.
        project: Path, the top folder of the project.
        temporary: Path of a folder for what is put together of commits.

    Returns:
        list of `Checkout` and `Commit`, each with a dvc.lock.

    Raises:
        InputError: fewer than two, one that is unknown or ambiguous, two that are the same, one never reproduced.
    """
    if len(names) < 2:
        raise InputError("compare: name two revisions or more, such as HEAD and workspace")
    cache, found = functools.cache(lambda: project / cache_folder(project)), []
    for i, name in enumerate(names):
        revision = _find(name, project, Path(temporary) / str(i), cache)
        same = next((other for other in found if other.identity == revision.identity), None)
        if same:
            raise InputError(f"compare: {same.name} and {name} are one and the same revision; name another")
        found.append(revision)
    for revision in found:
        _ = revision.stages  # whether it has any
    return found


def _find(name, project, folder, cache):
    """The revision of a name; `folder`, `cache`: see `Commit`."""
    if name == WORKSPACE:
        return Checkout(name, project)
    sha = git(project, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if sha:
        return Commit(name, project, sha.strip(), folder, cache)
    experiments = _experiments(project)
    own = [(baseline, sha) for other, baseline, sha in experiments if other == name]
    if len(own) > 1:
        head = (git(project, "rev-parse", "HEAD") or "").strip()
        of = ", ".join(f"{sha[:7]} (of {baseline[:7]})" for baseline, sha in own)
        own = [(baseline, sha) for baseline, sha in own if baseline == head]
        if not own:
            raise InputError(f"{name}: several experiments have this name; name the commit of one of them: {of}")
    if own:
        baseline, sha = own[0]
        commit, subject, _ = (git(project, *ABOUT, baseline) or f"{baseline[:7]}\0\0").split("\0")
        return Commit(name, project, sha, folder, cache, f"experiment of {commit} {subject}".strip())
    if name and Path(name).is_dir():
        if not (Path(name) / PARAMS).exists():
            raise InputError(f"{name}: a folder without {PARAMS}; name the top folder of a project")
        return Checkout(name, name)
    refs = git(project, "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags", "refs/remotes")
    if refs is None:
        raise InputError(f"{short(name)}: no git repository here: name folders, or {WORKSPACE}")
    hint = suggest(name, [WORKSPACE, *refs.split(), *(other for other, _, _ in experiments)])
    hint = hint or "; dvc exp show --all-commits lists them"
    raise InputError(f"{short(name)}: no such experiment, branch, tag, commit or folder{hint}")


def _experiments(project):
    """(name, sha of its baseline, its own sha) of DVC's experiments."""
    refs = git(project, "for-each-ref", "--format=%(refname) %(objectname)", EXPERIMENTS) or ""
    found = []
    for line in refs.splitlines():
        ref, sha = line.rsplit(" ", 1)
        parts = ref.removeprefix(EXPERIMENTS).split("/")
        if len(parts) == 3 and parts[0] not in NO_EXPERIMENTS:
            found.append((parts[2], parts[0] + parts[1], sha))
    return found
