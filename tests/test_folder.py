"""Packing a folder of one's own: what goes in, what is left out and said, same bytes."""

import contextlib
import os
import re
import resource
import shutil
import socket
import tarfile
import tempfile
import tracemalloc
import unicodedata
import warnings
import zipfile
from pathlib import Path

import pytest

from facepipe.datasets.archive import list_members
from facepipe.datasets.names import member_name
from facepipe.datasets.sets import get_source
from facepipe.download import pack as folder_module
from facepipe.download.config import Dataset
from facepipe.download.fetch import fetch
from facepipe.download.pack import MAX_DEPTH, pack
from facepipe.download.remarks import Remarks
from facepipe.errors import InputError
from tests.conftest import ROOT

PNG = b"\x89PNG\r\n\x1a\n"  # begins a picture


def fill(folder, **contents):
    for name, data in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def names(zip_path):
    with zipfile.ZipFile(zip_path) as archive:
        return archive.namelist()


def test_pack(tmp_path):
    contents = {
        "smile/b.jpg": b"b" * 3_000_000, "smile/a.PNG": b"a", "smile.jpg": b"s", "smile-2/x.webp": b"x",
        "sad/deep/er/c.jpeg": b"c", "labels.csv": b"id,age\n", "猫/写真 1.jpg": b"k", "sad/labels.csv": b"id\n",
    }  # fmt: skip
    others = [
        "notes.txt", ".hidden.jpg", ".thumbnails/a.jpg", "__MACOSX/a.jpg", "sad/._c.jpg", "x.zip"
    ]  # fmt: skip
    mine = fill(tmp_path / "mine", **contents, **dict.fromkeys(others, b"no"))
    assert pack(mine, tmp_path / "out" / "folder.zip") == []
    with zipfile.ZipFile(tmp_path / "out" / "folder.zip") as archive:
        assert archive.namelist() == sorted(contents)
        assert {name: archive.read(name) for name in archive.namelist()} == contents
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert archive.testzip() is None
    match = get_source("folder").match
    members = list(list_members(tmp_path / "out" / "folder.zip"))
    assert [m.name for m in members if match(m.name)] == sorted(set(contents) - {"labels.csv", "sad/labels.csv"})
    assert not any(member.refused for member in members)
    assert os.listdir(tmp_path / "out") == ["folder.zip"]


def test_same_bytes(tmp_path):
    contents = {f"{number % 3}/{number}.jpg": bytes([number]) * number for number in range(50)}
    one = fill(tmp_path / "one", **contents)
    two = fill(tmp_path / "two", **dict(reversed(contents.items())))
    for path in two.rglob("*.jpg"):
        os.utime(path, (1e9, 1e9))
        path.chmod(0o600)
    pack(one, tmp_path / "1.zip")
    pack(two, tmp_path / "2.zip")
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    fill(two, **{"0/0.jpg": b"other"})
    pack(two, tmp_path / "2.zip")
    assert (tmp_path / "1.zip").read_bytes() != (tmp_path / "2.zip").read_bytes()


def test_links_to_pictures_are_followed(tmp_path):
    """As in a folder that DVC has linked into its cache, where files are named by digits alone."""
    contents = {"smile/1.jpg": PNG + b"1", "smile/img2": PNG + b"2", "sad/3.png": PNG + b"3", "labels.csv": b"file\n"}
    mine = fill(tmp_path / "mine", **contents)
    linked = tmp_path / "linked"
    for number, (name, data) in enumerate(contents.items()):
        cached = fill(tmp_path / "cache", **{f"ab/{number}": data}) / "ab" / str(number)
        (linked / name).parent.mkdir(parents=True, exist_ok=True)
        (linked / name).symlink_to(cached)
    for folder in (mine, linked):
        assert pack(folder, tmp_path / f"{folder.name}.zip") == []
    assert names(tmp_path / "mine.zip") == sorted(contents)
    assert (tmp_path / "mine.zip").read_bytes() == (tmp_path / "linked.zip").read_bytes()


