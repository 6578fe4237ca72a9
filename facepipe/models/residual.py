"""Edits of a photograph that keep the rest of it: the change that a decoder shows, added to the photograph itself."""

import numpy as np

from facepipe.core.pictures import to_float


def residual_edit(images, before, after):
    """x + after - before, clipped to [0, 1]: what is added is called a residual image (Shen & Liu 2017).

    Args:
        images: x, the photographs, (n, h, w, c), uint8 or float in [0, 1].
        before, after: float (n, h, w, c) in [0, 1]: decoded from their latents, and from the edited ones.

    Returns:
        float32 (n, h, w, c) in [0, 1]; where nothing changes, x.
    """
    return np.clip(to_float(np.asarray(images)) + (after - before), 0.0, 1.0).astype(np.float32)


class OnPhotograph:
    """A model for the edits of one photograph: it decodes latents to that photograph with the change in it.

    Args:
        model: `models.load.LoadedModel`.
        image: (h, w, c), the photograph, uint8 or float in [0, 1].
        z: float (latent_dim,), its latent.
    """

    def __init__(self, model, image, z):
        self.name, self.latent_dim, self.condition_on = model.name, model.latent_dim, model.condition_on
        self._decode, self._image, self._before = model.decode, image[None], model.decode(z[None])

    def decode(self, z, labels=None):
        """As `LoadedModel.decode`, the pictures as `residual_edit` makes them."""
        return residual_edit(self._image, self._before, self._decode(z, labels))
