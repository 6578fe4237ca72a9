"""How much of the disk the params ask for: archive, shards, latents, models, in the folder and in DVC's cache."""

import contextlib
import json
import os
from pathlib import Path

from facepipe.core.zips import BROKEN, open_zip
from facepipe.errors import InputError

# of the sets that have a fixed number of pictures, see docs/data.md
PICTURES = {
    "lfw": 13_233, "lfw_funneled": 13_233, "celeba": 202_599, "utkface": 23_708, "yearbook": 37_921, "olivetti": 400,
    "orl": 400,
}  # fmt: skip
# of a number in a table of latents: text of nine digits, or Parquet; the table is there twice, once in components
TEXT_BYTES, PARQUET_BYTES, TABLES = 13, 5, 2
# models, states of trainings, pictures, pages
OTHERS = 300e6
# what is made is in the folder and in DVC's cache
COPIES = 2


def needed_bytes(params):
    """Bytes of what the params ask for, at most; int or None: nobody knows before `preprocess` has run.

    Args:
        params: `facepipe.config.Params`; the files are those of the current folder.
    """
    archive, count = _archive(params.dataset)
    try:
        splits = json.loads(Path("data/shards/index.json").read_text(encoding="utf-8"))["splits"]
        count = sum(split["samples"] for split in splits.values())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        if count is not None and params.preprocess.limit:
            count = min(count, params.preprocess.limit)
    if count is None:
        return None
    height, width = params.preprocess.image_size
    number = PARQUET_BYTES if params.export_latents.format == "parquet" else TEXT_BYTES
    sizes = {"ae": params.train_ae.latent_dim, "vae": params.train_vae.latent_dim}
    own = params.train_gan.latent_dim
    sizes["gan"] = max(sizes.values()) if own == "auto" else own
    latents = sum(sizes[name] for name in params.models) * number * TABLES
    return COPIES * (archive + count * (height * width * params.preprocess.channels + latents) + OTHERS)


def made_bytes():
    """Bytes of what there is of it, int."""
    return COPIES * sum(bytes_of(Path("data") / name) for name in ("raw", "shards", "models", "latents"))


def _archive(dataset):
    """(bytes of the archive, how many pictures are in it or None: not known)."""
    count = PICTURES.get(dataset.name)
    if dataset.name == "synthetic":
        drawn = dataset.synthetic
        return drawn.count * drawn.size**2 * 3, drawn.count
    if dataset.archive is None:
        from facepipe.download.registry import read_entry

        try:
            file = read_entry("data/sources.yaml", dataset.name).archive
        except InputError:
            file = None
        return (file and file.bytes) or 0, count
    path = Path(dataset.archive)
    if count is None and path.is_dir():
        count = sum(len(files) for _, _, files in os.walk(path))
    elif count is None:
        with contextlib.suppress(*BROKEN), open_zip(path) as archive:
            count = len(archive.namelist())
    return bytes_of(path), count


def bytes_of(path):
    """How large a file, or all in a folder, is; int, 0 where there is none."""
    if path.is_file():
        return path.stat().st_size
    return sum(each.lstat().st_size for each in path.rglob("*") if not each.is_dir())


def in_words(count):
    """Bytes in words, such as "2.3 GB"."""
    if count < 1e8:
        return f"{count / 1e6:.1f} MB"
    return f"{count / 1e9:.1f} GB" if count < 1e10 else f"{count / 1e9:,.0f} GB"
