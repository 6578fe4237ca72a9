"""Files from strangers cannot run code, reach outside, or take more memory than docs/limits.md says: one line each."""

import gzip
import hashlib
import io
import json
import multiprocessing
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
import tarfile
import zipfile
from concurrent.futures import ProcessPoolExecutor

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from facepipe.api.bundle import INDEX, unpack_bundle
from facepipe.api.photos import read_photos
from facepipe.cli import main
from facepipe.config import load_params
from facepipe.core.files import describe_files, read_json, write_sealed
from facepipe.core.yaml_read import MAX_BYTES, MAX_DEPTH, MAX_VALUES
from facepipe.datasets.archive import list_members
from facepipe.datasets.labels import read_attribute_list
from facepipe.download.registry import read_entry
from facepipe.errors import InputError
from facepipe.latents.parquet import MAX_CELLS
from facepipe.latents.pca import load_pca
from facepipe.latents.table import read_latents
from facepipe.networks.samplers import load_sampler
from facepipe.networks.store import read_info
from facepipe.shards.shards import SPLITS, Shards
from facepipe.tables.sheets import MAX_COLUMNS
from facepipe.tables.text import MAX_LINE
from tests.conftest import ROOT
from tests.hostile import png

MEMORY = 3 * 2**30  # of the process that reads, with all that it has imported
GROWTH = 200 * 2**20  # of that by one file


def laughs(end="train_ae: {widths: *i}"):
    """YAML of nine lines whose last alias stands for a hundred million words."""
    first = f"a: &a [{', '.join('x' * 9)}]\n"
    return first + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi")) + end  # noqa: B905


def npy(shape, kind="<f4", data=b""):
    """A .npy file that says so."""
    header = repr({"descr": kind, "fortran_order": False, "shape": shape}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + data


def npz(name, method=zipfile.ZIP_STORED, **arrays):
    """A stored sampler called `name` of these .npy files."""
    with io.BytesIO() as file, zipfile.ZipFile(file, "w", method) as archive:
        with io.BytesIO() as text:
            np.save(text, np.array(name))
            archive.writestr("name.npy", text.getvalue())
        for key, data in arrays.items():
            archive.writestr(f"{key}.npy", data)
        archive.close()
        return file.getvalue()


def tar_header(kind, size):
    """A tar.gz whose first member is a header of another's, so many bytes of zeros."""
    info = tarfile.TarInfo("a.jpg")
    info.type, info.size = kind, size
    return gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + bytes(size) + bytes(1024), 1)


def mat(count):
    with io.BytesIO() as file:
        savemat(file, {"faces": np.zeros((4096, count), np.uint8)}, do_compression=True)
        return file.getvalue()


