"""A bundle: all that belongs to one model in one file, to be used on a machine without the pipeline."""

import json
import re
import shutil
import zipfile
from pathlib import Path

from facepipe.core.files import atomic_file, parse_json, sha256
from facepipe.core.zips import BROKEN, open_stored, reason
from facepipe.errors import InputError
from facepipe.latents.folder import density_path, pca_path, stats_path

FORMAT, VERSION = "facepipe bundle", 1
INDEX = "bundle.json"
MAX_BYTES = 2**33
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can say
# laid out as a workspace's data/, so that what lies beside a model is found in the same way
_NAMES = re.compile(
    r"(models/(ae|vae|gan|inverter)|latents/(ae|vae|gan))/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}|directions/(ae|vae|gan)\.csv"
)


def write_bundle(path, source, inverter=None):
    """Pack a model with the statistics, PCA and density of its latents and its directions, as far as they are there.

    Args:
        path: the file, written atomically; equal inputs give equal bytes.
        source: `model_folder.ModelFolder`.
        inverter: folder of a GAN's inverter; None: without.

    Returns:
        list of str, the names of the files in the bundle.
    """
    folder, name, latents = source.folder, source.name, source.latents
    files = {f"models/{name}/{file.name}": file for file in folder.iterdir()}
    if inverter is not None:
        files |= {f"models/inverter/{file.name}": file for file in inverter.iterdir()}
    # named after the model's folder, there and in the bundle
    files[f"latents/{name}/{name}.stats.csv"] = stats_path(latents)
    files |= {f"latents/{name}/{file.name}": file for file in (pca_path(latents), density_path(latents))}
    files[f"directions/{name}.csv"] = source.directions_path
    files = {target: file for target, file in sorted(files.items()) if file.is_file()}
    index = {
        "format": FORMAT,
        "version": VERSION,
        "model": name,
        "files": {name: {"bytes": file.stat().st_size, "sha256": sha256(file)} for name, file in files.items()},
    }
    with atomic_file(path, "wb") as target, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_info(INDEX), json.dumps(index, indent=2, sort_keys=True) + "\n")
        for name, file in files.items():
            # stored, not compressed: weights hardly shrink, and the bytes do not depend on the version of zlib
            archive.writestr(_info(name), file.read_bytes())
    return list(files)


def unpack_bundle(path, folder):
    """Unpack a bundle; only files that its index lists, under names that lie inside the folder, with their digests.

    Args:
        path: the bundle.
        folder: an existing, empty folder.

    Returns:
        `Path`, the model's folder in it: models/<name>.

    Raises:
        InputError: not a bundle, of another version, or damaged.
    """
    path, folder = Path(path), Path(folder)
    try:
        with open_stored(path) as archive:
            model, files = _read_index(path, archive)
            for name, entry in files.items():
                info = archive.getinfo(name)
                if info.file_size != entry["bytes"]:
                    raise InputError(f"{path}: damaged: {name} has {info.file_size} bytes, not {entry['bytes']}")
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(info) as packed, open(target, "wb") as file:
                    shutil.copyfileobj(packed, file)
                if sha256(target) != entry["sha256"]:
                    raise InputError(f"{path}: damaged: the digest of {name} does not fit")
        return folder / "models" / model
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except InputError:
        raise
    except BROKEN as error:
        raise InputError(f"{path}: not a facepipe bundle, or damaged: {reason(error)}") from None


def _read_index(path, archive):
    """The index, checked: (name of the model, {name of a file: {bytes, sha256}})."""
    try:
        if archive.getinfo(INDEX).file_size > 2**20:
            raise ValueError
        index = parse_json(archive.read(INDEX))
        if index["format"] != FORMAT:
            raise ValueError
        version, model = index["version"], index["model"]
        files = {name: dict(entry) for name, entry in index["files"].items()}
        sizes = [int(entry["bytes"]) for entry in files.values()]
        digests = [entry["sha256"] for entry in files.values()]
    except (KeyError, ValueError, OverflowError, TypeError, AttributeError):
        raise InputError(f"{path}: not a facepipe bundle; `facepipe export --format bundle` makes one") from None
    if version != VERSION:
        version = repr(version)[:100]
        raise InputError(f"{path}: a bundle of version {version}, this facepipe reads {VERSION}; export it again")
    strange = [name for name in files if not _NAMES.fullmatch(name)]
    there = files.keys() & archive.NameToInfo.keys()
    missing = [name for name in [f"models/{model}/model.json", *files] if name not in there]
    if strange or missing or sum(sizes) > MAX_BYTES or not all(isinstance(digest, str) for digest in digests):
        raise InputError(f"{path}: damaged: {(strange + missing + [INDEX])[0][:200]!r} is not as export writes it")
    return model, files


def _info(name):
    info = zipfile.ZipInfo(name, _DATE)
    info.create_system, info.external_attr = 3, 0o100644 << 16
    return info
