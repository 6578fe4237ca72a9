"""The plan of the shards: items in archive order, limits, copies, splits."""

import zipfile

import pytest

from facepipe.core.names import folded
from facepipe.datasets.members import Member
from facepipe.datasets.sets import get_source
from facepipe.latents.table import check_ids, picture_names
from facepipe.preprocess.config import Preprocess
from facepipe.preprocess.plan import Item, limit, list_items, plan_splits

LIMIT = 2**20


def write_zip(path, contents):
    with zipfile.ZipFile(path, "w") as file:
        for name, data in contents.items():
            file.writestr(name, data)
    return path


def test_items_keep_archive_order(tmp_path):
    names = [f"lfw/{person}/{person}_{number:04d}.jpg" for person in ("Zoe", "Ann") for number in (2, 1)]
    path = write_zip(tmp_path / "x.zip", dict.fromkeys(names, b""))
    items, rejected = list_items(get_source("lfw"), path, LIMIT)
    assert [(item.id, item.identity) for item in items] == [
        ("Zoe_0002.jpg", "Zoe"), ("Zoe_0001.jpg", "Zoe"), ("Ann_0002.jpg", "Ann"), ("Ann_0001.jpg", "Ann")
    ]  # fmt: skip
    assert [item.member.name for item in items] == names and rejected == []


def test_names_that_differ_in_case_only(tmp_path):
    path = write_zip(tmp_path / "x.zip", {"lfw/Ann/Ann_0001.jpg": b"1", "lfw/ANN/ANN_0001.jpg": b"2"})
    items, rejected = list_items(get_source("lfw"), path, LIMIT)
    assert [item.id for item in items] == ["Ann_0001.jpg"]
    assert rejected == [("lfw/ANN/ANN_0001.jpg", "its id ANN_0001.jpg is that of lfw/Ann/Ann_0001.jpg")]


def test_limit_is_by_id_alone():
    forward = [Item(str(number), "", Member(str(number), None)) for number in range(100)]
    chosen = set(limit(forward, 10))
    assert set(limit(forward[::-1], 10)) == chosen and len(chosen) == 10
    assert chosen < set(limit(forward, 20))
    assert limit(forward, None) == forward


def test_hash_split_has_the_fractions_asked_for():
    items = [Item(f"{number:06d}.png", "", Member(f"{number:06d}.png", None)) for number in range(5000)]
    params = Preprocess(valid_fraction=0.2, test_fraction=0.2)
    plan, unlisted = plan_splits(get_source("synthetic"), None, items, params)
    assert unlisted == []
    shares = {split: len(rows) / 5000 for split, rows in plan.items()}
    assert shares == pytest.approx({"train": 0.6, "valid": 0.2, "test": 0.2}, abs=0.02)


def own(tmp_path, *names):
    items, rejected = list_items(get_source("folder"), write_zip(tmp_path / "x.zip", dict.fromkeys(names, b"")), LIMIT)
    assert rejected == []
    return items


def test_own_pictures_whose_names_are_one_to_some_system_have_different_ids(tmp_path):
    names = ["IMG_1.PNG", "IMG_1.JPG", "img_1.jpeg", "IMG_1.tif", "Zoe\u0308.jpg", "Zo\u00eb.jpg", "a/1.jpg", "A/1.JPG"]
    names += ["Grid.jpg", "sheet.png", "compare.jpeg", "a/grid.png"]
    ids = {item.member.name: item.id for item in own(tmp_path, *names)}
    check_ids("ids", list(ids.values()))
    pictures = set(map(folded, picture_names(list(ids.values()))))
    assert len(pictures) == len(names) and not pictures & {"grid.png", "sheet.png", "compare.png"}
    assert ids["a/grid.png"] == "a~grid.png"
    # the first by name keeps its own, whatever the order in the archive
    assert {ids[name] for name in ("IMG_1.JPG", "IMG_1.tif", "A/1.JPG")} == {"IMG_1.JPG", "IMG_1.tif", "A~1.JPG"}
    assert ids == {item.member.name: item.id for item in own(tmp_path, *sorted(names))}


def test_formats_of_one_photograph_share_its_split(tmp_path):
    suffixes = ("JPG", "png", "heic")
    items = own(tmp_path, *(f"{n}.{suffix}" for n in range(60) for suffix in suffixes))
    plan, _ = plan_splits(get_source("folder"), None, items, Preprocess(valid_fraction=0.3, test_fraction=0.3))
    for split, rows in plan.items():
        numbers = [item.member.name.partition(".")[0] for item in rows]
        assert len(numbers) == 3 * len(set(numbers)) > 0, split
    # and a format that comes later does not move the others
    fewer = [item for item in items if item.member.name.endswith("png")]
    again, _ = plan_splits(get_source("folder"), None, fewer, Preprocess(valid_fraction=0.3, test_fraction=0.3))
    for split, rows in again.items():
        assert {item.id for item in rows} == {item.id for item in plan[split] if item.member.name.endswith("png")}


def test_a_split_that_is_not_known_is_the_tables_fault_where_it_is_the_users_own():
    items = [Item(f"{number}.png", "", Member(f"{number}.png", None)) for number in range(3)]
    reasons = {
        name: dict(plan_splits(get_source(name), {"0.png": "train", "1.png": "test"}, items, Preprocess())[1])
        for name in ("celeba", "folder")
    }
    assert reasons["celeba"] == {"2.png": "not in the official split's file"}
    assert list(reasons["folder"]) == ["2.png"] and "official split's file" not in reasons["folder"]["2.png"]
    assert "the table has none for it; fill in its column split" in reasons["folder"]["2.png"]
