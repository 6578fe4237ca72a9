from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from facepipe.errors import InputError
from facepipe.latents.table import Latents
from facepipe.report import decoded
from facepipe.report import decoded as faces
from facepipe.report.decoded import decode_table


class Stripes:
    """Stands in for a model: number i of the latent is the gray level of column i."""

    name, latent_dim = "vae", 8

    def __init__(self, fail_after=None):
        self.fail_after = fail_after

    def decode(self, z):
        if self.fail_after is not None:
            self.fail_after -= 1
            if self.fail_after < 0:
                raise KeyboardInterrupt
        return np.broadcast_to(z[:, None, :, None], (len(z), 6, 8, 3)).astype(np.float32)


def table(*ids):
    z = np.random.default_rng(0).random((len(ids), 8)).astype(np.float32)
    return Latents(list(ids), [""] * len(ids), z)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def pixels(path):
    return np.asarray(Image.open(path))


def test_one_picture_per_row_and_a_grid(tmp_path):
    latents = table("000001.jpg", "b", "c d")
    latents.z[1] = [-1, 0, 0.001, 0.002, 0.5, 0.998, 1, 2]
    assert decode_table(Stripes(), latents, tmp_path / "new/faces", columns=2) == (
        ["000001.png", "b.png", "c d.png"], ["grid.png"], []
    )  # fmt: skip
    assert names(tmp_path / "new/faces") == ["000001.png", "b.png", "c d.png", "grid.png"]
    assert names(tmp_path / "new") == ["faces"]
    face = pixels(tmp_path / "new/faces/b.png")
    assert face.shape == (6, 8, 3)
    assert face[0, :, 0].tolist() == [0, 0, 0, 1, 128, 254, 255, 255]
    grid = pixels(tmp_path / "new/faces/grid.png")
    assert grid.shape == (2 * 8 + 2, 2 * 10 + 2, 3)
    np.testing.assert_array_equal(grid[2:8, 12:20], face)


def test_a_sheet_with_ids_and_a_comparison(tmp_path):
    latents, pair = table("a", "b", "c"), (np.zeros((6, 8, 3), np.uint8), np.ones((6, 8, 3), np.uint8))
    decode_table(Stripes(), latents, tmp_path, sheet=True, known={"b": pair})
    assert names(tmp_path) == ["a.png", "b.png", "c.png", "compare.png", "grid.png", "sheet.png"]
    assert pixels(tmp_path / "sheet.png").shape[1] == 2 * (8 * 8 + 6) + 6
    compared = pixels(tmp_path / "compare.png")
    np.testing.assert_array_equal(compared[-50:-2:8, -66:-2:8], pixels(tmp_path / "b.png"))


def test_two_at_once_leave_the_pictures_of_one_of_them(tmp_path):
    ids = [f"face-{i}" for i in range(12)]
    for _ in range(20):
        tables = [Latents(ids, [""] * 12, np.full((12, 8), gray, np.float32)) for gray in (0, 1)]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda each: decode_table(Stripes(), each, tmp_path / "faces"), tables))
        # the frames of the grid have a gray of their own
        assert len({int(pixels(tmp_path / "faces" / f"{name}.png").max()) for name in ids}) == 1
        shown = int(pixels(tmp_path / "faces/grid.png")[4, 4].max())
        assert shown == pixels(tmp_path / "faces/face-0.png").max()
    assert names(tmp_path) == ["faces"] and len(names(tmp_path / "faces")) == 13


class Conditioned(Stripes):
    """Adds its label to the gray levels; an unknown one is a half."""

    condition_on = ("Smiling", "Young")

    def decode(self, z, labels=None):
        shift = 0.0 if labels is None else np.nan_to_num(labels[:, :1], nan=0.5)
        return super().decode(z / 4 + np.float32(shift) / 4)


