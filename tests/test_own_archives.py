"""The user's own pictures as people pack them: the same shards from the folder and from any archive of it."""

import contextlib
import io
import os
import re
import subprocess
import sys
import tarfile
import unicodedata
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facepipe.datasets.magic import is_picture
from facepipe.download.config import Dataset
from facepipe.download.fetch import fetch
from facepipe.errors import FieldError
from facepipe.preprocess import decode
from facepipe.preprocess.config import Preprocess
from facepipe.preprocess.preprocess import preprocess
from facepipe.shards.shards import SPLITS, Shards
from tests.conftest import ROOT
from tests.material import write_unflagged_zip

TABLE = "file;Brille\n" + "".join(f"Lächeln/{i}.png;{i % 2}\n" for i in range(20))


def picture(seed, kind="png", size=24):
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def contents():
    """{path: bytes}: pictures with and without a suffix in two folders with German names, and a table."""
    smiling = {f"Lächeln/{i}.png": picture(i) for i in range(20)}
    tired = {f"Müde/bild {i}": picture(100 + i) for i in range(20)}
    return smiling | tired | {"labels.csv": TABLE.encode()}


def write_folder(path, files, links_to=None):
    for number, (name, data) in enumerate(files.items()):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        if links_to:
            (links_to / str(number)).write_bytes(data)
            (path / name).symlink_to(links_to / str(number))
        else:
            (path / name).write_bytes(data)
    return path


def write_zip(path, files, form="NFC"):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(unicodedata.normalize(form, name), data)
    return path


def write_mac_zip(path, files):
    """Names in UTF-8, which nothing says, decomposed."""
    decomposed = {unicodedata.normalize("NFD", name): data for name, data in files.items()}
    return write_unflagged_zip(path, decomposed, "utf-8", system=3)


def write_tar(path, files, encoding="utf-8", links=None):
    """links: SYMTYPE or LNKTYPE: every picture is in a hidden folder, and a link leads to it."""
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT, encoding=encoding) as archive:
        for number, (name, data) in enumerate(files.items()):
            info = tarfile.TarInfo(f".store/{number}" if links else name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
            if links:
                link = tarfile.TarInfo(name)
                up = "../" * name.count("/") if links == tarfile.SYMTYPE else ""
                link.type, link.linkname = links, up + info.name
                archive.addfile(link)
    return path


def make(folder, archive):
    """Run both stages' functions: (index.json's sha256, ids, attributes as text)."""
    fetch(Dataset(name="folder", archive=str(archive)), ROOT / "data" / "sources.yaml", folder / "raw")
    params = Preprocess(image_size=(16, 16), crop="center", workers=1, valid_fraction=0.2, test_fraction=0.2)
    preprocess(params, folder / "raw", folder / "shards")
    shards = Shards(folder / "shards")
    attributes = (folder / "shards" / "attributes.csv").read_text(encoding="utf-8")
    pixels = b"".join(shards.images(split).tobytes() for split in SPLITS)
    return [shards.ids(split) for split in SPLITS], attributes, pixels


@pytest.fixture(scope="module")
def from_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("folder")
    return make(folder, write_folder(folder / "mine", contents()))


def test_the_folder(from_folder):
    ids, attributes, _ = from_folder
    assert sum(map(len, ids)) == 40 and {"Lächeln~3.png", "Müde~bild 3"} < {id for split in ids for id in split}
    assert set(pd.read_csv(io.StringIO(attributes)).columns) == {"id", "Lächeln", "Müde", "Brille"}


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("flagged.zip", write_zip),
        ("mac.zip", write_mac_zip),
        ("windows.zip", lambda path, files: write_unflagged_zip(path, files, "cp850")),
        ("plain.tar.gz", write_tar),
        ("latin.tar.gz", lambda path, files: write_tar(path, files, "latin-1")),
        ("symlinks.tar.gz", lambda path, files: write_tar(path, files, links=tarfile.SYMTYPE)),
        ("hardlinks.tar.gz", lambda path, files: write_tar(path, files, links=tarfile.LNKTYPE)),
        ("linked", lambda path, files: write_folder(path, files, path.parent)),
        ("in-a-folder.zip", lambda path, files: write_zip(path, {f"Übung/{n}": d for n, d in files.items()}, "NFD")),
    ],
)
def test_the_same_from_any_archive(tmp_path, from_folder, name, write):
    made = make(tmp_path, write(tmp_path / name, contents()))
    if name == "in-a-folder.zip":  # the folder's own name is in the ids, and so is the split
        table = pd.read_csv(io.StringIO(made[1])).set_index("id")
        expected = pd.read_csv(io.StringIO(from_folder[1])).set_index("id")
        table.index = table.index.str.removeprefix("Übung~")
        pd.testing.assert_frame_equal(table.sort_index()[expected.columns], expected.sort_index())
    else:
        assert made == from_folder


