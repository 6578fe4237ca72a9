"""The grids of render_reports: what each model can do, made of its own latents and of held-out images."""

import numpy as np

from facepipe.core.determinism import rng
from facepipe.core.pictures import enlarge, tile, to_uint8
from facepipe.draw.grids import labelled, shown_scale
from facepipe.errors import InputError
from facepipe.latents.paths import PATH_METHODS, interpolate, traversal
from facepipe.latents.vectors import z_columns
from facepipe.models.residual import residual_edit
from facepipe.shards.labels import random_labels, read_labels

LABEL_SIZE = 15  # pixels, since the page shows sheets smaller than they are
REACH, COMPONENT_STEPS = 3.0, 7  # along principal components: standard deviations to each side, faces in a row


def random_latents(model, sampler, shards, params):
    """(z, labels), float32 (rows x columns, d) and (rows x columns, k), these of random training images."""
    count = params.rows * params.columns
    return sampler.sample(count, params.seed), random_labels(shards, model.condition_on, count, params.seed)


def samples_grid(faces, params):
    """Faces, uint8 (n, H, W, C), as they come, `columns` in a row."""
    return tile(enlarge(faces, shown_scale(faces.shape[1:])), params.columns)


def reconstructions_grid(model, shards, params):
    """Test images, each above its reconstruction; rows / 2 such pairs of rows."""
    images, labels = test_images(model, shards, max(1, params.rows // 2) * params.columns, params.seed)
    decoded = decode(model, model.encode(images), labels)
    rows = []
    for start in range(0, len(images), params.columns):
        rows += [images[start : start + params.columns], decoded[start : start + params.columns]]
    return sheet(rows, ["original", "reconstruction"] * (len(rows) // 2))


def interpolations_grid(model, shards, params):
    """Rows of faces on the way from one latent to another.

    With an encoder the ends are test images, shown beside their reconstructions; without one they are drawn
    from the model's sampler. The labels of a conditioned model go the same way, unknown ones half-way between.
    """
    images = None
    if model.has_encoder:
        images, labels = test_images(model, shards, 2 * params.rows, params.seed)
        z = model.encode(images)
    else:
        z = model.sample_latents(2 * params.rows, params.seed)
        labels = random_labels(shards, model.condition_on, len(z), params.seed)
    labels = np.nan_to_num(labels, nan=0.5)
    steps = params.interpolation_steps
    pairs = range(0, len(z) - 1, 2)
    rows = []
    for i in pairs:
        path = interpolate(z[i], z[i + 1], steps, PATH_METHODS[model.name])
        rows.append(decode(model, path, interpolate(labels[i], labels[i + 1], steps, "lerp")))
    if images is None:
        return sheet(rows)
    rows = [np.concatenate([images[i : i + 1], row, images[i + 1 : i + 2]]) for i, row in zip(pairs, rows, strict=True)]
    return sheet(rows, column_labels=["original", *[""] * steps, "original"])


def components_grid(model, pca, params):
    """The mean face moved along the principal components of the largest variance, a row each; labels unknown."""
    mean, strengths = pca.mean.astype(np.float64), np.linspace(-REACH, REACH, COMPONENT_STEPS)
    rows, labels = [], np.full((COMPONENT_STEPS, len(model.condition_on)), np.nan)
    for axis, sd in zip(pca.components[: params.rows].astype(np.float64), pca.sd, strict=False):
        rows.append(decode(model, traversal(mean, axis, axis @ mean, sd, REACH, COMPONENT_STEPS), labels))
    texts = [f"{name}  sd {sd:.3g}" for name, sd in zip(z_columns(len(rows), "pc"), pca.sd, strict=False)]
    columns = [f"{strength:+.2g} sd" for strength in strengths]
    return sheet(rows, texts, columns)


def edits_grid(model, directions, attributes, shards, params):
    """Two rows an attribute, on a held-out face without it: original, and a picture for 0 and for each strength.

    First what the decoder makes of the latents, which for 0 is the reconstruction; then the residual edits, for 0 the
    original again.
    """
    strengths = [strength for strength in params.strengths if strength != 0]
    rows, texts = [], []
    for name in attributes:
        i = directions.names.index(name)
        image, labels = _face_without(model, shards, name, params.seed)
        z = model.encode(image)
        moved = [z + np.float32(strength) * directions.vectors[i] for strength in strengths]
        faces = model.decode(np.concatenate([z, *moved]), labels.repeat(1 + len(moved), axis=0))
        rows += [np.concatenate([image, to_uint8(each)]) for each in (faces, residual_edit(image, faces[:1], faces))]
        texts += [f"{name}  AUC {directions.auc[i]:.2f}", "on the photograph"]
    columns = ["original", "0", *[f"{strength:+g}" for strength in strengths]]
    return sheet(rows, texts, columns)


def _face_without(model, shards, attribute, seed):
    """A test image (a valid one where there is none) that lacks the attribute: see `_with_labels`."""
    for split in ("test", "valid"):
        rows = np.flatnonzero(shards.attributes(split)[attribute].to_numpy() == 0)
        if len(rows):
            return _with_labels(model, shards, split, rng(seed, "render", attribute).choice(rows, 1))
    raise InputError(f"no test or valid image is without {attribute}; run the attribute_vectors stage again")


def check_test_images(shards):
    """InputError where there are too few test images to show."""
    if (available := shards.count("test")) < 2:
        raise InputError(f"{shards.folder}: {available} test images, at least 2 are needed to show; use more data")


def test_images(model, shards, count, seed):
    """Up to `count` test images at random, the same for every model: see `_with_labels`."""
    check_test_images(shards)
    rows = rng(seed, "render", "test").permutation(shards.count("test"))[:count]
    return _with_labels(model, shards, "test", rows)


def _with_labels(model, shards, split, rows):
    """(images, labels): uint8 (n, H, W, C), and what the model is told of them, float32 (n, k)."""
    return shards.gather(split, rows), read_labels(shards, split, model.condition_on)[rows]


def sheet(rows, row_labels=None, column_labels=None):
    """Rows of uint8 (n, H, W, C) as `labelled` draws them, at the size of the page's grids."""
    return labelled(rows, row_labels, column_labels, shown_scale(rows[0].shape[1:]), font_size=LABEL_SIZE)


def decode(model, z, labels):
    """Latents as uint8 (n, H, W, C)."""
    return to_uint8(model.decode(z, labels))
