"""Statistics of pixels against numpy."""

import numpy as np
import pytest

from facepipe.preprocess import pixels
from facepipe.preprocess.pixels import channel_statistics, chunks, histogram, pixel_histogram, pixel_sums
from facepipe.shards.shards import Shards
from tests.material import write_shards


def make(folder, count, shape, seed=0):
    images = np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)
    write_shards(folder, {"train": images, "test": images[:3]}, shard_mb=0.01)
    return images, Shards(folder)


@pytest.mark.parametrize("shape", [(5, 7, 3), (7, 5, 1), (1, 1, 3)])
@pytest.mark.parametrize("chunk_bytes", [12_000_000, 1000, 1])
def test_sums_are_exact(tmp_path, monkeypatch, shape, chunk_bytes):
    images, shards = make(tmp_path / "s", 301, shape)
    monkeypatch.setattr(pixels, "CHUNK_BYTES", chunk_bytes)
    groups = np.random.default_rng(1).random((301, 4)) < [0, 0.1, 0.5, 1]
    sums = pixel_sums(shards, "train", groups)
    wide = images.astype(np.int64)
    assert (sums.total == wide.sum(axis=0)).all()
    assert (sums.squares == (wide**2).sum(axis=0)).all()
    assert sums.groups.shape == (4, *shape)
    for group, total in zip(groups.T, sums.groups, strict=True):
        assert (total == wide[group].sum(axis=0)).all()
    for c in range(shape[2]):
        assert (sums.histogram[c] == np.bincount(images[..., c].ravel(), minlength=256)).all()
    assert (sums.histogram == pixel_histogram(shards, "train")).all()


def test_the_brightest_images_add_up_exactly(tmp_path):
    # the largest sums that float32 has to hold
    images = np.full((1030, 2, 3, 1), 255, np.uint8)
    write_shards(tmp_path / "s", {"train": images})
    sums = pixel_sums(Shards(tmp_path / "s"), "train", np.ones((1030, 1), dtype=bool))
    assert (sums.squares == 1030 * 255**2).all() and (sums.groups == 1030 * 255).all()


def test_no_groups_and_an_empty_split(tmp_path):
    images, shards = make(tmp_path / "s", 4, (3, 2, 3))
    assert pixel_sums(shards, "train", np.zeros((4, 0), dtype=bool)).groups.shape == (0, 3, 2, 3)
    empty = pixel_histogram(shards, "valid")
    assert empty.shape == (3, 256) and not empty.any()
    assert (pixel_histogram(shards, "test") == histogram(images[:3])).all()


def test_chunks_cover_the_split_in_order(tmp_path, monkeypatch):
    images, shards = make(tmp_path / "s", 23, (4, 4, 3))
    monkeypatch.setattr(pixels, "CHUNK_BYTES", 5 * 48)
    parts = list(chunks(shards, "train"))
    assert [start for start, _ in parts] == [0, 5, 10, 15, 20]
    assert (np.concatenate([part for _, part in parts]) == images).all()


def test_channel_statistics():
    values = np.array([0, 0, 0, 51, 204, 255, 255, 102])
    found = channel_statistics(np.bincount(values, minlength=256))
    assert found["mean"] == pytest.approx(values.mean() / 255)
    assert found["sd"] == pytest.approx(values.std() / 255)
    assert (found["min"], found["max"], found["share_0"], found["share_255"]) == (0, 1, 3 / 8, 2 / 8)
    one = channel_statistics(np.bincount([102], minlength=256))
    assert one == {"mean": 0.4, "sd": 0, "min": 0.4, "max": 0.4, "share_0": 0, "share_255": 0}
