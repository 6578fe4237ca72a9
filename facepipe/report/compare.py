"""Side by side: the photograph, its reconstruction, and what became of it in an edited table."""

import numpy as np

from facepipe.data.grids import labelled, shown_scale
from facepipe.latents.exported import find_rows
from facepipe.report.faces import decode_faces

ROWS = 100  # shown at most


def known_faces(model, ids, shards, folder):
    """Photographs and reconstructions of the faces that are known by their ids.

    Args:
        model: as in `facepipe.report.decoded.decode_table`.
        ids: list of str.
        shards: `facepipe.data.shards.Shards`.
        folder: the model's exported latents.

    Returns:
        {id: (original, reconstruction)}, uint8 (H, W, C) each, of those of `ids` that are in both, in their order,
        `ROWS` at most. Empty where the model makes pictures of another shape than the shards'.
    """
    if tuple(model.image_shape) != tuple(shards.image_shape):
        return {}
    places, wanted = {}, set(ids)
    for split in shards.splits:
        places |= {name: (split, row) for row, name in enumerate(shards.ids(split)) if name in wanted}
    chosen = [name for name in ids if name in places][:ROWS]
    decoded = {}
    for path, table in find_rows(folder, chosen, model.latent_dim).items():
        decoded |= dict(zip(table.ids, decode_faces(model, table, path), strict=True))
    originals = {name: shards.gather(places[name][0], [places[name][1]])[0] for name in decoded}
    return {name: (originals[name], decoded[name]) for name in chosen if name in decoded}


def comparison(known, faces):
    """The sheet: a row for each face, original | reconstruction | edited.

    Args:
        known: {id: (original, reconstruction)} of `known_faces`, not empty.
        faces: {id: uint8 (H, W, C)}, the edited ones.

    Returns:
        uint8 (H', W', 3).
    """
    rows = [np.stack([*pair, faces[name]]) for name, pair in known.items()]
    return labelled(rows, list(known), ["original", "reconstruction", "edited"], shown_scale(rows[0].shape[1:]))
