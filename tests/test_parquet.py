import sys

import numpy as np
import pytest

from facepipe.errors import InputError
from facepipe.latents import parquet as module
from facepipe.latents.table import read_latents, write_latents

IDS = ["a", "b", "c", "naïve"]
Z = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


def one_line(path):
    with pytest.raises(InputError) as caught:
        read_latents(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and len(message.splitlines()) == 1
    return message.removeprefix(f"{path}: ")


def test_row_groups_hold_many_chunks(tmp_path, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(module, "_ROWS", 3)
    write_latents(tmp_path / "t.parquet", IDS, "x", (Z[i : i + 1] for i in range(4)))
    assert parquet.ParquetFile(tmp_path / "t.parquet").num_row_groups == 2
    np.testing.assert_array_equal(read_latents(tmp_path / "t.parquet").z, Z)


def test_parquet_of_others(tmp_path):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "t.parquet"
    columns = {"z001": [2.0, 4.0], "Smiling": [1.0, None], "age": [31, 7], "id": ["a", "b"], "z000": [1, 3]}
    parquet.write_table(pyarrow.table(columns), path)
    read = read_latents(path, 2, "vae")
    assert read.ids == ["a", "b"] and read.extra == {"Smiling": ["1", ""], "age": ["31", "7"]}
    np.testing.assert_array_equal(read.z, np.array([[1, 2], [3, 4]], np.float32))
    for name, values, message in (
        ("z001", [1.0, float("nan")], "row 3, column z001: nan is not a finite float32"),
        ("z001", [1.0, None], "row 3, column z001: None is not a finite float32"),
        ("z001", ["x", "y"], "column z001: holds string, expected numbers"),
        ("id", ["a", "a"], "row 3, column id: 'a' is already in row 2"),
    ):
        parquet.write_table(pyarrow.table(columns | {name: values}), path)
        assert message in one_line(path).replace("'nan'", "nan").replace("'None'", "None")
    path.write_bytes(path.read_bytes()[:-9])
    assert "cannot be read as Parquet" in one_line(path)


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    assert one_line(tmp_path / "t.parquet") == "Parquet needs pyarrow; pip install 'facepipe[parquet]'"
    with pytest.raises(InputError, match="needs pyarrow"):
        write_latents(tmp_path / "u.parquet", IDS, "x", Z)
    assert not (tmp_path / "u.parquet").exists()


def test_bytes_are_text_and_pages_have_checksums(tmp_path):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    z = np.random.default_rng(0).standard_normal((2, 3), np.float32)
    write_latents(path, ["Zoë", "b"], "test", z)
    table = parquet.read_table(path)
    as_bytes = table.set_column(0, "id", table.column("id").cast(pyarrow.binary()))
    parquet.write_table(as_bytes, tmp_path / "b.parquet")
    assert read_latents(tmp_path / "b.parquet").ids == ["Zoë", "b"]
    with parquet.ParquetFile(path) as file:
        column = file.metadata.row_group(0).column(2)
    data, refused, size = path.read_bytes(), 0, column.total_compressed_size
    for at in range(column.dictionary_page_offset, column.dictionary_page_offset + size):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        try:
            assert (read_latents(path).z == z).all()
        except InputError as error:
            refused += "cannot be read as Parquet" in str(error)
    assert refused > size / 2