def bundle(files, method=zipfile.ZIP_STORED):
    entries = {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    index = {"format": "facepipe bundle", "version": 1, "model": "vae", "files": entries}
    with io.BytesIO() as file, zipfile.ZipFile(file, "w", method) as archive:
        for name, data in {INDEX: json.dumps(index).encode(), **files}.items():
            archive.writestr(name, data)
        archive.close()
        return file.getvalue()


def parquet():
    """A file of few bytes that says a hundred million rows."""
    import pyarrow
    import pyarrow.parquet

    with io.BytesIO() as file:
        schema = pyarrow.schema([("id", pyarrow.string()), ("z000", pyarrow.float32())])
        rows = pyarrow.table({"id": ["a"] * 10**6, "z000": np.zeros(10**6, np.float32)}, schema=schema)
        with pyarrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            for _ in range(40):
                writer.write_table(rows)
        return file.getvalue()


def index(**changes):
    splits = {split: {"samples": 0, "shards": []} for split in SPLITS}
    whole = {"version": 3, "image_shape": [8, 8, 1], "dataset": "d", "attributes": [], "framing": None}
    return json.dumps(whole | {"splits": splits} | changes).encode()


def train(**shard):
    return {split: {"samples": 0, "shards": []} for split in SPLITS} | {
        "train": {"samples": 1, "shards": [{"sha256": ""} | shard]}
    }


def model(**spec):
    return json.dumps({"version": 1, "model": "vae", "spec": {"latent_dim": 3} | spec, "networks": []}).encode()


def unpack(path):
    (path.parent / "unpacked").mkdir()
    unpack_bundle(path, path.parent / "unpacked")


def members(path):
    return [member for member in list_members(path, keys=True) if not member.refused]


READERS = {
    "params.yaml": load_params,
    "sources.yaml": lambda path: read_entry(path, "celeba"),
    "model.json": lambda path: read_info(path.parent),
    "index.json": lambda path: Shards(path.parent).images("train"),
    "sampler.npz": load_sampler,
    "pca.npz": load_pca,
    "vae.csv": read_latents,
    "vae.parquet": read_latents,
    "list_attr.txt": read_attribute_list,
    "archive": members,
    "vae.facepipe": unpack,
    "photo.png": lambda path: read_photos(
        [path], {"image_shape": [8, 8, 3], "crop": "center", "eyes": None, "max_pixels": 50_000_000}
    ),
}
DEEP, WIDE = 10**5, 10**6
LONG = b"x" * (MAX_LINE + 10)
NO_CODE = b"cos\nsystem\n(S'touch touched'\ntR."
CASES = {
    # what it is: (name of the file, its bytes or what makes them, what is said of it)
    "YAML, deep": ("params.yaml", lambda: b"[" * DEEP, f"more than {MAX_DEPTH} lists and mappings within each other"),
    "YAML, deep blocks": (
        "params.yaml",
        lambda: "\n".join(" " * i + "a:" for i in range(1000)).encode(),
        "line 21: not valid YAML: more than 20",
    ),
    "YAML, a billion laughs": ("params.yaml", laughs().encode(), f"more than {MAX_VALUES} values, aliases"),
    "YAML, laughs by merging": (
        "params.yaml",
        ("a: &a {k: v}\n" + "".join(f"b{i}: &b{i} {{<<: [{', '.join([f'*b{i - 1}' if i else '*a'] * 9)}]}}\n"
                                    for i in range(9))).encode(),
        f"more than {MAX_VALUES} values",
    ),
    "YAML, an alias of itself": ("params.yaml", b"train_ae: &a {widths: *a}", "an alias within what it stands for"),
    "YAML, a tag that runs code": (
        "params.yaml",
        b"train_ae: !!python/object/apply:os.system ['touch touched']",
        "could not determine a constructor",
    ),
    "YAML, a number of 5,000 digits": ("params.yaml", b"train_ae: {epochs: 1" + b"0" * 5000 + b"}", "cannot be"),
    "YAML, no such date": ("params.yaml", b"train_ae: {epochs: 2001-99-99}", "line 1: .* that cannot be"),
    "YAML, long": ("params.yaml", lambda: b"#" * (100 * MAX_BYTES), f"more than {MAX_BYTES} bytes"),
    "sources, deep": ("sources.yaml", lambda: b"[" * DEEP, f"more than {MAX_DEPTH} lists"),
    "sources, laughs": ("sources.yaml", laughs("celeba: {title: *i}").encode(), f"more than {MAX_VALUES} values"),
    "sources, of other types": (
        "sources.yaml",
        b"celeba: {title: t, licence: l, citation: c, files: 3}",
        "files should be a list",
    ),
    "model.json, deep": ("model.json", lambda: b"[" * DEEP, "not a facepipe model"),
    "model.json, long": ("model.json", lambda: b'"' + b"x" * 2**25 + b'"', "not a facepipe model"),
    "model.json, latent_dim": ("model.json", model(latent_dim=10**9), "spec.latent_dim: 1000000000"),
    "model.json, image_shape": ("model.json", model(image_shape=[10**5, 10**5, 3]), "spec.image_shape"),
    "model.json, widths": ("model.json", model(widths=[10**6]), "spec.widths"),
    "model.json, a long value": ("model.json", model(latent_dim="q" * 10**6), "spec.latent_dim: 'qqq"),
    "index.json, deep": ("index.json", lambda: b"[" * DEEP, "not valid JSON"),
    "index.json, huge counts": ("index.json", index(splits=train(file="x", samples=10**30, bytes=3)), "whole numbers"),
    "index.json, counts beyond the file": (
        "index.json", index(splits=train(file="index.json", samples=10**9, bytes=3)), "bytes, expected 3",
    ),
    "index.json, huge images": ("index.json", index(image_shape=[10**9, 0, 1]), "image_shape should be"),
    "index.json, outside": (
        "index.json",
        index(splits=train(file="../../../etc/passwd", samples=1, bytes=os.path.getsize("/etc/passwd"))),
        "not the name of a file in this folder",
    ),
    "index.json, unprintable": (
        "index.json", index(splits=train(file="a\x7f", samples=1, bytes=3)), "not the name of a file in this folder",
    ),
    "npz, terabytes": (
        "sampler.npz", npz("gaussian", mean=npy((10**12,)), covariance=npy((3, 3))), "not a stored sampler",
    ),
    "npz, a gigabyte that is not there": (
        "sampler.npz", npz("gaussian", mean=npy((2**28,), data=bytes(8)), covariance=npy((3, 3))), "EOF",
    ),
    "npz, a bomb": (
        "sampler.npz",
        lambda: npz("gaussian", zipfile.ZIP_DEFLATED, mean=npy((2**28,), "|u1", bytes(2**28))),
        "larger than the file",
    ),
    "npz, a pickle in an array": (
        "sampler.npz", npz("prior", latent_dim=npy((), "|O", NO_CODE), truncation=npy(())), "Object arrays cannot",
    ),
    "npz, a pickle": ("sampler.npz", NO_CODE, "not a stored sampler"),
    "npz, a header that is no Python": (
        "sampler.npz", npz("prior", latent_dim=b"\x93NUMPY\1\0\x02\0{(", truncation=b""), "not a stored sampler",
    ),
    "PCA, a bomb": ("pca.npz", lambda: npz("x", zipfile.ZIP_DEFLATED, mean=bytes(2**28)), "larger than the file"),
    "table, a million columns": (
        "vae.csv", lambda: ("id," + ",".join(f"z{i:03d}" for i in range(WIDE))).encode(), f"more than {MAX_LINE} char",
    ),
    "table, columns": (
        "vae.csv", lambda: ("id," + ",".join(f"z{i:03d}" for i in range(MAX_COLUMNS))).encode(),
        f"{MAX_COLUMNS + 1} columns, more than {MAX_COLUMNS}",
    ),
    "table, one long cell": ("vae.csv", lambda: b"id,z000\n" + LONG * 50, f"row 2: a line of more than {MAX_LINE}"),
    "table, one long cell in quotes": ("vae.csv", lambda: b'id,z000\n"' + LONG * 50, "row 2: a line of more than"),
    "table, a row of many lines": (
        "vae.csv", lambda: b'id,z000\n"a",' + b'"\n",' * (2 * MAX_LINE), "row 2: cells of more than",
    ),
    "table, a long first line": ("vae.csv", lambda: LONG * 50, "row 1: a line of more than"),
    "table, bytes after a long line": ("vae.csv", lambda: b"id,z000\n" + LONG * 20 + b"\0", "row 2: a line of more"),
    "Parquet, rows": ("vae.parquet", parquet, f"says 80000000 cells, more than {MAX_CELLS}"),
    "list, one long line": ("list_attr.txt", lambda: b"1\n" + b"a " * MAX_LINE, "row 2: a line of more than"),
    **{
        f"tar, {what}": ("archive", lambda kind=kind: tar_header(kind, 2**29), "gzip, not an archive")
        for what, kind in (("a long name", b"L"), ("a long header", b"x"), ("a long global header", b"g"))
    },
    "mat, a bomb": ("archive", lambda: mat(10_001), "n at most 10000"),
    "bundle, a bomb": (
        "vae.facepipe",
        lambda: bundle({"models/vae/model.json": b"{}", "models/vae/x.h5": bytes(2**29)}, zipfile.ZIP_DEFLATED),
        "larger than the file",
    ),
    "picture, 10^10 pixels": ("photo.png", png(10**5, 10**5, 8, 2, b"0"), "more than 50000000 pixels"),
}  # fmt: skip


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def refusal(name, path):
    """(what is said of a file, by how many bytes the process grew)."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        said = f"taken: {READERS[name](path)!r:.100}"
    except InputError as error:
        said = str(error)
    return said, 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


@pytest.fixture(scope="module")
def reader():
    """A process whose memory is limited."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), limit_memory) as pool:
        yield pool


@pytest.mark.parametrize("what", CASES)
def test_one_line_and_little_memory(what, reader, tmp_path, monkeypatch):
    name, data, expected = CASES[what]
    path = tmp_path / "files" / name
    path.parent.mkdir()
    path.write_bytes(data() if callable(data) else data)
    before = sorted(tmp_path.rglob("*"))
    said, grown = reader.submit(refusal, name, path).result()
    assert re.search(expected, said) and not said.startswith("taken"), said
    assert str(path.parent) in said and said.isprintable() and len(said) < len(str(path)) + 300
    assert grown < GROWTH, f"{grown / 2**20:.0f} MiB"
    assert [p for p in sorted(tmp_path.rglob("*")) if p.name != "unpacked"] == before
    assert not os.path.exists("touched")


def test_many_members_are_listed(reader, tmp_path):
    """A hundred thousand of them are within the limits."""
    path = tmp_path / "archive"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(10**5):
            archive.writestr(f"{number}.jpg", b"")
    said, grown = reader.submit(refusal, "archive", path).result()
    assert said.startswith("taken") and grown < GROWTH


def test_members_that_lie_about_their_place_are_refused(tmp_path):
    """Of a zip: packed sizes and places beyond the file, and no name at all."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("huge.jpg", "far.jpg", "fine.jpg"):
            archive.writestr(name, b"picture")
        archive.filelist[0].compress_size = 2**40
        archive.filelist[1].header_offset = 2**63 + 1
    found = {member.name: member.refused for member in list_members(path)}
    assert re.search("refused: 1099511627776 bytes", found["huge.jpg"]) and found["fine.jpg"] is None
    assert found["far.jpg"] == "refused: does not lie in the file"
    path.write_bytes(path.read_bytes().replace(b"fine.jpg", b"fine.jp/"))
    assert len(list(list_members(path))) == 2


def test_commands_and_stages_end_with_two(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vae").mkdir()
    for name, data in (("vae/model.json", b"[" * DEEP), ("vae.facepipe", CASES["bundle, a bomb"][1]())):
        (tmp_path / name).write_bytes(data)
        (tmp_path / "t.csv").write_bytes(b"id,z000\na,1\n")
        assert main(["decode", "t.csv", "--model", name.split("/")[0], "-o", "faces"]) == 2
        assert (error := capsys.readouterr().err).count("\n") == 1 and "facepipe: " in error
    (tmp_path / "vae/model.json").write_bytes(model(latent_dim=1))
    (tmp_path / "t.csv").write_bytes(CASES["table, columns"][1]())
    assert main(["decode", "t.csv", "--model", "vae", "-o", "faces"]) == 2
    assert capsys.readouterr().err == f"facepipe: t.csv: row 1: {MAX_COLUMNS + 1} columns, more than {MAX_COLUMNS}\n"
    (tmp_path / "params.yaml").write_text(laughs())
    command, environment = [sys.executable, "-m", "stages.preprocess"], os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("preprocess: params.yaml: line 6: not valid YAML: more than")
    assert not (tmp_path / "faces").exists() and not (tmp_path / "data").exists()


def external_link(file, name):
    del file[name]
    file[name] = h5py.ExternalLink("/elsewhere.h5", name)


def soft_link(file, name):
    del file[name]
    file[name] = h5py.SoftLink("/elsewhere")


def other_file(file, name):
    del file[name]
    file.create_dataset(name, (4,), "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def terabytes(file, name):
    del file[name]
    file.create_dataset(name, (10**12,), "f4", chunks=(1024,))


def compressed(file, name):
    del file[name]
    file.create_dataset(name, data=np.zeros(10**6, "f4"), compression="gzip")


def texts(file, name):
    del file[name]
    file.create_dataset(name, data=["a"], dtype=h5py.string_dtype())


def missing(file, name):
    del file[name]


def reseal(folder, **changes):
    """Checksums that fit, as anybody can compute them."""
    info = read_json(folder / "model.json") | changes
    write_sealed(folder / "model.json", info | {"files": describe_files(folder, info["files"])})


def respec(folder, spec):
    reseal(folder, spec=read_json(folder / "model.json")["spec"] | spec)


@pytest.mark.parametrize(
    ("change", "said"),
    [(external_link, "is a link to somewhere else"), (soft_link, "is a link to somewhere else"),
     (other_file, "does not hold its numbers itself"), (terabytes, "says 4000000000000 bytes, has 0"),
     (compressed, "says 4000000 bytes, has"), (texts, "does not hold its numbers itself"),
     (missing, "numbers, model.json describes")],
)  # fmt: skip
def test_weights_lie_in_their_file(change, said, tiny_models, tmp_path):
    from facepipe.models.load import load_model

    folder = shutil.copytree(tiny_models / "vae", tmp_path / "vae")
    with h5py.File(folder / "decoder.weights.h5", "a") as file:
        names = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        change(file, names[0])
    with pytest.raises(InputError, match=r"decoder\.weights\.h5: damaged: "):
        load_model(folder)
    reseal(folder)
    with pytest.raises(InputError, match=rf"decoder\.weights\.h5: weights cannot be read: .*{said}"):
        load_model(folder)


@pytest.mark.parametrize(
    ("spec", "said"),
    [({"latent_dim": 16384}, "numbers, model.json describes"), ({"widths": [8192, 8192]}, "numbers, model.json desc"),
     ({"condition_on": ["a"] * 10**5}, "numbers, model.json describes")],
)  # fmt: skip
def test_nothing_is_built_that_the_weights_do_not_fill(spec, said, tiny_models, tmp_path):
    from facepipe.models.load import load_model

    folder = shutil.copytree(tiny_models / "vae", tmp_path / "vae")
    respec(folder, spec)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=said):
        load_model(folder)
    # what was refused is not built later, either
    load_model(tiny_models / "vae")
    assert 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < GROWTH


def test_layers_that_make_too_much_of_an_image_are_refused(tiny_models, tmp_path):
    from facepipe.models.load import load_model

    folder = shutil.copytree(tiny_models / "vae", tmp_path / "vae")
    with h5py.File(folder / "convolutions.weights.h5", "a") as file:
        file.create_dataset("more", data=np.zeros(10**6, "f4"))
    respec(folder, {"image_shape": [1024, 1024, 3], "widths": [1024, 8], "patch_size": 1, "linear_path": False})
    with pytest.raises(InputError, match="a layer would make more than 33554432 numbers of an image"):
        load_model(folder)


def test_a_sampler_of_another_size_is_refused(tiny_models, tmp_path):
    from facepipe.models.load import load_model
    from facepipe.networks.samplers import Prior

    folder = shutil.copytree(tiny_models / "vae", tmp_path / "vae")
    info = read_json(folder / "model.json")
    Prior(10**12).save(folder / "sampler.npz")
    write_sealed(folder / "model.json", info | {"files": describe_files(folder, [*info["files"], "sampler.npz"])})
    with pytest.raises(InputError, match=r"sampler\.npz: has 1000000000000 dimensions, model vae has 4"):
        load_model(folder)
