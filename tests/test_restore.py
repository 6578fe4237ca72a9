import hashlib
import json

import pytest
import yaml

from facepipe import restore
from facepipe.restore import outputs_kept


def put(cache, content):
    digest = hashlib.md5(content).hexdigest()
    path = cache / "files" / "md5" / digest[:2] / digest[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return digest


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A dvc.lock and a cache with a file and a folder; the outputs themselves are gone, as when a stage runs."""
    monkeypatch.chdir(tmp_path)
    cache = tmp_path / "elsewhere"
    entries = [{"md5": put(cache, name.encode()), "relpath": name} for name in ("a.png", "vae-x/b.png")]
    listing = put(cache, json.dumps(entries).encode())
    (cache / "files/md5" / listing[:2] / listing[2:]).rename(cache / "files/md5" / listing[:2] / f"{listing[2:]}.dir")
    outs = [
        {"path": "reports/edits", "hash": "md5", "md5": f"{listing}.dir"},
        {"path": "reports/index.html", "hash": "md5", "md5": put(cache, b"<html>")},
    ]
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": {"render": {"outs": outs}}}))
    monkeypatch.setattr(restore, "cache_folder", lambda: cache)
    return tmp_path


def there(folder):
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


GOOD = {"edits/a.png": "a.png", "edits/vae-x/b.png": "vae-x/b.png", "index.html": "<html>"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_was_there_is_there_again(workspace, error):
    with pytest.raises(error), outputs_kept("render"):
        (workspace / "reports/edits").mkdir(parents=True)
        (workspace / "reports/edits/half.png").write_text("half")
        raise error
    assert there(workspace / "reports") == GOOD


def test_success_leaves_all_alone(workspace):
    with outputs_kept("render"):
        (workspace / "reports").mkdir()
    assert there(workspace / "reports") == {}


def test_a_stage_that_never_ran_has_nothing(workspace):
    with pytest.raises(ValueError), outputs_kept("other"):
        raise ValueError
    (workspace / "dvc.lock").unlink()
    with pytest.raises(ValueError), outputs_kept("render"):
        raise ValueError
    assert not (workspace / "reports").exists()


def test_what_is_not_in_the_cache_is_named(workspace, capsys):
    digest = hashlib.md5(b"vae-x/b.png").hexdigest()
    (workspace / "elsewhere/files/md5" / digest[:2] / digest[2:]).unlink()
    with pytest.raises(ValueError), outputs_kept("render"):
        raise ValueError
    assert there(workspace / "reports") == {"index.html": "<html>"}
    assert capsys.readouterr().err == "render: reports/edits: not in DVC's cache; run dvc repro to make it again\n"


@pytest.mark.parametrize("lock", [b"\xff", b"stages: [", b"\x00"])
def test_a_damaged_lock_hides_no_error(workspace, capsys, lock):
    (workspace / "dvc.lock").write_bytes(lock)
    with pytest.raises(ValueError, match="its own"), outputs_kept("render"):
        raise ValueError("its own")
    assert capsys.readouterr().err.startswith("render: dvc.lock: damaged, so nothing is put back")
