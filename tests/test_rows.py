import csv

import numpy as np
import pytest

from facepipe.errors import InputError
from facepipe.latents.rows import row_writer
from facepipe.latents.table import read_latents, write_latents

IDS = ["000001.jpg", "Ann Lee_0002", 'a "b", c', "naïve"]
Z = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


def test_csv_is_what_the_csv_module_writes(tmp_path):
    extra = {"note": ['"', "a;b", "two\nlines", ""]}
    write_latents(tmp_path / "t.csv", IDS, "a,b", Z, extra=extra)
    with open(tmp_path / "expected.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "split", "note", "z000", "z001", "z002"])
        for name, note, z in zip(IDS, extra["note"], Z.tolist(), strict=True):
            writer.writerow([name, "a,b", note, *(f"{value:.9g}" for value in z)])
    assert (tmp_path / "t.csv").read_bytes() == (tmp_path / "expected.csv").read_bytes()


def test_a_suffix_tells_the_format(tmp_path):
    with row_writer(tmp_path / "t.TSV", ["note"], ["z000"]) as write:
        write([["a,b", "tab\there"]], np.array([[1], [0.1]], np.float32))
    assert (tmp_path / "t.TSV").read_text() == 'note\tz000\na,b\t1\n"tab\there"\t0.100000001\n'
    refused = pytest.raises(InputError, match=r"cannot write .* files; did you mean .csv")
    with refused, row_writer(tmp_path / "t.cvs", [], []):
        pass


def test_one_latent_as_plain_text(tmp_path):
    path = tmp_path / "face-1.txt"
    write_latents(path, ["me.jpg"], "", Z[:1], extra={"note": ["x"]})
    assert path.read_text().splitlines() == [f"{value:.9g}" for value in Z[0]]
    read = read_latents(path, 3)
    assert read.ids == ["face-1"]
    np.testing.assert_array_equal(read.z, Z[:1])
    for count in (0, 2):
        with pytest.raises(InputError, match=rf"two.txt: a text file holds one face, not {count}; use .csv, .tsv"):
            write_latents(tmp_path / "two.txt", IDS[:count], "", Z[:count])
    assert [path.name for path in tmp_path.iterdir()] == ["face-1.txt"]


def test_a_file_is_whole_or_not_there(tmp_path):
    with pytest.raises(KeyError), row_writer(tmp_path / "t.csv", ["id"], ["z000"]) as write:
        write([["a"]], Z[:1, :1])
        raise KeyError
    assert not list(tmp_path.iterdir())
