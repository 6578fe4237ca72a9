"""A stored model back, numpy in and out; always float32, so that a result does not depend on the training precision."""

import functools
import math
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state

from facepipe.core.determinism import rng
from facepipe.core.pictures import to_float
from facepipe.errors import InputError
from facepipe.models.ae.model import Autoencoder
from facepipe.models.gan.discriminators import maps_of
from facepipe.models.gan.model import GAN
from facepipe.models.inversion import optimize
from facepipe.models.inverter.model import Inverter
from facepipe.models.residual import residual_edit
from facepipe.models.steps import REFINING, TUNING
from facepipe.models.tuning import ELSEWHERE, tune
from facepipe.models.vae.model import VAE
from facepipe.networks.samplers import Prior, load_sampler
from facepipe.networks.store import generator_digest, load_weights, read_info, stored_file, weights_file
from facepipe.shards.labels import label_codes

MODELS = {model.name: model for model in (Autoencoder, VAE, GAN)}
# every call runs in full batches (the last one padded), so that a row's bytes do not depend on its company
BATCH = 64
MAX_NUMBERS = 2**25  # that a layer makes of an image: 8 GiB of a batch


class LoadedModel:
    """A trained model: encode, decode, sample.

    Attributes:
        name: "ae", "vae" or "gan".
        latent_dim: int.
        image_shape: (h, w, c).
        has_encoder: bool, False for a GAN without an inverter.
        condition_on: tuple of str, the attributes whose labels `decode` takes.
        sampler: density that random latents come from: the prior N(0, I) for the VAE, truncation * N(0, I) for the
            GAN, for the autoencoder a mixture of Gaussians fitted to its training latents.
        info: the content of model.json.
        model, encoder: the networks that decode and encode (`Autoencoder`, `VAE`, `GAN`, `Inverter`), or None.
    """

    def __init__(self, model, info, sampler, encoder=None):
        self.name = model.name
        self.latent_dim = model.latent_dim
        self.image_shape = model.image_shape
        encoder = encoder or model
        self.has_encoder = hasattr(encoder, "encode")
        self.model, self.encoder = model, encoder if self.has_encoder else None
        self.condition_on = model.condition_on
        self.sampler = sampler
        self.info = info
        pixels = tf.TensorSpec((BATCH, *self.image_shape), tf.float32)
        latents = tf.TensorSpec((BATCH, self.latent_dim), tf.float32)
        codes = tf.TensorSpec((BATCH, len(self.condition_on)), tf.float32)
        graph = functools.partial(tf.function, autograph=False)
        self._decode = graph(model.decode, input_signature=[latents, codes])
        if self.has_encoder:
            self._encode = graph(encoder.encode, input_signature=[pixels])
        signature = [pixels, latents, tf.TensorSpec((), tf.int32)]
        self._optimize = graph(functools.partial(optimize, model.decode), input_signature=signature)
        if hasattr(model, "posterior"):
            self._posterior = graph(model.posterior, input_signature=[pixels])

    def encode(self, images, steps=0):
        """Images -> latents (VAE: the posterior mean mu; GAN: what its inverter finds).

        Args:
            images: (n, h, w, c), uint8 or float in [0, 1].
            steps: int, of optimisation from there on, see `inversion.optimize`; 0: none.

        Returns:
            float32 (n, latent_dim).

        Raises:
            ValueError: another image shape. InputError: the model has no encoder.
        """
        self._need_encoder()
        images = self._images(images)
        z = _in_batches(self._encode, images)[0]
        if steps and len(z):
            z = _in_batches(lambda x, z: self._optimize(x, z, steps), images, z)[0]
        return z

    def encode_photos(self, images, steps=None):
        """As `encode`, for photographs that are to be edited: `steps` None is `steps.REFINING` for a GAN, else 0."""
        return self.encode(images, (REFINING if self.name == GAN.name else 0) if steps is None else steps)

    def posterior(self, images):
        """Images as in `encode` -> (mu, logvar), float32 (n, latent_dim) each; VAE only (AttributeError otherwise)."""
        return tuple(_in_batches(self._posterior, self._images(images)))

    def decode(self, z, labels=None):
        """Latents -> images.

        Args:
            z: (n, latent_dim), finite.
            labels: float (n, k) for the attributes `condition_on`: 1 with, 0 without, NaN unknown, between 0 and 1 in
                between; None: all unknown.

        Returns:
            float32 (n, h, w, c) in [0, 1]. A row's result depends on that row alone.

        Raises:
            ValueError: another latent_dim; labels of another shape or range, or for a model that takes none.
        """
        z = self._latents(z)
        labels = np.full((len(z), len(self.condition_on)), np.nan) if labels is None else np.asarray(labels, np.float32)
        if labels.shape != (len(z), len(self.condition_on)):
            takes = ", ".join(self.condition_on) or "no labels"
            raise ValueError(f"labels must be ({len(z)}, {len(self.condition_on)}) ({takes}), got {labels.shape}")
        if ((labels < 0) | (labels > 1)).any():
            raise ValueError(f"labels must be in [0, 1] or NaN, got {np.nanmin(labels):g} to {np.nanmax(labels):g}")
        return _in_batches(self._decode, z, label_codes(labels))[0]

    def edit_photos(self, images, z, edited, labels=None, edited_labels=None):
        """Photographs with the change from `decode(z)` to `decode(edited)` in them, see `residual.residual_edit`.

        Args:
            images: as for `encode`.
            z, edited: (n, latent_dim), their latents, and the edited ones.
            labels, edited_labels: of these, as for `decode`.

        Returns:
            float32 (n, h, w, c) in [0, 1]. A row's result depends on that row alone.

        Raises:
            ValueError: as `decode`; another image shape, or not as many latents as images.
        """
        images, z, edited = self._images(images), self._latents(z), self._latents(edited)
        if not len(images) == len(z) == len(edited):
            raise ValueError(f"as many latents as images are needed, got {len(images)}, {len(z)} and {len(edited)}")
        return residual_edit(images, self.decode(z, labels), self.decode(edited, edited_labels))

    def sample_latents(self, count, seed):
        """`count` random latents from the model's own sampler; float32 (count, latent_dim)."""
        return self.sampler.sample(count, seed)

    def tuned(self, image, z, steps=TUNING, seed=0):
        """The model with its decoder tuned to one photograph, see `tuning.tune`; this one stays as it is.

        Args:
            image: (h, w, c), uint8 or float in [0, 1].
            z: float (latent_dim,), its latent, as `encode` finds it.
            steps: int.
            seed: int, of the random latents that are to look as before.

        Returns:
            `LoadedModel`, equal to the bit for equal arguments on one machine's CPU.

        Raises:
            ValueError: another image shape or latent_dim.
        """
        x = to_float(self._images(np.asarray(image)[None]))
        z = self._latents(np.asarray(z)[None])
        copy = type(self.model)(self.info["spec"])
        for name, network in copy.networks.items():
            network.set_weights(self.model.networks[name].get_weights())
        decoder = copy.networks["generator" if self.name == GAN.name else "decoder"]
        maps = maps_of(copy.networks["discriminator"]) if self.name == GAN.name else None
        others = self.sampler.draw(rng(seed, "tuning"), ELSEWHERE)
        tune(copy.decode, decoder.trainable_variables, x, z, others, steps, maps)
        return LoadedModel(copy, self.info, self.sampler, None if self.encoder is self.model else self.encoder)

    def _latents(self, z):
        z = np.asarray(z, np.float32)
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            raise ValueError(f"z must be (n, {self.latent_dim}), got {z.shape}")
        return z

    def _images(self, images):
        images = np.asarray(images)
        if images.ndim != 4 or images.shape[1:] != self.image_shape:
            raise ValueError(f"images must be (n, {', '.join(map(str, self.image_shape))}), got {images.shape}")
        return images

    def _need_encoder(self):
        if not self.has_encoder:
            raise InputError(f"model {self.name} has no encoder: `dvc repro train_inverter` trains one for it")


