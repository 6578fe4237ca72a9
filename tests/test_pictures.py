"""Tiling and PNG files."""

import numpy as np
import pytest
from PIL import Image

from facepipe.core.pictures import enlarge, save_png, tile, to_rgb, to_uint8


def numbered(count, height=3, width=5, channels=3):
    values = np.arange(1, count + 1, dtype=np.uint8).reshape(-1, 1, 1, 1)
    return np.broadcast_to(values, (count, height, width, channels)).copy()


def test_tile_puts_images_in_reading_order_with_padding():
    grid = tile(numbered(5), columns=3, pad=2, background=200)
    assert grid.shape == (2 * (3 + 2) + 2, 3 * (5 + 2) + 2, 3) and grid.dtype == np.uint8
    assert (grid[2:5, 2:7] == 1).all() and (grid[2:5, 16:21] == 3).all()
    assert (grid[7:10, 9:14] == 5).all()
    assert (grid[7:10, 16:21] == 200).all()  # the last row is partial
    assert (grid[:2] == 200).all() and (grid[:, 7:9] == 200).all()


def test_tile_has_no_more_columns_than_images():
    assert tile(numbered(2), columns=10, pad=1).shape == (5, 13, 3)


def test_gray_becomes_rgb():
    gray = numbered(2, channels=1)
    assert (to_rgb(gray) == numbered(2)).all()
    assert (tile(gray, 2) == tile(numbered(2), 2)).all()


@pytest.mark.parametrize(("shape", "dtype"), [((1, 4, 4, 3), float), ((4, 4, 3), np.uint8), ((1, 4, 4, 2), np.uint8)])
def test_wrong_pictures_are_refused(shape, dtype):
    with pytest.raises(ValueError, match="uint8"):
        tile(np.zeros(shape, dtype), 1)


def test_no_images_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        tile(numbered(0), 2)


def test_enlarge_repeats_pixels():
    image = np.arange(4, dtype=np.uint8).reshape(1, 2, 2, 1)
    assert enlarge(image, 2)[0, ..., 0].tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 1), (4, 6, 3)])
def test_png_round_trip_and_equal_bytes(tmp_path, shape):
    image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    save_png(tmp_path / "new" / "a.png", image)
    save_png(tmp_path / "b.png", image)
    assert (np.asarray(Image.open(tmp_path / "b.png")) == image.squeeze()).all()
    assert (tmp_path / "new" / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.png"]


def test_png_refuses_floats(tmp_path):
    with pytest.raises(ValueError, match="uint8"):
        save_png(tmp_path / "a.png", np.zeros((4, 4, 3)))
    assert not list(tmp_path.iterdir())


def test_to_uint8():
    every = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_uint8(every.astype(np.float32) / np.float32(255)), every)
    assert to_uint8(np.array([-1.0, 0.0, 0.5, 1.0, 7.0])).tolist() == [0, 0, 128, 255, 255]
