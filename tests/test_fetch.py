"""The download stage: what lands in the raw folder, what is checked, and what is refused."""

import copy
import hashlib
import io
import json
import random
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from facepipe.config import load_params
from facepipe.datasets.sets import get_source
from facepipe.download.config import Dataset
from facepipe.download.fetch import fetch
from facepipe.download.registry import read_entry
from facepipe.errors import InputError
from tests.servers import FileServer

ROOT = Path(__file__).parents[1]
SOURCES_YAML = ROOT / "data" / "sources.yaml"
LABELS = {
    "list_attr_celeba.txt": b"1\nSmiling\n000001.jpg 1\n",
    "list_eval_partition.txt": b"000001.jpg 0\n",
    "identity_CelebA.txt": b"000001.jpg 2880\n",
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEPIPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def celeba(folder, name="img_align_celeba.zip", member="img_align_celeba/000001.jpg", labels=True):
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as file:
        file.writestr("img_align_celeba/", "")
        file.writestr(member, b"picture")
    for label in ("list_attr_celeba.txt", "list_eval_partition.txt") if labels else ():
        (folder / label).write_bytes(LABELS[label])
    return folder / name


def lfw(path, pictures=1):
    with tarfile.open(path, "w:gz") as file:
        for number in range(pictures):
            info = tarfile.TarInfo(f"lfw-deepfunneled/Ann/Ann_{number + 1:04d}.jpg")
            info.size = 1000
            file.addfile(info, io.BytesIO(random.Random(number).randbytes(info.size)))
    return path


def run(tmp_path, sources_yaml=SOURCES_YAML, **dataset):
    return fetch(Dataset(**{"checksums": "none"} | dataset), sources_yaml, tmp_path / "raw")


def names_in(folder):
    return {path.name for path in folder.iterdir()}


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def registry(tmp_path, files):
    """A copy of sources.yaml in which celeba's and lfw's files of these names have these keys instead of their own."""
    entries = yaml.safe_load(SOURCES_YAML.read_text(encoding="utf-8"))
    for name in ("celeba", "lfw"):
        for file in entries[name]["files"]:
            if changes := files.get(file["name"]):
                kept = {key: file[key] for key in ("name", "role")}
                file.clear()
                file.update(kept | changes)
    path = tmp_path / "sources.yaml"
    path.write_text(yaml.safe_dump(entries), encoding="utf-8")
    return path


def test_celeba(tmp_path, capsys):
    archive = celeba(tmp_path / "given")
    metrics = run(tmp_path, name="celeba", archive=str(archive))
    raw = tmp_path / "raw"
    described = json.loads((raw / "dataset.json").read_text())
    names = [file["name"] for file in described["files"]]
    assert names == ["img_align_celeba.zip", "list_attr_celeba.txt", "list_eval_partition.txt"]
    assert sorted(path.name for path in raw.iterdir()) == sorted([*names, "dataset.json"])
    assert described["name"] == "celeba" and described["archive"] == names[0]
    for file in described["files"]:
        data = (raw / file["name"]).read_bytes()
        assert data == (tmp_path / "given" / file["name"]).read_bytes()
        assert file["bytes"] == len(data) and file["sha256"] == hashlib.sha256(data).hexdigest()
    assert metrics == {"files": 3, "bytes": sum(file["bytes"] for file in described["files"])}
    # the user's own file and the raw one are two: DVC makes its files read-only
    assert archive.stat().st_nlink == 1 and not (raw / names[0]).is_symlink()
    printed = capsys.readouterr().out
    assert printed.count("non-commercial") == 1 and printed.count("ICCV 2015") == 1
    assert described["licence"].startswith("non-commercial") and "ICCV 2015" in described["citation"]
    assert str(tmp_path) not in (raw / "dataset.json").read_text()


def test_archive_of_another_name_and_labels_elsewhere(tmp_path):
    archive = celeba(tmp_path / "given", name="mine.ZIP", labels=False)
    celeba(tmp_path / "labels")
    (tmp_path / "labels" / "identity_CelebA.txt").write_bytes(LABELS["identity_CelebA.txt"])
    run(tmp_path, name="celeba", archive=str(archive), labels=str(tmp_path / "labels"))
    assert names_in(tmp_path / "raw") == {"img_align_celeba.zip", "dataset.json", *LABELS}


TABLES = {
    "list_attr_celeba.csv": b"image_id,Smiling\n000001.jpg,-1\n",
    "list_eval_partition.csv": b"image_id,partition\n000001.jpg,0\n",
}


@pytest.mark.parametrize("place", ["beside", "labels", "within"])
def test_celeba_with_the_tables_of_a_mirror(tmp_path, capsys, place):
    member = "img_align_celeba/img_align_celeba/000001.jpg"
    archive = celeba(tmp_path / "given", name="archive.zip", member=member, labels=False)
    folder = {"beside": archive.parent, "labels": tmp_path / "labels", "within": None}[place]
    if folder:
        folder.mkdir(exist_ok=True)
        for name, data in TABLES.items():
            (folder / name).write_bytes(data)
    else:
        with zipfile.ZipFile(archive, "a") as file:
            for name, data in TABLES.items():
                file.writestr(name, data)
    run(tmp_path, name="celeba", archive=str(archive), labels=str(folder) if place == "labels" else None)
    assert names_in(tmp_path / "raw") == {"dataset.json", "img_align_celeba.zip", *TABLES}
    assert all((tmp_path / "raw" / name).read_bytes() == data for name, data in TABLES.items())
    assert "celeba: list_attr_celeba.csv in place of list_attr_celeba.txt" in capsys.readouterr().out


def test_what_celeba_has_both_ways_and_what_is_pinned(tmp_path):
    archive = celeba(tmp_path / "given")
    (archive.parent / "list_attr_celeba.csv").write_bytes(b"not read")
    run(tmp_path, name="celeba", archive=str(archive))
    lists = {"dataset.json", "img_align_celeba.zip", "list_attr_celeba.txt", "list_eval_partition.txt"}
    assert names_in(tmp_path / "raw") == lists
    for path in archive.parent.glob("list_*"):
        path.unlink()
    with zipfile.ZipFile(archive, "a") as file:
        for name, data in TABLES.items():
            file.writestr(f"celeba/{name}", data)
    pins = {"img_align_celeba.zip": f"md5:{md5(archive)}", "list_attr_celeba.csv": f"md5:{'0' * 32}"}
    with pytest.raises(
        InputError, match=r"img_align_celeba.zip: celeba/list_attr_celeba.csv: expected md5 0{32}, came"
    ):
        run(tmp_path, name="celeba", archive=str(archive), checksums=pins)
    assert names_in(tmp_path / "raw") == lists


def test_lfw_says_once_which_label_files_are_missing(tmp_path, capsys):
    (tmp_path / "male_names.txt").write_text("Ann_0001.jpg\n")
    run(tmp_path, name="lfw", archive=str(lfw(tmp_path / "lfw.tgz")))
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "label files not found" in line]
    assert "SMILE_list.txt" in line and " male_names.txt" not in line
    assert names_in(tmp_path / "raw") == {"lfw-deepfunneled.tgz", "male_names.txt", "dataset.json"}


