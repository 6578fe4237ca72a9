"""The seeds of fuzzing, and random changes of them, without a fuzzer; see `tests.fuzz.run` for the long way."""

import gzip
import shutil
import time

import numpy as np
import pytest

from facepipe.core.files import describe_files, read_json, write_sealed
from facepipe.datasets.archive import list_members
from facepipe.errors import InputError
from facepipe.latents.table import read_latents
from facepipe.networks.store import read_info
from facepipe.shards.shards import Shards
from tests.fuzz.seeds import changed, seeds
from tests.fuzz.targets import TARGETS, clear

SECONDS = 0.7  # for each target; on a slow machine fewer changes are tried


@pytest.mark.filterwarnings("ignore:::PIL")
@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_changes_of_them(name, tmp_path):
    rng, found = np.random.default_rng(0), seeds(name)
    for seed in found:
        clear(tmp_path)
        TARGETS[name](seed, tmp_path)
    end = time.monotonic() + SECONDS
    for number in range(2000):
        if time.monotonic() > end:
            break
        clear(tmp_path)
        TARGETS[name](changed(rng, found[number % len(found)], found), tmp_path)


def test_a_number_behind_an_odd_space(tmp_path):
    """Found by fuzzing: str.strip takes U+001D for a space, float does not."""
    (tmp_path / "t.csv").write_text("id,z000\na,\x1d0\n")
    with pytest.raises(InputError, match=r"row 2, column z000: '\\x1d0' is not a number"):
        read_latents(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"MATLAB 5.0", "not a MATLAB file"), (b"MATLAB 5.0".ljust(126, b"\0") + b"MI", "not a MATLAB file")],
)
def test_archives_found_by_fuzzing(data, said, tmp_path):
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(InputError, match=said):
        list(list_members(tmp_path / "a"))


def test_a_zip_of_several_disks(tmp_path):
    """Found by fuzzing: zipfile.is_zipfile raises, where it should say no."""
    locator, end = b"PK\6\7" + bytes(12) + b"\3\0\0\0", b"PK\5\6" + bytes(18)
    (tmp_path / "a.zip").write_bytes(bytes(100) + locator + end)
    with pytest.raises(InputError, match=r"a\.zip: broken zip archive: zipfiles that span multiple disks"):
        list(list_members(tmp_path / "a.zip"))
    (tmp_path / "a.zip").write_bytes(gzip.compress(b"PK" + bytes(100) + locator + end))
    with pytest.raises(InputError, match=r"a\.zip: is compressed by gzip, and damaged"):
        list(list_members(tmp_path / "a.zip"))


def test_a_seal_of_json_that_is_nested_almost_too_deeply(tmp_path):
    """What can just be read is not too deep for what writes it again, to compute its checksum."""
    for depth in range(800, 1001):
        deep = "[" * depth + "]" * depth
        (tmp_path / "model.json").write_text(
            f'{{"version": 2, "model": "ae", "spec": {{}}, "networks": [], "sha256": "", "more": {deep}}}'
        )
        with pytest.raises(InputError, match=r"model\.json: (damaged|not a facepipe model)"):
            read_info(tmp_path)


def test_checksums_of_other_types(tiny_shards, tmp_path):
    folder = shutil.copytree(tiny_shards, tmp_path / "shards")
    index, info = read_json(folder / "index.json"), {"version": 2, "model": "ae", "spec": {}, "networks": []}
    for wrong in (None, 3, [], {"ids.csv": 3}, {"ids.csv": {"bytes": 3}}, {"ids.csv": {"bytes": "3", "sha256": ""}}):
        write_sealed(folder / "index.json", index | {"tables": wrong})
        with pytest.raises(InputError, match=r"index\.json: incomplete \(tables should have sizes and checksums"):
            Shards(folder)
        write_sealed(tmp_path / "model.json", info | {"files": wrong})
        with pytest.raises(InputError, match=r"model\.json: not a facepipe model: files"):
            read_info(tmp_path)
    index["splits"]["train"]["shards"][0].pop("sha256")
    write_sealed(folder / "index.json", index)
    with pytest.raises(InputError, match=r"index\.json: incomplete \(shards should have sizes and checksums"):
        Shards(folder)


def reseal(folder, *tables):
    """Checksums that fit the shards, and these tables, as anybody can compute them."""
    index = read_json(folder / "index.json")
    for shard in index["splits"]["train"]["shards"]:
        shard |= describe_files(folder, [shard["file"]])[shard["file"]]
    write_sealed(folder / "index.json", index | {"tables": index["tables"] | describe_files(folder, tables)})


@pytest.mark.parametrize(("header", "said"), [(b"", "No columns"), (b"id,\xd1age\n", "can't decode byte 0xd1")])
def test_factors_found_by_fuzzing(header, said, tiny_shards, tmp_path):
    folder = shutil.copytree(tiny_shards, tmp_path / "shards")
    (folder / "factors.csv").write_bytes(header)
    reseal(folder, "factors.csv")
    with pytest.raises(InputError, match=rf"factors\.csv: .*({said})"):
        Shards(folder).factors("train")


@pytest.mark.parametrize("header", [b"\x02\0{(", b"\x03\0'\n("])
def test_a_shard_whose_header_is_no_python(header, tiny_shards, tmp_path):
    """Found by fuzzing: NumPy lets out what Python's tokenizer raises."""
    folder = shutil.copytree(tiny_shards, tmp_path / "shards")
    path = folder / "train-00000.npy"
    start = b"\x93NUMPY\1\0" + header
    path.write_bytes(start + path.read_bytes()[len(start) :])
    reseal(folder)
    with pytest.raises(InputError, match=r"train-00000\.npy: not a \.npy file"):
        Shards(folder).images("train")
