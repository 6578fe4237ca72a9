"""DVC's experiments, branches, older commits, garbage collection and worktrees, on the finished pipeline.

Most of it happens in a path with spaces and an umlaut.
"""

import hashlib
import json
import os
import shutil
import time

import pytest
import yaml

from facepipe.cli import main
from tests.pipeline.conftest import Repository
from tests.pipeline.test_reruns import experiments

AWKWARD = "für später/my faces"
# the sweep: 19 that work, most of them of the cheapest stages, and one that the reader of params refuses
SWEEP = (
    ("evaluate.neighbours=3,4", "evaluate.seed=1,2,3"),
    ("evaluate.samples=30,50", "evaluate.kid_subsets=3,4"),
    ("attribute_vectors.min_examples=25,30,35",),
    ("evaluate.kid_subset_size=6,8,12",),
    ("evaluate.interpolations=0,5,10",),
)
REFUSED = "evaluate.neighbours=0"


def outputs(repository):
    """{path: digest} of all that lies in data and reports."""
    files = (path for name in ("data", "reports") for path in (repository.folder / name).rglob("*") if path.is_file())
    return {str(path.relative_to(repository.folder)): digest(path) for path in files}


def cache(repository):
    """{path: digest} of all that DVC's cache holds."""
    folder = repository.folder / ".dvc" / "cache"
    return {str(path.relative_to(folder)): digest(path) for path in folder.rglob("*") if path.is_file()}


