"""A model on disk: model.json and one weights file a network, byte-reproducible; model.json has their checksums."""

import hashlib
from pathlib import Path

from facepipe.core.files import (
    atomic_folder,
    check_bytes,
    check_seal,
    describe_files,
    describes_files,
    read_json,
    say_unchecked,
    sha256,
    write_sealed,
)
from facepipe.core.section import MAX_LATENT, MAX_PATCH, MAX_SIDE, MAX_WIDTH, MAX_WIDTHS
from facepipe.errors import InputError

VERSION = 2
# 1 had no checksums; a training of hours is not to be repeated for them
READABLE = (1, VERSION)
AGAIN = "`dvc repro -f` with its stage trains the model again"


def _whole(value, most=MAX_WIDTH):
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= most


def _shape(value):
    sides = isinstance(value, list) and len(value) == 3 and all(_whole(side, MAX_SIDE) for side in value)
    return sides and value[2] in (1, 3)


def _patch(value):
    return _whole(value, MAX_PATCH)


def _widths(value):
    return isinstance(value, list) and 0 < len(value) <= MAX_WIDTHS and all(map(_whole, value))


def _names(value):
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


# what the values of a spec may be
SPEC = {
    "image_shape": _shape,
    "latent_dim": lambda value: _whole(value, MAX_LATENT),
    "widths": _widths,
    "generator_widths": _widths,
    "discriminator_widths": _widths,
    "patch_size": _patch,
    "discriminator_patch_size": _patch,
    "minibatch_std": _whole,
    "linear_path": lambda value: isinstance(value, bool),
    "latent_activation": lambda value: value in ("linear", "relu", "sigmoid"),
    "architecture": lambda value: value in ("dcgan", "residual"),
    "decoder_spectral_norm": lambda value: isinstance(value, bool),
    "truncation": lambda value: type(value) in (int, float) and 0 < value <= 1,
    "condition_on": _names,
}


def save_model(folder, model, spec, record, files=(), framing=None, info=None):
    """Write a model folder atomically.

    Args:
        folder: where to; replaced if it exists.
        model: has `.name` and `.networks`, a dict of `keras.Model`; each goes to <network>.weights.h5.
        spec: dict of what is needed to build the networks again.
        record: JSON-able dict of what is worth knowing of the training (precision, threads, data hash, ...).
        files: callables that take the (temporary) folder and add a file to it, e.g. a sampler's save.
        framing: how the training images were made, see `photos.read_photos`.
        info: dict of further entries of model.json, or None; of an inverter generator: `generator_digest` of its GAN.
    """
    with atomic_folder(folder) as temporary:
        for name, network in model.networks.items():
            network.save_weights(temporary / f"{name}.weights.h5")
        for write in files:
            write(Path(temporary))
        names = [path.relative_to(temporary).as_posix() for path in temporary.rglob("*") if path.is_file()]
        write_sealed(
            temporary / "model.json",
            {
                "version": VERSION,
                "model": model.name,
                "spec": spec,
                "networks": sorted(model.networks),
                "training": record,
                "framing": framing,
                "files": describe_files(temporary, names),
            }
            | (info or {}),
        )


def read_info(folder):
    """The content of a model folder's model.json, with the keys model (str), spec (see `SPEC`) and networks.

    Raises:
        InputError: no model there, or made by another version, or model.json is not as it was written, or a value of
            its spec cannot be.
    """
    path = Path(folder) / "model.json"
    try:
        info = read_json(path)
        spec = info["spec"]
        if not isinstance(spec, dict) or not isinstance(info["model"], str) or not _names(info["networks"]):
            raise ValueError
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{folder}: no model.json there; train the model first (dvc repro) or name another folder"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: not a facepipe model") from None
    if info.get("version") not in READABLE:
        version = repr(info.get("version"))[:100]
        raise InputError(f"{path}: version {version}, this facepipe reads {VERSION}; retrain it")
    if info["version"] == VERSION:
        check_seal(path, info, AGAIN)
        if not describes_files(info.get("files")):
            raise InputError(f"{path}: not a facepipe model: files")
    for key, right in SPEC.items():
        if key in spec and not right(spec[key]):
            raise InputError(f"{path}: not a facepipe model: spec.{key}: {repr(spec[key])[:100]}")
    return info


