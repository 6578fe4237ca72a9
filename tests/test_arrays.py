"""Arrays with a checksum: any byte that differs is seen, and other programs read them as any .npz file."""

import numpy as np
import pytest

from facepipe.core.arrays import read_arrays, write_arrays
from tests.corrupted import digest, outcomes

ARRAYS = {"name": np.array("x"), "a": np.arange(12, dtype=np.float32).reshape(3, 4), "b": np.array(0.5)}


def read(path):
    return read_arrays(path, "an atlas", "`make` makes it again")


def test_round_trip(tmp_path):
    for name in ("a.npz", "b.npz"):
        write_arrays(tmp_path / name, ARRAYS)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        others = dict(stored)
    for found in (read(tmp_path / "a.npz"), others):
        assert list(found) == list(ARRAYS) and digest(*found.values()) == digest(*ARRAYS.values())
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "c.npz")


def test_any_byte_that_differs_is_seen(tmp_path):
    path = tmp_path / "a.npz"
    write_arrays(path, ARRAYS)
    found = outcomes(path, lambda: digest(*read(path).values()), places=500)
    assert "different" not in found.values()
    lines = set(found.values()) - {"same"}
    assert f"{path}: damaged: its sha256 does not fit; remove it, then `dvc checkout` brings it back out of DVC's " \
        "cache, or `make` makes it again" in lines  # fmt: skip
    assert all(line.startswith((f"{path}: damaged", f"{path}: not an atlas: ")) for line in lines)


def test_those_of_an_earlier_facepipe_are_read_and_it_is_said(tmp_path, capsys):
    path = tmp_path / "a.npz"
    np.savez(path, **ARRAYS)
    for _ in range(2):
        assert digest(*read(path).values()) == digest(*ARRAYS.values())
    said = "made by an earlier facepipe, without checksums: not checked; `dvc repro` renews it"
    assert capsys.readouterr().err == f"{path}: {said}\n"