def digest(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def said(repository, *command):
    return repository.run(*command).stdout.strip()


def check_out(repository, revision):
    """As a user goes to another commit: git has the tables, DVC the rest."""
    repository.run("git", "checkout", "--quiet", revision)
    repository.run("dvc", "checkout")


@pytest.fixture(scope="module")
def wider(finished, tmp_path_factory):
    """(repository in a path with spaces, outputs before, those of the experiment `wider`); at the branch main."""
    repository = finished.copy(tmp_path_factory.mktemp("wider") / AWKWARD)
    repository.run("git", "branch", "--move", "main")
    before = outputs(repository)
    done = repository.run("dvc", "exp", "run", "--name", "wider", "-S", "render_reports.columns=4")
    assert done.stdout.count("Running stage") == 1, done.stdout
    made = outputs(repository)
    changed = {path for path in made if made[path] != before.get(path)}
    assert "reports/index.html" in changed and all(path.startswith("reports/") for path in changed)
    check_out(repository, ".")
    assert outputs(repository) == before
    return repository, before, made


def test_apply_branch_and_an_older_commit(wider, tmp_path, monkeypatch):
    repository, before, made = wider
    repository = repository.copy(tmp_path / AWKWARD)
    (repository.folder / "notes.txt").write_text("mine", encoding="utf-8")
    head = said(repository, "git", "rev-parse", "HEAD")
    # one's own changes of tracked files are overwritten, and DVC has put them by; `git stash apply` of that, which it
    # recommends, fails where there are untracked files
    repository.set_params({"render_reports.rows": 3})
    own = (repository.folder / "params.yaml").read_bytes()
    repository.run("dvc", "exp", "apply", "wider")
    assert (repository.folder / "params.yaml").read_bytes() != own
    repository.run("git", "reset", "--quiet", "--hard")
    repository.run("git", "checkout", "--quiet", "refs/exps/apply/stash", "--", ".")
    assert (repository.folder / "params.yaml").read_bytes() == own
    repository.run("git", "reset", "--quiet", "--hard")
    repository.run("dvc", "checkout")
    assert outputs(repository) == before

    repository.run("dvc", "exp", "apply", "wider")
    assert outputs(repository) == made
    params = yaml.safe_load((repository.folder / "params.yaml").read_text(encoding="utf-8"))
    assert params["render_reports"]["columns"] == 4 and said(repository, "git", "rev-parse", "HEAD") == head
    assert repository.repro() == ([], [])
    check_out(repository, ".")
    repository.run("dvc", "exp", "branch", "wider", "wall")
    check_out(repository, "wall")
    assert outputs(repository) == made and repository.repro() == ([], [])
    monkeypatch.chdir(repository.folder)
    assert main(["decode", "data/latents/vae/test.csv", "--model", "vae", "-o", "a face"]) == 0
    assert main(["compare", "main", "wall", "--no-faces"]) == 0
    assert "columns" in (repository.folder / "compare.html").read_text(encoding="utf-8")
    check_out(repository, head)
    assert outputs(repository) == before and repository.repro() == ([], [])
    assert (repository.folder / "notes.txt").read_text(encoding="utf-8") == "mine"
    untracked = ['?? "a face/"', "?? compare.html", "?? notes.txt"]
    assert said(repository, "git", "status", "--porcelain").splitlines() == untracked


@pytest.mark.slow
def test_a_worktree_shares_the_cache(wider, tmp_path):
    repository, before, _ = wider
    repository = repository.copy(tmp_path / AWKWARD)
    tree = Repository(repository.folder.with_name("a tree"))
    repository.run("git", "worktree", "add", "--quiet", str(tree.folder), "-b", "other")
    # it has a cache of its own, an empty one
    done = tree.run("dvc", "checkout", check=False)
    assert done.returncode and "data/models/vae" in done.stderr and "Traceback" not in done.stderr
    tree.run("dvc", "cache", "dir", "--local", "../my faces/.dvc/cache")
    tree.run("dvc", "checkout")
    assert outputs(tree) == before and tree.repro() == ([], [])
    assert said(tree, "git", "status", "--porcelain") == ""
    assert outputs(repository) == before


@pytest.mark.slow
def test_garbage_collection_takes_nothing_that_a_commit_needs(wider, tmp_path):
    repository, before, made = wider
    repository = repository.copy(tmp_path / AWKWARD)
    (repository.folder / "notes.txt").write_text("mine", encoding="utf-8")
    repository.run("dvc", "exp", "branch", "wider", "wall")
    repository.run("dvc", "gc", "--all-commits", "--force")
    for revision, expected in (("wall", made), ("main", before)):
        check_out(repository, revision)
        assert outputs(repository) == expected and repository.repro() == ([], []), revision
    full = len(cache(repository))
    repository.run("dvc", "gc", "--workspace", "--force")
    assert len(cache(repository)) < full
    assert outputs(repository) == before and repository.repro() == ([], [])
    # what the branch alone needs is gone: DVC names it, and makes it again
    repository.run("git", "checkout", "--quiet", "wall")
    done = repository.run("dvc", "checkout", check=False)
    assert done.returncode and "reports/index.html" in done.stderr and "Traceback" not in done.stderr
    assert repository.repro()[0] == ["render_reports"]
    assert outputs(repository) == made and (repository.folder / "notes.txt").exists()
    assert said(repository, "git", "status", "--porcelain") == "?? notes.txt"


@pytest.mark.slow
@pytest.mark.long
def test_the_whole_pipeline_in_a_path_with_spaces(wider, tmp_path):
    repository, before, _ = wider
    repository = repository.copy(tmp_path / AWKWARD)
    made = ("data/models", "data/latents", "data/shards", "data/raw", "data/directions", "reports/evaluate")
    for name in (*made, ".dvc/cache"):
        shutil.rmtree(repository.folder / name)
    assert len(repository.repro()[0]) == 12
    assert outputs(repository) == before


@pytest.mark.slow
@pytest.mark.long
def test_twenty_queued_experiments_one_of_which_fails(finished, tmp_path):
    repository = finished.copy(tmp_path / "sweep")
    files = outputs(repository)
    params, lock = ((repository.folder / name).read_bytes() for name in ("params.yaml", "dvc.lock"))
    head = said(repository, "git", "rev-parse", "HEAD")
    for changes in SWEEP:
        options = [word for change in changes for word in ("-S", change)]
        repository.run("dvc", "exp", "run", "--queue", *options, "evaluate")
    repository.run("dvc", "exp", "run", "--queue", "--name", "refused", "-S", REFUSED, "evaluate")
    repository.run("dvc", "queue", "start", "--jobs", "2")
    try:
        while any(word in (status := said(repository, "dvc", "queue", "status")) for word in ("Queued", "Running")):
            time.sleep(3)
    finally:
        repository.run("dvc", "queue", "stop", check=False)
    assert status.count("Success") == 19 and status.count("Failed") == 1, status

    # the workspace is as it was
    assert outputs(repository) == files and said(repository, "git", "status", "--porcelain") == ""
    assert (repository.folder / "params.yaml").read_bytes() == params
    assert (repository.folder / "dvc.lock").read_bytes() == lock
    assert said(repository, "git", "rev-parse", "HEAD") == head

    # the failure is told in one line
    log = said(repository, "dvc", "queue", "logs", "refused")
    line = "evaluate: params.yaml: evaluate.neighbours: should be greater than or equal to 1 (got 0)"
    assert line in log.splitlines() and "exited with 2" in log and "Traceback" not in log
    rows = [row for row in experiments(repository) if row["State"]]
    assert len(rows) == 20 and [row["State"] for row in rows if row["Experiment"] == "refused"] == ["Failed"]

    # each has the params it was asked for, and other ones other results
    def metrics(revision):
        return json.loads(said(repository, "git", "show", f"{revision}:reports/evaluate/metrics.json"))

    rows = {tuple(row[name] for name in ASKED): row["rev"] for row in rows if row["Experiment"] != "refused"}
    assert len(rows) == 19
    base = metrics("HEAD")
    kids = {json.dumps(metrics(revision), sort_keys=True) for revision in rows.values()}
    assert len(kids) > 12 and json.dumps(base, sort_keys=True) in kids, "interpolations and directions change no metric"
    # and these are those of the same params without a queue
    direct = finished.copy(tmp_path / "direct")
    for changes in ({"evaluate.neighbours": 4, "evaluate.seed": 2}, {"evaluate.samples": 50, "evaluate.kid_subsets": 3},
                    {"attribute_vectors.min_examples": 30}):  # fmt: skip
        direct.run("git", "checkout", "--quiet", ".")
        direct.set_params(changes)
        assert "evaluate" in direct.repro("evaluate")[0]
        stored = yaml.safe_load((direct.folder / "params.yaml").read_text(encoding="utf-8"))
        wanted = tuple(str(stored[name.split(".")[0]][name.split(".")[1]]) for name in ASKED)
        expected = (direct.folder / "reports/evaluate/metrics.json").read_text(encoding="utf-8")
        assert metrics(rows[wanted]) == json.loads(expected), changes


ASKED = (
    "evaluate.neighbours", "evaluate.seed", "evaluate.samples", "evaluate.kid_subsets", "evaluate.kid_subset_size",
    "evaluate.interpolations", "attribute_vectors.min_examples",
)  # fmt: skip


def append(repository, path, text):
    """Whether a user could write to the end of a file there; root without its right to write what is read-only."""
    limit = ["setpriv", "--bounding-set", "-dac_override"] if os.geteuid() == 0 else []
    done = repository.run(*limit, "sh", "-c", 'printf %s "$1" >> "$2"', "sh", text, path, check=False)
    assert done.returncode == 0 or "ermission denied" in done.stderr, done.stderr
    return done.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", ["symlink", *(pytest.param(kind, marks=pytest.mark.long) for kind in ("hardlink", "copy"))]
)
def test_nothing_writes_through_a_link_into_the_cache(kind, finished, tmp_path, monkeypatch):
    repository = finished.copy(tmp_path / "linked")
    files, before = outputs(repository), cache(repository)

    def cache_is_whole():
        now = cache(repository)
        return {path: now.get(path) for path in before} == before

    repository.run("dvc", "config", "--local", "cache.type", kind)
    repository.run("dvc", "checkout", "--relink")
    table = "data/latents/vae/test.csv"
    md5 = files[table]
    linked = (repository.folder / table).samefile(repository.folder / ".dvc/cache/files/md5" / md5[:2] / md5[2:])
    assert (repository.folder / table).is_symlink() == (kind == "symlink") and linked == (kind != "copy")
    assert outputs(repository) == files and repository.repro() == ([], [])
    # by hand a stage finds its outputs where they are, and commands may be told to write over them
    for stage in ("preprocess", "export_latents vae", "render_reports"):
        repository.run("python", "-m", f"stages.{stage.split()[0]}", *stage.split()[1:])
    assert outputs(repository) == files and cache_is_whole()
    repository.run("dvc", "checkout", "--relink")
    monkeypatch.chdir(repository.folder)
    assert main(["edit", table, "--model", "vae", "--first", "3", "--add", "Male=1", "-o", table]) == 0
    assert main(["decode", table, "--model", "vae", "-o", "reports/render_reports/grids"]) == 0
    assert outputs(repository)[table] != files[table] and cache_is_whole()
    # a rerun makes new files, and takes back what was written over
    repository.set_params({"attribute_vectors.min_examples": 25, "render_reports.columns": 4})
    ran, _ = repository.repro()
    assert {"attribute_vectors", "render_reports"} <= set(ran) <= {"attribute_vectors", "evaluate", "render_reports"}
    assert outputs(repository)[table] == files[table] and cache_is_whole()
    # an edit in place is refused by the system where it would reach the cache
    repository.run("dvc", "checkout", "--relink")
    assert append(repository, table, "\n") == (kind == "copy") and cache_is_whole()
    repository.run("dvc", "unprotect", "data/latents/vae")
    assert append(repository, table, "\n") and cache_is_whole()
    assert "data/latents/vae" in said(repository, "dvc", "status")
    assert repository.repro()[0] == [] and outputs(repository)[table] == files[table] and cache_is_whole()