def stored_file(folder, name, info=None):
    """A file of a model folder, with the bytes that it was written with.

    Args:
        folder: the model folder.
        name: str, within the folder.
        info: what `read_info` gives for it; None: read here.

    Returns:
        `Path`; None: the model has no such file.

    Raises:
        InputError: as `read_info`; the file is missing or other bytes than model.json says.
    """
    path, info = Path(folder) / name, info or read_info(folder)
    if info["version"] != VERSION:
        say_unchecked(folder)
        return path if path.exists() else None
    if name not in info["files"]:
        return None
    check_bytes(path, info["files"][name], AGAIN)
    return path


def read_weights(folder, networks, info=None):
    """Read the weights file of each network of a dict of `keras.Model`; info as for `stored_file`.

    Raises:
        InputError: as `weights_file`; a file is missing or of other shapes.
    """
    info = info or read_info(folder)
    for name, network in networks.items():
        path, _ = weights_file(folder, name, info)
        load_weights(path, network)


def load_weights(path, network):
    """Read a file that `weights_file` has checked into a `keras.Model`; InputError: it is of other shapes."""
    try:
        network.load_weights(path)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        raise InputError(f"{path}: weights cannot be read: {' '.join(str(error).split())[:200]}") from None


def weights_file(folder, network, info):
    """The weights of a network, with the bytes that they were written with, all of them in the file itself.

    Args:
        folder: the model folder.
        network: str.
        info: what `read_info` gives for it.

    Returns:
        (`Path`, how many numbers it holds); none of them is read.

    Raises:
        InputError: as `stored_file`; missing, not HDF5, or not as Keras writes it: links out of it, data that lie
            elsewhere, are compressed, not there at all or no numbers. So what is read is no larger than the file.
    """
    name = f"{network}.weights.h5"
    path = stored_file(folder, name, info)
    if path is None:
        raise InputError(f"{Path(folder) / name}: weights cannot be read: missing")
    return path, _stored_numbers(path)


def _stored_numbers(path):
    import h5py

    found = []

    # problems are returned, which ends the visit; raised within h5py's lock they become a SystemError
    def link(name, link):
        return None if isinstance(link, h5py.HardLink) else f"{name[:100]!r} is a link to somewhere else"

    def item(name, item):
        if not isinstance(item, h5py.Dataset):
            return None
        found.append(item.size)
        if item.external or item.is_virtual or item.dtype.kind not in "fiub":
            return f"{name[:100]!r} does not hold its numbers itself"
        stored = item.id.get_storage_size()
        return f"{name[:100]!r} says {item.nbytes} bytes, has {stored}" if item.nbytes > stored else None

    try:
        with h5py.File(path, "r") as file:
            if problem := file.visititems_links(link) or file.visititems(item):
                raise ValueError(problem)
        if sum(found) > path.stat().st_size:
            raise ValueError("says more numbers than it has bytes")
    except (OSError, ValueError, LookupError, TypeError, RuntimeError, SystemError) as error:
        raise InputError(f"{path}: weights cannot be read: {' '.join(str(error).split())[:200]}") from None
    return sum(found)


def check_same_architecture(folder, model, spec):
    """Whether the weights in a model folder are of the networks that `spec` describes.

    Args:
        folder: a model folder.
        model: str, "ae", "vae" or "gan".
        spec: dict, see `save_model`.

    Raises:
        InputError: what differs, with both values; or no model there.
    """
    info = read_info(folder)
    ours, theirs = {"model": model} | spec, {"model": info["model"]} | info["spec"]
    differing = [key for key in ours | theirs if ours.get(key) != theirs.get(key)]
    if differing:
        there, here = ({key: each.get(key, "not set") for key in differing} for each in (theirs, ours))
        said = ", ".join(f"{key} is {there[key]} there and {here[key]} here" for key in differing)
        raise InputError(f"{folder} does not fit: {said}")


def generator_digest(folder):
    """sha256 of a GAN's generator, in hexadecimal digits; InputError: no such file in the folder."""
    return weights_digest(folder, "generator")


def weights_digest(folder, network):
    """sha256 of the weights of a network of that name, in hexadecimal digits; InputError: no such file."""
    path = Path(folder) / f"{network}.weights.h5"
    try:
        return sha256(path)
    except OSError:
        raise InputError(f"{path}: weights cannot be read: missing") from None


def digest(folder):
    """sha256 of the names and contents of a folder's files, those in folders of it too, in hexadecimal digits."""
    total = hashlib.sha256()
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            total.update(f"{name}\0".encode() + bytes.fromhex(sha256(path)))
    return total.hexdigest()