@pytest.mark.parametrize("kind", ["missing", "folder", "text", "other", "cut"])
def test_wrong_archive_leaves_the_raw_folder_alone(tmp_path, kind):
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "old").write_text("old")
    path = tmp_path / "img_align_celeba.zip"
    if kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("<html>quota exceeded</html>")
    elif kind == "other":
        celeba(tmp_path, member="pictures/cat.jpg")
    elif kind == "cut":
        path = lfw(tmp_path / "lfw.tgz", pictures=40)  # the first of them are whole
        path.write_bytes(path.read_bytes()[:30000])
    message = {
        "missing": "no such file",
        "folder": "is a folder",
        "text": "is a web page, not an archive",
        "other": "not celeba: expected members like img_align_celeba/000001.jpg, found pictures/cat.jpg",
        "cut": "lfw.tgz: broken or incomplete tar archive",
    }[kind]
    with pytest.raises(InputError, match=message) as caught:
        run(tmp_path, name="lfw" if kind == "cut" else "celeba", archive=str(path))
    assert str(caught.value).startswith("archive: ") and "\n" not in str(caught.value)
    assert names_in(raw) == {"old"}


def test_another_sets_archive(tmp_path):
    with pytest.raises(InputError, match=r"not celeba: expected .* found lfw-deepfunneled/Ann"):
        run(tmp_path, name="celeba", archive=str(lfw(tmp_path / "lfw.tgz")))


