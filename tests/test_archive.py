"""Archives: what is listed, what is refused, what counts as broken."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import unicodedata
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from facepipe.datasets.archive import archive_kind, list_members, read_members
from facepipe.datasets.members import MemberError
from facepipe.datasets.zips import read_place
from facepipe.errors import InputError
from tests.material import write_unflagged_zip

CONTENTS = {"a/1.jpg": b"one", "a/2.jpg": b"two" * 5000, "b.txt": b""}


def make_tar(path, contents, mode="w:gz", extra=()):
    with tarfile.open(path, mode) as tar:
        for name, data in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for info in extra:
            tar.addfile(info)
    return path


def make_zip(path, contents, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return path


def names_and_reasons(path, **options):
    return [(member.name, member.refused) for member in list_members(path, **options)]


def read(path, names=None):
    members = [m for m in list_members(path) if m.refused is None and (names is None or m.name in names)]
    return dict(read_members(path, members))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_of_any_compression(tmp_path, mode):
    path = make_tar(tmp_path / "x", CONTENTS, mode)
    assert archive_kind(path) == "tar"
    assert names_and_reasons(path) == [(name, None) for name in CONTENTS]
    assert read(path) == CONTENTS
    assert read(path, ["a/2.jpg"]) == {"a/2.jpg": CONTENTS["a/2.jpg"]}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip(tmp_path, method):
    path = make_zip(tmp_path / "x", CONTENTS | {"folder/": b""}, method)
    assert archive_kind(path) == "zip"
    assert names_and_reasons(path) == [(name, None) for name in CONTENTS]
    members = list(list_members(path))[::-1]
    assert list(read_members(path, members)) == [(name, CONTENTS[name]) for name in reversed(CONTENTS)]


def test_zip_written_as_a_stream_or_behind_other_bytes(tmp_path):
    class Pipe(io.RawIOBase):  # cannot seek: the sizes stand behind the data
        def __init__(self, file):
            self.file = file

        def write(self, data):
            return self.file.write(data)

        def writable(self):
            return True

    with open(tmp_path / "x", "wb") as file:
        file.write(b"#!/bin/sh\n")
        with zipfile.ZipFile(Pipe(file), "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in CONTENTS.items():
                archive.writestr(name, data)
    assert read(tmp_path / "x") == CONTENTS


def test_other_compressions_of_zip_are_refused(tmp_path):
    path = make_zip(tmp_path / "x", CONTENTS, zipfile.ZIP_LZMA)
    assert {reason for _, reason in names_and_reasons(path)} == {"refused: compressed by method 14, not by deflate"}


def test_matlab(tmp_path):
    faces = np.arange(4096 * 20).reshape(20, 4096).T % 251
    path = tmp_path / "olivettifaces.mat"
    savemat(path, {"faces": faces.astype(np.uint8)})
    assert archive_kind(path) == "mat"
    pictures = read(path)
    assert list(pictures)[9:11] == ["olivetti/s01_10.pgm", "olivetti/s02_01.pgm"] and len(pictures) == 20
    image = np.asarray(Image.open(io.BytesIO(pictures["olivetti/s02_03.pgm"])))
    # as in scikit-learn's fetch_olivetti_faces
    assert np.array_equal(image, faces.T.reshape(20, 64, 64).transpose(0, 2, 1)[12])
    savemat(path, {"other": faces})
    with pytest.raises(InputError, match="not a MATLAB file with a variable called faces"):
        list(list_members(path))
    savemat(path, {"faces": faces[:100]})
    with pytest.raises(InputError, match=r"faces: found \[100, 20\], expected \[4096, n\]"):
        list(list_members(path))
    savemat(path, {"faces": faces})
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(InputError, match="not a MATLAB file"):
        list(list_members(path))


@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
@pytest.mark.parametrize("compress", [False, True])
def test_matlab_as_scipy_writes_it(tmp_path, kind, compress):
    """Numbers of any kind, before and behind variables of others."""
    others = {"p": 3, "u": [[1.0, 2.0]], "text": "faces", "cell": np.array([1, "a"], object), "s": {"a": 1}, "z": 1j}
    faces = np.random.default_rng(0).integers(0, 256, (4096, 3)).astype(kind)
    found = []
    for variables in (others | {"faces": faces}, {"faces": faces} | others):
        savemat(tmp_path / "x", variables, do_compression=compress)
        found.append(read(tmp_path / "x"))
    assert found[0] == found[1]
    for picture, column in zip(found[0].values(), faces.T, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(picture))), column.reshape(64, 64).T)


def element(kind, data):
    """Of a MATLAB file whose numbers begin with their large end."""
    return struct.pack(">LL", kind, len(data)) + data + bytes(-len(data) % 8)


@pytest.mark.parametrize("compress", [False, True])
def test_matlab_of_the_other_byte_order(tmp_path, compress):
    faces = np.random.default_rng(0).integers(0, 256, (3, 4096))

    def write(kind, flags=9):
        parts = (6, struct.pack(">LL", flags, 0)), (5, struct.pack(">ll", 4096, 3)), (1, b"faces"), (kind, numbers)
        matrix = element(14, b"".join(element(*part) for part in parts))
        if compress:
            packed = zlib.compress(matrix)
            matrix = struct.pack(">LL", 15, len(packed)) + packed
        (tmp_path / "x").write_bytes(b"MATLAB 5.0".ljust(124) + b"\1\0MI" + matrix)
        return tmp_path / "x"

    numbers = faces.astype(">u2").tobytes()
    pictures = [np.asarray(Image.open(io.BytesIO(data))) for data in read(write(4)).values()]
    np.testing.assert_array_equal(pictures, faces.reshape(3, 64, 64).transpose(0, 2, 1))
    # SciPy's reader is killed by the first (found by fuzzing)
    for kind, flags in ((0, 9), (99, 9), (4, 4), (4, 9 | 0x800), (9, 9)):
        with pytest.raises(InputError, match="not a MATLAB file with a variable called faces"):
            read(write(kind, flags))


OUT, NOWHERE = "refused: a link that leads out of the archive", "refused: a link to no file of the archive"
LINKS = {  # what they lead to, and what should become of them
    "out.jpg": ("/etc/passwd", OUT),
    "up.jpg": ("a/../../up.jpg", OUT),
    "nothing.jpg": ("nowhere.jpg", NOWHERE),
    "folder.jpg": ("a", NOWHERE),
    "itself.jpg": ("itself.jpg", NOWHERE),
    "ring-1.jpg": ("ring-2.jpg", NOWHERE),
    "ring-2.jpg": ("ring-1.jpg", NOWHERE),
    "large.jpg": ("a/large.jpg", "refused: 70000 bytes, more than 65536 (preprocess.max_file_mb)"),
    "c/beside.jpg": ("../a/./1.jpg", None),
    "c/by-a-link.jpg": ("beside.jpg", None),
    "c/no-suffix": ("../a/2.jpg", None),
}


def link_archive(path):
    """Links before and behind what they lead to."""
    contents = CONTENTS | {"a/large.jpg": bytes(70000)}
    with tarfile.open(path, "w:gz") if path.suffix == ".tgz" else zipfile.ZipFile(path, "w") as archive:
        for number, (name, data) in enumerate([*LINKS.items(), *contents.items(), *LINKS.items()]):
            first = number < len(LINKS)
            if isinstance(data, tuple) and first == (name < "g"):
                continue
            if path.suffix == ".tgz":
                info = tarfile.TarInfo(name)
                info.type, info.linkname = (tarfile.SYMTYPE, data[0]) if isinstance(data, tuple) else (b"0", "")
                info.size = 0 if isinstance(data, tuple) else len(data)
                archive.addfile(info, io.BytesIO(data) if info.size else None)
            else:
                info = zipfile.ZipInfo(name)
                info.external_attr = (0o120777 if isinstance(data, tuple) else 0o100644) << 16
                archive.writestr(info, data[0] if isinstance(data, tuple) else data)
    return path


@pytest.mark.parametrize("name", ["x.tgz", "x.zip"])
def test_links_are_followed_within_the_archive_and_nowhere_else(tmp_path, name):
    path = link_archive(tmp_path / name)
    members = {m.name: m for m in list_members(path, 65536, keys=True, look=lambda name: "." not in name)}
    assert {name: members[name].refused for name in LINKS} == {name: reason for name, (_, reason) in LINKS.items()}
    contents = dict(read_members(path, [m for m in members.values() if m.refused is None], 65536))
    assert contents == CONTENTS | {
        "c/beside.jpg": b"one", "c/by-a-link.jpg": b"one", "c/no-suffix": CONTENTS["a/2.jpg"]
    }  # fmt: skip
    # copies are found by these
    assert members["c/by-a-link.jpg"].key == members["a/1.jpg"].key != members["a/2.jpg"].key
    assert members["c/no-suffix"].start == CONTENTS["a/2.jpg"][:512]


def test_links_that_lead_to_links(tmp_path):
    """As on Linux, no more than some: a zip of a million of them would take days."""
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(20000):
            info = zipfile.ZipInfo(f"{number}.jpg")
            info.external_attr = 0o120777 << 16
            archive.writestr(info, f"{number + 1}.jpg")
        archive.writestr("20000.jpg", b"one")
    members = {m.name: m for m in list_members(path)}
    assert members["19960.jpg"].target == "20000.jpg" and members["19959.jpg"].refused == NOWHERE
    assert members["0.jpg"].refused == NOWHERE


def test_hard_links_and_devices(tmp_path):
    hard, out, device = tarfile.TarInfo("b/hard.jpg"), tarfile.TarInfo("out.jpg"), tarfile.TarInfo("null.jpg")
    hard.type, hard.linkname = tarfile.LNKTYPE, "a/1.jpg"  # from the top, not from b
    out.type, out.linkname = tarfile.LNKTYPE, "../etc/passwd"
    device.type = tarfile.CHRTYPE
    path = make_tar(tmp_path / "x.tgz", CONTENTS, extra=[hard, out, device])
    reasons = dict(names_and_reasons(path))
    assert reasons["null.jpg"] == "refused: not a regular file" and reasons["out.jpg"] == OUT
    assert read(path, ["b/hard.jpg", "a/1.jpg"]) == {"b/hard.jpg": b"one", "a/1.jpg": b"one"}
    assert read(path, ["b/hard.jpg"]) == {"b/hard.jpg": b"one"}
    assert list(read_members(path, [m for m in list_members(path) if m.refused])) == []


@pytest.mark.parametrize("name", ["../up.jpg", "/root.jpg", "a/../../up.jpg", "..\\up.jpg", "C:/x.jpg"])
def test_names_that_lead_out_are_refused(tmp_path, name):
    for path in (make_tar(tmp_path / "x.tar", {name: b"x"}, "w"), make_zip(tmp_path / "x.zip", {name: b"x"})):
        (member,) = list_members(path)
        assert "leads out" in member.refused
    assert list(read_members(tmp_path / "x.tar", list(list_members(tmp_path / "x.tar")))) == []


def test_large_members_are_refused(tmp_path):
    for path in (make_tar(tmp_path / "x.tgz", CONTENTS), make_zip(tmp_path / "x.zip", CONTENTS)):
        reasons = dict(names_and_reasons(path, max_bytes=100))
        assert reasons["a/1.jpg"] is None and "more than 100 (preprocess.max_file_mb)" in reasons["a/2.jpg"]


def test_zip_member_larger_than_declared_is_not_unpacked(tmp_path):
    path = make_zip(tmp_path / "x.zip", {"bomb.jpg": bytes(1000), "b.jpg": b"fine"})
    data = path.read_bytes()
    path.write_bytes(data.replace((1000).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    contents = read(path)
    assert contents["b.jpg"] == b"fine"
    assert isinstance(contents["bomb.jpg"], MemberError) and "checksum" in str(contents["bomb.jpg"])


def test_damaged_zip_member_is_the_members_fault(tmp_path):
    path = make_zip(tmp_path / "x.zip", {"a.jpg": b"0123456789", "b.jpg": b"fine"}, zipfile.ZIP_STORED)
    good = path.read_bytes()
    place = next(iter(list_members(path))).place
    path.write_bytes(good.replace(b"0123456789", b"0123x56789"))
    contents = read(path)
    assert isinstance(contents["a.jpg"], MemberError) and contents["b.jpg"] == b"fine"
    path.write_bytes(good.replace(b"PK\x03\x04", b"PK\x03\x05", 1))
    with open(path, "rb") as file, pytest.raises(MemberError, match="no member at its place"):
        read_place(file, place)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
def test_cut_off_tar(tmp_path, mode, keep):
    contents = {f"{i}.jpg": bytes((i * 7 + j * j) % 251 for j in range(3000)) for i in range(40)}
    path = make_tar(tmp_path / "x", contents, mode)
    data = path.read_bytes()
    end = len(data) - (10240 if mode == "w" else 0)  # an uncompressed tar ends in padding, which may be missing
    path.write_bytes(data[: int(end * keep)])
    with pytest.raises(InputError, match=r"x: (broken or incomplete|neither a zip nor a tar|is .* cut off)"):
        list(list_members(path))


def test_broken_header_in_the_middle(tmp_path):
    path = make_tar(tmp_path / "x.tar", CONTENTS, "w")
    data = bytearray(path.read_bytes())
    data[1024] ^= 0xFF  # the second header's name: its checksum is wrong now
    path.write_bytes(data)
    with pytest.raises(InputError, match="broken or cut off at byte 1024"):
        list(list_members(path))


def test_not_an_archive(tmp_path):
    (tmp_path / "x.zip").write_text("hello")
    with pytest.raises(InputError, match="neither a zip nor a tar"):
        archive_kind(tmp_path / "x.zip")
    with pytest.raises(InputError, match="is a folder"):
        archive_kind(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        archive_kind(tmp_path / "absent.zip")


def unflagged(path, names, encoding, system=0, extra=lambda raw: b""):
    return write_unflagged_zip(path, {name: name.encode() for name in names}, encoding, system, extra)


def named_tar(path, names, encoding):
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, encoding=encoding) as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(name.encode())
            archive.addfile(info, io.BytesIO(name.encode()))
    return path


WESTERN = ["Lächeln/Größe.jpg", "Müde/João.jpg", "Søren/Éá.jpg", "plain/Ñ.jpg"]
ANY = [
    "Lächeln/ü.jpg", "笑顔/写真.jpg", "улыбка/фото.jpg", "χαμόγελο/α.jpg", "ابتسامة/ص.jpg", "חיוך/ת.jpg",
    "웃음/가.jpg", "मुस्कान/क.jpg", "😀.jpg",
]  # fmt: skip
RUSSIAN, JAPANESE = ["Улыбка/Фото 1.jpg", "Грусть/Оля и я.jpg"], ["表情/写真1.jpg", "笑顔/ソ.jpg", "泣き顔/IMG_1.jpg"]
DECOMPOSED = [unicodedata.normalize("NFD", name) for name in ANY]


@pytest.mark.parametrize(
    ("make", "names", "table"),
    [
        pytest.param(lambda p: unflagged(p, ANY, "utf-8", system=3), ANY, None, id="Mac"),
        pytest.param(lambda p: unflagged(p, DECOMPOSED, "utf-8", system=3), DECOMPOSED, None, id="Mac, decomposed"),
        pytest.param(lambda p: unflagged(p, WESTERN, "cp850"), WESTERN, "cp850", id="Windows"),
        pytest.param(lambda p: unflagged(p, RUSSIAN, "cp866"), RUSSIAN, "cp866", id="Russian Windows"),
        pytest.param(lambda p: unflagged(p, JAPANESE, "cp932"), JAPANESE, "cp932", id="Japanese Windows"),
        pytest.param(lambda p: unflagged(p, WESTERN[:1], "cp437"), WESTERN[:1], "cp850", id="437"),
        pytest.param(lambda p: unflagged(p, WESTERN[:1], "cp437", system=3), WESTERN[:1], "cp850", id="437 on Unix"),
        pytest.param(lambda p: unflagged(p, WESTERN, "cp1252", system=3), WESTERN, "cp1252", id="old Unix"),
        pytest.param(lambda p: make_zip(p, dict(zip(ANY, map(str.encode, ANY), strict=True))), ANY, None, id="flagged"),
        pytest.param(lambda p: named_tar(p, ANY, "utf-8"), ANY, None, id="tar"),
        pytest.param(lambda p: named_tar(p, WESTERN, "latin-1"), WESTERN, "cp1252", id="Latin-1 tar"),
    ],
)  # fmt: skip
def test_names_of_any_script(tmp_path, make, names, table):
    path = make(tmp_path / "x")
    members = list(list_members(path))
    assert [member.name for member in members] == names
    assert {member.table for member in members if not member.name.isascii()} == {table}
    assert read(path) == {name: name.encode() for name in names}


def test_a_name_once_more_in_utf8(tmp_path):
    """Info-ZIP's Unicode path, which counts only for the name that it was made for."""

    def field(raw, of=None):
        data = struct.pack("<BL", 1, zlib.crc32(of or raw)) + "笑/Д.jpg".encode()
        return struct.pack("<HH", 0x5455, 1) + b"x" + struct.pack("<HH", 0x7075, len(data)) + data

    for name in ("L\xe4/_.jpg", "_/_.jpg"):  # also where the name itself is plain
        path = unflagged(tmp_path / "x.zip", [name], "cp850", extra=field)
        assert [(m.name, m.table) for m in list_members(path)] == [("笑/Д.jpg", None)]
        path = unflagged(tmp_path / "x.zip", [name], "cp850", extra=lambda raw: field(raw, b"renamed since"))
        assert [m.name for m in list_members(path)] == [name]


