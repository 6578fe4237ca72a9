"""Encoder and decoder of a model in formats that other programs read: Keras, SavedModel, ONNX."""

import warnings

import keras

from facepipe.core.files import atomic_folder
from facepipe.errors import InputError
from facepipe.networks.layers import plain

FORMATS = {"keras": ".keras", "saved_model": "", "onnx": ".onnx"}


def export_networks(model, form, out):
    """Write decoder and, where there is one, encoder, of Keras' own layers only: nothing of facepipe is needed to read.

    decoder: z float32 (n, latent_dim) -> images float32 (n, h, w, c) in [0, 1]; of a conditioned model also labels,
    float32 (n, k) in [0, 1], 0.5 unknown. encoder: images as above -> z. The files are <out>/decoder.keras and
    encoder.keras, the folders <out>/decoder/ and encoder/ (SavedModel, signature "serve"), or decoder.onnx and
    encoder.onnx.

    Args:
        model: `models.load.LoadedModel`.
        form: a key of FORMATS.
        out: folder to make or replace.

    Returns:
        list of str, the names of what was written.

    Raises:
        InputError: ONNX, where tf2onnx is not installed.
    """
    if form == "onnx":
        _import_tf2onnx()
    activation = model.info["spec"]["latent_activation"]
    # a GAN's acts before its generator, the others' after the encoder
    networks = {"decoder": keras_decoder(model.model, activation if model.name == "gan" else "linear")}
    if model.has_encoder:
        networks["encoder"] = keras_encoder(model.encoder, "linear" if model.name == "gan" else activation)
    with atomic_folder(out) as folder:
        for name, network in networks.items():
            path = folder / f"{name}{FORMATS[form]}"
            if form == "keras":
                network.save(path)
            else:
                # Keras wants a network that has been called
                inputs = [keras.ops.zeros((1, *tensor.shape[1:])) for tensor in network.inputs]
                network(inputs if len(inputs) > 1 else inputs[0])
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", FutureWarning)  # Keras' own way round numpy 2
                    network.export(path, format="onnx" if form == "onnx" else "tf_saved_model", verbose=False)
    return [f"{name}{FORMATS[form]}" for name in networks]


def keras_decoder(model, activation):
    """The way from z, through an activation, to images of an `Autoencoder`, `VAE` or `GAN` as a `keras.Model`."""
    z = inputs = keras.Input((model.latent_dim,), name="z")
    x = keras.layers.Activation(activation, name="latent_activation")(z)
    if model.condition_on:
        labels = keras.Input((len(model.condition_on),), name="labels")
        inputs = [z, labels]
        x = keras.layers.Concatenate(name="inputs")([x, keras.layers.Rescaling(2.0, -1.0, name="codes")(labels)])
    logits = plain(model.networks["generator" if model.name == "gan" else "decoder"])(x)
    return keras.Model(inputs, keras.layers.Activation("sigmoid", name="images")(logits), name="decoder")


def keras_encoder(model, activation):
    """The way from images to z, the activation last, of an `Autoencoder`, `VAE` or `Inverter` as a `keras.Model`."""
    images = keras.Input(model.image_shape, name="images")
    x = keras.layers.Rescaling(2.0, -1.0, name="scaled")(images)
    z = plain(model.networks["head"])(plain(model.networks["convolutions"])(x))
    mu = z[:, : model.latent_dim]  # a VAE's head gives logvar, too
    return keras.Model(images, keras.layers.Activation(activation, name="z")(mu), name="encoder")


def _import_tf2onnx():
    try:
        import tf2onnx  # noqa: F401
    except ImportError:
        raise InputError("--format onnx: needs tf2onnx: pip install 'facepipe[onnx]'") from None