def test_what_is_guessed_or_left_out_is_said_in_a_line_each(tmp_path, capsys):
    files = contents() | {"notizen.txt": b"x", "alt.zip": b"PK\3\4", ".DS_Store": b"x", "Müde/film.mp4": b"x"}
    make(tmp_path, write_tar(path := tmp_path / "x.tgz", files, "latin-1"))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(f"{path}: ")]
    assert [line for line in lines if "have no row" not in line] == [
        f"{path}: 4 files are no pictures, left out: 1 .mp4, 1 .txt, 1 .zip, 1 hidden "
        "(an archive inside is not opened: unpack it)",
        f"{path}: 41 names are not UTF-8, and nothing says what else: read as cp1252, the first as Lächeln/0.png; if "
        "that is wrong, mend the names (of an archive: unpack it first) and name the folder",
    ]
    make(tmp_path, write_mac_zip(path := tmp_path / "x.zip", contents()))
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith(str(path))] == [
        f"{path}: labels.csv: 20 of 40 pictures have no row (Müde/bild 0, Müde/bild 1, Müde/bild 2, ...): nothing is "
        "known of them"
    ]


@pytest.mark.parametrize("name", ["labels.csv", "Labels.CSV", "faces/labels.csv", "faces/LABELS.csv"])
@pytest.mark.parametrize("write", [write_folder, write_zip])
def test_the_table_is_read_from_the_top_or_the_only_top_folder_in_any_case(tmp_path, name, write, capsys):
    files = {f"faces/{i}.png": picture(i) for i in range(20)} | {name: TABLE.replace("Lächeln/", "").encode()}
    ids, attributes, _ = make(tmp_path, write(tmp_path / "mine", files))
    assert sum(map(len, ids)) == 20 and attributes.startswith("id,Brille\n") and attributes.count(",1\n") == 10
    assert "of labels, and" not in capsys.readouterr().out


def test_a_table_beside_the_archive_may_be_called_so_in_any_case(tmp_path):
    path = write_zip(tmp_path / "mine.zip", {f"{i}.png": picture(i) for i in range(20)})
    (tmp_path / "Labels.CSV").write_text(TABLE.replace("Lächeln/", ""), encoding="utf-8")
    assert make(tmp_path, path)[1].startswith("id,Brille\n")


def test_a_folder_for_each_person_is_in_one_split(tmp_path):
    files = {f"p{i}/{j}.png": picture(10 * i + j) for i in range(60) for j in range(4)}
    files["p1/0.png"] = files["p0/0.png"]  # a copy contradicts nothing
    split_of, _, _ = make(tmp_path, write_folder(tmp_path / "mine", files))
    people = [{id_.split("~")[0] for id_ in ids} for ids in split_of]
    assert sum(map(len, split_of)) == 239 and sum(map(len, people)) == len(set.union(*people)) == 60
    assert Shards(tmp_path / "shards").attribute_names == []


@pytest.mark.parametrize(
    ("encoding", "folders"),
    [("cp932", ("笑顔", "表情")), ("cp866", ("улыбка", "Грусть")), ("cp850", ("Lächeln", "Müde"))],
)
def test_a_table_matches_names_in_another_code_page(tmp_path, encoding, folders, capsys):
    names = [f"{folders[i % 2]}/{i}.png" for i in range(40)]
    files = {name: picture(i) for i, name in enumerate(names)}
    files["labels.csv"] = ("file,hat\n" + "".join(f"{name},1\n" for name in names)).encode()
    path = write_unflagged_zip(tmp_path / "x.zip", files, encoding)
    table = pd.read_csv(io.StringIO(make(tmp_path, path)[1])).set_index("id")
    assert set(table.columns) == {"hat", *folders} and table["hat"].tolist() == [1] * 40
    assert f"{folders[0]}~0.png" in table.index and table[folders[0]].sum() == 20
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith(f"{path}: ")]
    assert len(said) == 1 and f": read as {encoding}, the first as {names[0]}; if that is wrong, mend the" in said[0]


