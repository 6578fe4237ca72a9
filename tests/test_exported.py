import numpy as np
import pytest

from facepipe.errors import InputError
from facepipe.latents.folder import base_face, find_rows, split_path, stats_path
from facepipe.latents.table import write_latents

Z = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "vae"
    write_latents(folder / "train.csv", ["a.jpg", "b.jpg"], "train", Z[:2], extra={"Smiling": ["1", ""]})
    write_latents(folder / "test.csv", ["c.jpg", "d.jpg"], "test", Z[2:])
    write_latents(folder / "test.pca.csv", ["c.jpg", "d.jpg"], "test", Z[2:], form="pc")
    stats_path(folder).write_text("dimension,min\n0,1\n")
    return folder


def test_rows_of_all_tables_but_of_none_else(folder):
    found = find_rows(folder, ["d.jpg", "b.jpg", "x"], 3)
    assert {path.name: table.ids for path, table in found.items()} == {"train.csv": ["b.jpg"], "test.csv": ["d.jpg"]}
    assert found[folder / "train.csv"].extra == {"Smiling": [""]}
    np.testing.assert_array_equal(found[folder / "test.csv"].z, Z[3:])
    assert find_rows(folder, []) == {} == find_rows(folder / "none", ["a.jpg"])


def test_a_face_to_start_from(folder):
    np.testing.assert_array_equal(base_face(folder, "c.jpg", 3).z, Z[2:3])
    with pytest.raises(InputError, match=r"--base: no face 'e.jpg' in .*vae; did you mean \w.jpg\?"):
        base_face(folder, "e.jpg", 3)
    with pytest.raises(InputError, match="no exported latents, run `dvc repro export_latents`"):
        base_face(folder / "none", "c.jpg", 3)


def test_csv_or_parquet(folder):
    assert split_path(folder, "train") == folder / "train.csv" and split_path(folder, "valid") == folder / "valid.csv"
    (folder / "valid.parquet").touch()
    assert split_path(folder, "valid") == folder / "valid.parquet"
