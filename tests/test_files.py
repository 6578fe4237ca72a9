"""Atomic writes leave either the old or the new, and nothing beside it."""

import os
import stat

import numpy as np
import pytest

from facepipe.core.files import atomic_file, atomic_folder, read_json, remove_leftovers, write_csv, write_json


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


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    for kept in ("ae/model.json", "vae/model.json", ".vae.x.tmp", ".ae.txt", "ae.x.tmp"):
        (tmp_path / kept).parent.mkdir(exist_ok=True)
        (tmp_path / kept).write_text("kept")
    before = sorted(tmp_path.rglob("*"))
    (tmp_path / ".ae.abc.tmp").mkdir()
    (tmp_path / ".ae.abc.tmp" / "half").write_text("gone")
    (tmp_path / ".ae.abc.old").mkdir()
    (tmp_path / ".ae.def.tmp").write_text("gone")
    remove_leftovers(tmp_path / "ae", tmp_path / "absent" / "history.csv")
    assert sorted(tmp_path.rglob("*")) == before
    remove_leftovers(tmp_path / "ae")