@pytest.mark.parametrize("write", [write_folder, write_zip, write_tar])
def test_litter_of_systems_and_network_disks_is_left_out_and_counted(tmp_path, from_folder, write, capsys):
    small = {
        name: picture(i) for i, name in enumerate(("Müde/@eaDir/1.jpg", "#RECYCLE/2.jpg", ".thumbnails/3.jpg"), 50)
    }
    path = write(tmp_path / "mine", contents() | small | {"Thumbs.db": b"x", "Müde/Desktop.ini": b"x"})
    assert make(tmp_path, path) == from_folder
    left_out = "5 files are no pictures, left out: 1 #recycle, 1 @eaDir, 1 Thumbs.db, 1 desktop.ini, 1 hidden\n"
    assert f"{path}: {left_out}" in capsys.readouterr().out


NOT_READ = "may be a table of labels, and is not read"


@pytest.mark.parametrize("write", [write_folder, write_zip])
@pytest.mark.parametrize(
    ("tables", "says"),
    [
        (["metadata.csv"], f"metadata.csv {NOT_READ}: name it labels.csv, or set dataset.labels"),
        (["labels.csv", "a/labels.tsv"], f"a/labels.tsv {NOT_READ}: put all into labels.csv, or set dataset.labels"),
        (["x.XLSX"], f"x.XLSX {NOT_READ}: save it as CSV, called labels.csv, or set dataset.labels"),
        (["t.parquet"], f"t.parquet {NOT_READ}: save it as CSV, called labels.csv, or set dataset.labels"),
        (["a/labels.csv"], f"a/labels.csv {NOT_READ}: move it to the top, or set dataset.labels"),
        (["labels.csv", "Labels.csv"], f"Labels.csv {NOT_READ}: put all into labels.csv, or set dataset.labels"),
        (
            ["a/labels.csv", "b/x.csv"],
            "2 files may be tables of labels, and are not read (a/labels.csv, b/x.csv): name one of them labels.csv, "
            "at the top, or set dataset.labels",
        ),
    ],
)
def test_tables_that_are_not_read_are_named(tmp_path, write, tables, says, capsys):
    files = {f"{'ab'[i % 2]}/{i}.png": picture(i) for i in range(20)}
    files |= dict.fromkeys(tables, b"id,Brille\na/0.png,1\n")
    path = write(tmp_path / "mine", files)
    make(tmp_path, path)
    assert [line for line in capsys.readouterr().out.splitlines() if "of labels, and" in line] == [f"{path}: {says}"]
    # where the user names the table, no other is looked for
    (tmp_path / "t.csv").write_text("id,Brille\na/0.png,1\n")
    fetch(
        Dataset(name="folder", archive=str(path), labels=str(tmp_path / "t.csv")),
        ROOT / "data" / "sources.yaml",
        tmp_path / "raw",
    )
    assert "of labels, and" not in capsys.readouterr().out


def test_heic_without_its_extra_is_said_in_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    decode._reads_heif.cache_clear()
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
    make(tmp_path, write_folder(tmp_path / "mine", contents() | {"Müde/IMG_1.HEIC": heic, "Müde/IMG_2": heic + b"2"}))
    decode._reads_heif.cache_clear()
    needs = "a HEIC picture, which needs pip install 'facepipe[heic]'"
    assert f"preprocess: 2 left out: {needs}; then dvc repro -f preprocess\n" in capsys.readouterr().out
    rejected = (tmp_path / "shards" / "rejected.csv").read_text(encoding="utf-8")
    assert f'Müde/IMG_1.HEIC,"{needs}"' in rejected and f'Müde/IMG_2,"{needs}"' in rejected


