"""A GAN's first weights from a trained model: the decoder of a VAE, or both networks of another GAN."""

from facepipe.errors import InputError, about
from facepipe.models.gan.model import GAN
from facepipe.networks.layers import deconvolutions
from facepipe.networks.store import digest, read_info, read_weights


def first_weights(folder, spec):
    """Read what a GAN of `spec` can start from.

    A VAE's decoder is a dcgan generator of the same widths, trained on the same prior N(0, I).

    Args:
        folder: of a VAE or a GAN, such as data/models/vae.
        spec: dict, see `models.gan.model.GAN`.

    Returns:
        (weights, digest): {network of the GAN: list of arrays, for its `set_weights`}, sha256 of the files read.

    Raises:
        InputError: no such model there, or one whose networks are not those of `spec`; says what differs.
    """
    with about("init_from"):
        info = read_info(folder)
        kind, source = info["model"], info["spec"]
        if kind not in ("vae", "gan"):
            raise InputError(f"{folder}: model {kind}; a GAN starts from a vae or a gan")
        if source.get("patch_size", 1) > 1:
            raise InputError(
                f"{folder}: made with patch_size {source['patch_size']}, but a GAN has no patches; set "
                "train_vae.patch_size to 1"
            )
        _compare(folder, _as_gan(kind, source), spec)
        if kind == "gan":
            networks = GAN(source).networks
            read_weights(folder, networks)
        else:
            widths, shape = tuple(source["widths"])[::-1], tuple(source["image_shape"])
            inputs = source["latent_dim"] + len(source.get("condition_on", ()))
            decoder = deconvolutions("decoder", inputs, shape, widths, 0, "float32", True)
            read_weights(folder, {"decoder": decoder})
            networks = {"generator": decoder}
    return {name: network.get_weights() for name, network in networks.items()}, digest(folder)


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
        "condition_on": source.get("condition_on", []),
    }


def _compare(folder, there, here):
    there, here = {"condition_on": []} | there, {"condition_on": []} | here
    # truncation is of the latents drawn later, not of the networks
    keys = [key for key in here if key in there and key != "truncation"]
    different = [f"{key} is {there[key]} there, {here[key]} here" for key in keys if there[key] != here[key]]
    if different:
        raise InputError(f"{folder} does not fit: {'; '.join(different)}")
