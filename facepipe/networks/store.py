"""A model on disk: model.json and one weights file a network, byte-reproducible."""

import hashlib
from pathlib import Path

from facepipe.core.files import atomic_folder, read_json, sha256, write_json
from facepipe.core.section import MAX_LATENT, MAX_PATCH, MAX_SIDE, MAX_WIDTH, MAX_WIDTHS
from facepipe.errors import InputError

VERSION = 1


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
        write_json(
            temporary / "model.json",
            {
                "version": VERSION,
                "model": model.name,
                "spec": spec,
                "networks": sorted(model.networks),
                "training": record,
                "framing": framing,
            }
            | (info or {}),
        )


def read_info(folder):
    """The content of a model folder's model.json, with the keys model (str), spec (see `SPEC`) and networks.

    Raises:
        InputError: no model there, or made by another version, or a value of its spec cannot be.
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
    if info.get("version") != VERSION:
        version = repr(info.get("version"))[:100]
        raise InputError(f"{path}: version {version}, this facepipe reads {VERSION}; retrain it")
    for key, right in SPEC.items():
        if key in spec and not right(spec[key]):
            raise InputError(f"{path}: not a facepipe model: spec.{key}: {repr(spec[key])[:100]}")
    return info


def read_weights(folder, networks):
    """Read the weights file of each network of a dict of `keras.Model`.

    Raises:
        InputError: a file is missing or of other shapes.
    """
    for name, network in networks.items():
        path = Path(folder) / f"{name}.weights.h5"
        stored_numbers(path)
        try:
            network.load_weights(path)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
            raise InputError(f"{path}: weights cannot be read: {' '.join(str(error).split())[:200]}") from None


def stored_numbers(path):
    """How many numbers a weights file holds, all of them in the file itself; none is read.

    Raises:
        InputError: missing, not HDF5, or not as Keras writes it: links out of it, data that lie elsewhere, are
            compressed, not there at all or no numbers. So what is read is no larger than the file.
    """
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
        if sum(found) > Path(path).stat().st_size:
            raise ValueError("says more numbers than it has bytes")
    except FileNotFoundError:
        raise InputError(f"{path}: weights cannot be read: missing") from None
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
