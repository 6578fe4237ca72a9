"""Each data set from a server with the official names: cold, cut off, wrong, truncated, full disk; its shards."""

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from scipy.io import savemat

from facepipe.core.files import read_json
from facepipe.datasets.archive import list_members
from facepipe.datasets.sets import get_source
from facepipe.download.config import Dataset
from facepipe.download.fetch import fetch
from facepipe.errors import InputError
from facepipe.preprocess.config import Preprocess
from facepipe.preprocess.preprocess import preprocess
from facepipe.shards.shards import SPLITS, Shards
from tests.conftest import ROOT
from tests.mounts import run_with_mounts
from tests.servers import Fault, FileServer

SOURCES_YAML = ROOT / "data" / "sources.yaml"
# the number of pictures in the archive
REAL = {"lfw": 13233, "celeba": 9000, "utkface": 6520, "orl": 390}
BUILT = {"yearbook": 12, "olivetti": 200}
LABELS = (".txt", ".csv")


def build_yearbook():
    """A small archive of the layout of A Century of Portraits, as bytes; the pictures are noise."""
    random = np.random.default_rng(0)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for number in range(BUILT["yearbook"]):
            png = io.BytesIO()
            Image.fromarray(random.integers(0, 256, (186, 171), dtype=np.uint8)).save(png, "png")
            name = f"{'FM'[number % 2]}/{1930 + 5 * number}_Ohio_Cleveland_Central_0-{number}.png"
            info = tarfile.TarInfo(f"{get_source('yearbook').archive.removesuffix('.tar.gz')}/{name}")
            info.size = len(png.getvalue())
            archive.addfile(info, io.BytesIO(png.getvalue()))
    return stream.getvalue()


def build_olivetti():
    """A file like olivettifaces.mat of 40 pictures of noise, as bytes."""
    stream = io.BytesIO()
    savemat(stream, {"faces": np.random.default_rng(0).integers(0, 256, (4096, BUILT["olivetti"])).astype(np.uint8)})
    return stream.getvalue()


def files_of(name, real_data=None):
    """{official name: Path or bytes} of a set's files: a real one from the folder `real_data`, or a built one."""
    if name in BUILT:
        return {get_source(name).archive: {"yearbook": build_yearbook, "olivetti": build_olivetti}[name]()}
    return {path.name: path for path in sorted((real_data / name).iterdir())}


def raw_of(name, folder, real_data=None, **dataset):
    """A raw folder as the download stage leaves it, for the tests of the stages after it.

    Args:
        name: one of `REAL` or `BUILT`.
        folder: the raw folder to make.
        real_data: the fixture's folder; not needed for a built set.
        **dataset: more of the section dataset.

    Returns:
        `folder`.
    """
    mirror = folder.with_name(f"{folder.name}.mirror")
    mirror.mkdir()
    for file, content in files_of(name, real_data).items():
        if isinstance(content, bytes):
            (mirror / file).write_bytes(content)
        else:
            (mirror / file).symlink_to(content)
    fetch(Dataset(**{"name": name, "mirror": str(mirror), "checksums": "none"} | dataset), SOURCES_YAML, folder)
    shutil.rmtree(mirror)
    return folder


def content_of(file):
    return file if isinstance(file, bytes) else file.read_bytes()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEPIPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def files(request, name):
    """The set's files; skips where they are real and absent."""
    return files_of(name, None if name in BUILT else request.getfixturevalue("real_data"))


@pytest.fixture
def server(files):
    with FileServer(files) as running:
        yield running


@pytest.fixture
def archive(files):
    """The official name of the archive that is served."""
    return next(file for file in files if not file.endswith(LABELS))


def write_workspace(folder, **dataset):
    """What the download stage needs, in `folder`."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["dataset"] = {"checksums": "none"} | dataset
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    shutil.copy(SOURCES_YAML, folder / "data")
    return folder


def download(folder):
    """The download stage as a process of its own."""
    command = [sys.executable, "-m", "stages.download"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def assert_one_line(done, *parts):
    """Exit code 2, and one line on stderr, no traceback."""
    assert done.returncode == 2 and done.stderr.startswith("download: ") and done.stderr.count("\n") == 1, done.stderr
    for part in parts:
        assert part in done.stderr


def assert_raw(folder, name, files):
    """The raw folder holds the set's files, as they were served, and nothing lies beside it."""
    source = get_source(name)
    described = read_json(folder / "dataset.json")
    stored = {file if file.endswith(LABELS) else source.archive: content for file, content in files.items()}
    assert described["name"] == name and described["archive"] == source.archive
    assert {file["name"]: file["sha256"] for file in described["files"]} == {
        file: sha256(content_of(content)) for file, content in stored.items()
    }
    for file in described["files"]:
        assert sha256((folder / file["name"]).read_bytes()) == file["sha256"]
    assert {path.name for path in folder.iterdir()} == {*stored, "dataset.json"}
    assert {path.name for path in folder.parent.iterdir()} <= {"raw", "sources.yaml"}
    members = [member for member in list_members(folder / source.archive) if source.match(member.name)]
    assert len(members) == (REAL | BUILT)[name]