@pytest.mark.parametrize("system", [0, 3])
@pytest.mark.parametrize("encoding", ["cp850", "cp1252"])
@pytest.mark.parametrize(
    "names",
    [
        ["Lächeln/1.jpg", "Ärger/1.jpg"],
        ["heureux/1.jpg", "étonné/1.jpg", "très triste/1.jpg", "colère/1.jpg"],
        ["Glücklich/1.jpg", "Traurig/1.jpg", "Überrascht/1.jpg"],
        ["niño/1.jpg", "Größe/Ärger.jpg", "McDonald é.jpg"],
        ["café.jpg"],
        ["ä/½.jpg", "é/à è.jpg", "ÉCOLE/Ü.jpg", "10°C.jpg"],
        ["Lächeln/O'Hara.jpg", "Søren/São João.jpg"],
    ],
)
def test_one_code_page_for_all_names_of_a_zip(tmp_path, names, encoding, system):
    path = unflagged(tmp_path / "x.zip", names, encoding, system=system)
    members = list(list_members(path))
    assert [member.name for member in members] == names
    assert {member.table for member in members if not member.name.isascii()} == {encoding}


def test_a_folders_name_is_the_same_for_all_its_files(tmp_path):
    names = ["Möwe/Zoë.jpg", "Möwe/O\u2019Hara.jpg"]  # only the second has what is no letter
    path = unflagged(tmp_path / "x.zip", names, "cp1252", system=3)
    assert {member.name.partition("/")[0] for member in list_members(path)} == {"Möwe"}


