"""Faces and models as pictures in a notebook: arrays that show themselves, and a model's card."""

import base64
import math
from html import escape

import numpy as np

from facepipe.core.pictures import enlarge, png_bytes, to_uint8
from facepipe.draw.grids import contact_sheet, shown_scale

MOST_FACES = 100  # that an array shows
MOST_COLUMNS = 10
MOST_NAMES = 20  # of directions, on a card
CARD = "border-collapse:collapse;text-align:left"


class Faces(np.ndarray):
    """An array of faces that a notebook shows as a picture: (n, h, w, c), or one of them, (h, w, c).

    All else is NumPy's: what is computed of it is a plain array, and so is every part of it but whole faces, chosen
    along the first axis. `np.asarray` gives the plain array without a copy; pickled it is a plain one, too.
    """

    _shown = False  # views and copies that NumPy makes by itself, such as a transposed one, may be anything

    @classmethod
    def of(cls, images):
        """The same array, without a copy, as `Faces`; images: (n, h, w, 1 or 3), uint8 or float in [0, 1]."""
        faces = np.asarray(images).view(cls)
        faces._shown = True
        return faces

    def __getitem__(self, key):
        found = super().__getitem__(key)
        if not isinstance(found, Faces):
            return found
        if self._shown and found.shape[-3:] == self.shape[-3:] and _chooses_faces(key, self.ndim):
            found._shown = True
            return found
        return found.view(np.ndarray)

    def __array_wrap__(self, array, context=None, return_scalar=False):
        if array is self:  # faces *= 0.5
            return self
        return array[()] if return_scalar else np.asarray(array)

    def __reduce__(self):
        return np.asarray(self).__reduce__()

    def copy(self, order="C"):
        """As `numpy.ndarray.copy`; faces."""
        copied = super().copy(order)
        copied._shown = self._shown
        return copied

    def _repr_png_(self):
        """The PNG for a notebook: one face, or the first `MOST_FACES` with their rows; None: it is no picture."""
        pictures = self._shown and self.ndim in (3, 4) and (self.dtype == np.uint8 or self.dtype.kind == "f")
        if not pictures or not self.size or not np.isfinite(self).all():
            return None
        faces = np.asarray(self)[None] if self.ndim == 3 else np.asarray(self)
        count, faces = len(faces), faces[:MOST_FACES]
        faces = faces if faces.dtype == np.uint8 else to_uint8(faces)
        scale = shown_scale(faces.shape[1:])
        if self.ndim == 3:
            return png_bytes(enlarge(faces, scale)[0])
        rows = [str(row) for row in range(len(faces))]
        if count > len(faces):
            rows[-1] += f" of {count:,}"
        return png_bytes(contact_sheet(faces, rows, min(MOST_COLUMNS, math.ceil(math.sqrt(len(faces)))), scale))


def _chooses_faces(key, dimensions):
    """Whether an index of an array of so many dimensions gives whole faces of it."""
    keys = [each for each in (key if isinstance(key, tuple) else (key,)) if each is not Ellipsis]
    # of one face there is nothing to choose; an Ellipsis before the only index puts that at the end
    first = keys[:1] if dimensions == 4 and not (isinstance(key, tuple) and key[:1] == (Ellipsis,)) else []
    if not all(isinstance(each, slice) and each == slice(None) for each in keys[len(first) :]):
        return False
    return not first or isinstance(first[0], slice) or (first[0] is not None and np.ndim(first[0]) <= 1)


def card(model, png):
    """What a notebook shows of a `FaceModel`: HTML, every name escaped.

    Args:
        model: the `FaceModel`.
        png: bytes of a picture of random faces, or None.
    """
    height, width, channels = model.image_shape
    names = list(model.directions)
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    rows = {
        "latent_dim": model.latent_dim,
        "images": f"{height} x {width}, {'RGB' if channels == 3 else 'gray'}",
        "sampler": model.sampler + ("" if model.density is None else f"; density: {model.density.name}"),
        "encodes images": "yes" if model.has_encoder else "no",
        "condition_on": ", ".join(model.condition_on),
        "directions": ", ".join(names[:MOST_NAMES]) + more,
    }
    cells = "".join(f"<tr><th>{key}</th><td>{escape(str(value))}</td></tr>" for key, value in rows.items() if value)
    picture = ""
    if png is not None:
        data = base64.b64encode(png).decode("ascii")
        picture = f'<img alt="random faces" src="data:image/png;base64,{data}">'
    return f'<div><b>{escape(model.name)}</b><table style="{CARD}">{cells}</table>{picture}</div>'
