"""A GAN's first weights from a trained model: the decoder of a VAE, or both networks of another GAN."""

from pathlib import Path

import keras

from facepipe.errors import FieldError, InputError, about
from facepipe.models.gan.model import GAN
from facepipe.networks.layers import convolutions, deconvolutions
from facepipe.networks.samplers import Prior, load_sampler
from facepipe.networks.store import digest, read_info, read_weights, stored_file

# folder within a GAN's, and the files that come from the model it began as
ENCODER, ENCODER_FILES = "encoder", ("model.json", "convolutions.weights.h5", "head.weights.h5")
# that a GAN can start from
MODELS = ("ae", "vae", "gan")


def prior_of(folder, latent_dim):
    """What a GAN that starts from a model folder (None: from nothing) draws its latents from, a `Sampler`.

    N(0, I), but from an autoencoder the mixture fitted to its latents, and from a GAN that began with one that mixture
    as the GAN draws from it, truncated or not.
    """
    path = None if folder is None else stored_file(folder, "sampler.npz")
    return load_sampler(path) if path else Prior(latent_dim)


def encoder_files(folder):
    """The encoder of the autoencoder or VAE that a GAN starts from, or that its start came from.

    Its latents are those of the generator before training, so it is where the GAN's inverter can start.

    Returns:
        {name: bytes} of model.json and of the encoder's weights; {}: there is none, or of latents that are no linear
        function of its features.
    """
    folder = encoder_folder(folder)
    if folder is None:
        return {}
    if read_info(folder)["spec"].get("latent_activation") != "linear":
        return {}
    own, *weights = ENCODER_FILES
    return {path.name: path.read_bytes() for path in (folder / own, *(stored_file(folder, name) for name in weights))}


def encoder_network(folder, dtype):
    """The encoder that `encoder_files` names, as one network that is trained no further.

    Args:
        folder: of an autoencoder, a VAE, or a GAN that began as one.
        dtype: keras dtype policy of the convolutions.

    Returns:
        `keras.Model`: images (n, h, w, c) in [-1, 1] -> float32 latents (n, latent_dim), of a VAE mu.
    """
    folder = encoder_folder(folder)
    info = read_info(folder)
    body, dim = _convolutions(info["spec"], dtype), info["spec"]["latent_dim"]
    features = keras.Input(body.output_shape[1:])
    outputs = 2 * dim if info["model"] == "vae" else dim
    head = keras.Model(features, keras.layers.Dense(outputs, dtype="float32", name="encoder_head")(features))
    read_weights(folder, {"convolutions": body, "head": head})
    return keras.Model(body.input, head(body.output)[:, :dim], name="encoder", trainable=False)


def encoder_folder(folder):
    """Where the files of the encoder lie that a GAN which starts from a model folder has; None: it has none."""
    if read_info(folder)["model"] != GAN.name:
        return Path(folder)
    path = stored_file(folder, f"{ENCODER}/model.json")
    return path and path.parent


def _convolutions(spec, dtype="float32"):
    """The convolutions of the encoder of an autoencoder's or a VAE's spec."""
    numbers = spec["latent_dim"] if spec.get("linear_path") else 0
    shape, widths, patch = tuple(spec["image_shape"]), tuple(spec["widths"]), spec.get("patch_size", 1)
    return convolutions("encoder", shape, widths, 0, dtype, patch=patch, numbers=numbers)


def fitting(params):
    """`params` (`TrainGAN` with `init_from`) with the latent size, widths and patches of that model for "auto".

    Raises:
        InputError: no such model there.
    """
    with about("init_from"):
        info = read_info(params.init_from)
    source = {"patch_size": 1} | (_as_gan(info["model"], info["spec"]) if info["model"] in MODELS else {})
    if params.discriminator_start == "encoder" and "widths" in info["spec"]:
        source["discriminator_widths"] = info["spec"]["widths"]
    names = "latent_dim", "generator_widths", "discriminator_widths", "patch_size"
    found = {name: source[name] for name in names if name in source and getattr(params, name) == "auto"}
    return params.model_copy(update=found)