def project(folder, archive, labels="null"):
    """A folder in which stages run, of own pictures."""
    (folder / "data").mkdir()
    (folder / "data" / "sources.yaml").write_bytes((ROOT / "data" / "sources.yaml").read_bytes())
    text = (ROOT / "params.yaml").read_text(encoding="utf-8").replace("  workers: auto", "  workers: 1")
    for old, new in (("name: synthetic", "name: folder"), ("archive: null", f"archive: {archive}")):
        text = text.replace(old, new, 1)
    text = text.replace("  labels: null", f"  labels: {labels}", 1)
    (folder / "params.yaml").write_text(text, encoding="utf-8")


def run_stage(folder, name):
    command, environment = [sys.executable, "-m", f"stages.{name}"], os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def deep_picture(seed, bits):
    file, random = io.BytesIO(), np.random.default_rng(seed)
    Image.fromarray(random.integers(0, 2**bits, (24, 24), dtype=np.uint16)).save(file, "png")
    return file.getvalue()


def test_numbers_of_14_bits_in_16_are_said_to_come_out_dark(tmp_path, capsys):
    files = {f"{i}.png": deep_picture(i, 14) for i in range(30)}
    make(tmp_path / "dark", write_folder(tmp_path / "mine", files))
    (said,) = [line for line in capsys.readouterr().out.splitlines() if "16-bit" in line]
    assert re.match(
        r"preprocess: 30 pictures have 16-bit pixels, none above 163\d\d of 65535 \(.*\.\.\.\): as for", said
    )
    assert "numbers of 14 bits" in said and said.endswith("multiply these by 4, or save 8 bits")
    # one of all that uses more says that the others are as they should be
    make(tmp_path / "bright", write_folder(tmp_path / "mine", {"30.png": deep_picture(0, 16)}))
    assert "16-bit" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"Rar!\x1a\x07\x01\0", "is a RAR archive, which facepipe does not read; unpack it and name the folder, or"),
        (b"<!doctype html><title>Quota exceeded</title>", "is a web page, not an archive (a login, a warning or an"),
        (b"", "is empty; copy or download it again"),
        (b"hello", "neither a zip nor a tar archive (incomplete download?) or a folder of pictures"),
    ],
)
def test_one_line_at_the_door(tmp_path, data, says):
    """The stage itself, in a project: exit code 2, one line, nothing written."""
    project(tmp_path, "my.zip")
    (tmp_path / "my.zip").write_bytes(data)
    done = run_stage(tmp_path, "download")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"download: params.yaml: dataset.archive: my.zip: {says}")
    assert not (tmp_path / "data" / "raw").exists()


@pytest.mark.parametrize(
    ("place", "archive", "labels", "called"),
    [
        ("mine/labels.csv", "mine", "null", "mine/labels.csv"),
        ("my.zip/labels.csv", "my.zip", "null", "my.zip: labels.csv"),
        ("labels.csv", "my.zip", "null", "labels.csv"),
        ("of/my.csv", "my.zip", "of/my.csv", "of/my.csv"),
        ("of/labels.csv", "mine", "of", "of/labels.csv"),
    ],
)
def test_errors_in_a_table_name_it_as_the_user_does(tmp_path, place, archive, labels, called):
    project(tmp_path, archive, labels)
    files, table = {f"{archive}/{i}.png": picture(i) for i in range(30)}, {place: b"file,sex\n0.png,m\n"}
    if archive == "my.zip":
        inside = {name.removeprefix("my.zip/"): data for name, data in (files | table).items() if "my.zip/" in name}
        write_zip(tmp_path / archive, inside)
        files = {}
    write_folder(tmp_path, files | {name: data for name, data in table.items() if "my.zip/" not in name})
    assert run_stage(tmp_path, "download").returncode == 0
    done = run_stage(tmp_path, "preprocess")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(
        f"preprocess: {called}: row 2, column sex: 'm' is not a number, true/false, yes/no or"
    )
    assert not (tmp_path / "data" / "shards").exists()


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "bmp", "tiff", "webp", "avif", "jpeg2000", "ppm"])
def test_whatever_pillow_writes_is_a_picture_by_its_first_bytes(kind):
    assert is_picture(picture(0, kind), "no suffix")


