"""Where fuzzing starts: small right files of every kind, made here, and random changes of them."""

import io
import json
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from facepipe.api.bundle import INDEX
from facepipe.core.files import sha256
from facepipe.latents.pca import fit_pca
from facepipe.networks.samplers import Prior, fit_gaussian
from tests.conftest import ROOT
from tests.hostile import Quarters, kinds
from tests.material import write_shards
from tests.mutated import mutated

MAX_PIXELS, MAX_BYTES = 100_000, 8192
DIM = 3
IDS = ["a.png", "b.png", "c.jpg"]
SHARDS = ("index.json", "ids.csv", "attributes.csv", "factors.csv", "train-00000.npy", "test-00000.npy")
BETWEEN = b"\xff\0\xff"
SEALED = {"version": 2, "files": {"decoder.weights.h5": {"bytes": 1, "sha256": ""}}, "sha256": ""}
SMALL = 2**16  # larger seeds teach a fuzzer little


def seeds(target):
    """The seeds of a target of `tests.fuzz.targets`: list of bytes."""
    return [seed for seed in _SEEDS[target]() if len(seed) <= SMALL]


def _pictures():
    return [data for data, _ in kinds(Quarters()).values()]


def _archives():
    members = {"a.png": b"picture", "folder/b.jpg": bytes(300), "c.png": bytes(MAX_BYTES + 1), "../d.png": b"up"}
    found = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with io.BytesIO() as file:
            with zipfile.ZipFile(file, "w", method) as archive:
                for name, data in members.items():
                    archive.writestr(name, data)
                for name, aim in (("link.jpg", b"folder/b.jpg"), ("folder/out.jpg", b"../../x.jpg")):
                    info = zipfile.ZipInfo(name)
                    info.external_attr = 0o120777 << 16
                    archive.writestr(info, aim)
            found += [file.getvalue(), file.getvalue().replace(b"c.png", b"\xe4.png")]
    for mode, form in (("w", tarfile.GNU_FORMAT), ("w", tarfile.PAX_FORMAT), ("w:gz", None), ("w:bz2", None),
                       ("w:xz", None)):  # fmt: skip
        with io.BytesIO() as file:
            with tarfile.open(fileobj=file, mode=mode, format=form) as archive:
                for name, data in [*members.items(), ("é" * 120, b"long name")]:
                    info = tarfile.TarInfo(name)
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
                for name, kind, aim in (("link.jpg", tarfile.SYMTYPE, "/etc/passwd"), ("l", tarfile.SYMTYPE, "a.png"),
                                        ("folder/hard.jpg", tarfile.LNKTYPE, "a.png")):  # fmt: skip
                    link = tarfile.TarInfo(name)
                    link.type, link.linkname = kind, aim
                    archive.addfile(link)
            found.append(file.getvalue())
    return [*found, _mat()]


def _mat():
    from scipy.io import savemat

    with io.BytesIO() as file:
        savemat(file, {"faces": np.zeros((4096, 2), np.uint8)}, do_compression=True)
        return b"MATLAB 5.0 MAT-file".ljust(116) + file.getvalue()[116:]  # without the time


def _latents():
    plain = b"0.5\n-1\n2e3\n"
    return [plain, b"id,pc000,pc001,pc002\na,1,2,3\n", *(mutated(seed) for seed in range(40))]


def _labels():
    return [
        b"file,Smiling,age,identity,split\na.png,1,20,Ann,train\nb.png,0,30.5,Bob,valid\nc.jpg,,,,\n",
        "id;Größe;Male\r\na.png;1,5;yes\r\nb.png;2,5;no\r\n".encode("cp1252"),
        "image\tMale\nfaces/a.png\t-1\nc\t1\n".encode("utf-16"),
        b'name , "Male"\n"a.png",true\n"c.jpg" ,false\n',
    ]


def _directions():
    header = "attribute,method,n_pos,n_neg,auc,norm,scale,z000,z001,z002\n"
    return [
        f"{header}Smiling,mean,10,20,0.9,1.5,0.7,1,0.5,-2\nMale,lda,5,25,0.8,1,1,0,0,1\n".encode(),
        header.replace("scale,", "").replace(",", ";").encode() + b"Smiling;mean;1;2;0,9;1,5;1,5;0,5;-2\n",
        f"{header}Male,lda,{'3' * 50},25,0.8,1,1,0,0,1\n".encode(),
    ]


