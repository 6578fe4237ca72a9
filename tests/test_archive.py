"""Archives: what is listed, what is refused, what counts as broken."""

import io
import tarfile
import zipfile

import pytest

from facepipe.data import archive
from facepipe.data.archive import MemberError, ZipReader, archive_kind, list_members, read_tar
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


def make_zip(path, contents):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_of_any_compression(tmp_path, mode):
    path = make_tar(tmp_path / "x", CONTENTS, mode)
    assert archive_kind(path) == "tar"
    assert list(list_members(path)) == [(name, None) for name in CONTENTS]
    assert dict(read_tar(path, CONTENTS)) == CONTENTS
    assert list(read_tar(path, ["a/2.jpg"])) == [("a/2.jpg", CONTENTS["a/2.jpg"])]


def test_zip(tmp_path):
    path = make_zip(tmp_path / "x", CONTENTS | {"folder/": b""})
    assert archive_kind(path) == "zip"
    assert list(list_members(path)) == [(name, None) for name in CONTENTS]
    reader = ZipReader(path)
    assert {name: reader.read(name) for name in reversed(CONTENTS)} == CONTENTS


def test_links_and_devices_are_refused(tmp_path):
    link, hard, device = tarfile.TarInfo("link.jpg"), tarfile.TarInfo("hard.jpg"), tarfile.TarInfo("null.jpg")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    hard.type, hard.linkname = tarfile.LNKTYPE, "a/1.jpg"
    device.type = tarfile.CHRTYPE
    path = make_tar(tmp_path / "x.tgz", CONTENTS, extra=[link, hard, device])
    refused = {name for name, reason in list_members(path) if reason == "refused: not a regular file"}
    assert refused == {"link.jpg", "hard.jpg", "null.jpg"}
    assert list(read_tar(path, ["link.jpg", "hard.jpg", "null.jpg"])) == []

    info = zipfile.ZipInfo("link.jpg")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr(info, "/etc/passwd")
    assert list(list_members(tmp_path / "x.zip")) == [("link.jpg", "refused: not a regular file")]
    with pytest.raises(MemberError, match="regular"):
        ZipReader(tmp_path / "x.zip").read("link.jpg")


@pytest.mark.parametrize("name", ["../up.jpg", "/root.jpg", "a/../../up.jpg", "..\\up.jpg", "C:/x.jpg"])
def test_names_that_lead_out_are_refused(tmp_path, name):
    for path in (make_tar(tmp_path / "x.tar", {name: b"x"}, "w"), make_zip(tmp_path / "x.zip", {name: b"x"})):
        ((_, reason),) = list_members(path)
        assert "leads out" in reason
    assert list(read_tar(tmp_path / "x.tar", [name])) == []


def test_large_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBER_BYTES", 100)
    for path in (make_tar(tmp_path / "x.tgz", CONTENTS), make_zip(tmp_path / "x.zip", CONTENTS)):
        reasons = dict(list_members(path))
        assert reasons["a/1.jpg"] is None and "more than 100" in reasons["a/2.jpg"]
    with pytest.raises(MemberError, match="more than 100"):
        ZipReader(tmp_path / "x.zip").read("a/2.jpg")


def test_damaged_zip_member_is_the_members_fault(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as file:  # stored, so that the bytes can be found
        file.writestr("a.jpg", b"0123456789")
        file.writestr("b.jpg", b"fine")
    path.write_bytes(path.read_bytes().replace(b"0123456789", b"0123x56789"))
    reader = ZipReader(path)
    with pytest.raises(MemberError, match="cannot be read"):
        reader.read("a.jpg")
    assert reader.read("b.jpg") == b"fine"


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
