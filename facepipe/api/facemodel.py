"""The Python API: a trained model with all that belongs to it, numpy in and out, without pipeline and params.yaml."""

import functools
import tempfile
from pathlib import Path

from facepipe.api.bundle import unpack_bundle
from facepipe.api.model_folder import ModelFolder
from facepipe.api.notebook import Faces, card
from facepipe.api.photos import read_photos
from facepipe.core.files import temporary_folder
from facepipe.errors import InputError
from facepipe.latents.folder import density_path, pca_path, stats_path
from facepipe.models.steps import TUNING

SAMPLERS = ("model", "density")
CARD_FACES = 8  # random ones, that a notebook shows of a model


class FaceModel:
    """A model for use from Python; `facepipe.load` makes it.

    A notebook shows it as a card with some random faces, and the images that it gives, `notebook.Faces`, as pictures.

    Attributes:
        name: "ae", "vae" or "gan".
        latent_dim: int, d.
        image_shape: (h, w, c).
        condition_on: tuple of str, the k attributes whose labels `decode` takes; () mostly.
        has_encoder: bool, False for a GAN without an inverter.
        sampler: str, what its own random latents come from, such as "prior".
        info: dict, the content of model.json.
        directions: {attribute: float32 (d,)}, added once to a latent it gives a face the attribute; {} where unknown.
        stats: `pandas.DataFrame`, a row per dimension, as the export_latents stage writes it; None where unknown.
        pca: `facepipe.latents.pca.PCA` of the training latents; None where unknown.
        density: sampler fitted to the training latents; None where unknown.
    """

    def __init__(self, model, directions, stats=None, pca=None, density=None):
        self._model = model
        self.name, self.latent_dim, self.image_shape = model.name, model.latent_dim, model.image_shape
        self.condition_on, self.has_encoder, self.info = model.condition_on, model.has_encoder, model.info
        self.sampler = model.sampler.name
        self.directions, self.stats, self.pca, self.density = directions, stats, pca, density

    def encode(self, images, steps=None):
        """Images (n, h, w, c), uint8 or float in [0, 1] -> latents float32 (n, d); see `LoadedModel.encode_photos`.

        Args:
            images: the array; a row's result depends on that row alone.
            steps: int, of gradient descent on the latents after the encoder: nearer to the images. 0: none, as in the
                exported tables; None: 20 for a GAN, none for the others.

        Raises:
            ValueError: another image shape. InputError: the model has no encoder.
        """
        return self._model.encode_photos(images, steps)

    def tuned(self, image, z=None, steps=TUNING, seed=0):
        """A `FaceModel` whose decoder is tuned to one photograph (pivotal tuning); this one stays as it is.

        Args:
            image: (h, w, c), uint8 or float in [0, 1].
            z: float (d,), its latent; None: what `encode` finds.
            steps: int, of training the decoder's weights.
            seed: int, see `LoadedModel.tuned`.

        Raises:
            ValueError: another image shape or latent_dim. InputError: no z, and the model has no encoder.
        """
        z = self.encode(image[None])[0] if z is None else z
        model = self._model.tuned(image, z, steps, seed)
        return FaceModel(model, self.directions, self.stats, self.pca, self.density)

    def decode(self, z, labels=None):
        """Latents (n, d) -> `Faces` float32 (n, h, w, c) in [0, 1]; labels (n, k) as in `LoadedModel.decode`.

        Raises:
            ValueError: another latent_dim, or labels that do not fit.
        """
        return Faces.of(self._model.decode(z, labels))

    def edit_photos(self, images, z, edited, labels=None, edited_labels=None):
        """Photographs with the change from `decode(z)` to `decode(edited)` in them, all else as it is.

        Args:
            images: (n, h, w, c), uint8 or float in [0, 1].
            z: float (n, d), their latents, as `encode` finds them.
            edited: float (n, d), such as z + model.directions["Smiling"].
            labels, edited_labels: as in `decode`.

        Returns:
            `Faces` float32 (n, h, w, c) in [0, 1], see `models.residual.residual_edit`.

        Raises:
            ValueError: as `decode`; not as many latents as images, or images of another shape.
        """
        return Faces.of(self._model.edit_photos(images, z, edited, labels, edited_labels))

    def sample_latents(self, count, seed=0, sampler="model"):
        """Random latents float32 (count, d), equal for equal arguments.

        Args:
            count: int.
            seed: int.
            sampler: "model": its own, for a VAE or GAN its prior; "density": the one fitted to the training latents.

        Raises:
            InputError: another sampler, or no density with this model.
        """
        if sampler not in SAMPLERS:
            raise InputError(f"sampler: {sampler!r}: should be {' or '.join(SAMPLERS)}")
        if sampler == "model":
            return self._model.sample_latents(count, seed)
        if self.density is None:
            raise InputError(
                f"model {self.name}: no density of its latents beside it; `dvc repro export_latents` makes one"
            )
        return self.density.sample(count, seed)

    def sample(self, count, seed=0, sampler="model", labels=None):
        """Random `Faces`, float32 (count, h, w, c) in [0, 1]: `decode` of `sample_latents`."""
        return self.decode(self.sample_latents(count, seed, sampler), labels)

    def read_photos(self, paths, crop=None):
        """Photographs as images for `encode`, framed as the training images were: see `api.photos.read_photos`.

        Args:
            paths: list of files and folders.
            crop: "align", "training", "center", "none" or a box as fractions; None: what fits the training images.

        Returns:
            (ids, images): list of n str, `Faces` uint8 (n, h, w, c).

        Raises:
            InputError: photos that cannot be used, by name, and why; those of a folder are left out, and said to be.
        """
        ids, images = read_photos(paths, self.info.get("framing"), crop)
        return ids, Faces.of(images)

    @functools.cached_property
    def _some_faces(self):
        """PNG of random faces, made when a notebook first shows the model; None: they cannot be shown."""
        return self.sample(CARD_FACES)._repr_png_()

    def __repr__(self):
        return f"<FaceModel {self.name}: latent_dim {self.latent_dim}, image_shape {self.image_shape}>"

    def _repr_png_(self):
        return self._some_faces

    def _repr_html_(self):
        return card(self, self._some_faces)


def load(path, inverter=None):
    """Read a model.

    Args:
        path: a bundle made by `facepipe export --format bundle`, or a model's folder such as data/models/vae; what
            lies beside its parent in latents/vae and directions/vae.csv is read, too.
        inverter: for the folder of a GAN, that of its inverter; None: the folder inverter beside it, if it fits.

    Returns:
        `FaceModel`.

    Raises:
        InputError: no model there, or one that is damaged or made by another version.
    """
    path = Path(path)
    if path.is_dir():
        return _load(path, inverter)
    with temporary_folder(tempfile.gettempdir(), "bundle") as folder:
        return _load(unpack_bundle(path, folder), inverter)


def _load(folder, inverter):
    found = ModelFolder(folder, inverter=inverter)
    model, directions = found.model, {}
    if found.directions is not None:
        for name, vector in zip(found.directions.names, found.directions.vectors, strict=True):
            directions.setdefault(name, vector)  # of several methods the first in the file is the one meant
    return FaceModel(
        model,
        directions,
        found.statistics if found.has(stats_path) else None,
        found.components if found.has(pca_path) else None,
        found.density if found.has(density_path) else None,
    )
