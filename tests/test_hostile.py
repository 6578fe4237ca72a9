"""Hostile pictures, folders and archives: each file is right, or rejected with a reason, and nothing else happens."""

import json
import os
import re

import numpy as np
import pandas as pd
import pytest

from facepipe.datasets.names import DEVICE, member_name
from facepipe.download.pack import pack
from facepipe.latents.table import check_ids, picture_names
from facepipe.preprocess.config import Preprocess
from facepipe.preprocess.images import Framing, ImageError, prepare
from facepipe.preprocess.preprocess import preprocess
from facepipe.shards.shards import SPLITS, Shards
from tests.hostile import write_hostile
from tests.hostile_archives import write_hostile_tar, write_hostile_zip

MAX_PIXELS = 50_000_000
MAX_MB = 1
pytestmark = pytest.mark.filterwarnings("ignore:::PIL")  # pytest sets aside the filter that decode.py sets


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """(folder, {file name: Expected})."""
    folder = tmp_path_factory.mktemp("hostile") / "faces"
    return folder, write_hostile(folder)


def looks(image):
    """Colours in the middle of the four quarters of an image (H, W, 3)."""
    height, width = image.shape[:2]
    return [image[height * y // 8, width * x // 8].tolist() for y, x in ((2, 2), (2, 6), (6, 2), (6, 6))]


def assert_right(name, image, expected):
    if expected.outcome == "ok":
        difference = np.abs(np.subtract(looks(image), expected.look)).max()
        assert difference <= 12, f"{name!r}: {looks(image)} instead of {expected.look}"


def test_there_are_many_kinds(hostile):
    outcomes = pd.Series([expected.outcome for expected in hostile[1].values()]).value_counts()
    assert outcomes["ok"] >= 50 and outcomes["rejected"] >= 25 and outcomes["left out"] >= 8


@pytest.mark.parametrize("channels", [3, 1])
def test_each_picture_is_right_or_rejected(hostile, channels):
    folder, expectations = hostile
    framing = Framing((32, 32, channels), "center", MAX_PIXELS)
    for name, expected in expectations.items():
        if expected.outcome == "left out":
            continue
        try:
            prepared = prepare((folder / name).read_bytes(), framing)
        except ImageError as error:
            reason = str(error)
            assert expected.outcome in ("rejected", "either"), f"{name!r}: {reason}"
            assert re.search(expected.reason, reason), f"{name!r}: {reason}"
            assert reason.isprintable() and len(reason) < 200 and "0x" not in reason
        else:
            assert expected.outcome in ("ok", "either"), f"{name!r} was taken for a picture"
            assert prepared.image.shape == (32, 32, channels)
            if channels == 3:
                assert_right(name, prepared.image, expected)


def write_raw(folder, archive):
    """The raw folder that the download stage makes of a user's own pictures."""
    described = {"name": "folder", "archive": archive, "files": [], "licence": "own", "citation": ""}
    (folder / "dataset.json").write_text(json.dumps(described))
    return folder


def run(raw, out, workers=1):
    """Preprocess; ({source: [images]}, {source: [reasons]})."""
    params = Preprocess(
        image_size=(32, 32),
        valid_fraction=0.2,
        test_fraction=0.2,
        max_rejected=1.0,
        max_pixels=MAX_PIXELS,
        max_file_mb=MAX_MB,
        workers=workers,
    )
    metrics = preprocess(params, raw, out)
    shards = Shards(out)
    shards.verify()
    images, reasons = {}, {}
    for split in SPLITS:
        for source, image in zip(shards.table(split)["source"], shards.images(split), strict=True):
            images.setdefault(source, []).append(image)
    rejected = pd.read_csv(out / "rejected.csv", dtype=str, keep_default_na=False)
    for source, reason in zip(rejected["source"], rejected["reason"], strict=True):
        reasons.setdefault(source, []).append(reason)
    assert metrics["rejected"] == len(rejected) and sum(metrics["images"].values()) == sum(map(len, images.values()))
    return images, reasons


def assert_sorted_out(images, reasons, expectations, name_of=str):
    """Every member is where it is expected to be, and nothing else is anywhere."""
    clashing, known = set(), set()
    for name, expected in expectations:
        source = name_of(name)
        known.add(source)
        if expected.clash:
            clashing.add(source)
            continue
        found = len(images.get(source, [])), len(reasons.get(source, []))
        allowed = {
            "ok": [(1, 0)],
            "rejected": [(0, 1)],
            "either": [(1, 0), (0, 1)],
            "left out": [(0, 0)],
        }[expected.outcome]
        assert found in allowed, f"{name!r}: (pictures, reasons) {found}: {reasons.get(source)}"
        if found == (1, 0):
            assert_right(name, images[source][0], expected)
        elif found == (0, 1):
            assert re.search(expected.reason, reasons[source][0]), f"{name!r}: {reasons[source][0]}"
    taken = [image for source in clashing for image in images.get(source, [])]
    assert len(taken) == len(clashing) and not clashing & reasons.keys()  # the last of each name counts
    assert known >= set(images) | set(reasons)
    return len(taken)


def test_hostile_folder_through_the_stage(hostile, tmp_path):
    folder, expectations = hostile
    raw = tmp_path / "raw"
    raw.mkdir()
    skipped = dict(pack(folder, raw / "folder.zip"))
    write_raw(raw, "folder.zip")
    images, reasons = run(raw, tmp_path / "shards")
    # two pairs: one name in two Unicode forms, one in upper and lower case
    assert assert_sorted_out(images, reasons, expectations.items(), member_name) == 4
    links = {name for name in expectations if name.startswith("link-to")}
    assert links | {"pipe.jpg"} <= set(skipped) and all("link" in skipped[name] for name in links)
    ids = [id for split in SPLITS for id in Shards(tmp_path / "shards").ids(split)]
    for id in ids:
        assert "/" not in id and id.isprintable() and len(os.fsencode(id)) <= 180 and not id.startswith((".", "-", "="))
        assert not DEVICE.fullmatch(id) and id == id.strip()
    check_ids("ids", ids)
    assert len(picture_names(ids)) == len(ids)


def test_hostile_folder_gives_the_same_bytes_with_two_workers(hostile, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    pack(hostile[0], raw / "folder.zip")
    write_raw(raw, "folder.zip")
    for workers in (1, 2):
        run(raw, tmp_path / str(workers), workers)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / w).iterdir()} for w in "12")
    assert one == two


@pytest.mark.parametrize("write", [write_hostile_zip, write_hostile_tar])
def test_hostile_archive_through_the_stage(write, tmp_path):
    raw = tmp_path / "data" / "raw"
    raw.mkdir(parents=True)
    name = "own.zip" if write is write_hostile_zip else "own.tar.gz"
    expectations = write(raw / name, MAX_MB * 2**20)
    images, reasons = run(write_raw(raw, name), tmp_path / "data" / "shards")
    # twice.png and Twice.PNG are two pictures; of two twice.png the last counts
    assert assert_sorted_out(images, reasons, expectations) == 2
    # nothing was unpacked, here or where the names lead to
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if "shards" not in p.parts) == sorted(
        ["data", "data/raw", f"data/raw/{name}", "data/raw/dataset.json"]
    )
    assert not os.path.exists("/root.jpg")
