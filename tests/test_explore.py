"""The look at the data: known statistics of small arrays, odd shapes, equal bytes."""

import csv
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facepipe.core.pictures import enlarge, tile
from facepipe.errors import InputError
from facepipe.preprocess import explore as module
from facepipe.preprocess.explore import explore, histogram_table
from facepipe.shards.shards import Shards
from tests.material import write_shards

TABLES = ["attributes", "channels", "cooccurrence", "histogram", "rejected", "sizes", "splits"]


def rows(report, name):
    with open(report / f"{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def picture(report, name):
    return np.asarray(Image.open(report / "grids" / f"{name}.png"))


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def make(folder, shape=(32, 32, 3), train=80, attributes=3, valid=7, test=9):
    """Random images; the first attribute makes the left half brighter, the second says nothing."""
    random = np.random.default_rng(0)
    images, labels = {}, {}
    for split, count in (("train", train), ("valid", valid), ("test", test)):
        has = (random.random((count, attributes)) < 0.4).astype(float)
        images[split] = random.integers(40, 120, (count, *shape), dtype=np.uint8)
        if attributes:
            images[split][has[:, 0] == 1, :, : shape[1] // 2] += 100
            has[random.random(count) < 0.2, -1] = np.nan
        labels |= {f"{split}-{i:06d}.png": row for i, row in enumerate(has)}
    names = ["Left", *(f"A{i}" for i in range(1, attributes))][:attributes]
    write_shards(folder, images, attributes=pd.DataFrame.from_dict(labels, orient="index", columns=names))
    return images, np.array(list(labels.values()))[:train]


def test_every_file_is_written_and_others_stay(tmp_path):
    make(tmp_path / "s")
    (tmp_path / "r" / "grids").mkdir(parents=True)
    (tmp_path / "r" / "grids" / "old.png").write_bytes(b"")
    (tmp_path / "r" / "metrics.json").write_text("{}")
    explore(tmp_path / "s", tmp_path / "r")
    pictures = {"grids/samples.png", "grids/mean_face.png"}
    assert set(files(tmp_path / "r")) == {f"{name}.csv" for name in TABLES} | pictures | {"metrics.json"}


def test_values_are_those_of_numpy(tmp_path):
    images, labels = make(tmp_path / "s")
    explore(tmp_path / "s", tmp_path / "r")
    scaled = images["train"] / 255
    channels = rows(tmp_path / "r", "channels")
    assert [(r["split"], r["channel"]) for r in channels][:4] == [
        ("train", "red"), ("train", "green"), ("train", "blue"), ("valid", "red"),
    ]  # fmt: skip
    for c in range(3):
        found = [float(channels[c][name]) for name in ("mean", "sd", "min", "max")]
        x = scaled[..., c]
        np.testing.assert_allclose(found, [x.mean(), x.std(), x.min(), x.max()], rtol=1e-5)
    assert [r["images"] for r in rows(tmp_path / "r", "splits")] == ["80", "7", "9"]

    found = {r["attribute"]: r for r in rows(tmp_path / "r", "attributes")}
    has = labels[:, 0] == 1
    assert found["Left"]["train_positive"] == str(has.sum())
    between = has.mean() * (1 - has.mean()) * ((scaled[has].mean(axis=0) - scaled[~has].mean(axis=0)) ** 2).sum()
    assert float(found["Left"]["pixel_variance"]) == pytest.approx(between / scaled.var(axis=0).sum(), rel=1e-5)
    # of the images whose label is known, in units of the variance of all
    known = ~np.isnan(labels[:, 2])
    has, without = labels[:, 2] == 1, labels[:, 2] == 0
    share = has.sum() / known.sum()
    between = share * (1 - share) * ((scaled[has].mean(axis=0) - scaled[without].mean(axis=0)) ** 2).sum()
    assert float(found["A2"]["pixel_variance"]) == pytest.approx(between / scaled.var(axis=0).sum(), rel=1e-5)
    values = rows(tmp_path / "r", "histogram")
    shares = [(images["train"] == v).mean() for v in (0, 50, 100)]
    np.testing.assert_allclose([float(values[v]["share"]) for v in (0, 50, 100)], shares, rtol=1e-5)


def test_mean_faces_show_what_the_attribute_does(tmp_path):
    images, labels = make(tmp_path / "s", attributes=2)
    explore(tmp_path / "s", tmp_path / "r")
    grid = picture(tmp_path / "r", "mean_face")
    # the tiles are 64 pixels and lie at the right, 2 pixels apart; the labels are 20 pixels high
    left = grid.shape[1] - 3 * 66
    x = images["train"].astype(float)
    has = labels[:, 0] == 1

    def shown(top, column, expected):
        tile = grid[top + 2 : top + 66, left + 66 * column : left + 66 * column + 64]
        expected = enlarge(np.floor(np.clip(expected, 0, 255) + 0.5).astype(np.uint8)[None], 2)[0]
        return (tile == expected).all()

    assert shown(20, 0, x.mean(axis=0)) and shown(20, 1, 2 * x.std(axis=0))
    upper = 20 + 2 + 66
    with_it, without = x[has].mean(axis=0), x[~has].mean(axis=0)
    assert shown(upper + 20, 0, with_it) and shown(upper + 20, 1, without)
    assert shown(upper + 20, 2, 127.5 + 2 * (with_it - without))
    assert grid.shape[0] == upper + 20 + 2 + 2 * 66


def test_samples_are_training_images(tmp_path):
    images, _ = make(tmp_path / "s", shape=(16, 16, 3))
    explore(tmp_path / "s", tmp_path / "r")
    grid = picture(tmp_path / "r", "samples")
    assert grid.shape == (2 + 6 * 66, 2 + 10 * 66, 3)
    shown = [grid[2 + 66 * r : 66 + 66 * r : 4, 2 + 66 * c : 66 + 66 * c : 4] for r in range(6) for c in range(10)]
    found = [next(i for i, image in enumerate(images["train"]) if (image == tile).all()) for tile in shown]
    assert len(set(found)) == 60 and found != sorted(found)


def test_equal_shards_give_equal_bytes(tmp_path):
    make(tmp_path / "s")
    explore(tmp_path / "s", tmp_path / "r")
    shutil.copytree(tmp_path / "s", tmp_path / "moved")
    explore(tmp_path / "moved", tmp_path / "r2")
    assert files(tmp_path / "r") == files(tmp_path / "r2")


@pytest.mark.parametrize("shape", [(20, 12, 1), (12, 20, 3), (100, 80, 3)])
def test_gray_and_oblong_images(tmp_path, shape):
    images, _ = make(tmp_path / "s", shape=shape)
    explore(tmp_path / "s", tmp_path / "r")
    names = ["gray"] if shape[2] == 1 else ["red", "green", "blue"]
    assert [r["channel"] for r in rows(tmp_path / "r", "channels")] == names * 3
    header = list(rows(tmp_path / "r", "histogram")[0])
    assert header == ["value", "share", *(names if shape[2] == 3 else [])]
    scale = {20: 3, 100: 1}[max(shape)]
    chosen = module.rng(0, "explore", "samples").choice(80, 60, replace=False)
    expected = tile(enlarge(images["train"][chosen], scale), 10)
    assert (picture(tmp_path / "r", "samples") == expected).all()


@pytest.mark.parametrize("attributes", [0, 1])
def test_one_image_and_empty_splits(tmp_path, attributes):
    images, _ = make(tmp_path / "s", train=1, valid=0, test=0, attributes=attributes)
    explore(tmp_path / "s", tmp_path / "r")
    assert [r["split"] for r in rows(tmp_path / "r", "channels")] == ["train"] * 3
    assert [r["images"] for r in rows(tmp_path / "r", "splits")] == ["1", "0", "0"]
    assert (picture(tmp_path / "r", "samples")[2:-2:2, 2:-2:2] == images["train"][0]).all()
    # the attribute does not vary: there is no face without it
    assert picture(tmp_path / "r", "mean_face").shape == (20 + 68, 2 + 2 * 66, 3)
    assert len(rows(tmp_path / "r", "attributes")) == len(rows(tmp_path / "r", "cooccurrence")) == attributes


def test_images_without_any_variance(tmp_path):
    labels = pd.DataFrame({"Odd": [0.0, 1, 0, 1]}, index=[f"train-{i:06d}.png" for i in range(4)])
    write_shards(tmp_path / "s", {"train": np.full((4, 8, 8, 1), 77, np.uint8)}, attributes=labels)
    explore(tmp_path / "s", tmp_path / "r")
    assert rows(tmp_path / "r", "attributes")[0]["pixel_variance"] == "0"


def test_hundreds_of_attributes(tmp_path):
    make(tmp_path / "s", shape=(8, 8, 1), attributes=150)
    explore(tmp_path / "s", tmp_path / "r")
    found = rows(tmp_path / "r", "attributes")
    assert len(found) == 150 and sum(bool(r["pixel_variance"]) for r in found) == 60
    assert len(rows(tmp_path / "r", "cooccurrence")) == 60 * 60
    assert picture(tmp_path / "r", "mean_face").shape[0] == 20 + 68 + 20 + 2 + 8 * 66


def test_large_images_leave_room_for_fewer_attributes():
    balanced = np.tile([1.0, 0.0], 10)
    labels = pd.DataFrame({"Rare": [1.0] + [0.0] * 19, "Even": balanced, "All": [1.0] * 20, "B": balanced})
    assert module._compared(labels, (64, 64, 3)) == ["B", "Even", "Rare"]
    assert module._compared(labels, (1024, 1024, 3)) == ["B"]


def test_shown_attributes_are_not_alike():
    labels = np.zeros((100, 3))
    labels[:50, :2], labels[::2, 2] = 1, 1
    labels[0, 1] = 0
    assert module._shown(labels, [0.5, 0.49, 0.1]) == [0, 2, 1]
    assert module._shown(np.zeros((5, 0)), []) == []


def test_histogram_table_of_gray_has_no_channels():
    counts = np.zeros((1, 256), np.int64)
    counts[0, 3] = counts[0, 4] = 2
    table = histogram_table(counts)
    assert table.columns.tolist() == ["value", "share"] and table["share"][4] == 0.5


def test_without_training_images(tmp_path):
    make(tmp_path / "s", train=0)
    with pytest.raises(InputError, match=r"s: no training image; run the preprocess stage"):
        explore(tmp_path / "s", tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_memory_does_not_hold_the_images(tmp_path, monkeypatch):
    make(tmp_path / "s", shape=(8, 8, 3), train=300)
    sizes, read = [], Shards.gather
    monkeypatch.setattr(Shards, "gather", lambda self, split, n: sizes.append(len(n)) or read(self, split, n))
    monkeypatch.setattr("facepipe.preprocess.pixels.CHUNK_BYTES", 10 * 192)
    explore(tmp_path / "s", tmp_path / "r")
    assert max(sizes) == 60 and sizes.count(10) == 30  # the grid of samples, and the chunks
