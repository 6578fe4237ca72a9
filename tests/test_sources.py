"""The registry of data sets: layouts, crops, and agreement with data/sources.yaml and the config."""

import collections
import functools
import typing
from pathlib import Path

import pytest
import yaml

from facepipe.datasets.archive import list_members
from facepipe.datasets.sets import SOURCES, get_source
from facepipe.download.config import Dataset
from facepipe.errors import InputError

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("name", "member", "expected"),
    [
        ("lfw", "lfw-deepfunneled/AJ_Cook/AJ_Cook_0001.jpg", ("AJ_Cook_0001.jpg", "AJ_Cook")),
        ("lfw", "lfw_funneled/AJ_Cook/AJ_Cook_0012.jpg", ("AJ_Cook_0012.jpg", "AJ_Cook")),
        ("lfw", "lfw-deepfunneled/lfw-deepfunneled/AJ_Cook/AJ_Cook_0001.jpg", ("AJ_Cook_0001.jpg", "AJ_Cook")),
        ("lfw", "lfw-deepfunneled/AJ_Cook/AJ_Lamas_0001.jpg", None),
        ("lfw", "lfw-deepfunneled/AJ_Cook/AJ_Cook_0001.png", None),
        ("lfw", "img_align_celeba/000001.jpg", None),
        ("celeba", "img_align_celeba/000001.jpg", ("000001.jpg", "")),
        ("celeba", "img_align_celeba/img_align_celeba/000001.jpg", ("000001.jpg", "")),
        ("celeba", "__MACOSX/img_align_celeba/._000001.jpg", None),
        ("celeba", "000001.jpg", None),
        ("celeba", "img_align_celeba\\000001.jpg", ("000001.jpg", "")),
        ("synthetic", "synthetic/000001.png", ("000001.png", "")),
        ("lfw_funneled", "lfw_funneled/AJ_Cook/AJ_Cook_0012.jpg", ("AJ_Cook_0012.jpg", "AJ_Cook")),
        ("lfw", "lfw/A\nB/A\nB_0001.jpg", ("A_B_0001-88b627808656.jpg", "A_B-23519a43c66b")),
        ("utkface", "crop_part1/26_0_1_2017.jpg", None),
        ("utkface", "UTKFace/1_0_0_20161219140623097.jpg.chip.jpg", ("1_0_0_20161219140623097.jpg.chip.jpg", "")),
        ("utkface", "1_0_0_20161219140623097.jpg", ("1_0_0_20161219140623097.jpg", "")),
        ("utkface", "a/61_1_20170109142408075.jpg.chip.jpg", ("61_1_20170109142408075.jpg.chip.jpg", "")),
        ("utkface", "53__0_20170116184028385.jpg.chip.jpg", ("53__0_20170116184028385.jpg.chip.jpg", "")),
        ("utkface", "24_0_1_20170116220224657 .jpg.chip.jpg", ("24_0_1_20170116220224657 .jpg.chip.jpg", "")),
        ("utkface", "44_1_4_20170116235150272.pg.chip.jpg", ("44_1_4_20170116235150272.pg.chip.jpg", "")),
        ("utkface", "55_0_0_20170116232725357jpg.chip.jpg", ("55_0_0_20170116232725357jpg.chip.jpg", "")),
        ("utkface", "500_7_9_20170116232725357.jpg.chip.jpg", ("500_7_9_20170116232725357.jpg.chip.jpg", "")),
        ("utkface", "crop_part1/._1_0_0_20161219140623097.jpg.chip.jpg", None),
        ("utkface", "crop_part1/landmarks_1.jpg", None),
        ("utkface", "20170101_123456.jpg", None),
        ("yearbook", "x/F/1905_Ohio_Cleveland_Central_0-1.png", ("F_1905_Ohio_Cleveland_Central_0-1.png", "")),
        ("yearbook", "M/1905_Ohio_Cleveland_Central_0-1.png", ("M_1905_Ohio_Cleveland_Central_0-1.png", "")),
        ("yearbook", "X/1905_Ohio_Cleveland_Central_0-1.png", None),
        ("yearbook", "x/F/average.png", None),
        ("orl", "att_faces/s2/1.pgm", ("s2_1.pgm", "s2")),
        ("orl", "s40/10.pgm", ("s40_10.pgm", "s40")),
        ("orl", "att_faces/README", None),
        ("olivetti", "olivetti/s01_01.pgm", ("s01_01.pgm", "s01")),
        ("folder", "smile/Ann 1.JPG", ("smile~Ann 1.JPG", "")),
        ("folder", "./a.webp", ("a.webp", "")),
        ("folder", "a\\b.png", ("a~b.png", "")),
        ("folder", "notes.txt", None),
        ("folder", "a/.hidden.jpg", None),
        ("folder", ".thumbnails/a.jpg", None),
        ("folder", "__MACOSX/a.jpg", None),
        ("folder", "/etc/a.jpg", None),
    ],
)
def test_layout(name, member, expected):
    assert get_source(name).match(member) == expected