def test_missing_label_file(tmp_path, capsys):
    archive = celeba(tmp_path / "given")
    (tmp_path / "given" / "list_eval_partition.txt").unlink()
    with pytest.raises(InputError, match=r"^labels: .*given: label file list_eval_partition.txt not found; put"):
        run(tmp_path, name="celeba", archive=str(archive), labels=str(tmp_path / "given"))
    with pytest.raises(InputError, match=r"^labels: .*nowhere: not a folder"):
        run(tmp_path, name="celeba", archive=str(archive), labels=str(tmp_path / "nowhere"))
    nowhere = registry(tmp_path, {"list_eval_partition.txt": {"urls": []}})
    with pytest.raises(InputError, match=r"label file list_eval_partition.txt not found beside the archive"):
        run(tmp_path, nowhere, name="celeba", archive=str(archive))
    # where the registry knows an address, the owner of an archive need not look for it
    with FileServer(LABELS) as server:
        known = {name: {"urls": [f"{server.url}/{name}"]} for name in LABELS}
        run(tmp_path, registry(tmp_path, known), name="celeba", archive=str(archive))
    assert "list_eval_partition.txt does not lie beside the archive" in capsys.readouterr().out
    assert (tmp_path / "raw" / "list_eval_partition.txt").read_bytes() == LABELS["list_eval_partition.txt"]
    # and optional ones are left out, as their owner left them out
    assert [request.name for request in server.requests] == ["list_eval_partition.txt"]


def test_download_from_the_registered_addresses(tmp_path, capsys):
    celeba(tmp_path / "remote", labels=False)
    with FileServer.of_folder(tmp_path / "remote") as server:
        server.files |= LABELS
        del server.files["identity_CelebA.txt"]
        known = {name: {"urls": [f"{server.url}/{name}"]} for name in ("img_align_celeba.zip", *LABELS)}
        run(tmp_path, registry(tmp_path, known), name="celeba")
        assert [request.name for request in server.requests] == ["img_align_celeba.zip", *LABELS]
        assert names_in(tmp_path / "raw") == {"img_align_celeba.zip", *LABELS, "dataset.json"} - {"identity_CelebA.txt"}
        printed = capsys.readouterr().out
        assert printed.count("not found in the official hosts: identity_CelebA.txt; going on without them") == 1
        # from the cache now, but for the one that was not there
        server.requests.clear()
        run(tmp_path, registry(tmp_path, known), name="celeba")
        assert [request.name for request in server.requests] == ["identity_CelebA.txt"]
        # one that the set cannot do without
        del server.files["list_attr_celeba.txt"]
        known["list_attr_celeba.txt"] = {"urls": [f"{server.url}/new/list_attr_celeba.txt"]}
        with pytest.raises(InputError, match=r"list_attr_celeba.txt: not downloaded: http.*404.*set dataset.labels"):
            run(tmp_path, registry(tmp_path, known), name="celeba")


def test_hosts_that_are_gone(tmp_path, monkeypatch):
    with FileServer({}) as server:
        gone = registry(tmp_path, {"lfw-deepfunneled.tgz": {"urls": [f"{server.url}/lfw-deepfunneled.tgz"]}})
        with pytest.raises(InputError, match=r"lfw-deepfunneled.tgz: not downloaded: http\S+: 404 Not Found") as caught:
            run(tmp_path, gone, name="lfw")
    message = str(caught.value)
    for part in ("http://vis-www.cs.umass.edu/lfw/", "set dataset.archive", "dataset.mirror", "lfw_funneled"):
        assert part in message
    monkeypatch.setitem(sys.modules, "gdown", None)
    with pytest.raises(InputError, match=r"needs gdown .*CelebA.html.*set dataset.archive") as caught:
        run(tmp_path, name="celeba")
    assert "\n" not in message + str(caught.value) and not (tmp_path / "raw").exists()


