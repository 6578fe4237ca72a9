"""Shards: round trip, tables, and refusal of broken folders."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from facepipe.core.files import read_json, sha256, write_json, write_sealed
from facepipe.errors import InputError
from facepipe.preprocess.writer import ShardWriter
from facepipe.shards.shards import SPLITS, OpenFiles, Shards
from tests.material import write_shards

SHAPE = (6, 4, 3)
COUNTS = {"train": 20, "valid": 3, "test": 7}


@pytest.fixture
def arrays():
    generator = np.random.default_rng(0)
    return {split: generator.integers(0, 256, (n, *SHAPE), dtype=np.uint8) for split, n in COUNTS.items()}


@pytest.fixture
def folder(tmp_path, arrays):
    # 72 bytes an image: shards of 4
    write_shards(tmp_path / "shards", arrays, dataset="tiny", shard_mb=300 / 1e6)
    return tmp_path / "shards"


def test_round_trip(folder, arrays):
    shards = Shards(folder)
    assert shards.image_shape == SHAPE and shards.splits == COUNTS and shards.count("test") == 7
    assert shards.dataset == "tiny" and len(shards.sha256) == 64
    assert len(list(folder.glob("train-*.npy"))) == 5 and max(p.stat().st_size for p in folder.glob("*.npy")) <= 428
    for split in SPLITS:
        assert np.array_equal(shards.images(split), arrays[split])
    assert np.array_equal(shards.images("train", 3, 9), arrays["train"][3:9])
    assert shards.images("valid", 3).shape == (0, *SHAPE)
    rows = np.random.default_rng(1).integers(0, 20, 50)
    assert np.array_equal(shards.gather("train", rows), arrays["train"][rows])
    assert shards.gather("train", []).shape == (0, *SHAPE)
    assert shards.ids("valid") == ["valid-000000.png", "valid-000001.png", "valid-000002.png"]
    shards.verify()


def test_rows_outside_are_an_error(folder):
    shards = Shards(folder)
    for row in (-1, 20):
        with pytest.raises(IndexError):
            shards.gather("train", [0, row])


def test_a_missing_row_leaves_its_own_shard_only(tmp_path, arrays):
    digests = []
    for name, missing in (("all", ()), ("gaps", (5, 16, 17, 18, 19))):
        (tmp_path / name).mkdir()
        writer = ShardWriter(tmp_path / name, COUNTS, SHAPE, 300 / 1e6)
        for split in SPLITS:
            for row in reversed(range(COUNTS[split])):
                if split != "train" or row not in missing:
                    writer.put(split, row, arrays[split][row])
        ids = {split: [{"id": f"{split}{row}"} for row in range(n)] for split, n in COUNTS.items()}
        counts = writer.finish("tiny", ids, rejected=[("b", "why"), ("a", "how")])
        digests.append({path.name: sha256(path) for path in (tmp_path / name).glob("*.npy")})
    kept = [row for row in range(20) if row not in missing]
    shards = Shards(tmp_path / "gaps")
    assert counts == shards.splits == COUNTS | {"train": 15}
    assert np.array_equal(shards.images("train"), arrays["train"][kept])
    assert shards.ids("train") == [f"train{row}" for row in kept]
    changed = {name for name in digests[0] if digests[0][name] != digests[1].get(name)}
    assert changed == {"train-00001.npy", "train-00004.npy"}
    assert (tmp_path / "gaps" / "rejected.csv").read_text() == "source,reason\na,how\nb,why\n"


def test_tables(tmp_path, arrays):
    ids = {split: [f"{split}{row}" for row in range(n)] for split, n in COUNTS.items()}
    ids["train"][:3] = ["NA", "None", "007"]  # names that pandas likes to take for something else
    attributes = pd.DataFrame({"Smiling": [1, 0, np.nan], "Male": [0, np.nan, 1]}, index=["NA", "007", "test3"])
    factors = pd.DataFrame({"yaw": [0.1, -1 / 3, 1e-9]}, index=["NA", "None", "007"])
    write_shards(tmp_path / "s", arrays, ids=ids, attributes=attributes, factors=factors)
    shards = Shards(tmp_path / "s")
    assert shards.attribute_names == ["Smiling", "Male"]
    table = shards.attributes("train")
    assert table.index.tolist() == ids["train"] and set(table.dtypes) == {np.dtype(np.float32)}
    assert table.loc["NA"].tolist() == [1.0, 0.0]
    assert table.loc["007", "Smiling"] == 0.0 and table.isna().loc["007", "Male"]
    assert table.loc["None"].isna().all()
    assert shards.attributes("test").loc["test3"].fillna(-1).tolist() == [-1.0, 1.0]
    assert shards.factors("train")["yaw"].head(3).tolist() == [0.1, -1 / 3, 1e-9]
    assert (tmp_path / "s" / "attributes.csv").read_text().startswith("id,Smiling,Male\nNA,1,0\nNone,,\n007,0,\n")
    write_shards(tmp_path / "plain", arrays)
    plain = Shards(tmp_path / "plain")
    assert plain.factors("train") is None and plain.attributes("valid").shape == (3, 0)


def test_same_content_same_bytes(tmp_path, arrays):
    for name in "ab":
        write_shards(tmp_path / name, arrays)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)
    assert names == sorted(path.name for path in (tmp_path / "b").iterdir())


def edit_index(folder, **changes):
    path = folder / "index.json"
    write_sealed(path, read_json(path) | changes)


def test_broken_folders_are_refused(folder):
    with pytest.raises(InputError, match=r"index.json: not found; run the preprocess stage"):
        Shards(folder / "absent")

    shard = folder / "train-00002.npy"
    data = shard.read_bytes()
    shard.write_bytes(data[:-1])
    with pytest.raises(InputError, match=r"train-00002.npy: 415 bytes, expected 416 for 4 images"):
        Shards(folder)
    shard.unlink()
    with pytest.raises(InputError, match=r"train-00002.npy: not found, but index.json lists it"):
        Shards(folder)

    # right size, wrong bytes: seen by whoever reads them, and only then
    shard.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    broken = Shards(folder)
    assert len(broken.gather("train", [0, 7, 12, 19])) == 4 and len(broken.images("test")) == 7
    said = r"train-00002.npy: damaged: its sha256 does not fit; remove it, then `dvc checkout` brings it back"
    for read in (broken.verify, lambda: broken.images("train"), lambda: broken.gather("train", [8])):
        with pytest.raises(InputError, match=said):
            read()
    shard.write_bytes(data)

    ids = (folder / "ids.csv").read_text()
    (folder / "ids.csv").write_text(ids.replace("train-000003", "train-000033"))
    with pytest.raises(InputError, match=r"ids.csv: damaged: "):
        Shards(folder).ids("train")
    (folder / "ids.csv").unlink()
    with pytest.raises(InputError, match=r"ids.csv: missing; `dvc checkout` brings it back"):
        Shards(folder).ids("train")

    edit_index(folder, image_shape=[6, 2, 6])
    with pytest.raises(InputError, match=r"train-00000.npy: holds uint8 \[4, 6, 4, 3\], expected uint8 \[4, 6, 2, 6\]"):
        Shards(folder).images("train")
    edit_index(folder, splits={})
    with pytest.raises(InputError, match="incomplete"):
        Shards(folder)
    edit_index(folder, version=1)
    with pytest.raises(InputError, match="version: found 1, expected 4"):
        Shards(folder)
    (folder / "index.json").write_text("{")
    with pytest.raises(InputError, match="not valid JSON"):
        Shards(folder)


def test_labels_do_not_change_what_the_pixels_are_called(tmp_path, arrays):
    labels = [pd.DataFrame({"Left": values}, index=["train-000000.png"]) for values in ([0], [1])]
    for name, attributes in zip("ab", labels, strict=True):
        write_shards(tmp_path / name, arrays, attributes=attributes)
    write_shards(tmp_path / "c", {split: 255 - images for split, images in arrays.items()}, attributes=labels[0])
    names = [Shards(tmp_path / name).sha256 for name in "abc"]
    assert names[0] == names[1] != names[2]


def test_shards_of_an_earlier_facepipe_are_read_and_it_is_said(folder, capsys):
    index = read_json(folder / "index.json")
    del index["sha256"], index["tables"]
    write_json(folder / "index.json", index | {"version": 3})
    for _ in range(2):
        earlier = Shards(folder)
        assert len(earlier.ids("test")) == len(earlier.images("test")) == 7 and earlier.factors("test") is None
    said = "made by an earlier facepipe, without checksums: not checked; `dvc repro` renews it"
    assert capsys.readouterr().err == f"{folder / 'index.json'}: {said}\n"
    shard = folder / "test-00000.npy"  # whose checksum there was
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match=r"test-00000.npy: damaged: its sha256 does not fit"):
        Shards(folder).images("test")
    write_json(folder / "index.json", index)
    with pytest.raises(InputError, match=r"index.json: damaged: its sha256 does not fit"):
        Shards(folder)


def test_files_are_closed_with_their_owner(folder):
    files = OpenFiles(os.O_RDONLY)
    handle = files.handle(folder / "index.json")
    assert files.handle(folder / "index.json") == handle and os.read(handle, 1) == b"{"
    del files
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(handle)


def test_a_process_that_still_reads_ends_in_silence(folder):
    # frozen, as after `import_tensorflow`: what is part of a cycle dies when the modules have gone
    code = f"""
import gc
from facepipe.shards.shards import Shards
data = Shards({str(folder)!r})
data.images("train")
gc.cycle = [data, gc]
gc.freeze()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
