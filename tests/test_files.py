"""Atomic writes leave either the old or the new, and nothing beside it."""

import hashlib
import os
import stat
import subprocess
import sys
import tempfile

import numpy as np
import pytest

from facepipe.core.files import (
    atomic_file,
    atomic_folder,
    check_bytes,
    check_seal,
    describe_files,
    read_json,
    sweep,
    temporary_folder,
    write_csv,
    write_json,
    write_sealed,
)
from facepipe.errors import InputError
from tests.conftest import ROOT


def test_a_failing_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with atomic_file(path) as file:
        file.write("old")
    with pytest.raises(RuntimeError), atomic_file(path) as file:
        file.write("new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(path.parent) == ["a.txt"]


def test_a_failing_folder_leaves_the_old_folder(tmp_path):
    folder = tmp_path / "f"
    with atomic_folder(folder) as temporary:
        (temporary / "a").write_text("old")
    with pytest.raises(RuntimeError), atomic_folder(folder) as temporary:
        (temporary / "b").write_text("new")
        raise RuntimeError
    assert os.listdir(folder) == ["a"]
    assert os.listdir(tmp_path) == ["f"]
    with atomic_folder(folder) as temporary:
        (temporary / "c").write_text("newer")
    assert os.listdir(folder) == ["c"]


def test_permissions_follow_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        with atomic_file(tmp_path / "a") as file:
            file.write("x")
        with atomic_folder(tmp_path / "f"):
            pass
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o750


def test_json_bytes_do_not_depend_on_the_order_of_keys(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": [1.5, None]})
    write_json(tmp_path / "b.json", {"a": [1.5, None], "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert read_json(tmp_path / "a.json") == {"a": [1.5, None], "b": 1}
    with pytest.raises(ValueError):
        write_json(tmp_path / "c.json", {"a": float("nan")})
    assert not (tmp_path / "c.json").exists()


def test_csv(tmp_path):
    path = tmp_path / "deep" / "a.csv"
    rows = [["naïve", 1 / 3, 3], ["a, b", None, -1], ['"', "two\nlines", np.float64(2e-12)]]
    write_csv(path, ("name", "x", "n"), iter(rows), digits=4)
    assert path.read_bytes().decode() == 'name,x,n\nnaïve,0.3333,3\n"a, b",,-1\n"""","two\nlines",2e-12\n'
    write_csv(path, ["x"], [[1 / 3]])
    assert path.read_text() == "x\n0.3333333333333333\n"
    with pytest.raises(ZeroDivisionError):
        write_csv(path, ["x"], ([1 / i] for i in (1, 0)))
    assert path.read_text() == "x\n0.3333333333333333\n" and os.listdir(path.parent) == ["a.csv"]


WRITER = """
import sys, time
from facepipe.core.files import atomic_file, atomic_folder
with atomic_folder(sys.argv[1]) as folder, atomic_file(sys.argv[1] + ".json") as file:
    (folder / "half").write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def start_writer(path):
    """A process that is in the middle of writing the folder `path` and a file beside it."""
    command = [sys.executable, "-c", WRITER, str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert process.stdout.readline() == "writing\n"
    return process


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path):
    for kept in ("ae/model.json", ".ae.abc.tmp", "ae.facepipe-tmp/x", ".ae.txt"):
        (tmp_path / kept).parent.mkdir(exist_ok=True)
        (tmp_path / kept).write_text("kept")
    before = sorted(tmp_path.rglob("*"))
    with start_writer(tmp_path / "ae") as killed, start_writer(tmp_path / "vae") as living:
        left = {path for path in tmp_path.iterdir() if path.name.startswith(".vae.")}
        assert len(left) == 2 and len(list(tmp_path.glob(".*.facepipe-tmp"))) == 4
        killed.kill()
        killed.wait()
        sweep(tmp_path)
        assert set(tmp_path.glob(".*.facepipe-tmp")) == left, "a living process may use its own"
        living.kill()
        living.wait()
        # the next write into the folder does it by itself
        write_json(tmp_path / "a.json", {})
    (tmp_path / "a.json").unlink()
    assert sorted(tmp_path.rglob("*")) == before
    sweep(tmp_path / "absent")


def test_a_folder_that_is_swept_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    made, mkdtemp = [], tempfile.mkdtemp

    def swept_at_first(**name):
        made.append(mkdtemp(**name))
        if len(made) == 1:
            sweep(tmp_path)
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", swept_at_first)
    with temporary_folder(tmp_path, "x") as folder:
        assert len(made) == 2 and folder.is_dir() and str(folder) == made[-1]
    assert not os.listdir(tmp_path)


def test_two_processes_that_make_one_folder(tmp_path):
    code = """
import sys
from facepipe.core.files import atomic_folder
for _ in range(200):
    with atomic_folder(sys.argv[1]) as folder:
        for name in "ab":
            (folder / name).write_text(sys.argv[2])
"""
    command, environment = [sys.executable, "-c", code, str(tmp_path / "f")], os.environ | {"PYTHONPATH": str(ROOT)}
    started = [subprocess.Popen([*command, who], stderr=subprocess.PIPE, env=environment) for who in "12"]
    assert [(p.communicate()[1], p.returncode) for p in started] == [(b"", 0)] * 2
    assert os.listdir(tmp_path) == ["f"]
    assert (tmp_path / "f/a").read_text() == (tmp_path / "f/b").read_text() in "12"


def test_a_sealed_dict_that_was_changed_is_refused(tmp_path):
    path = tmp_path / "a.json"
    write_sealed(path, {"b": [1.5, None], "a": "ä"})
    found = read_json(path)
    check_seal(path, found, "again")
    assert found["b"] == [1.5, None]
    for changed in (found | {"b": [1.5, 0]}, found | {"more": 1}, found | {"sha256": "0"}, {"b": 1}):
        with pytest.raises(InputError, match=r"a.json: damaged: its sha256 does not fit; remove it, then `dvc check"):
            check_seal(path, changed, "again")


def test_what_is_wrong_with_a_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    described = describe_files(tmp_path, ["a"])["a"]
    assert described == {"bytes": 3, "sha256": hashlib.sha256(b"abc").hexdigest()}
    check_bytes(path, described, "again")
    back = "`dvc checkout` brings it back out of DVC's cache, or again"
    for data, said in ((b"abd", "its sha256 does not fit"), (b"ab", "2 bytes, not 3")):
        path.write_bytes(data)
        with pytest.raises(InputError, match=f"^{path}: damaged: {said}; remove it, then {back}$"):
            check_bytes(path, described, "again")
    path.unlink()
    for known in (described, None):
        with pytest.raises(InputError, match=f"^{path}: missing; {back}$"):
            check_bytes(path, known, "again")
