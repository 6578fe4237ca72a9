"""Archives: what is listed, what is refused, what counts as broken."""

import io
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from facepipe.datasets.archive import MemberError, archive_kind, list_members, read_members, read_place
from facepipe.errors import InputError

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


def test_links_and_devices_are_refused(tmp_path):
    link, hard, device = tarfile.TarInfo("link.jpg"), tarfile.TarInfo("hard.jpg"), tarfile.TarInfo("null.jpg")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    hard.type, hard.linkname = tarfile.LNKTYPE, "a/1.jpg"
    device.type = tarfile.CHRTYPE
    path = make_tar(tmp_path / "x.tgz", CONTENTS, extra=[link, hard, device])
    refused = {name for name, reason in names_and_reasons(path) if reason == "refused: not a regular file"}
    assert refused == {"link.jpg", "hard.jpg", "null.jpg"}
    assert list(read_members(path, [m for m in list_members(path) if m.refused])) == []

    info = zipfile.ZipInfo("link.jpg")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr(info, "/etc/passwd")
    assert names_and_reasons(tmp_path / "x.zip") == [("link.jpg", "refused: not a regular file")]


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
    with pytest.raises(InputError, match=r"x: (broken or incomplete|neither a zip nor a tar)"):
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