@pytest.mark.parametrize(("crop", "reason"), [("center", "not a picture"), ("align", "no face found")])
def test_copies_of_an_unusable_picture_are_rejected_as_it_is(tmp_path, crop, reason, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("facepipe.preprocess.preprocess._find", find_one_face)
    empty = {f"empty/{i}.jpg": b"" for i in range(240)}
    twice = {f"again/{i}.png": picture(i) for i in range(2)}
    path = write_zip(tmp_path / "x.zip", {f"good/{i}.png": picture(i) for i in range(60)} | twice | empty)
    fetch(Dataset(name="folder", archive=str(path)), ROOT / "data" / "sources.yaml", tmp_path / "raw")
    params = Preprocess(image_size=(16, 16), crop=crop, workers=1, valid_fraction=0.2, test_fraction=0.2)
    with pytest.raises(FieldError, match=f"240 of 300 pictures were rejected, .*: 240 x {reason}"):
        preprocess(params, tmp_path / "raw", tmp_path / "shards")
    params = params.model_copy(update={"max_rejected": 0.9})
    metrics = preprocess(params, tmp_path / "raw", tmp_path / "shards")
    assert (metrics["rejected"], metrics["copies"], sum(metrics["images"].values())) == (240, 2, 60)


def find_one_face(data, _, max_pixels):
    return [((8, 10), (16, 10))] if data else []


def again(path, write):
    """Write pictures and a table, some of them once more as others, and links: to what is renewed, and renewed."""
    with write(path) as add:
        for i in range(30):
            add(f"{i}.png", picture(i))
        add("labels.csv", b"file,hat\n" + b"".join(b"%d.png,0\n" % i for i in range(30)))
        add("to 0.png", link="0.png")
        add("a file later.png", link="1.png")
        for seed, name in enumerate(("0.png", "7.png", "a file later.png"), 100):
            add(name, picture(seed))
        add("8.png", link="6.png")
        add("labels.csv", b"file,hat\n" + b"".join(b"%d.png,%d\n" % (i, i % 2) for i in range(30)))
    return path


@contextlib.contextmanager
def adding_to_tar(path):
    with tarfile.open(path, "w:gz") as archive:

        def add(name, data=b"", link=None):
            info = tarfile.TarInfo(name)
            info.size, info.type = len(data), tarfile.SYMTYPE if link else tarfile.REGTYPE
            info.linkname = link or ""
            archive.addfile(info, io.BytesIO(data))

        yield add


@contextlib.contextmanager
def adding_to_zip(path):
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(path, "w") as archive:

        def add(name, data=b"", link=None):
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o120777 if link else 0o100644) << 16
            archive.writestr(info, link or data)

        yield add


@pytest.mark.parametrize("name", ["x.tar.gz", "x.zip"])
def test_names_that_come_again_are_as_where_they_are_unpacked(tmp_path, capsys, name):
    path = again(tmp_path / name, adding_to_tar if name == "x.tar.gz" else adding_to_zip)
    with tarfile.open(again(tmp_path / "unpack.tar.gz", adding_to_tar)) as archive:
        for member in archive:
            (tmp_path / "unpacked" / member.name).unlink(missing_ok=True)  # as tar does; Python writes through links
            archive.extract(member, tmp_path / "unpacked", filter="data")
    expected = make(tmp_path / "a", tmp_path / "unpacked")
    capsys.readouterr()
    assert make(tmp_path / "b", path) == expected
    assert "preprocess: folder." in (said := capsys.readouterr().out)
    assert ": names that it has more than once: 3 (0.png, 7.png, 8.png); the last of each counts, as where" in said
    assert (tmp_path / "b/shards/rejected.csv").read_text() == (tmp_path / "a/shards/rejected.csv").read_text()


@pytest.mark.parametrize("prefix", ["/home/bob/", "../"])
def test_names_that_lead_out_of_the_archive_are_named(tmp_path, prefix):
    """As `tar -P` writes them."""
    path = write_tar(tmp_path / "x.tgz", {f"{prefix}{i}.png": picture(i) for i in range(30)})
    first = re.escape(f"{prefix}0.png")
    says = (
        rf"archive: .*x\.tgz: no picture .*: 30 names lead out of the archive \({first}, \.\.\.\); pack it again from"
    )
    with pytest.raises(FieldError, match=says):
        fetch(Dataset(name="folder", archive=str(path)), ROOT / "data" / "sources.yaml", tmp_path / "raw")
    assert not (tmp_path / "raw").exists()
