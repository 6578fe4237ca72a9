"""The registry of data sets: layouts, crops, and agreement with data/sources.yaml and the config."""

import os
import typing
from pathlib import Path

import pytest
import yaml

from facepipe.config import Dataset
from facepipe.data.archive import list_members
from facepipe.data.images import crop_box
from facepipe.data.sources import SOURCES, get_source
from facepipe.errors import InputError

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("FACEPIPE_TEST_DATA", ROOT.parent / "shared" / "data"))


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
        ("synthetic", "synthetic/000001.png", ("000001.png", "")),
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
        assert all(entry[key] for key in ("title", "licence", "citation"))
        for file in entry["files"]:
            if file["role"] == "archive":
                assert file["name"] == source.archive
            if file["role"] == "labels":
                assert file["name"] in (*source.required, *source.optional)
            assert len(file["md5"]) == 32 and all(url.startswith("http") for url in file["urls"])


def test_default_crops_are_square_and_relative():
    for name, size, box in (
        ("lfw", (250, 250), (45, 28, 207, 190)),
        ("celeba", (178, 218), (15, 35, 163, 183)),
        ("celeba", (89, 109), (8, 18, 82, 92)),
        ("synthetic", (64, 64), (0, 0, 64, 64)),
    ):
        assert crop_box(size, get_source(name).crop) == crop_box(size, get_source(name).crop, aspect=1.0) == box


def test_unknown_set():
    with pytest.raises(InputError, match="did you mean celeba"):
        get_source("celebA")


@pytest.mark.parametrize(("name", "count", "people"), [("lfw", 13233, 5749), ("celeba", 9000, 1)])
def test_real_archive(name, count, people):
    path = DATA / name / get_source(name).archive
    if not path.exists():
        pytest.skip(f"needs the real data set at {path}")
    found = [get_source(name).match(member) for member, refused in list_members(path) if not refused]
    assert None not in found
    assert len(set(found)) == count and len({identity for _, identity in found}) == people


@pytest.mark.parametrize(("name", "share"), [("lfw", {"Male": 0.78, "Eyeglasses": 0.16}), ("celeba", {"Male": 0.42})])
def test_real_labels(name, share):
    folder = DATA / name
    if not folder.exists():
        pytest.skip(f"needs the real data set at {folder}")
    table = get_source(name).read_attributes(folder)
    assert {name: round(table[name].mean(), 2) for name in share} == pytest.approx(share, abs=0.02)