def test_a_name_that_is_not_the_utf8_it_is_said_to_be(tmp_path):
    path = make_zip(tmp_path / "x.zip", {"ä.jpg": b"x"})
    path.write_bytes(path.read_bytes().replace("ä".encode(), b"\xe4\xe4"))
    with pytest.raises(InputError, match=r"x.zip: broken zip archive: a name is not the UTF-8 that it is said to be$"):
        list(list_members(path))


def test_a_colon_is_a_drive_only_behind_one_letter(tmp_path):
    names = ["Screenshot 12:30.jpg", "2024-01-01 10:00/a.jpg"]
    assert names_and_reasons(make_tar(tmp_path / "x.tgz", dict.fromkeys(names, b"x"))) == [(n, None) for n in names]


def test_first_bytes(tmp_path):
    """Of the members that are asked for; the same of every kind of archive."""
    noise = np.random.default_rng(0).bytes(100_000)  # does not deflate
    contents = {"a": noise, "b": b"short", "c.jpg": noise, "d": b"", "e": bytes(100_000)}
    for path in (
        make_tar(tmp_path / "x.tgz", contents),
        make_zip(tmp_path / "x.zip", contents),
        make_zip(tmp_path / "y.zip", contents, zipfile.ZIP_STORED),
    ):
        members = list(list_members(path, look=lambda name: "." not in name))
        assert [member.start for member in members] == [noise[:512], b"short", b"", b"", bytes(512)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "is a 7z archive, which facepipe does not read; unpack it and name the folder"),
        (b"Rar!\x1a\x07\x01\0", "is a RAR archive, .*; unpack it and name the folder"),
        (b"\x28\xb5\x2f\xfd\x24", "is compressed by zstd, .*; unpack it and name what comes of it"),
        (b"\n<!DOCTYPE html>\n<html><title>Sign in", "is a web page, not an archive .*; open the address in a browser"),
        (b"<html>quota exceeded</html>", "is a web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied", "is a server's answer in text"),
        (b'{"error": "not found"}', "is a server's answer in text"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab", "is a Git LFS pointer, .*; .*git lfs pull"),
        (b"outs:\n- md5: 123.dir\n  path: faces\n", "is DVC's note of a file, .*; run dvc pull"),
        (gzip.compress(b"one file", mtime=0), r"is one file compressed by gzip, not an archive; unpack it \(gunzip\)"),
        (bz2.compress(b"one file"), r"is one file compressed by bzip2, not an archive; unpack it \(bunzip2\)"),
        (lzma.compress(b"one file"), r"is one file compressed by xz, not an archive; unpack it \(unxz\)"),
        (gzip.compress(b"one file" * 99, mtime=0)[:20], "is compressed by gzip, and damaged or cut off"),
        (b"PK\x03\x04" + bytes(100), r"is a zip archive without its end \(incomplete download\?\); get it again"),
        (b"PK\x07\x08PK\x03\x04" + bytes(100), "is a part of a zip archive in several parts; join them"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "is a single picture, not an archive; name the folder"),
        (b"%PDF-1.7", "is a PDF document"),
    ],
)  # fmt: skip
def test_what_is_no_archive_is_called_by_its_name(tmp_path, data, message):
    path = tmp_path / "faces.zip"
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"faces.zip: {message}") as caught:
        archive_kind(path)
    assert "\n" not in str(caught.value)


def test_a_zip_compressed_once_more(tmp_path):
    make_zip(tmp_path / "x.zip", CONTENTS)
    (tmp_path / "x.zip.gz").write_bytes(gzip.compress((tmp_path / "x.zip").read_bytes()))
    with pytest.raises(InputError, match=r"is a zip archive compressed once more by gzip; unpack it once \(gunzip\)"):
        archive_kind(tmp_path / "x.zip.gz")


def test_a_tar_that_ends_in_a_zip_is_a_tar(tmp_path):
    inner = make_zip(tmp_path / "inner.zip", {"a.txt": b"inner"}).read_bytes()
    path = make_tar(tmp_path / "x.tar", CONTENTS | {"inner.zip": inner}, "w")
    assert zipfile.is_zipfile(path) and archive_kind(path) == "tar"
    assert names_and_reasons(path) == [(name, None) for name in [*CONTENTS, "inner.zip"]]