def test_labels_are_taken_from_the_columns_of_the_table(tmp_path):
    latents = table("a", "b", "c")
    latents.z[:] = 0
    decode_table(Conditioned(), latents._replace(extra={"Smiling": ["1", "0", ""]}), tmp_path)
    assert [pixels(tmp_path / f"{name}.png").max() for name in "abc"] == [64, 0, 32]
    decode_table(Conditioned(), latents, tmp_path)
    assert pixels(tmp_path / "a.png").max() == 0
    bad = latents._replace(extra={"Young": ["1", "old", ""]})
    assert "e.csv: row 3, column Young: 'old' is not a label" in refused(
        Conditioned(), bad, tmp_path / "x", path="e.csv"
    )


def test_same_latents_same_bytes_whatever_else_is_in_the_table(tmp_path, monkeypatch):
    latents = table(*"abcdefg")
    decode_table(Stripes(), latents, tmp_path / "1")
    monkeypatch.setattr(faces, "CHUNK", 2)
    decode_table(Stripes(), Latents(latents.ids[3:], latents.splits[3:], latents.z[3:]), tmp_path / "2")
    for name in ("d.png", "g.png"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_other_files_stay_and_old_pictures_are_replaced(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "a.png").write_text("old")
    assert decode_table(Stripes(), table("a"), tmp_path).replaced == ["a.png"]
    assert names(tmp_path) == ["a.png", "grid.png", "notes.txt"]
    assert pixels(tmp_path / "a.png").shape == (6, 8, 3)


@pytest.mark.parametrize("exists", [True, False])
def test_interrupted_leaves_everything_as_it_was(tmp_path, monkeypatch, exists):
    monkeypatch.setattr(faces, "CHUNK", 2)
    out = tmp_path / "faces"
    if exists:
        out.mkdir()
        (out / "a.png").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        decode_table(Stripes(fail_after=1), table(*"abcd"), out)
    assert names(tmp_path) == (["faces"] if exists else [])
    if exists:
        assert names(out) == ["a.png"] and (out / "a.png").read_text() == "old"


def test_pictures_have_ordinary_permissions(tmp_path):
    decode_table(Stripes(), table("a"), tmp_path / "faces")
    (tmp_path / "reference").write_text("")
    reference = (tmp_path / "reference").stat().st_mode
    assert {path.stat().st_mode for path in (tmp_path / "faces").iterdir()} == {reference}


def test_the_grid_of_a_long_table_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(decoded, "GRID_FACES", 4)
    decode_table(Stripes(), table(*"abcdefghi"), tmp_path)
    assert len(names(tmp_path)) == 10
    assert pixels(tmp_path / "grid.png").shape == (18, 22, 3)


def refused(*arguments, **options):
    with pytest.raises(InputError) as caught:
        decode_table(*arguments, **options)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_wrong_tables(tmp_path):
    out = tmp_path / "faces"
    assert "row 3, column id: 'Grid.jpg' would be grid.png" in refused(Stripes(), table("a", "Grid.jpg"), out)
    assert "'compare' would be compare.png; rename it" in refused(Stripes(), table("compare"), out)
    assert "row 3, column id: 'a.png' would be written to 'a.png'" in refused(Stripes(), table("a", "a.png"), out)
    small = Latents(["a"], [""], np.zeros((1, 3), np.float32))
    assert refused(Stripes(), small, out, path="e.csv").startswith("e.csv: has 3 latent columns, model vae has 8")
    latents = table("a", "b")
    latents.z[1, 4] = np.nan
    assert "e.csv: 'b': decodes to NaN" in refused(Stripes(), latents, out, path="e.csv")
    assert names(tmp_path) == []


def test_folders_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "faces/a.png").mkdir(parents=True)
    assert "is a file" in refused(Stripes(), table("a"), tmp_path / "file")
    assert "is a file" in refused(Stripes(), table("a"), tmp_path / "file/below")
    assert "is a folder" in refused(Stripes(), table("a"), tmp_path / "faces")
    assert "cannot write" in refused(Stripes(), table("a"), "/proc/faces")
    assert names(tmp_path / "faces") == ["a.png"]
