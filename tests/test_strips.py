"""Strips and animations of faces."""

import numpy as np
import pytest
from PIL import Image

from facepipe.draw.grids import labelled
from facepipe.draw.strips import ENDS, FRAME_MS, check_picture, save_strips
from facepipe.errors import InputError

ROWS = [np.random.default_rng(i).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8) for i in range(2)]


def test_a_picture_is_the_labelled_grid(tmp_path):
    save_strips(tmp_path / "a.png", ROWS, ["x", "y"], list("1234"))
    expected = labelled(ROWS, ["x", "y"], list("1234"), scale=8)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), expected)


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_an_animation_goes_there_and_back(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    save_strips(path, ROWS[:1])
    first = path.read_bytes()
    with Image.open(path) as animation:
        frames, durations = [], []
        for i in range(animation.n_frames):
            animation.seek(i)
            frames.append(np.asarray(animation.convert("RGB")).astype(int)[2:130:8, 2:130:8])
            animation.load()
            durations.append(animation.info["duration"])
        assert animation.n_frames == 6 and animation.info["loop"] == 0
    for frame, column in zip(frames, [0, 1, 2, 3, 2, 1], strict=True):
        assert np.abs(frame - ROWS[0][column]).mean() < (20 if suffix == ".gif" else 1e-9)  # a palette of 256 colors
    assert durations == [ENDS * FRAME_MS, FRAME_MS, FRAME_MS, ENDS * FRAME_MS, FRAME_MS, FRAME_MS]
    save_strips(path, ROWS[:1])
    assert path.read_bytes() == first


def test_other_suffixes_are_refused():
    assert check_picture("a/b.GIF") == ".gif" and check_picture("x.csv", [".csv"]) == ".csv"
    for name in ("a", "a.jpg", "x.csv"):
        with pytest.raises(InputError, match=r"use \.png, \.gif, \.webp"):
            check_picture(name)
