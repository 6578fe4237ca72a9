"""What lies around a model: where each thing is, read when it is asked for, and once."""

import atexit
import contextlib
import functools
import os
import tempfile
from pathlib import Path

import numpy as np

from facepipe.api.bundle import unpack_bundle
from facepipe.api.lookup import find_faces
from facepipe.api.photos import read_photos
from facepipe.core.files import temporary_folder
from facepipe.directions.table import read_directions
from facepipe.errors import InputError, suggest
from facepipe.latents.folder import density_path, pca_path, stats_path
from facepipe.latents.pca import load_pca
from facepipe.latents.statistics import read_statistics
from facepipe.networks.samplers import load_sampler
from facepipe.networks.store import read_info
from facepipe.quiet import import_tensorflow

_unpacked = contextlib.ExitStack()  # temporary folders, which are removed when the process ends
atexit.register(_unpacked.close)


class ModelFolder:
    """A model's folder such as data/models/vae, and what lies in data/latents/vae and data/directions/vae.csv.

    Args:
        folder: the model's.
        latents: folder of its exported latents; None: that beside.
        inverter: of a GAN, see `models.load.load_model`.

    Attributes:
        folder, latents: `Path`.
        name: "ae", "vae" or "gan".
        latent_dim: int.
        condition_on: tuple of str, the attributes whose labels it decodes with; () mostly.

    Raises:
        InputError: no model there, or one made by another version. What else lies around it is looked for, and may be
            missing, when it is asked for.
    """

    def __init__(self, folder, latents=None, inverter=None):
        self.folder = Path(folder)
        self._data = self.folder.absolute().parents[1]
        self._inverter = inverter
        self.latents = Path(latents or os.path.relpath(self._data / "latents" / self.folder.name))
        self.info = read_info(self.folder)
        spec = self.info["spec"]
        if "latent_dim" not in spec:
            raise InputError(f"{self.folder / 'model.json'}: not a facepipe model: spec has no latent_dim")
        self.name, self.latent_dim = self.info["model"], spec["latent_dim"]
        self.condition_on = tuple(spec.get("condition_on", ()))

    @classmethod
    def find(cls, name, models="data/models", latents=None):
        """A model given by name (in the folder `models`), by its folder, or by a bundle.

        A bundle is unpacked, for as long as this process lives.

        Raises:
            InputError: there is none; the nearest name is suggested.
        """
        for folder in (Path(models) / name, Path(name)):
            if (folder / "model.json").is_file():
                return cls(folder, latents)
        if Path(name).is_file():
            folder = _unpacked.enter_context(temporary_folder(tempfile.gettempdir(), "bundle"))
            return cls(unpack_bundle(name, folder), latents)
        found = sorted(path.parent.name for path in Path(models).glob("*/model.json"))
        none = f"{models} has none; train them with `dvc repro`, or get them from a remote with `dvc pull`"
        there = f"{models} has {', '.join(found)}" if found else none
        raise InputError(f"--model: no model {name!r}{suggest(name, found)}; {there}")

    @functools.cached_property
    def model(self):
        """The networks: `models.load.LoadedModel`; TensorFlow is imported here, not before."""
        import_tensorflow()
        from facepipe.models.load import load_model

        return load_model(self.folder, self._inverter, self.info)

    @property
    def inverter(self):
        """Where the inverter of a GAN is, if there is one; None for other models."""
        return self.folder.parent / "inverter" if self.name == "gan" else None

    @property
    def directions_path(self):
        """Where its directions are, if there are any."""
        return Path(os.path.relpath(self._data / "directions" / f"{self.folder.name}.csv"))

    @functools.cached_property
    def directions(self):
        """Its `Directions`; None where there are none."""
        return self.read_directions(self.directions_path) if self.directions_path.exists() else None

    def read_directions(self, path):
        """The `Directions` in any CSV, which must be of this model."""
        return read_directions(path, self.latent_dim, self.name)

    @functools.cached_property
    def components(self):
        """The `PCA` of its latents; InputError: missing, or another model's."""
        path = pca_path(self.latents)
        components = load_pca(path)
        if len(components.mean) != self.latent_dim:
            raise InputError(f"{path}: has {len(components.mean)} dimensions, model {self.name} has {self.latent_dim}")
        return components

    @functools.cached_property
    def statistics(self):
        """DataFrame, a row per dimension, see `latents.export.describe`; InputError: missing or something else."""
        return read_statistics(stats_path(self.latents))

    @functools.cached_property
    def density(self):
        """The sampler that was fitted to its training latents; InputError: missing or something else."""
        path = density_path(self.latents)
        density = load_sampler(path)
        if density.latent_dim != self.latent_dim:
            raise InputError(f"{path}: has {density.latent_dim} dimensions, model {self.name} has {self.latent_dim}")
        return density

    def has(self, path_of):
        """Whether it has what `latents.folder`'s `pca_path`, `stats_path` or `density_path` says the place of."""
        return path_of(self.latents).exists()

    def find_faces(self, ids, table=None):
        """The faces of these ids with their labels, from a table of the user's first: see `lookup.find_faces`."""
        return find_faces(ids, self.latents, table, self.latent_dim, self.name, self.condition_on)

    def decoded(self, table, path="latents"):
        """uint8 (n, H, W, C): the faces of a table of `Latents`, see `report.decoded.decode_faces`."""
        from facepipe.report.decoded import decode_faces

        return np.stack(list(decode_faces(self.model, table, path)))

    def read_photos(self, paths, crop=None):
        """Photographs framed for it: (ids, uint8 images), see `photos.read_photos`."""
        return read_photos(paths, self.info.get("framing"), crop)