@pytest.mark.parametrize("kind", ["url", "folder"])
def test_mirror(tmp_path, kind, cache, capsys):
    celeba(tmp_path / "mirror")
    with FileServer.of_folder(tmp_path / "mirror") as server:
        mirror = f"{server.url}/pub/" if kind == "url" else str(tmp_path / "mirror")
        run(tmp_path, name="celeba", mirror=mirror)
        assert names_in(tmp_path / "raw") == {*names_in(tmp_path / "mirror"), "dataset.json"}
        assert cache.exists() == (kind == "url")
        assert f"not found in {mirror.rstrip('/')}: identity_CelebA.txt" in capsys.readouterr().out
        (tmp_path / "mirror" / "img_align_celeba.zip").unlink()
        server.files.clear()
        with pytest.raises(InputError, match=r"img_align_celeba.zip: (not downl|no such file).*check dataset.mirror"):
            run(tmp_path, name="celeba", mirror=mirror + "/other" if kind == "url" else mirror)
    assert all(request.name in {"img_align_celeba.zip", *LABELS} for request in server.requests)


def test_mirror_with_another_version_of_the_archive(tmp_path, capsys):
    lfw(tmp_path / "lfw-funneled.tgz")
    run(tmp_path, name="lfw", mirror=str(tmp_path))
    assert "lfw-deepfunneled.tgz is not at dataset.mirror; looking for another version" in capsys.readouterr().out
    assert names_in(tmp_path / "raw") == {"lfw-deepfunneled.tgz", "dataset.json"}


@pytest.mark.parametrize("mirrored", [True, False])
def test_official_checksums(tmp_path, mirrored):
    archive = celeba(tmp_path / "given")
    place = {"mirror": str(tmp_path / "given")} if mirrored else {"archive": str(archive)}
    with pytest.raises(InputError, match=r"expected .*, came .*; or get it again") as caught:
        run(tmp_path, name="celeba", checksums="official", **place)
    first = "a sample, or a copy encoded anew, needs dataset.checksums: none: "  # most who see this have one
    assert str(caught.value).removeprefix("archive: ").startswith(first)
    assert str(archive) in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "raw").exists()
    right = {name: {"md5": md5(tmp_path / "given" / name)} for name in names_in(tmp_path / "given")}
    run(tmp_path, registry(tmp_path, right), name="celeba", checksums="official", **place)
    (tmp_path / "given" / "list_eval_partition.txt").write_text("000001.jpg 2\n")
    with pytest.raises(InputError, match=r"list_eval_partition.txt: expected md5 .*, came md5"):
        run(tmp_path, registry(tmp_path, right), name="celeba", checksums="official", **place)
    assert (tmp_path / "raw" / "list_eval_partition.txt").read_text() == "000001.jpg 0\n"


def test_any_listed_version_of_the_archive_counts(tmp_path):
    archive = lfw(tmp_path / "mine.tgz")
    with pytest.raises(
        InputError, match=r"68331da3eb755a505a502b5aacb3c201 \(lfw-deepfunneled.tgz\), or sha256 b47c84"
    ):
        run(tmp_path, name="lfw", archive=str(archive), checksums="official")
    known = registry(tmp_path, {"lfw-funneled.tgz": {"md5": md5(archive)}})
    run(tmp_path, known, name="lfw", archive=str(archive), checksums="official")
    # also under the name of another version, unless that name is pinned
    archive = archive.rename(tmp_path / "lfw-deepfunneled.tgz")
    run(tmp_path, known, name="lfw", archive=str(archive), checksums="official")
    with pytest.raises(InputError, match=r"expected md5 0{32} \(lfw-deepfunneled.tgz\), came md5"):
        run(tmp_path, known, name="lfw", archive=str(archive), checksums={"lfw-deepfunneled.tgz": "md5:" + "0" * 32})


