"""A GAN's first weights from a trained model: the decoder of a VAE, or both networks of another GAN."""

import hashlib
import json
from pathlib import Path

from facepipe.errors import InputError
from facepipe.models.gan import GAN
from facepipe.models.layers import deconvolutions
from facepipe.models.store import VERSION

KEY = "params.yaml: train_gan.init_from"


def first_weights(folder, spec):
    """Read what a GAN of `spec` can start from.

    A VAE's decoder is a dcgan generator of the same widths, trained on the same prior N(0, I).

    Args:
        folder: of a VAE or a GAN, such as data/models/vae.
        spec: dict, see `models.gan.GAN`.

    Returns:
        (weights, digest): {network of the GAN: list of arrays, for its `set_weights`}, sha256 of the files read.

    Raises:
        InputError: no such model there, or one whose networks are not those of `spec`; says what differs.
    """
    folder = Path(folder)
    try:
        text = (folder / "model.json").read_bytes()
        info = json.loads(text)
        kind, source, version = info["model"], info["spec"], info["version"]
    except FileNotFoundError:
        raise InputError(f"{KEY}: {folder}: no model.json there; train that model first") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{KEY}: {folder / 'model.json'}: not a facepipe model") from None
    if kind not in ("vae", "gan") or version != VERSION:
        raise InputError(f"{KEY}: {folder}: a {kind} of version {version}; a GAN starts from a vae or gan of {VERSION}")
    _compare(folder, _as_gan(kind, source), spec)
    if kind == "gan":
        networks = {name: (name, network) for name, network in GAN(source).networks.items()}
    else:
        widths = tuple(source["widths"])[::-1]
        decoder = deconvolutions(
            "decoder", source["latent_dim"], tuple(source["image_shape"]), widths, 0, "float32", True
        )
        networks = {"generator": ("decoder", decoder)}
    digest = hashlib.sha256(text)
    for file, network in networks.values():
        path = folder / f"{file}.weights.h5"
        try:
            digest.update(path.read_bytes())
            network.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{KEY}: {path}: cannot be read: {str(error).strip().splitlines()[0]}") from None
    return {name: network.get_weights() for name, (_, network) in networks.items()}, digest.hexdigest()


def _as_gan(kind, source):
    """What a GAN's spec must be to fit the stored one."""
    if kind == "gan":
        return source
    return {
        "image_shape": source["image_shape"],
        "latent_dim": source["latent_dim"],
        "generator_widths": list(source["widths"])[::-1],
        # the VAE's activation is on mu, before its noise
        "latent_activation": "linear",
        "architecture": "dcgan",
    }


def _compare(folder, there, here):
    # truncation is of the latents drawn later, not of the networks
    keys = [key for key in here if key in there and key != "truncation"]
    different = [f"{key} is {there[key]} there, {here[key]} here" for key in keys if there[key] != here[key]]
    if different:
        raise InputError(f"{KEY}: {folder} does not fit: {'; '.join(different)}")
