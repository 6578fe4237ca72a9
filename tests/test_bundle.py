"""Bundles: the same bytes from the same model, everything back, and nothing strange or damaged is unpacked."""

import json
import shutil
import zipfile

import pytest

from facepipe.api.bundle import INDEX, unpack_bundle, write_bundle
from facepipe.api.model_folder import ModelFolder
from facepipe.errors import InputError

INFO = b'{"version": 1, "model": "gan", "spec": {"latent_dim": 4}, "networks": []}'


@pytest.fixture
def parts(tmp_path):
    """Folders of a GAN and its inverter, with what lies beside them."""
    files = {
        "models/gan/model.json": INFO, "models/gan/generator.weights.h5": bytes(range(256)),
        "models/inverter/model.json": b"{ }", "latents/gan/gan.stats.csv": b"dimension\n", "latents/gan/pca.npz": b"p",
        "latents/gan/train.csv": b"large", "directions/gan.csv": b"attribute\n", "directions/vae.csv": b"another's",
    }  # fmt: skip
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return {"folder": tmp_path / "models/gan", "inverter": tmp_path / "models/inverter"}


def write(path, folder, inverter=None):
    return write_bundle(path, ModelFolder(folder), inverter)


def rewritten(path, change, extra=()):
    """A copy of a bundle whose files {name: bytes} went through `change`; extra: (name, bytes) in addition."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    copy = path.with_name("changed.facepipe")
    with zipfile.ZipFile(copy, "w") as archive:
        for name, data in [*files.items(), *extra]:
            archive.writestr(name, data)
    return copy


def with_index(change):
    def apply(files):
        index = json.loads(files[INDEX])
        change(index)
        files[INDEX] = json.dumps(index).encode()

    return apply


def test_all_comes_back_and_the_bytes_are_the_same(parts, tmp_path):
    names = write(tmp_path / "a.facepipe", **parts)
    assert names == [
        "directions/gan.csv", "latents/gan/gan.stats.csv", "latents/gan/pca.npz", "models/gan/generator.weights.h5",
        "models/gan/model.json", "models/inverter/model.json",
    ]  # fmt: skip
    for name in ("models", "latents", "directions"):
        shutil.copytree(tmp_path / name, tmp_path / "copy" / name)
    write(tmp_path / "b.facepipe", tmp_path / "copy/models/gan", tmp_path / "copy/models/inverter")
    assert (tmp_path / "a.facepipe").read_bytes() == (tmp_path / "b.facepipe").read_bytes()
    (tmp_path / "out").mkdir()
    assert unpack_bundle(tmp_path / "a.facepipe", tmp_path / "out") == tmp_path / "out/models/gan"
    found = {str(p.relative_to(tmp_path / "out")): p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert sorted(found) == names and found["models/gan/generator.weights.h5"] == bytes(range(256))
    shutil.copytree(parts["folder"], tmp_path / "alone/models/mine")
    assert write(tmp_path / "small.facepipe", tmp_path / "alone/models/mine") == names[3:5]


def test_wherever_a_byte_changes_it_is_noticed(parts, tmp_path):
    write(tmp_path / "a.facepipe", **parts)
    whole = (tmp_path / "a.facepipe").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.facepipe") as archive:
        start = archive.getinfo("models/gan/generator.weights.h5").header_offset
    for place in (start + 60, start + 150, start + 300):
        (tmp_path / "a.facepipe").write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(InputError, match=r"a\.facepipe: "):
            unpack_bundle(tmp_path / "a.facepipe", tmp_path / "out")
    for length in (0, 30, len(whole) // 2, len(whole) - 1):
        (tmp_path / "a.facepipe").write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"a\.facepipe: not a facepipe bundle, or damaged"):
            unpack_bundle(tmp_path / "a.facepipe", tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "said"),
    [("../evil.txt", "evil.txt' is not as export"), ("/evil.txt", "evil.txt"), ("evil.txt", "evil.txt"),
     ("models/gan/../../../evil.txt", "evil.txt"), ("models/gan/sub/evil.txt", "evil.txt"),
     ("models/gan/..", "gan/..")],
)  # fmt: skip
def test_nothing_is_written_outside(parts, tmp_path, name, said):
    write(tmp_path / "a.facepipe", **parts)
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True)

    def add(index):
        index["files"][name] = index["files"]["models/gan/model.json"]

    changed = rewritten(tmp_path / "a.facepipe", with_index(add), [(name, b"{}")])
    with pytest.raises(InputError, match=rf"changed\.facepipe: damaged: .*{said}"):
        unpack_bundle(changed, out)
    assert not any(out.iterdir())
    # a file that the index does not list is not unpacked
    hidden = rewritten(tmp_path / "a.facepipe", lambda files: None, [(name, b"{}")])
    unpack_bundle(hidden, out)
    assert not list(tmp_path.rglob("evil.txt"))


def test_foreign_files(parts, tmp_path):
    write(tmp_path / "a.facepipe", **parts)
    path = tmp_path / "a.facepipe"
    cases = [
        (rewritten, (path, with_index(lambda index: index.update(version=9))), "version 9, this facepipe reads 1"),
        (rewritten, (path, with_index(lambda index: index.update(format="cake"))), "not a facepipe bundle; `facepipe"),
        (rewritten, (path, lambda files: files.pop(INDEX)), "not a facepipe bundle; `facepipe export"),
        (rewritten, (path, lambda files: files.update({INDEX: b"["})), "not a facepipe bundle"),
        (
            rewritten,
            (path, lambda files: files.pop("models/gan/model.json")),
            "'models/gan/model.json' is not as export",
        ),
        (rewritten, (path, with_index(lambda index: index.update(model="../x"))), "'models/../x/model.json' is not as"),
        (rewritten, (path, with_index(lambda index: index.update(files=3))), "not a facepipe bundle"),
    ]
    for make, arguments, said in cases:
        with pytest.raises(InputError, match=said):
            unpack_bundle(make(*arguments), tmp_path / "out")
    (tmp_path / "text.facepipe").write_text("no zip")
    with pytest.raises(InputError, match="not a facepipe bundle, or damaged: File is not a zip file"):
        unpack_bundle(tmp_path / "text.facepipe", tmp_path / "out")
    with pytest.raises(InputError, match=r"none\.facepipe: no such file"):
        unpack_bundle(tmp_path / "none.facepipe", tmp_path / "out")