@pytest.mark.parametrize("name", [*REAL, *BUILT])
def test_cold_and_resumed_after_a_cut_connection(tmp_path, name, files, archive, server):
    # LFW is served this once, with its cut in mid-download
    whole = len(content_of(files[archive]))
    server.fail(archive, Fault(cut=whole // 2))
    workspace = write_workspace(tmp_path / "work", name=name, mirror=server.url)
    done = download(workspace)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("licence:") == done.stdout.count("please cite:") == 1
    first, second = server.asked(archive)
    start = int(second.range.removeprefix("bytes=").removesuffix("-"))
    assert (first.status, second.status, second.sent) == (200, 206, whole - start) and start > 0
    assert_raw(workspace / "data" / "raw", name, files)


@pytest.mark.parametrize("name", ["celeba", "utkface", "orl", *BUILT])
def test_wrong_then_right(tmp_path, name, files, archive, server):
    raw = tmp_path / "data" / "raw"
    right = content_of(files[archive])
    pins = {file: f"sha256:{sha256(content_of(content))}" for file, content in files.items()}
    pinned = Dataset(name=name, mirror=server.url, checksums=pins)
    server.files[archive] = right[:-1] + bytes([right[-1] ^ 1])
    with pytest.raises(InputError, match=rf"{archive}: not downloaded: {server.url}.*expected sha256 .*, came sha256"):
        fetch(pinned, SOURCES_YAML, raw)
    assert not raw.exists()
    server.files[archive] = right
    fetch(pinned, SOURCES_YAML, raw)
    assert_raw(raw, name, files)


@pytest.mark.parametrize("name", ["celeba", "utkface", "orl", *BUILT])
def test_truncated_then_whole(tmp_path, name, files, archive, server):
    raw = tmp_path / "data" / "raw"
    raw.mkdir(parents=True)
    (raw / "old").write_text("old")
    given = Dataset(name=name, mirror=server.url, checksums="none")
    right = content_of(files[archive])
    server.files[archive] = right[: len(right) * 2 // 3]
    with pytest.raises(
        InputError, match=rf"{archive}: not downloaded: {server.url}.*the wrong file is removed"
    ) as caught:
        fetch(given, SOURCES_YAML, raw)
    assert "\n" not in str(caught.value)
    assert [path.name for path in raw.parent.rglob("*")] == ["raw", "old"]
    server.files[archive] = right
    fetch(given, SOURCES_YAML, raw)
    assert_raw(raw, name, files)


@pytest.mark.parametrize("name", ["orl"])
def test_the_stage_in_all_these_cases(tmp_path, name, files, archive, server):
    right = content_of(files[archive])
    workspace = write_workspace(tmp_path / "work", name=name, mirror=server.url)
    server.files[archive] = right[: len(right) // 2]
    assert_one_line(download(workspace), archive, server.url, "a zip archive without its end", "set dataset.archive")
    server.files[archive] = right
    write_workspace(workspace, name=name, mirror=server.url, checksums={archive: "md5:" + "0" * 32})
    came = hashlib.md5(right).hexdigest()
    assert_one_line(download(workspace), f"expected md5 {'0' * 32}, came md5 {came}", "dataset.checksums")
    write_workspace(workspace, name=name, mirror=f"{server.url}/gone")
    del server.files[archive]
    assert_one_line(download(workspace), f"{server.url}/gone/{archive}: 404 Not Found", "check dataset.mirror")
    assert sorted(path.name for path in (workspace / "data").iterdir()) == ["sources.yaml"]
    server.files[archive] = right
    assert download(workspace).returncode == 0
    assert_raw(workspace / "data" / "raw", name, files)


def test_two_clones_share_one_download(tmp_path, real_data):
    files = files_of("orl", real_data)
    clones = []
    with FileServer(files) as server:
        server.fail("att_faces.zip", Fault(delay=0.03))
        for number in range(2):
            folder = write_workspace(tmp_path / f"clone{number}", name="orl", mirror=server.url)
            command = [sys.executable, "-m", "stages.download"]
            clones.append(
                subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            )
        outputs = [clone.communicate(timeout=60) for clone in clones]
        assert [clone.returncode for clone in clones] == [0, 0] and [err for _, err in outputs] == ["", ""]
        assert len(server.requests) == 1
    for number in range(2):
        assert_raw(tmp_path / f"clone{number}" / "data" / "raw", "orl", files)


FULL = """
mount -t tmpfs -o size=1m tmpfs "$1" || exit 77
cp -r "$2" "$1/clone"
run() { ( cd "$4/clone" && "$PYTHON" -m stages.download >"$3/$5.out" 2>"$3/$5.err" ); echo $? >"$3/$5.rc"; }
run "$1" "$2" "$3" "$4" first
ls -A "$4/clone/data" >"$3/after_first"
mount -o remount,size=64m "$1" || exit 77
run "$1" "$2" "$3" "$4" second
mkdir "$3/data" && cp -r "$4/clone/data/raw" "$3/data"
"""


@pytest.mark.parametrize(
    ("where", "lengths"), [("cache", True), ("cache", False), ("raw", True)], ids=["cache", "cache, no length", "raw"]
)
def test_full_disk(tmp_path, monkeypatch, real_data, where, lengths):
    files = files_of("orl", real_data)
    small, results = tmp_path / "small", tmp_path / "results"
    small.mkdir()
    results.mkdir()
    if where == "cache":
        monkeypatch.setenv("FACEPIPE_CACHE", str(small / "cache"))
    with FileServer(files, lengths=lengths) as server:
        template = write_workspace(tmp_path / "template" / "clone", name="orl", mirror=server.url)
        run_with_mounts(FULL, small, template, results, small if where == "raw" else template.parent)
        error = (results / "first.err").read_text()
        assert (results / "first.rc").read_text() == "2\n" and error.count("\n") == 1
        assert error.startswith("download: ") and "not enough disk space" in error
        assert (str(small / "cache") if where == "cache" else "att_faces.zip") in error
        assert (results / "after_first").read_text() == "sources.yaml\n"
        assert (results / "second.rc").read_text() == "0\n" and (results / "second.err").read_text() == ""
        others = server.asked("att_faces.zip")[1:]
        if where == "raw":
            assert others == []  # the cache had room for it
        elif lengths:
            assert "MB more are needed" in error and len(others) == 1  # said before the download
        else:
            # nobody said how large it is, so it filled the disk; the rest was got by the second run
            assert others[0].status == 206 and others[0].sent < len(files["att_faces.zip"].read_bytes()) - 2**19
    assert_raw(results / "data" / "raw", "orl", files)


@pytest.mark.parametrize("name", [*REAL, *BUILT])
def test_preprocess(tmp_path, request, name):
    real_data = None if name in BUILT else request.getfixturevalue("real_data")
    raw = raw_of(name, tmp_path / "raw", real_data)
    params = Preprocess(image_size=(16, 16), valid_fraction=0.2, test_fraction=0.2)
    metrics = preprocess(params, raw, tmp_path / "shards")
    shards = Shards(tmp_path / "shards")
    assert sum(metrics["images"].values()) + metrics["rejected"] + metrics.get("copies", 0) == (REAL | BUILT)[name]
    tables = pd.concat([shards.table(split) for split in SPLITS])
    attributes = pd.concat([shards.attributes(split) for split in SPLITS])
    rejected = pd.read_csv(tmp_path / "shards" / "rejected.csv")
    people = {"lfw": 5749, "orl": 39, "olivetti": 20}
    assert metrics.get("identities") == people.get(name)
    assert tables[tables["identity"] != ""].groupby("identity")["split"].nunique().eq(1).all()
    if name == "utkface":
        # one a group of copies stays, or none where their names contradict each other
        assert (
            metrics["rejected"] == 82
            and metrics["copies"] == 8
            and rejected["reason"].str.startswith("a copy of ").all()
        )
        assert rejected["reason"].str.contains(" with another ").sum() == 82
        ages = pd.concat([shards.factors(split) for split in SPLITS])["age"]
        assert (attributes["Child"].eq(1) == ages.lt(13)).all() and (attributes["Senior"].eq(1) == ages.ge(60)).all()
        assert attributes["Male"].isna().sum() == 2  # the two names that lack a field
    else:
        assert metrics["rejected"] == 0
    if name == "celeba":
        assert metrics["images"] == {"train": 8000, "valid": 500, "test": 500} and attributes.shape == (9000, 40)
    if name == "yearbook":
        assert attributes["Male"].sum() == 6 and {"Decade_1930s", "Decade_1980s"} <= set(attributes)


FULL_SHARDS = """
mount -t tmpfs -o size=200k tmpfs "$1" || exit 77
cp "$2/params.yaml" "$1" && mkdir "$1/data" && ln -s "$2/raw" "$1/data/raw"
run() { ( cd "$2" && "$PYTHON" -m stages.preprocess >"$1/$3.out" 2>"$1/$3.err" ); echo $? >"$1/$3.rc"; }
run "$3" "$1" first
ls -A "$1/data" >"$3/after_first"
mount -o remount,size=64m "$1" || exit 77
run "$3" "$1" second
cp -r "$1/data/shards" "$3"
"""


def test_full_disk_for_the_shards(tmp_path, real_data):
    small, results = tmp_path / "small", tmp_path / "results"
    small.mkdir()
    results.mkdir()
    raw_of("orl", tmp_path / "raw", real_data)
    write_workspace(tmp_path, name="orl")
    run_with_mounts(FULL_SHARDS, small, tmp_path, results)
    error = (results / "first.err").read_text()
    assert (results / "first.rc").read_text() == "2\n" and "Traceback" not in error
    assert error.splitlines()[-1] == "preprocess: writing the outputs: No space left on device"
    assert (results / "after_first").read_text() == "raw\n"
    assert (results / "second.rc").read_text() == "0\n"
    assert sum(Shards(results / "shards").splits.values()) == REAL["orl"]
