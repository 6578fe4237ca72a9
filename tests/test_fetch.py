"""The download stage: what lands in the raw folder, and what is refused."""

import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from facepipe.config import Dataset
from facepipe.data.fetch import fetch
from facepipe.errors import InputError

SOURCES_YAML = Path(__file__).parents[1] / "data" / "sources.yaml"


def celeba(folder, name="img_align_celeba.zip", member="img_align_celeba/000001.jpg", labels=True):
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as file:
        file.writestr("img_align_celeba/", "")
        file.writestr(member, b"picture")
    if labels:
        (folder / "list_attr_celeba.txt").write_text("1\nSmiling\n000001.jpg 1\n")
        (folder / "list_eval_partition.txt").write_text("000001.jpg 0\n")
    return folder / name


def lfw(path):
    with tarfile.open(path, "w:gz") as file:
        info = tarfile.TarInfo("lfw-deepfunneled/Ann/Ann_0001.jpg")
        info.size = 7
        file.addfile(info, io.BytesIO(b"picture"))
    return path


def run(tmp_path, **dataset):
    return fetch(Dataset(**dataset), SOURCES_YAML, tmp_path / "raw")


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
    assert str(tmp_path) not in (raw / "dataset.json").read_text()


def test_archive_of_another_name_and_labels_elsewhere(tmp_path):
    archive = celeba(tmp_path / "given", name="mine.ZIP", labels=False)
    celeba(tmp_path / "labels")
    (tmp_path / "labels" / "identity_CelebA.txt").write_text("000001.jpg 2880\n")
    run(tmp_path, name="celeba", archive=str(archive), labels=str(tmp_path / "labels"))
    assert {path.name for path in (tmp_path / "raw").iterdir()} == {
        "img_align_celeba.zip", "list_attr_celeba.txt", "list_eval_partition.txt", "identity_CelebA.txt", "dataset.json"
    }  # fmt: skip


def test_lfw_says_once_which_label_files_are_missing(tmp_path, capsys):
    (tmp_path / "male_names.txt").write_text("Ann_0001.jpg\n")
    run(tmp_path, name="lfw", archive=str(lfw(tmp_path / "lfw.tgz")))
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "label files not found" in line]
    assert "SMILE_list.txt" in line and " male_names.txt" not in line
    assert {path.name for path in (tmp_path / "raw").iterdir()} == {
        "lfw-deepfunneled.tgz", "male_names.txt", "dataset.json"
    }  # fmt: skip


def test_archive_not_given(tmp_path):
    for name, url in (("lfw", "lfw-deepfunneled.tgz"), ("celeba", "https://drive.google.com")):
        with pytest.raises(InputError, match=f"dataset.archive: {name} needs .*{url}.*set dataset.archive"):
            run(tmp_path, name=name)


@pytest.mark.parametrize("kind", ["missing", "folder", "text", "other"])
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
    message = {
        "missing": "no such file",
        "folder": "is a folder",
        "text": "neither a zip nor a tar",
        "other": "not celeba: expected members like img_align_celeba/000001.jpg, found pictures/cat.jpg",
    }[kind]
    with pytest.raises(InputError, match=message) as caught:
        run(tmp_path, name="celeba", archive=str(path))
    assert "dataset.archive" in str(caught.value) and "\n" not in str(caught.value)
    assert [item.name for item in raw.iterdir()] == ["old"]


def test_another_sets_archive(tmp_path):
    with pytest.raises(InputError, match=r"not celeba: expected .* found lfw-deepfunneled/Ann"):
        run(tmp_path, name="celeba", archive=str(lfw(tmp_path / "lfw.tgz")))


def test_missing_label_file(tmp_path):
    archive = celeba(tmp_path / "given")
    (tmp_path / "given" / "list_eval_partition.txt").unlink()
    with pytest.raises(InputError, match=r"label file list_eval_partition.txt not found beside the archive"):
        run(tmp_path, name="celeba", archive=str(archive))
    with pytest.raises(InputError, match=r"dataset.labels: .*nowhere: not a folder"):
        run(tmp_path, name="celeba", archive=str(archive), labels=str(tmp_path / "nowhere"))


def test_broken_registry(tmp_path):
    path = tmp_path / "sources.yaml"
    for text, message in (
        (None, "not found"),
        ("lfw: [", "not valid YAML"),
        ("- lfw", "lfw: title: missing"),
        ("lfw: {title: x}", "lfw: licence: missing"),
    ):
        if text is not None:
            path.write_text(text)
        with pytest.raises(InputError, match=message):
            fetch(Dataset(name="lfw", archive=str(lfw(tmp_path / "lfw.tgz"))), path, tmp_path / "raw")


def test_synthetic(tmp_path):
    run(tmp_path, name="synthetic", synthetic={"count": 3, "size": 16})
    raw = tmp_path / "raw"
    described = json.loads((raw / "dataset.json").read_text())
    assert [file["name"] for file in described["files"]] == ["synthetic.zip", "list_attr_synthetic.txt", "factors.csv"]
    assert {path.name for path in raw.iterdir()} == {file["name"] for file in described["files"]} | {"dataset.json"}
    with zipfile.ZipFile(raw / "synthetic.zip") as file:
        assert len(file.namelist()) == 3
