"""Copies: found by content, one kept, none where labels contradict."""

import zlib

import numpy as np
import pandas as pd
import pytest

from facepipe.datasets.archive import list_members
from facepipe.datasets.labels import Labels
from facepipe.preprocess.copies import drop_copies, find_copies
from facepipe.preprocess.plan import Item
from tests.test_archive import make_tar, make_zip


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_copies(tmp_path, kind):
    contents = {"a.jpg": b"one", "b.jpg": b"two", "c.jpg": b"one", "d.jpg": b"three", "e.jpg": b"two", "f.jpg": b"one"}
    path = make_zip(tmp_path / "x", contents) if kind == "zip" else make_tar(tmp_path / "x", contents)
    members = list(list_members(path, keys=True))
    assert find_copies(path, members) == [["a.jpg", "c.jpg", "f.jpg"], ["b.jpg", "e.jpg"]]


def test_equal_checksums_are_not_yet_copies(tmp_path):
    # two texts of equal length and CRC-32
    first, second = b"plumless", b"buckeroo"
    assert zlib.crc32(first) == zlib.crc32(second)
    path = make_zip(tmp_path / "x.zip", {"a.jpg": first, "b.jpg": second})
    assert find_copies(path, list(list_members(path, keys=True))) == []


def items_of(path):
    return [Item(m.name, "", m) for m in list_members(path, keys=True)]


class TestCopies:
    """One of a group of copies stays, none where their labels contradict each other."""

    @pytest.fixture
    def archive(self, tmp_path):
        return make_zip(
            tmp_path / "x.zip", {"c": b"one", "a": b"one", "b": b"two", "d": b"one", "e": b"two", "f": b"three"}
        )

    def drop(self, archive, attributes=None, factors=None, identities=None):
        items = [item._replace(identity=(identities or {}).get(item.id, "")) for item in items_of(archive)]
        ids = list("abcdef")
        attributes = pd.DataFrame(attributes or {}, index=ids, dtype=np.float32)
        factors = None if factors is None else pd.DataFrame(factors, index=ids, dtype=float)
        kept, _, copies, rejected = drop_copies(archive, items, Labels(attributes, factors, {}, None))
        return [item.id for item in kept], copies, dict(rejected)

    def test_without_labels_the_first_id_stays(self, archive):
        kept, copies, rejected = self.drop(archive)
        assert kept == ["a", "b", "f"] and rejected == {}
        assert copies == {"c": "a", "d": "a", "e": "b"}

    def test_labels_that_agree_or_are_unknown(self, archive):
        unknown = float("nan")
        kept, _, _ = self.drop(archive, {"Male": [1, 0, 1, unknown, 0, 1], "Young": [unknown] * 6})
        assert kept == ["a", "b", "f"]

    @pytest.mark.parametrize("table", ["attributes", "factors"])
    def test_labels_that_contradict(self, archive, table):
        values = {"Same": [1, 1, 1, 1, 1, 1], "Male": [1, 0, 1, 0, 0, 1]}  # a, c, d are one picture
        kept, copies, rejected = self.drop(archive, **{table: values})
        assert kept == ["b", "f"]
        assert rejected == {
            "a": "a copy of c with another Male",
            "c": "a copy of a with another Male",
            "d": "a copy of a with another Male",
        }
        assert copies == {"e": "b"}

    def test_one_picture_of_two_people(self, archive):
        kept, _, rejected = self.drop(archive, identities={"b": "Ann", "e": "Zoe"})
        assert kept == ["a", "f"] and rejected["e"] == "a copy of b with another identity"

    def test_the_one_that_stays_knows_what_was_known_of_its_copies(self, archive):
        nan, ids = float("nan"), list("abcdef")
        items = [item._replace(identity="Ann" if item.id == "d" else "") for item in items_of(archive)]
        attributes = pd.DataFrame({"Male": [nan, 0, 1, nan, nan, 1]}, index=ids, dtype=np.float32)
        factors = pd.DataFrame({"age": [nan, nan, nan, 31, 7, 8]}, index=ids)
        found = drop_copies(archive, items, Labels(attributes, factors, {}, None))
        assert {item.id: item.identity for item in found.items} == {"a": "Ann", "b": "", "f": ""}
        assert found.labels.attributes["Male"][["a", "b", "f"]].tolist() == [1, 0, 1]
        assert found.labels.factors["age"][["a", "b", "f"]].tolist() == [31, 7, 8]

    def test_of_an_official_split_the_one_that_is_held_out_stays(self, archive):
        splits = {"a": "train", "c": "valid", "d": "test", "b": "valid", "f": "train"}
        found = drop_copies(archive, items_of(archive), Labels(pd.DataFrame(), None, {}, splits))
        assert sorted(item.id for item in found.items) == ["b", "d", "f"]

    def test_a_picture_in_two_folders_has_both_attributes(self, archive):
        sorted_into = pd.DataFrame({"hat": [1, 1, 0, 0, 1, 0], "smile": [0, 0, 1, 0, 0, 1]}, list("abcdef"))
        found = drop_copies(archive, items_of(archive), Labels(pd.DataFrame(), None, {}, None, sorted_into))
        table = found.labels.completed().attributes
        assert [item.id for item in found.items] == ["a", "b", "f"] and found.rejected == []
        assert table.loc[["a", "b", "f"]].to_numpy().tolist() == [[1, 1], [1, 0], [0, 1]]