def test_pinned_checksums(tmp_path):
    archive = celeba(tmp_path / "given", name="mine.zip")
    pins = {
        "mine.zip": f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}",
        "list_attr_celeba.txt": f"md5:{md5(tmp_path / 'given' / 'list_attr_celeba.txt')}",
        "list_eval_partition.txt": f"MD5:{md5(tmp_path / 'given' / 'list_eval_partition.txt')}".replace("MD5", "md5"),
    }
    run(tmp_path, name="celeba", archive=str(archive), checksums=pins)
    with pytest.raises(InputError, match=r"mine.zip: expected md5 0{32} \(mine.zip\), came md5"):
        run(tmp_path, name="celeba", archive=str(archive), checksums=pins | {"mine.zip": "md5:" + "0" * 32})
    # the others keep their official ones
    with pytest.raises(InputError, match=r"list_eval_partition.txt: expected sha256 fc955bcb"):
        del pins["list_eval_partition.txt"]
        run(tmp_path, name="celeba", archive=str(archive), checksums=pins)
    with pytest.raises(InputError, match=r"^checksums: list_atr_celeba.txt: .*did you mean list_attr_celeba"):
        run(tmp_path, name="celeba", archive=str(archive), checksums={"list_atr_celeba.txt": "md5:" + "0" * 32})


def pictures(folder):
    for name in ("smile/a.jpg", "sad/b.jpg", "notes.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"picture")
    return folder


def test_a_folder_of_ones_own(tmp_path, capsys):
    mine = pictures(tmp_path / "mine")
    (mine / "smile" / "link.jpg").symlink_to(SOURCES_YAML)
    (tmp_path / "labels.csv").write_text("file,Male\nsmile/a.jpg,1\n")  # not in the folder: not of it
    metrics = run(tmp_path, name="folder", archive=str(mine), checksums="official")
    assert names_in(tmp_path / "raw") == {"folder.zip", "dataset.json"} and metrics["files"] == 1
    with zipfile.ZipFile(tmp_path / "raw" / "folder.zip") as file:
        assert file.namelist() == ["sad/b.jpg", "smile/a.jpg"]
    printed = capsys.readouterr().out
    assert "smile/link.jpg: a link to what is no picture; left out" in printed and "label files" not in printed
    assert f"{mine}: 1 file is no picture, left out: 1 .txt\n" in printed
    for labels in (tmp_path / "labels.csv", tmp_path):
        run(tmp_path, name="folder", archive=str(mine), labels=str(labels))
        assert (tmp_path / "raw" / "labels.csv").read_bytes() == (tmp_path / "labels.csv").read_bytes()
    other = tmp_path / "table.csv"
    (tmp_path / "labels.csv").rename(other)
    run(tmp_path, name="folder", archive=str(mine), labels=str(other))
    assert (tmp_path / "raw" / "labels.csv").read_bytes() == other.read_bytes()
    for labels, message in ((tmp_path, "no labels.csv in it"), (tmp_path / "no", "not a folder or a CSV file")):
        with pytest.raises(InputError, match=f"^labels: .*{message}"):
            run(tmp_path, name="folder", archive=str(mine), labels=str(labels))


def test_an_archive_of_ones_own(tmp_path):
    mine = pictures(tmp_path / "mine")
    with tarfile.open(tmp_path / "mine.tar.xz", "w:xz") as file:
        file.add(mine, "mine")
    (tmp_path / "labels.csv").write_text("file,Male\nsmile/a.jpg,1\n")
    pin = {"mine.tar.xz": f"md5:{md5(tmp_path / 'mine.tar.xz')}"}
    run(tmp_path, name="folder", archive=str(tmp_path / "mine.tar.xz"), checksums=pin)
    assert names_in(tmp_path / "raw") == {"folder.tar", "labels.csv", "dataset.json"}
    with pytest.raises(InputError, match="expected md5"):
        run(
            tmp_path, name="folder", archive=str(tmp_path / "mine.tar.xz"), checksums={"mine.tar.xz": "md5:" + "0" * 32}
        )
    (mine / "smile" / "a.jpg").unlink()
    (mine / "sad" / "b.jpg").unlink()
    with pytest.raises(InputError, match="no picture in it"):
        run(tmp_path, name="folder", archive=str(mine))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "not found"),
        ("lfw: [", "not valid YAML"),
        ("- lfw", "lfw: title: missing"),
        ("lfw: {title: x}", "lfw: licence: missing"),
        ("lfw: {title: x, licence: x, citation: x, files: [{role: archive}]}", "lfw: files: name: missing"),
        ("lfw: {title: x, licence: x, citation: x, files: [{name: a, role: archives}]}", "a: role: should be one of"),
        ("lfw: {title: x, licence: x, citation: x, files: [{name: a, role: labels, md4: x}]}", "md4: unknown key; did"),
        ("lfw: {title: x, licence: x, citation: x, files: [{name: a, role: labels, md5: x}]}", "md5: should be 32 hex"),
        ("lfw: {title: x, licence: x, citation: x, files: [{name: a, role: labels, urls: x}]}", "urls: should be a li"),
    ],
)
def test_broken_registry(tmp_path, text, message):
    path = tmp_path / "sources.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message):
        run(tmp_path, path, name="lfw", archive=str(lfw(tmp_path / "lfw.tgz")))