def _in_batches(function, *arrays):
    """Apply `function` to full batches of arrays of n rows; pad the last one by zeros and cut the result."""
    parts, count = [], len(arrays[0])
    for start in range(0, count, BATCH):
        outputs = function(*(_full_batch(rows[start : start + BATCH]) for rows in arrays))
        outputs = outputs if isinstance(outputs, tuple | list) else (outputs,)
        parts.append([output.numpy()[: count - start] for output in outputs])
    if not parts:
        return [
            np.zeros((0, *shape[1:]), np.float32)
            for shape in tf.nest.flatten(function.get_concrete_function().output_shapes)
        ]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _full_batch(rows):
    """float32 (BATCH, ...) as by `to_float`, zeros in the rows that are missing."""
    rows = to_float(rows)
    return np.pad(rows, [(0, BATCH - len(rows))] + [(0, 0)] * (rows.ndim - 1))


def load_model(folder, inverter=None, info=None):
    """Read a model folder.

    Args:
        folder: such as data/models/vae.
        inverter: for a GAN, the folder of the inverter that encodes for it; None: the folder inverter beside the
            GAN's, where there is one of this very generator.
        info: what `store.read_info` gives for the folder; None: read here.

    Returns:
        `LoadedModel`.

    Raises:
        InputError: no model there, made by another version, or its weights do not fit its model.json; an inverter
            that is named, but is of another generator; a file that is not as it was written.
    """
    folder = Path(folder)
    info = info or read_info(folder)
    if info["model"] == Inverter.name:
        raise InputError(f"{folder}: the encoder of a GAN, which does not work alone; name the GAN's folder")
    if info["model"] not in MODELS:
        raise InputError(f"{folder / 'model.json'}: not a facepipe model: model: {info['model']!r}")
    model = _read(MODELS[info["model"]], info, folder)
    encoder = _read_inverter(folder, inverter) if info["model"] == GAN.name else None
    path = stored_file(folder, "sampler.npz", info)
    sampler = load_sampler(path) if path else Prior(model.latent_dim, getattr(model, "truncation", 1.0))
    if sampler.latent_dim != model.latent_dim:
        raise InputError(f"{path}: has {sampler.latent_dim} dimensions, model {model.name} has {model.latent_dim}")
    return LoadedModel(model, info, sampler, encoder)


