"""What is fuzzed: each target takes any bytes, and lets out nothing but the errors that are meant for users.

A target is a function (data, folder): folder is an empty one of its own, for the file that the data become.
"""

import contextlib
import io

import numpy as np
import pandas as pd

from facepipe.api.bundle import unpack_bundle
from facepipe.config import load_params
from facepipe.core.files import describe_files, read_json, remove, sha256, write_sealed
from facepipe.datasets.archive import list_members, read_members
from facepipe.datasets.magic import LOOK
from facepipe.datasets.members import MemberError
from facepipe.datasets.own_table import read_table
from facepipe.directions.table import read_directions
from facepipe.download.registry import read_entry
from facepipe.errors import InputError
from facepipe.latents.pca import load_pca
from facepipe.latents.table import picture_names, read_latents
from facepipe.networks.samplers import load_sampler
from facepipe.networks.store import read_info
from facepipe.preprocess.decode import ImageError, Picture
from facepipe.shards.shards import SPLITS, Shards
from tests.fuzz.seeds import DIM, IDS, MAX_BYTES, MAX_PIXELS, SHARDS


@contextlib.contextmanager
def refused(*kinds):
    """A block that may end in an error for users, which is then one printable line."""
    try:
        yield
    except kinds as error:
        assert str(error).replace("\n", " ").isprintable(), repr(str(error))
        assert len(str(error)) < 2000, f"{len(str(error))} characters: {str(error)[:200]}"


def reseal(path):
    """Checksums that fit, as anybody can compute them: of a JSON file, and of the files that it describes."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        value = read_json(path)
        waiting = [value] if isinstance(value, dict) and "sha256" in value else []
        while waiting:
            entry = waiting.pop()
            waiting += [inner for inner in (entry.values() if isinstance(entry, dict) else entry)
                        if isinstance(inner, dict | list)]  # fmt: skip
            for name, inner in list(entry.items()) if isinstance(entry, dict) else ():
                if isinstance(inner, dict) and name in SHARDS and (path.parent / name).exists():
                    entry |= describe_files(path.parent, [name])
            if isinstance(entry, dict) and entry.get("file") in SHARDS and (path.parent / entry["file"]).exists():
                entry["sha256"] = sha256(path.parent / entry["file"])
        if isinstance(value, dict) and "sha256" in value:
            value.pop("sha256")
            write_sealed(path, value)


def pictures(data, folder):
    with refused(ImageError):
        picture = Picture(data, MAX_PIXELS)
        image = picture.decode(2).image
        assert image.mode in ("L", "RGB") and image.width * image.height <= MAX_PIXELS


def archives(data, folder):
    path = folder / "archive"
    path.write_bytes(data)
    with refused(InputError):
        members = list(list_members(path, MAX_BYTES, keys=True, look=lambda name: True))
        assert all(len(member.start) <= LOOK and "\0" not in member.name for member in members if not member.refused)
        members = [member for member in members if not member.refused]
        for _, found in read_members(path, members, MAX_BYTES):
            assert isinstance(found, MemberError) or len(found) <= MAX_BYTES


def latents(data, folder):
    (folder / "vae.csv").write_bytes(data)
    with refused(InputError):
        table = read_latents(folder / "vae.csv")
        assert table.z.dtype == np.float32 and np.isfinite(table.z).all() and len(table.z) == len(table.ids)
        for name in picture_names(table.ids):
            assert (folder / name).resolve().parent == folder.resolve()


def labels(data, folder):
    (folder / "labels.csv").write_bytes(data)
    with refused(InputError), contextlib.redirect_stdout(io.StringIO()):
        read_table(folder / "labels.csv", pd.Index(IDS), [f"faces/{name}" for name in IDS], "faces/")


def directions(data, folder):
    (folder / "vae.csv").write_bytes(data)
    with refused(InputError):
        assert np.isfinite(read_directions(folder / "vae.csv", DIM, "vae").vectors).all()


def params(data, folder):
    (folder / "params.yaml").write_bytes(data)
    with refused(InputError):
        load_params(folder / "params.yaml")


def sources(data, folder):
    (folder / "sources.yaml").write_bytes(data)
    with refused(InputError):
        read_entry(folder / "sources.yaml", "celeba")


def shards(data, folder):
    """The data are a shards folder's files one after the other, as `seeds.joined` lays them."""
    for name, content in zip(SHARDS, data.split(b"\xff\0\xff"), strict=False):
        (folder / name).write_bytes(content)
    reseal(folder / "index.json")
    with refused(InputError):
        found = Shards(folder)
        for split in SPLITS:
            found.images(split, 0, 2)
            found.ids(split)
            found.attributes(split)
            found.factors(split)


def models(data, folder):
    (folder / "model.json").write_bytes(data)
    reseal(folder / "model.json")
    with refused(InputError):
        read_info(folder)


def arrays(data, folder):
    (folder / "sampler.npz").write_bytes(data)
    for read in (load_sampler, load_pca):
        with refused(InputError):
            read(folder / "sampler.npz")


def bundles(data, folder):
    (folder / "vae.facepipe").write_bytes(data)
    (folder / "unpacked").mkdir()
    with refused(InputError):
        unpack_bundle(folder / "vae.facepipe", folder / "unpacked")


TARGETS = {
    target.__name__: target
    for target in (
        pictures, archives, latents, labels, directions, params, sources, shards, models, arrays, bundles,
    )
}  # fmt: skip


def clear(folder):
    """Empty a folder."""
    for path in list(folder.iterdir()):
        remove(path)
