"""Conversion in worker processes: same results however many, from zip and tar."""

import io
import multiprocessing
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from facepipe.data import convert as module
from facepipe.data.convert import convert
from facepipe.errors import InputError


@pytest.fixture
def archives(tmp_path):
    generator = np.random.default_rng(0)
    contents = {}
    for number in range(30):
        file = io.BytesIO()
        Image.fromarray(generator.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(file, "png")
        contents[f"{number}.png"] = file.getvalue()
    contents["7.png"] = contents["7.png"][:60]
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        for name, data in contents.items():
            file.writestr(name, data)
    with tarfile.open(tmp_path / "x.tgz", "w:gz") as file:
        for name, data in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return tmp_path


@pytest.mark.parametrize("name", ["x.zip", "x.tgz"])
def test_workers_do_not_change_the_results(archives, name, monkeypatch):
    monkeypatch.setattr(module, "BATCH_IMAGES", 4)
    members = [f"{number}.png" for number in range(30)]
    one, two = (list(convert(archives / name, members, None, (8, 8, 3), workers)) for workers in (1, 2))
    assert [result[0] for result in one] == [result[0] for result in two] == members
    for (member, image, box, reason), (_, other, *rest) in zip(one, two, strict=True):
        assert (box, reason) == tuple(rest)
        if member == "7.png":
            assert image is None and other is None and "damaged" in reason
        else:
            assert image.shape == (8, 8, 3) and np.array_equal(image, other)


def test_stopping_early_ends_the_workers(archives):
    results = convert(archives / "x.zip", [f"{number}.png" for number in range(30)], None, (8, 8, 1), 2)
    assert next(results)[0] == "0.png"
    results.close()
    assert list(results) == []


def test_a_worker_that_dies_is_one_line(archives, monkeypatch):
    monkeypatch.setattr(module, "BATCH_IMAGES", 1)
    results = convert(archives / "x.zip", [f"{number}.png" for number in range(30)], None, (8, 8, 1), 2)
    next(results)
    for process in multiprocessing.active_children():
        process.kill()
    with pytest.raises(InputError, match=r"preprocess.workers: a worker process died"):
        list(results)