def test_the_registry_says_what_scikit_learn_says():
    from sklearn.datasets import _lfw, _olivetti_faces

    for name, file, theirs in (
        ("lfw_funneled", "lfw-funneled.tgz", _lfw.FUNNELED_ARCHIVE),
        ("lfw", "lfw-funneled.tgz", _lfw.FUNNELED_ARCHIVE),
        ("lfw", "lfw.tgz", _lfw.ARCHIVE),
        ("olivetti", "olivettifaces.mat", _olivetti_faces.FACES),
    ):
        ours = read_entry(SOURCES_YAML, name).find(file)
        assert (ours.name, ours.urls[0], ours.checksums["sha256"]) == (theirs.filename, theirs.url, theirs.checksum)


def test_every_set_is_registered_with_its_terms():
    for name in Dataset.model_fields["name"].annotation.__args__:
        entry, source = read_entry(SOURCES_YAML, name), get_source(name)
        assert entry.title and entry.licence and (entry.citation or name == "folder")
        if name in ("synthetic", "folder"):
            assert entry.files == ()
            continue
        assert entry.archive.name == source.archive and entry.page.startswith("http")
        assert entry.archive.urls or entry.archive.gdrive
        assert all(entry.find(label).urls or entry.find(label).gdrive for label in source.required)
        assert len({file.name for file in entry.files}) == len(entry.files)
        labels = {file.name for file in entry.files if file.role == "labels"}
        assert labels <= {*source.required, *source.optional}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "celebA"}, "dataset.name: should be 'synthetic', 'lfw'"),
        ({"mirror": "ftp://host/x", "name": "lfw"}, "dataset.mirror: should be an http(s) address, or a folder"),
        ({"mirror": "http://host"}, "dataset: mirror does not apply to name: synthetic"),
        ({"mirror": "http://host", "name": "folder", "archive": "x"}, "dataset: mirror does not apply to name: folder"),
        ({"name": "folder"}, "dataset: name: folder needs archive: the path of your folder, zip or tar"),
        ({"labels": "x"}, "dataset: archive and labels do not apply to name: synthetic"),
        ({"checksums": "none"}, "dataset: checksums do not apply to name: synthetic"),
        ({"checksums": "offical"}, 'dataset.checksums: should be official, none, or {file name: "sha256:..." or'),
        ({"checksums": None}, "dataset.checksums: should be official, none, or"),
        ({"checksums": {"a.zip": "abc"}}, "dataset.checksums: a.zip: should be sha256: and 64 or md5: and 32 hexa"),
        ({"checksums": {"a.zip": "md5:" + "g" * 32}}, "dataset.checksums: a.zip: should be sha256: and 64 or md5"),
    ],
)
def test_params(tmp_path, changes, message):
    raw = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    raw = copy.deepcopy(raw) | {"dataset": {"name": "synthetic"} | changes}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_params(path)
    assert str(caught.value).startswith(f"{path}: {message}") and "\n" not in str(caught.value)


def test_synthetic(tmp_path):
    run(tmp_path, name="synthetic", checksums="official", synthetic={"count": 3, "size": 16})
    raw = tmp_path / "raw"
    described = json.loads((raw / "dataset.json").read_text())
    assert [file["name"] for file in described["files"]] == ["synthetic.zip", "list_attr_synthetic.txt", "factors.csv"]
    assert names_in(raw) == {file["name"] for file in described["files"]} | {"dataset.json"}
    with zipfile.ZipFile(raw / "synthetic.zip") as file:
        assert len(file.namelist()) == 3
