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
        kept, rejected = drop_copies(archive, items, Labels(attributes, factors, {}, None))
        return [item.id for item in kept], dict(rejected)

    def test_without_labels_the_first_id_stays(self, archive):
        kept, rejected = self.drop(archive)
        assert kept == ["a", "b", "f"]
        assert rejected == {"c": "a copy of a", "d": "a copy of a", "e": "a copy of b"}

    def test_labels_that_agree_or_are_unknown(self, archive):
        unknown = float("nan")
        kept, _ = self.drop(archive, {"Male": [1, 0, 1, unknown, 0, 1], "Young": [unknown] * 6})
        assert kept == ["a", "b", "f"]

    @pytest.mark.parametrize("table", ["attributes", "factors"])
    def test_labels_that_contradict(self, archive, table):
        values = {"Same": [1, 1, 1, 1, 1, 1], "Male": [1, 0, 1, 0, 0, 1]}  # a, c, d are one picture
        kept, rejected = self.drop(archive, **{table: values})
        assert kept == ["b", "f"]
        assert rejected == {
            "a": "a copy of c with another Male",
            "c": "a copy of a with another Male",
            "d": "a copy of a with another Male",
            "e": "a copy of b",
        }

    def test_one_picture_of_two_people(self, archive):
        kept, rejected = self.drop(archive, identities={"b": "Ann", "e": "Zoe"})
        assert kept == ["a", "f"] and rejected["e"] == "a copy of b with another identity"
