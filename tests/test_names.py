"""Safe ids, and the labels that names tell."""

import itertools
import math
import os
import random
import re
import unicodedata

import numpy as np
import pytest

from facepipe.datasets.labels import read_utkface, read_yearbook
from facepipe.datasets.names import MAX_BYTES, is_hidden, own_id, photograph, read_name, safe_id, safe_name


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("000001.jpg", "000001.jpg"),
        ("smile/Ann Lee.JPG", "smile~Ann Lee.JPG"),
        ("./smile\\a.jpg", "smile~a.jpg"),
        ("Jose\u0301.jpg", "Jos\u00e9.jpg"),
        ("猫/写真.png", "猫~写真.png"),
        ("-rf.jpg", "_rf-"),
        ("=1+1.jpg", "_1+1-"),
        (".hidden.jpg", "_hidden-"),
        ("a~b.jpg", "a_b-"),
        (" a.jpg", "_a-"),
        ("con.jpg", "_con-"),
        ("LPT1.tar.jpg", "_LPT1.tar-"),
        ("console.jpg", "console.jpg"),
        ("con/nul.jpg", "con~nul.jpg"),
        ("a:b?.jpg", "a_b_-"),
        ("a\nb.jpg", "a_b-"),
        ("caf\udce9.jpg", "caf_-"),
        ("\u202egpj.exe.jpg", "_gpj.exe-"),
    ],
)
def test_safe_id(path, expected):
    found = safe_id(path)
    if not expected.endswith("-"):
        assert found == expected
    else:
        start, digest = found.removesuffix(".jpg").rsplit("-", 1)
        assert f"{start}-" == expected
        assert len(digest) == 12 and set(digest) <= set("0123456789abcdef") and found.endswith(".jpg")


def test_long_ids_keep_their_suffix_and_differ():
    names = [f"{'/'.join(['ordner' * 8] * 5)}/{letter}.jpeg" for letter in "ab"] + ["é" * 200 + ".png", "x" * 300]
    ids = [safe_id(name) for name in names]
    assert len(set(ids)) == 4 and max(len(id.encode()) for id in ids) <= MAX_BYTES
    assert [id[-5:] for id in ids[:2]] == [".jpeg"] * 2 and ids[2].startswith("é" * 40) and ids[2].endswith(".png")
    assert safe_id("x" * (MAX_BYTES - 4) + ".jpg") == "x" * (MAX_BYTES - 4) + ".jpg"


def test_any_name_gives_a_file_name_and_different_names_different_ones(tmp_path):
    pieces = ["a", "~", "_", "/", "..", "-", "é", "e\u0301", "\x00", "\x1f", "\u2028", "\ud800", "*", "😀", " ", ".jpg"]
    names = {"".join(name) for length in (1, 2, 3) for name in itertools.product(pieces, repeat=length)}
    shuffled = random.Random(0)
    names |= {"".join(shuffled.choices(pieces, k=80)) for _ in range(200)}
    ids = {}
    for name in names:
        id = safe_id(name)
        assert "/" not in id and id.isprintable() and id == unicodedata.normalize("NFC", id) and id[0] not in ".=-+@"
        assert 0 < len(id.encode()) <= MAX_BYTES
        ids.setdefault(id, set()).add(unicodedata.normalize("NFC", name))
    assert max(len(same) for same in ids.values()) == 1
    for id in list(ids)[:200]:
        (tmp_path / id).touch()
    assert len(os.listdir(tmp_path)) == 200


def test_names_of_attributes_and_people():
    assert [safe_name(name) for name in ("con", "Müde", "no hat")] == ["con", "Müde", "no hat"]
    assert re.fullmatch("smile_-[0-9a-f]{12}", safe_name("smile ")) and safe_name("a/b") == "a~b"


def test_formats_of_a_photograph():
    assert photograph("a/IMG_1.JPG") == photograph("A/img_1.heic") == "a/img_1"
    assert photograph("a.b/img0") == "a.b/img0" and photograph("a.jpg_large") == "a.jpg_large"


def utkface(*names):
    names = [f"{name}.jpg.chip.jpg" for name in names]
    return read_utkface(None, [(name, f"crop_part1/{name}") for name in names])


