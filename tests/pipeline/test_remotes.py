"""`dvc push` and `dvc pull`, to a folder and to a server that speaks S3: a second clone has all, and runs nothing."""

import json
from pathlib import Path

import pytest
import requests
import yaml

from tests.pipeline.conftest import Repository
from tests.pipeline.test_experiments import outputs, said

LOST = "data/latents/vae"  # a folder, one file of which is lost


@pytest.fixture(scope="module")
def s3():
    """(the address of an empty bucket on loopback, options of the remote)."""
    server = pytest.importorskip("moto.server", reason="moto is not installed: pip install -e '.[test]'")
    pytest.importorskip("dvc_s3", reason="needs the extra s3")
    thread = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    thread.start()
    host, port = thread.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "DEFAULT_REGION"):
            patch.setenv(f"AWS_{name}", "us-east-1" if name == "DEFAULT_REGION" else "tests")
        assert requests.put(f"http://{host}:{port}/faces", timeout=60).ok
        yield "s3://faces/store", {"endpointurl": f"http://{host}:{port}"}
    thread.stop()


def add_remote(repository, address, options):
    repository.run("dvc", "remote", "add", "--default", "store", address)
    for name, value in options.items():
        repository.run("dvc", "remote", "modify", "store", name, value)
    repository.commit("a remote")


def clone(repository, folder):
    repository.run("git", "clone", "--quiet", str(repository.folder), str(folder))
    return Repository(folder)


def has_all(repository, original):
    """Whether it has the files of the other one, those that only git brings included, and nothing is to be run."""
    assert outputs(repository) == outputs(original)
    assert repository.repro() == ([], [])
    assert "up to date" in said(repository, "dvc", "status")
    assert said(repository, "git", "status", "--porcelain") == ""


def test_a_second_clone_pulls_all_from_a_folder(copy, tmp_path):
    done = copy.run("dvc", "push", check=False)
    assert done.returncode and "no remote specified" in done.stderr and "dvc remote add" in done.stderr
    store = tmp_path / "the store"
    add_remote(copy, str(store), {})
    copy.run("dvc", "push")
    second = clone(copy, tmp_path / "second")
    # tables come with git, without any remote
    metrics = (second.folder / "reports/evaluate/metrics.json").read_bytes()
    assert metrics == (copy.folder / "reports/evaluate/metrics.json").read_bytes()
    assert not (second.folder / "data/models").exists()
    done = second.run("python", "-m", "facepipe", "sample", "--model", "vae", "-o", "faces.png", check=False)
    assert done.returncode == 2 and "dvc pull" in done.stderr and "Traceback" not in done.stderr
    second.run("dvc", "pull")
    has_all(second, copy)


@pytest.mark.slow
def test_a_second_clone_pulls_all_from_a_server(copy, tmp_path, s3):
    add_remote(copy, *s3)
    copy.run("dvc", "push")
    second = clone(copy, tmp_path / "second")
    second.run("dvc", "pull")
    has_all(second, copy)


def stored(store, digest):
    return store / "files" / "md5" / digest[:2] / digest[2:]


@pytest.mark.slow
def test_what_a_remote_has_lost_is_named_and_made_again(copy, tmp_path):
    store = tmp_path / "store"
    add_remote(copy, str(store), {})
    copy.run("dvc", "push")
    whole = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    digests = copy.hashes()
    folder = stored(store, digests[LOST])
    table = next(entry["md5"] for entry in json.loads(folder.read_text()) if entry["relpath"] == "test.csv")
    for digest in (table, digests["reports/explorer.html"], digests["data/models/ae"]):
        stored(store, digest).unlink()

    second = clone(copy, tmp_path / "second")
    done = second.run("dvc", "pull", check=False)
    assert done.returncode and table in done.stderr and "Traceback" not in done.stderr
    # DVC has fetched the rest, and checks it out when asked to; it names what is missing
    done = second.run("dvc", "checkout", check=False)
    named = done.stderr[done.stderr.index("Checkout failed") :].splitlines()[1:4]
    assert done.returncode and set(named) == {LOST, "reports/explorer.html", "data/models/ae"}
    ran, _ = second.repro()
    assert ran == ["train_ae", "export_latents@vae", "render_reports"]
    has_all(second, copy)
    # DVC takes a folder's list at the remote for its files: the lost table is pushed with the list
    second.run("dvc", "push")
    assert {path for path in whole if not path.exists()} == {stored(store, table)}
    folder.unlink()
    second.run("dvc", "push")
    assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == whole


@pytest.mark.slow
def test_experiments_and_runs_go_to_another_clone(copy, tmp_path):
    bare, store = tmp_path / "shared.git", tmp_path / "store"
    copy.run("git", "clone", "--quiet", "--bare", str(copy.folder), str(bare))
    copy.run("git", "remote", "add", "origin", str(bare))
    add_remote(copy, str(store), {})
    copy.run("git", "push", "--quiet", "origin", "HEAD")
    copy.run("dvc", "push")
    copy.run("dvc", "exp", "run", "--name", "wider", "-S", "render_reports.columns=4")
    made = outputs(copy)
    copy.run("dvc", "exp", "push", "origin", "wider")
    copy.run("dvc", "push", "--run-cache")
    second = clone(Repository(bare), tmp_path / "second")
    second.run("dvc", "exp", "pull", "origin", "wider")
    second.run("dvc", "exp", "apply", "wider")
    second.run("dvc", "pull")
    assert outputs(second) == made and second.repro() == ([], [])
    # what was run before is in the run cache, which comes only when it is asked for
    second.run("git", "reset", "--quiet", "--hard")
    second.run("dvc", "pull", "--run-cache")
    second.set_params({"render_reports.columns": 4})
    ran, cached = second.repro()
    assert ran == [] and cached == ["render_reports"] and outputs(second) == made


def test_what_only_git_brings_is_committed():
    """No output with `cache: false` is ignored by git, or a clone would lack it."""
    root = Path(__file__).parents[2]
    pipeline = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    uncached = []
    for stage in pipeline.values():
        stage = stage.get("do", stage)
        for out in [*stage.get("plots", ()), *stage.get("metrics", ())]:
            for path, options in out.items() if isinstance(out, dict) else ():
                if not options.get("cache", True):
                    uncached.append(path.replace("${item}", "vae"))
    assert len(uncached) > 20
    done = Repository(root).run("git", "check-ignore", "--no-index", *uncached, check=False)
    assert done.stdout == "" and done.returncode == 1