def test_links_elsewhere_and_devices_are_left_out_and_named(tmp_path, capsys):
    outside = fill(tmp_path / "outside", **{"secret.jpg": b"secret", "ok.jpg": PNG})
    mine = fill(tmp_path / "mine", **{"a/ok.jpg": b"ok", "a/too.jpg": b"too"})
    (mine / "link.jpg").symlink_to(outside / "secret.jpg")
    (mine / "passwd").symlink_to(outside / "secret.jpg")
    (mine / "inside.jpg").symlink_to(mine / "a" / "ok.jpg")
    (mine / "dangling.jpg").symlink_to("nowhere")
    (mine / "itself.jpg").symlink_to("itself.jpg")
    (mine / "more").symlink_to(outside)
    (mine / "a" / "loop").symlink_to(mine)
    (mine / "piped.jpg").symlink_to("pipe.jpg")
    os.mkfifo(mine / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listener, contextlib.chdir(mine):
        listener.bind("socket.jpg")
    (mine / "folder.jpg").mkdir()
    remarks = Remarks()
    skipped = pack(mine, tmp_path / "folder.zip", remarks)
    assert names(tmp_path / "folder.zip") == ["a/ok.jpg", "a/too.jpg"]
    assert b"secret" not in (tmp_path / "folder.zip").read_bytes()
    folder, device = "a link to a folder; such links are not followed", "a device, pipe or socket"
    no_picture, nowhere = "a link to what is no picture", "a link that leads nowhere"
    assert dict(skipped) == {
        "a/loop": folder, "more": folder, "inside.jpg": no_picture, "link.jpg": no_picture, "dangling.jpg": nowhere,
        "itself.jpg": nowhere, "pipe.jpg": device, "socket.jpg": device, "piped.jpg": f"a link to {device}",
    }  # fmt: skip
    assert remarks.kinds == {"without a suffix": 1}
    (tmp_path / "way").symlink_to(mine)
    pack(tmp_path / "way", tmp_path / "other.zip")  # the folder itself may be named by a link
    assert (tmp_path / "folder.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()


def test_links_to_what_has_not_been_brought(tmp_path, capsys):
    """As git-annex and DVC leave them: said in a line, refused where they are more than half."""
    mine = fill(tmp_path / "mine", **{f"{i}.png": PNG + bytes([i]) for i in range(30)})
    for i in range(30):
        (mine / f"a{i}.png").symlink_to(f".git/annex/objects/{i}")
    (mine / "no picture").symlink_to("nowhere")
    first = "(a0.png, ...): get the files first (git annex get ., or dvc pull)"
    fetch(Dataset(name="folder", archive=str(mine)), ROOT / "data/sources.yaml", tmp_path / "raw")
    assert f"{mine}: 31 links lead nowhere {first}; left out\n" in (said := capsys.readouterr().out)
    assert said.count(str(mine)) == 1 and len(names(tmp_path / "raw" / "folder.zip")) == 30
    (mine / "b.png").symlink_to("nowhere")
    with pytest.raises(InputError, match=re.escape(f"mine: 31 links lead nowhere {first}; 30 other pictures")):
        fetch(Dataset(name="folder", archive=str(mine)), ROOT / "data/sources.yaml", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_link_that_appears_while_packing(tmp_path, monkeypatch):
    outside = fill(tmp_path / "outside", **{"secret.jpg": b"secret"})
    mine = fill(tmp_path / "mine", **{"a.jpg": b"a", "b/secret.jpg": b"mine", "c.jpg": b"c"})
    refuse = folder_module._refuse

    def swap(entry, path):
        reason = refuse(entry, path)
        if path in ("b", "c.jpg"):  # after the look, before the opening
            shutil.rmtree(mine / path) if path == "b" else (mine / path).unlink()
            (mine / path).symlink_to(outside if path == "b" else outside / "secret.jpg")
        return reason

    monkeypatch.setattr(folder_module, "_refuse", swap)
    skipped = pack(mine, tmp_path / "folder.zip")
    assert names(tmp_path / "folder.zip") == ["a.jpg"] and b"secret" not in (tmp_path / "folder.zip").read_bytes()
    assert [name for name, _ in skipped] == ["b", "c.jpg"] and all(r.startswith("cannot be read") for _, r in skipped)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_unreadable_files_and_folders(tmp_path):
    with tempfile.TemporaryDirectory() as top:  # pytest's own folders are closed to other users
        os.chmod(top, 0o777)
        mine = fill(Path(top) / "mine", **{"a.jpg": b"a", "b.jpg": b"b", "c/d.jpg": b"d"})
        (mine / "b.jpg").chmod(0)
        (mine / "c").chmod(0)
        root = os.geteuid() == 0  # may read anything
        if root:
            os.seteuid(65534)
        try:
            skipped = pack(mine, Path(top) / "folder.zip")
        finally:
            if root:
                os.seteuid(0)
        assert names(Path(top) / "folder.zip") == ["a.jpg"]
        assert skipped == [(name, "cannot be read: permission denied") for name in ("b.jpg", "c")]
        (mine / "c").chmod(0o700)


def test_odd_names(tmp_path, capsys):
    mine = tmp_path / "mine"
    mine.mkdir()
    odd = [
        b"caf\xe9.jpg",
        "cafés.jpg".encode(),
        b"new\nline.jpg",
        b"back\\slash.jpg",
        b"12:30.jpg",
        b"x" * 251 + b".jpg",
    ]
    for name in odd:
        Path(os.fsdecode(os.path.join(os.fsencode(mine), name))).write_bytes(name)
    deep = "/".join(["d" * 200] * 15)
    fill(mine, **{f"{deep}/x.jpg": b"deep"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        remarks = Remarks()
        assert pack(mine, tmp_path / "folder.zip", remarks) == []
    remarks.say(mine)
    assert "1 name is not UTF-8, and nothing says what else: read as cp1252, the first as café.jpg; " in (
        capsys.readouterr().out
    )
    found = set(names(tmp_path / "folder.zip"))
    assert found == {
        "café.jpg", "cafés.jpg", "new%0Aline.jpg", "back%5Cslash.jpg", "12%3A30.jpg", "x" * 251 + ".jpg",
        f"{deep}/x.jpg",
    }  # fmt: skip
    members = list(list_members(tmp_path / "folder.zip"))
    ids = {get_source("folder").match(member.name)[0] for member in members}
    assert len(ids) == 7 and not any(member.refused for member in members)


def test_two_files_of_one_name(tmp_path):
    mine = fill(tmp_path / "mine", **{"café.jpg": b"1"})
    Path(os.fsdecode(os.fsencode(mine) + b"/caf\xe9.jpg")).write_bytes(b"2")
    assert pack(mine, tmp_path / "folder.zip") == [("café.jpg", "another file has this name, too")]
    assert names(tmp_path / "folder.zip") == ["café.jpg"]


def test_member_name_leaves_usual_names_alone():
    for name in ("a/b.jpg", "Zoë 100%.jpg", "👩‍👧.jpg", "a~b$'\"#.jpg"):
        assert member_name(name) == name
    assert member_name("a\x00b\u2028") == "a%00b%E2%80%A8"


def test_too_deep_and_too_large(tmp_path):
    mine = fill(tmp_path / "mine", **{"a.jpg": b"a", f"{'d/' * MAX_DEPTH}ok.jpg": b"b", f"{'e/' * 200}x.jpg": b"c"})
    with open(mine / "huge.jpg", "wb") as file:
        file.truncate(2**30 + 1)  # a hole; takes no space
    skipped = dict(pack(mine, tmp_path / "folder.zip"))
    assert names(tmp_path / "folder.zip") == ["a.jpg", f"{'d/' * MAX_DEPTH}ok.jpg"]
    assert skipped == {
        "/".join(["e"] * (MAX_DEPTH + 1)): "more than 64 folders deep",
        "huge.jpg": "1073741825 bytes, more than 1073741824",
    }


def test_no_pictures(tmp_path):
    old = fill(tmp_path, **{"folder.zip": b"old"}) / "folder.zip"
    mine = fill(tmp_path / "mine", **{"notes.txt": b"x", "labels.csv": b"id\n"})
    with pytest.raises(InputError, match=r"mine: no picture in it \(.jpg, .png and so on\); found 1 .txt$"):
        pack(mine, old)
    fill(mine, **{"1.zip": b"PK", "2.ZIP": b"PK"})
    packed = r"; found 2 .zip, 1 .txt \(an archive inside is not opened: unpack it\)$"
    with pytest.raises(InputError, match=packed):
        pack(mine, old)
    (mine / "folder").symlink_to(tmp_path)
    with pytest.raises(InputError, match=r"; 1 left out, the first, folder: a link to a folder"):
        pack(mine, old)
    (mine / "a.jpg").symlink_to("b.jpg")
    with pytest.raises(
        InputError, match=r"mine: 1 link leads nowhere \(a.jpg\): get the files first .*; 0 other pictures$"
    ):
        pack(mine, old)
    for path, message in ((tmp_path / "none", "no such file"), (old, "not a directory")):
        with pytest.raises(InputError, match=f"cannot be read as a folder: {message}"):
            pack(path, old)
    assert old.read_bytes() == b"old" and sorted(os.listdir(tmp_path)) == ["folder.zip", "mine"]


def test_file_that_breaks_off(tmp_path, monkeypatch):
    mine = fill(tmp_path / "mine", **{"a.jpg": b"a" * 100})

    def cut(handle, size):
        return b""

    monkeypatch.setattr(folder_module.os, "read", cut)
    with pytest.raises(InputError, match=r"mine/a.jpg: became shorter while it was read"):
        pack(mine, tmp_path / "folder.zip")
    assert os.listdir(tmp_path) == ["mine"]


def test_open_files_and_memory_do_not_grow(tmp_path):
    mine = fill(tmp_path / "mine", **{f"{number % 50}/{number}.jpg": b"x" for number in range(600)})
    with open(mine / "large.png", "wb") as file:
        file.truncate(100 * 2**20)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 8, hard))
    tracemalloc.start()
    try:
        assert pack(mine, tmp_path / "folder.zip") == []
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(os.listdir("/proc/self/fd")) == opened and len(names(tmp_path / "folder.zip")) == 601


def test_pictures_are_known_by_their_first_bytes_and_all_else_is_counted(tmp_path, capsys):
    jpeg, tiff = b"\xff\xd8\xff\xe0", b"II*\0\x08\0\0\0"
    pictures = {
        "smile/img0": PNG, "a.jpg_large": jpeg, "a.jpg?w=200": jpeg + b"1", "a.jpg?w=400": jpeg + b"2", "b.": tiff,
        "b.tif?x": tiff + b"1", "c.txt": b"GIF89a", "d.orig": b"RIFF\0\0\0\0WEBPVP8 ", "e.photo": b"\0\0\0\x1cftypavif",
        "f.x": b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0", "g.x": b"P6\n2 2\n255\n", "plain.jpg": b"whatever it is",
    }  # fmt: skip
    others = {
        "readme": b"hello", "notes.txt": b"BMW 320", "more.TXT": b"P1 is the first", "raw.CR2": tiff + b"CR",
        "raw.nef": tiff, "film.mp4": b"\0\0\0\x18ftypmp42", "inner.zip": b"PK\3\4",
        ".DS_Store": b"\0\0\0\1Bud1", ".thumbs/a.jpg": jpeg,
        "__MACOSX/smile/._img0": PNG,
    }  # fmt: skip
    mine = fill(tmp_path / "mine", **pictures, **others)
    remarks = Remarks()
    assert pack(mine, tmp_path / "folder.zip", remarks) == []
    assert set(names(tmp_path / "folder.zip")) == set(pictures)
    remarks.say(mine)
    line = (
        "10 files are no pictures, left out: 2 .txt, 2 hidden, 1 .cr2, 1 .mp4, 1 .nef, 1 .zip, 1 __MACOSX, 1 without a "
        "suffix "
        "(an archive inside is not opened: unpack it)"
    )
    # a folder that is hidden counts once
    assert capsys.readouterr().out == f"{mine}: {line}\n"
    # the same of an archive
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        for name, data in (pictures | others).items():
            archive.writestr(name, data)
    source = get_source("folder")
    found = {m.name: source.find(m) for m in list_members(tmp_path / "mine.zip", look=source.look)}
    packed = {m.name: source.find(m) for m in list_members(tmp_path / "folder.zip", look=source.look)}
    assert {name: pair for name, pair in found.items() if pair} == packed
    ids = [pair[0] for pair in packed.values()]
    assert len(set(ids)) == len(pictures) and {"smile~img0", "a.jpg_large", "plain.jpg"} <= set(ids)
    assert all(re.fullmatch(r"[\w~.=-]+", id) for id in ids)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_ids_are_those_of_an_archive_of_the_same_files(tmp_path, form):
    """Also names that other systems would not have, and names not in UTF-8."""
    texts = ["Lächeln/é.jpg", "웃음/がぎ.jpg", "χαμόγελο/ά.png", "10:30/a\tb.jpg", "more/12:30 😀.jpg"]
    raw = [unicodedata.normalize(form, text).encode() for text in texts] + [b"L\xe4cheln/\xfc.jpg"]
    mine = tmp_path / "mine"
    with tarfile.open(tmp_path / "mine.tar", "w", errors="surrogateescape") as tar:
        for name in map(os.fsdecode, raw):
            fill(mine, **{name: b"x"})
            tar.addfile(tarfile.TarInfo(name))
    pack(mine, tmp_path / "folder.zip")
    source, tables = get_source("folder"), []
    for path in (tmp_path / "folder.zip", tmp_path / "mine.tar"):
        items = [(source.find(member)[0], member.name) for member in list_members(path, look=source.look)]
        labels = source.read(tmp_path / "none", items)
        tables.append((sorted(id for id, _ in items), labels.attributes.sort_index().to_csv()))
    assert tables[0] == tables[1]
    assert {"Lächeln~é.jpg", "Lächeln~ü.jpg", "웃음~がぎ.jpg"} < set(tables[0][0]) and "Lächeln" in tables[0][1]