def _read(kind, info, folder):
    """The networks that a model.json describes, with their weights.

    Raises:
        InputError: its spec lacks a key, these are not its networks, or the weights do not fit them.
    """
    spec = info["spec"]
    missing = [key for key in kind.required if key not in spec]
    if missing:
        raise InputError(f"{folder / 'model.json'}: not a facepipe model: spec has no {', '.join(missing)}")
    where = f"{folder / 'model.json'}: not a facepipe model"
    try:
        with keras.StatelessScope(initialize_variables=False):  # nothing takes memory yet
            plan = kind(spec)
    except (MemoryError, tf.errors.ResourceExhaustedError):
        raise InputError(f"{where}: spec: its networks take more memory than there is") from None
    finally:
        # or the next network to be built would make the plan's variables, too
        global_state.set_global_attribute("uninitialized_variables", [])
    if sorted(plan.networks) != sorted(info["networks"]):
        raise InputError(f"{where}: networks: {repr(info['networks'])[:100]}")
    paths = {}
    for name, network in plan.networks.items():
        paths[name], there = weights_file(folder, name, info)
        needed, path = sum(math.prod(weight.shape) for weight in network.weights), paths[name]
        if needed > there:
            raise InputError(f"{path}: weights cannot be read: {there} numbers, model.json describes {needed}")
        outputs = keras.tree.flatten([layer.output for layer in network.layers])
        if max(math.prod(output.shape[1:]) for output in outputs) > MAX_NUMBERS:
            raise InputError(f"{where}: spec: a layer would make more than {MAX_NUMBERS} numbers of an image")
    model = kind(spec)
    for name, network in model.networks.items():
        load_weights(paths[name], network)
    return model


def _read_inverter(gan, folder):
    """The `Inverter` in a folder (None: beside the GAN's); None where there is none of this generator."""
    path = Path(folder or gan.parent / Inverter.name)
    if folder is None and not (path / "model.json").exists():
        return None
    info = read_info(path)
    if info["model"] != Inverter.name or info.get("generator") != generator_digest(gan):
        if folder is None:  # of an earlier training: dvc repro will renew it
            return None
        raise InputError(f"{path}: not an inverter of the generator in {gan}; `dvc repro train_inverter` makes one")
    return _read(Inverter, info, path)