def test_example_is_of_the_layout():
    for source in SOURCES.values():
        assert source.match(source.example.replace("<Name>", "Ann")), source.name


def test_registry_config_and_yaml_name_the_same_sets():
    names = set(typing.get_args(Dataset.model_fields["name"].annotation))
    listed = yaml.safe_load((ROOT / "data" / "sources.yaml").read_text())
    assert names == set(SOURCES) == set(listed)
    for name, entry in listed.items():
        source = get_source(name)
        assert entry["title"] and entry["licence"] and (entry["citation"] or name == "folder")
        for file in entry["files"]:
            if file["role"] == "archive":
                assert file["name"] == source.archive
            if file["role"] == "labels":
                assert file["name"] in (*source.required, *source.optional)
            assert file.get("gdrive") or all(url.startswith("http") for url in file["urls"])


def test_default_crops():
    for name, box in (
        ("lfw", (45, 28, 207, 190, 250, 250)),
        ("lfw_funneled", (45, 28, 207, 190, 250, 250)),
        ("celeba", (15, 35, 163, 183, 178, 218)),
    ):
        *corners, width, height = box
        crop = [f * size for f, size in zip(get_source(name).crop, (width, height) * 2, strict=True)]
        assert crop == pytest.approx(corners)
        assert crop[2] - crop[0] == pytest.approx(crop[3] - crop[1])  # square
    others = set(SOURCES) - {"lfw", "lfw_funneled", "celeba"}
    assert {get_source(name).crop for name in others} == {"center"}


def test_unknown_set():
    with pytest.raises(InputError, match="did you mean celeba"):
        get_source("celebA")


@pytest.fixture(scope="module")
def real_items(real_data):
    """name -> [(id, member name, identity)] of a real archive."""

    @functools.cache
    def read(name, archive=None):
        members = list_members(real_data / name / (archive or get_source(name).archive))
        found = [(get_source(name).match(member.name), member) for member in members if not member.refused]
        return [(*match, member.name) for match, member in found if match]

    return read


@pytest.mark.parametrize(
    ("name", "archive", "count", "people"),
    [("lfw", None, 13233, 5749), ("celeba", None, 9000, 1), ("utkface", "crop_part1.tar.gz", 6520, 1),
     ("orl", None, 390, 39)],
)  # fmt: skip
def test_real_archive(real_items, name, archive, count, people):
    items = real_items(name, archive)
    assert len({id for id, _, _ in items}) == len(items) == count
    assert len({identity for _, identity, _ in items}) == people


@pytest.mark.parametrize(
    ("name", "archive", "shape", "share"),
    [
        ("lfw", None, (13230, 4), {"Male": 0.78, "Eyeglasses": 0.18}),
        ("celeba", None, (9000, 40), {"Male": 0.42, "Smiling": 0.48}),
        ("utkface", "crop_part1.tar.gz", (6520, 7), {"Male": 0.45, "Child": 0.33, "Senior": 0.15, "White": 0.54}),
        ("orl", None, (0, 0), {}),
    ],
)
def test_real_labels(real_data, real_items, name, archive, shape, share):
    items = [(id, member) for id, _, member in real_items(name, archive)]
    labels = get_source(name).read(real_data / name, items)
    table = labels.attributes
    assert table.shape == shape and set(table.index) <= {id for id, _ in items}
    assert {str(kind) for kind in table.dtypes} <= {"float32"}
    assert {name: table[name].mean() for name in share} == pytest.approx(share, abs=0.02)
    if name == "celeba":
        assert collections.Counter(labels.splits.values()) == {"train": 8000, "valid": 500, "test": 500}
    if name == "utkface":
        assert labels.factors["age"].between(0, 116).all()
        unknown = table[table.isna().any(axis=1)]  # the two names that lack a field
        assert unknown.index.tolist() == ["61_1_20170109142408075.jpg.chip.jpg", "61_3_20170109150557335.jpg.chip.jpg"]
        assert unknown["Indian"].tolist()[1] == 1.0 and unknown["Senior"].tolist() == [1.0, 1.0]
        assert unknown["Male"].isna().all() and unknown["Black"].isna().tolist() == [True, False]