def _params():
    paths = [ROOT / "params.yaml", *sorted((ROOT / "recipes").glob("*.yaml"))]
    parts = paths[0].read_text(encoding="utf-8").split("\n\n")
    return [*(path.read_bytes() for path in paths), *(part.encode() for part in parts), b"dataset: {name: celeba}\n"]


def _sources():
    text = (ROOT / "data" / "sources.yaml").read_text(encoding="utf-8")
    entry = b"celeba: {title: t, licence: l, citation: c, files: [{name: a.zip, role: archive, urls: [u], bytes: 1}]}\n"
    return [text.encode(), entry]


def _shards():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder) / "shards"
        images = {"train": np.zeros((2, 8, 8, 1), np.uint8), "valid": None, "test": np.ones((1, 8, 8, 1), np.uint8)}
        write_shards(folder, {split: array for split, array in images.items() if array is not None})
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
    factors = b"id,age\n" + b"".join(row.split(b",")[2] + b",1.5\n" for row in files["ids.csv"].splitlines()[1:])
    index = json.loads(files["index.json"])
    earlier = json.dumps({key: index[key] for key in index.keys() - {"sha256", "tables"}} | {"version": 3}).encode()
    return [
        joined(files),
        joined(files | {"factors.csv": factors}),
        joined(files | {"factors.csv": factors, "index.json": earlier}),
    ]


def joined(files):
    """A shards folder's files {name: bytes} as one seed."""
    return BETWEEN.join(files.get(name, b"") for name in SHARDS)


def _models():
    spec = {"image_shape": [16, 16, 3], "latent_dim": DIM, "widths": [8, 8], "latent_activation": "linear"}
    spec |= {"condition_on": ["Male"], "patch_size": 1, "linear_path": True}
    info = {"version": 1, "model": "vae", "spec": spec, "networks": ["decoder", "encoder"]}
    return [json.dumps(info | more, indent=2).encode() for more in ({}, {"training": {}, "framing": None}, SEALED)]


def _arrays():
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npz"
        z = np.eye(DIM, dtype=np.float32)
        for value in (Prior(DIM), fit_gaussian(z), fit_pca(z)):
            value.save(path)
            found.append(path.read_bytes())
            with np.load(path) as stored:  # without a checksum, which no change of bytes would get past
                np.savez(path, **stored)
            found.append(path.read_bytes())
    return found


def _bundles():
    found = []
    files = {"models/vae/model.json": b"{}", "models/vae/decoder.weights.h5": bytes(100), "directions/vae.csv": b"a\n"}
    with tempfile.TemporaryDirectory() as folder:
        entries = {}
        for name, data in files.items():
            (Path(folder) / "x").write_bytes(data)
            entries[name] = {"bytes": len(data), "sha256": sha256(Path(folder) / "x")}
    index = {"format": "facepipe bundle", "version": 1, "model": "vae", "files": entries}
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with io.BytesIO() as file:
            with zipfile.ZipFile(file, "w", method) as archive:
                for name, data in {INDEX: json.dumps(index), **files}.items():
                    archive.writestr(name, data)
            found.append(file.getvalue())
    return found


_SEEDS = {
    "pictures": _pictures, "archives": _archives, "latents": _latents, "labels": _labels, "directions": _directions,
    "params": _params, "sources": _sources, "shards": _shards, "models": _models, "arrays": _arrays,
    "bundles": _bundles,
}  # fmt: skip


def changed(rng, seed, others):
    """A seed with a few random changes of its bytes.

    Args:
        rng: numpy Generator.
        seed: bytes.
        others: list of bytes, from which parts are taken.

    Returns:
        bytes.
    """
    data = bytearray(seed)
    for _ in range(rng.integers(1, 5)):
        kind, at = rng.integers(6), int(rng.integers(len(data) + 1))
        if kind == 0 and at < len(data):
            data[at] = rng.integers(256)
        elif kind == 1 and at < len(data):
            data[at] ^= 1 << int(rng.integers(8))
        elif kind == 2:
            del data[at : at + int(rng.integers(1, 20))]
        elif kind == 3:
            data[at:at] = bytes(rng.choice([0, 255, 44, 10, 57], int(rng.integers(1, 9))).astype(np.uint8))
        elif kind == 4:
            other = others[rng.integers(len(others))]
            start = int(rng.integers(len(other) + 1))
            data[at : at + int(rng.integers(20))] = other[start : start + int(rng.integers(1, 40))]
        elif kind == 5 and rng.random() < 0.2:
            del data[at:]
    return bytes(data)
