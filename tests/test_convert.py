"""A function applied to an archive's pictures: same results whoever works, from zip and tar, damaged members told."""

import io
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from facepipe.datasets.archive import list_members
from facepipe.preprocess import convert as module
from facepipe.preprocess.convert import Workers, convert
from facepipe.preprocess.images import ImageError

NAMES = [f"{number}.png" for number in range(30)]


@pytest.fixture
def archives(tmp_path):
    generator = np.random.default_rng(0)
    contents = {}
    for name in NAMES:
        file = io.BytesIO()
        Image.fromarray(generator.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(file, "png")
        contents[name] = file.getvalue()
    contents["7.png"] = b"broken"
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        for name, data in contents.items():
            file.writestr(name, data)
    # one member's bytes are not those of its checksum
    data = (tmp_path / "x.zip").read_bytes()
    (tmp_path / "x.zip").write_bytes(data.replace(contents["9.png"], contents["9.png"][:-1] + b"\0"))
    with tarfile.open(tmp_path / "x.tgz", "w:gz") as file:
        for name, data in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return tmp_path


def mean(data, extra):
    """The picture's mean plus `extra`."""
    if data == b"broken":
        raise ImageError("broken")
    return float(np.asarray(Image.open(io.BytesIO(data))).mean()) + (extra or 0)


@pytest.mark.parametrize("name", ["x.zip", "x.tgz"])
def test_who_works_does_not_change_the_results(archives, name, monkeypatch):
    monkeypatch.setattr(module, "BATCH_IMAGES", 4)
    members = list(list_members(archives / name))
    extras = {"3.png": 1000}
    one, two, cluster = (
        list(convert(mean, archives / name, members, extras, workers))
        for workers in (None, Workers(count=2), Workers("dask", 2))
    )
    assert one == two == cluster and [result[0] for result in one] == NAMES
    results = {member: (value, reason) for member, value, reason in one}
    assert results["7.png"] == (None, "broken")
    assert results["3.png"][0] > 1000 and all(
        value < 256 for key, (value, _) in results.items() if value and key != "3.png"
    )
    if name == "x.zip":
        assert results["9.png"] == (None, "cannot be read from the zip: its checksum is wrong")


def test_only_the_members_wanted_in_the_order_wanted(archives):
    members = list(list_members(archives / "x.zip"))[5:0:-2]
    assert [name for name, _, _ in convert(mean, archives / "x.zip", members)] == ["5.png", "3.png", "1.png"]


def test_stopping_early_ends_the_workers(archives):
    results = convert(mean, archives / "x.zip", list(list_members(archives / "x.zip")), None, Workers(count=2))
    assert next(results)[0] == "0.png"
    results.close()
    assert list(results) == []


def test_tasks_are_small(archives, monkeypatch):
    tasks = []
    monkeypatch.setattr(
        module, "ordered_map", lambda function, given, *_: map(function, tasks.append(list(given)) or tasks[0])
    )
    members = list(list_members(archives / "x.tgz"))
    list(convert(mean, archives / "x.tgz", members, result_bytes=1))
    assert [len(task) for task in tasks.pop()] == [30]
    list(convert(mean, archives / "x.tgz", members, result_bytes=module.BATCH_BYTES // 7))
    assert [len(task) for task in tasks.pop()] == [7, 7, 7, 7, 2]
    monkeypatch.setattr(module, "BATCH_BYTES", 3000)  # two pictures encoded
    list(convert(mean, archives / "x.tgz", members))
    assert max(len(task) for task in tasks.pop()) <= 3