def first_weights(folder, spec):
    """Read what a GAN of `spec` can start from.

    The decoder of a VAE, or of an autoencoder, is a dcgan generator of the same widths. A VAE's was trained on the same
    prior N(0, I); an autoencoder's latents have a density of their own, see `prior_of`.

    Args:
        folder: of a VAE or a GAN, such as data/models/vae.
        spec: dict, see `models.gan.model.GAN`.

    Returns:
        (weights, digest, inherited): {network of the GAN: list of arrays, for its `set_weights`}, sha256 of the files
        read, what `spec` has to have besides: a linear path where there is one.

    Raises:
        InputError: no such model there, or one whose networks are not those of `spec`; says what differs.
    """
    with about("init_from"):
        info = read_info(folder)
        kind, source = info["model"], info["spec"]
        if kind not in MODELS or source.get("decoder_spectral_norm"):
            raise InputError(f"{folder}: model {kind}; a GAN starts from an ae, a vae or a gan, none of it normalised")
        _compare(folder, _as_gan(kind, source), spec)
        if kind == "gan":
            networks = GAN(source).networks
            read_weights(folder, networks)
        else:
            widths, shape = tuple(source["widths"])[::-1], tuple(source["image_shape"])
            inputs = source["latent_dim"] + len(source.get("condition_on", ()))
            patch, path = source.get("patch_size", 1), source.get("linear_path", False)
            decoder = deconvolutions(
                "decoder", inputs, shape, widths, 0, "float32", True, patch=patch, linear_path=path
            )
            read_weights(folder, {"decoder": decoder})
            networks = {"generator": decoder}
    inherited = {"linear_path": True} if source.get("linear_path") else {}
    return {name: network.get_weights() for name, network in networks.items()}, digest(folder), inherited


def encoder_convolutions(folder, spec):
    """The convolutions of an autoencoder's or a VAE's encoder as those of the discriminator of `spec`.

    Returns:
        {name of the discriminator's layer: its weights}.

    Raises:
        InputError: there is no such encoder in the folder (None: no folder), or it does not fit.
    """
    source = read_info(folder)["spec"] if folder else {}
    if "widths" not in source:
        raise FieldError("discriminator_start", "encoder needs init_from to name an autoencoder or a VAE; use random")
    there = {"discriminator_widths": source["widths"], "patch_size": source.get("patch_size", 1)}
    there |= {"architecture": "dcgan", "spectral_norm": False}
    here = spec | {"patch_size": spec.get("discriminator_patch_size", spec.get("patch_size", 1))}
    different = [f"{key} is {value} there, {here[key]} here" for key, value in there.items() if here[key] != value]
    if different:
        raise FieldError("discriminator_start", f"encoder of {folder} does not fit: {'; '.join(different)}")
    encoder = _convolutions(source)
    read_weights(folder, {"convolutions": encoder})
    layers = [layer for layer in encoder.layers if layer.name.startswith("encoder_conv") and layer.weights]
    return {layer.name.replace("encoder", "discriminator"): layer.get_weights() for layer in layers}


def _as_gan(kind, source):
    """What a GAN's spec must be to fit the stored one."""
    if kind == "gan":
        return {"minibatch_std": 0, "discriminator_patch_size": source.get("patch_size", 1)} | source
    return {
        "image_shape": source["image_shape"],
        "latent_dim": source["latent_dim"],
        "generator_widths": list(source["widths"])[::-1],
        # the VAE's activation is on mu, before its noise
        "latent_activation": "linear",
        "architecture": "dcgan",
        "condition_on": source.get("condition_on", []),
        "patch_size": source.get("patch_size", 1),
    }


# what a spec has only where it is another
_DEFAULTS = {"condition_on": [], "patch_size": 1}


def _compare(folder, there, here):
    own = {"minibatch_std": 0, "discriminator_patch_size": here.get("patch_size", 1)}
    there, here = _DEFAULTS | there, _DEFAULTS | own | here
    # truncation is of the latents drawn later, not of the networks
    keys = [key for key in here if key in there and key != "truncation"]
    different = [f"{key} is {there[key]} there, {here[key]} here" for key in keys if there[key] != here[key]]
    if different:
        raise InputError(f"{folder} does not fit: {'; '.join(different)}")