def test_utkface():
    date = "20170109142408075"
    labels = utkface(*(f"{fields}_{date}" for fields in ("26_0_3", "12_1_0", "60_1_4", "13_0_1", "116_0_2", "59_1_1")))
    table = labels.attributes
    assert list(table.columns) == ["Male", "White", "Black", "Asian", "Indian", "Child", "Senior"]
    assert table.to_numpy().tolist() == [
        [1, 0, 0, 0, 1, 0, 0],
        [0, 1, 0, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [1, 0, 1, 0, 0, 0, 0],
        [1, 0, 0, 1, 0, 0, 1],
        [0, 0, 1, 0, 0, 0, 0],
    ]
    assert set(table.dtypes) == {np.dtype("float32")}
    assert labels.factors["age"].tolist() == [26, 12, 60, 13, 116, 59] and labels.factors.index.equals(table.index)
    assert labels.identities == {} and labels.splits is None


@pytest.mark.parametrize(
    ("fields", "male", "white", "indian", "age"),
    [
        ("61_1", math.nan, math.nan, math.nan, 61),  # 1 may be female or black
        ("61_0", math.nan, math.nan, math.nan, 61),
        ("61_3", math.nan, 0, 1, 61),  # there is no gender 3
        ("61_4", math.nan, 0, 0, 61),
        ("61_7", math.nan, math.nan, math.nan, 61),
        ("53__0", math.nan, 1, 0, 53),
        ("53_0_", 1, math.nan, math.nan, 53),
        ("53", math.nan, math.nan, math.nan, 53),
        ("26_7_3", math.nan, 0, 1, 26),
        ("26_1_9", 0, math.nan, math.nan, 26),
        ("26_01_0", math.nan, 1, 0, 26),
        ("500_0_0", 1, 1, 0, math.nan),
    ],
)
def test_utkface_names_that_lack_or_garble_a_field(fields, male, white, indian, age):
    labels = utkface(f"{fields}_20170109142408075")
    row = labels.attributes.iloc[0]
    expected = [male, white, indian, age]
    assert np.array_equal([row["Male"], row["White"], row["Indian"], labels.factors["age"].iloc[0]], expected, True)
    assert row[["White", "Black", "Asian", "Indian"]].isna().sum() in (0, 4)
    assert math.isnan(row["Child"]) == math.isnan(row["Senior"]) == math.isnan(age)


def test_yearbook():
    members = [
        "p/F/1905_Ohio_Cleveland_Central_0-1.png",
        "p/M/1999_A_B_C_1.png",
        "p/M/2000_A_B_C_2.png",
        "M/0001_x.png",
    ]
    labels = read_yearbook(None, [(str(number), member) for number, member in enumerate(members)])
    table = labels.attributes
    assert list(table.columns) == ["Male", "Decade_1900s", "Decade_1990s", "Decade_2000s"]
    assert np.array_equal(
        table.to_numpy(), [[0, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1], [1, np.nan, np.nan, np.nan]], equal_nan=True
    )
    assert set(table.dtypes) == {np.dtype("float32")} and table.index.tolist() == ["0", "1", "2", "3"]
    assert labels.factors["year"].tolist()[:3] == [1905, 1999, 2000] and math.isnan(labels.factors["year"].iloc[3])


@pytest.mark.parametrize("read", [read_utkface, read_yearbook])
def test_no_pictures(read):
    labels = read(None, [])
    assert len(labels.attributes) == len(labels.factors) == 0


def test_hidden():
    hidden = [".a.jpg", "a/.b/c.jpg", "__MACOSX/a.jpg", "a/..b.jpg", "a\\.b\\c.jpg", "a/@eaDir/b.jpg", "a/thumbs.db"]
    assert all(map(is_hidden, hidden))
    assert not any(map(is_hidden, ["a.jpg", "./a.jpg", "../a.jpg", "a/../b.jpg", "MACOSX/a.jpg", ""]))


def test_names_of_bytes():
    assert read_name("笑.jpg".encode()) == ("笑.jpg", None)
    assert read_name(b"L\xe4cheln/\xfc \x80.jpg") == ("Lächeln/ü €.jpg", "cp1252")
    # each part by itself: UTF-8 stays what it is
    assert read_name("Müde/".encode() + b"\xe9.jpg") == ("Müde/é.jpg", "cp1252")
    # what the code page lacks stays apart, so different names have different ids
    ids = {own_id(read_name(raw)[0]) for raw in (b"a\x81\xe9.jpg", b"a\x8d\xe9.jpg")}
    assert ids == {"a%81é.jpg", "a%8Dé.jpg"}
