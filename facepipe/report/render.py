"""The stage render_reports: the final grids, the decoded edits and the page."""

import re
import sys
from pathlib import Path

import numpy as np

from facepipe.core.determinism import rng
from facepipe.core.files import atomic_folder
from facepipe.core.pictures import enlarge, save_png, tile, to_uint8
from facepipe.directions.table import read_directions
from facepipe.draw.grids import labelled, shown_scale
from facepipe.errors import FieldError, InputError, suggest
from facepipe.latents.edited import read_edited
from facepipe.latents.folder import MODELS, density_path, pca_path
from facepipe.latents.paths import PATH_METHODS, interpolate, traversal
from facepipe.latents.pca import load_pca
from facepipe.latents.vectors import z_columns
from facepipe.models.residual import residual_edit
from facepipe.networks.samplers import load_sampler
from facepipe.report.combinations import conditions_grid
from facepipe.report.decoded import decode_table, known_faces
from facepipe.report.page.page import write_page
from facepipe.shards.labels import random_labels, read_labels
from facepipe.shards.shards import Shards

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")  # of the user's tables
REACH, COMPONENT_STEPS = 3.0, 7  # along principal components: standard deviations to each side, faces in a row


def render_reports(params, models, latents, directions, edits, shards, report, load=None, wanted=MODELS):
    """Make every picture that shows what the models can do, and reports/index.html.

    Args:
        params: `facepipe.report.config.RenderReports`.
        models: folder of the model folders ae, vae and gan.
        latents: folder of the exported latents, for <model>/density.npz, pca.npz, <model>.stats.csv and the faces to
            compare.
        directions: folder of <model>.csv.
        edits: folder of the user's latents, see `read_edits`.
        shards: folder of the shards; test images are shown.
        report: the reports folder. Made or replaced: render_reports/grids/*.png, edits/<csv stem>/*.png and
            index.html; read: preprocess/, train_*/ and evaluate/.
        load: function folder -> model, default `facepipe.models.load.load_model`.
        wanted: which of `MODELS` there are, one or more in any order; the others' files are neither read nor shown.

    Returns:
        dict: grids (how many), edits ({csv stem: faces}).

    Raises:
        InputError: a bad file among the edits or an unknown attribute, found before anything is written; a
            model, density or report of an earlier stage that is missing or broken.
    """
    wanted = tuple(name for name in MODELS if name in wanted)
    shards, report = Shards(shards), Path(report)
    tables, latents = read_edits(edits, latents, wanted), Path(latents)
    paths = {name: Path(directions) / f"{name}.csv" for name in wanted}
    found = {name: read_directions(path).preferred() for name, path in paths.items() if path.exists()}
    attributes = choose_attributes(params, found)
    if load is None:
        from facepipe.models.load import load_model as load
    loaded = {name: load(Path(models) / name) for name in wanted}

    faces = {}
    with atomic_folder(report / "edits") as folder:
        for path, (name, table) in tables.items():
            model = loaded[name]
            known = known_faces(model, table.ids, shards, latents / name)
            faces[path.stem] = len(decode_table(model, table, folder / path.stem, path=path, known=known).names)
    with atomic_folder(report / "render_reports" / "grids") as folder:
        for name, model in loaded.items():
            save_png(folder / f"samples_{name}.png", samples_grid(model, model.sampler, shards, params))
            save_png(folder / f"interpolations_{name}.png", interpolations_grid(model, shards, params))
            if model.condition_on:
                save_png(folder / f"conditions_{name}.png", conditions_grid(model, shards, params))
            if not model.has_encoder:
                continue
            density = load_sampler(density_path(latents / name))
            save_png(folder / f"samples_{name}_density.png", samples_grid(model, density, shards, params))
            save_png(folder / f"reconstructions_{name}.png", reconstructions_grid(model, shards, params))
            pca = load_pca(pca_path(latents / name))
            save_png(folder / f"components_{name}.png", components_grid(model, pca, params))
            if attributes and name in found:
                save_png(folder / f"edits_{name}.png", edits_grid(model, found[name], attributes, shards, params))
        count = len(list(folder.iterdir()))
    encoders = {name for name, model in loaded.items() if model.has_encoder}
    write_page(report, shards, latents, faces, encoders, wanted)
    return {"grids": count, "edits": faces}


def read_edits(folder, latents, wanted=MODELS):
    """The user's tables: {path: (model name, Latents)} in order of name.

    Args:
        folder: with tables whose names begin with their model's (vae-smile.csv), of the `SUFFIXES`; other files are
            left alone.
        latents: folder of the exported latents.
        wanted: which of `MODELS` there are.

    Values far outside the training range are printed as warnings.

    Raises:
        InputError: a file that is not named after a model, or after one that is not wanted, or is not a table of
            latents; two files of one name but for upper and lower case.
    """
    tables, stems = {}, {}
    for path in sorted(Path(folder).glob("*")):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        match = re.match(rf"({'|'.join(MODELS)})(?![a-z])", path.stem, re.IGNORECASE)
        if not match:
            *others, last = wanted
            models = f"{', '.join(others)} or {last}" if others else last
            raise InputError(f"{path}: begin the name with that of its model, such as {wanted[0]}-smile.csv ({models})")
        name = match.group(1).lower()
        if name not in wanted:
            raise InputError(f"{path}: {name} is not among the models of params.yaml; add it there or move this file")
        if path.stem.casefold() in stems:
            raise InputError(f"{path}: decodes to the same folder as {stems[path.stem.casefold()]}; rename one")
        stems[path.stem.casefold()] = path
        table, warnings = read_edited(path, Path(latents) / name, model_name=name)
        for line in warnings:
            print("render_reports: warning:", line, file=sys.stderr)
        tables[path] = name, table
    return tables


def choose_attributes(params, directions):
    """The attributes to show, those of all models: the ones asked for, or `params.rows` with the highest mean AUC.

    Args:
        params: `facepipe.report.config.RenderReports`.
        directions: {model: Directions}, one for each attribute.
    """
    shared = set.intersection(*(set(found.names) for found in directions.values())) if directions else set()
    means = {
        name: sum(found.auc[found.names.index(name)] for found in directions.values()) / len(directions)
        for name in sorted(shared)
    }
    if params.attributes is None:
        return sorted(means, key=lambda name: (-means[name], name))[: params.rows]
    for name in params.attributes:
        if name not in means:
            hint = suggest(name, means) or f"; there are {', '.join(means) or 'none'}"
            raise FieldError("attributes", f"no direction for {name!r}{hint}")
    return list(dict.fromkeys(params.attributes))


def samples_grid(model, sampler, shards, params):
    """Decoded random latents, rows x columns, with the labels of random training images."""
    count = params.rows * params.columns
    labels = random_labels(shards, model.condition_on, count, params.seed)
    images = _decode(model, sampler.sample(count, params.seed), labels)
    return tile(enlarge(images, shown_scale(shards.image_shape)), params.columns)


def reconstructions_grid(model, shards, params):
    """Test images, each above its reconstruction; rows / 2 such pairs of rows."""
    images, labels = _test_images(model, shards, max(1, params.rows // 2) * params.columns, params.seed)
    decoded = _decode(model, model.encode(images), labels)
    rows = []
    for start in range(0, len(images), params.columns):
        rows += [images[start : start + params.columns], decoded[start : start + params.columns]]
    return labelled(rows, ["original", "reconstruction"] * (len(rows) // 2), scale=shown_scale(shards.image_shape))


def interpolations_grid(model, shards, params):
    """Rows of faces on the way from one latent to another.

    With an encoder the ends are test images, shown beside their reconstructions; without one they are drawn
    from the model's sampler. The labels of a conditioned model go the same way, unknown ones half-way between.
    """
    images = None
    if model.has_encoder:
        images, labels = _test_images(model, shards, 2 * params.rows, params.seed)
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
        rows.append(_decode(model, path, interpolate(labels[i], labels[i + 1], steps, "lerp")))
    if images is None:
        return labelled(rows, scale=shown_scale(shards.image_shape))
    rows = [np.concatenate([images[i : i + 1], row, images[i + 1 : i + 2]]) for i, row in zip(pairs, rows, strict=True)]
    return labelled(rows, column_labels=["original", *[""] * steps, "original"], scale=shown_scale(shards.image_shape))


def components_grid(model, pca, params):
    """The mean face moved along the principal components of the largest variance, a row each; labels unknown."""
    mean, strengths = pca.mean.astype(np.float64), np.linspace(-REACH, REACH, COMPONENT_STEPS)
    rows, labels = [], np.full((COMPONENT_STEPS, len(model.condition_on)), np.nan)
    for axis, sd in zip(pca.components[: params.rows].astype(np.float64), pca.sd, strict=False):
        rows.append(_decode(model, traversal(mean, axis, axis @ mean, sd, REACH, COMPONENT_STEPS), labels))
    texts = [f"{name}  sd {sd:.3g}" for name, sd in zip(z_columns(len(rows), "pc"), pca.sd, strict=False)]
    columns = [f"{strength:+.2g} sd" for strength in strengths]
    return labelled(rows, texts, columns, scale=shown_scale(model.image_shape))


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
    return labelled(rows, texts, columns, scale=shown_scale(shards.image_shape))


def _face_without(model, shards, attribute, seed):
    """A test image (a valid one where there is none) that lacks the attribute: see `_with_labels`."""
    for split in ("test", "valid"):
        rows = np.flatnonzero(shards.attributes(split)[attribute].to_numpy() == 0)
        if len(rows):
            return _with_labels(model, shards, split, rng(seed, "render", attribute).choice(rows, 1))
    raise InputError(f"no test or valid image is without {attribute}; run the attribute_vectors stage again")


def _test_images(model, shards, count, seed):
    """Up to `count` test images at random, the same for every model: see `_with_labels`."""
    available = shards.count("test")
    rows = rng(seed, "render", "test").permutation(available)[:count]
    if len(rows) < 2:
        raise InputError(f"{shards.folder}: {available} test images, at least 2 are needed to show; use more data")
    return _with_labels(model, shards, "test", rows)


def _with_labels(model, shards, split, rows):
    """(images, labels): uint8 (n, H, W, C), and what the model is told of them, float32 (n, k)."""
    return shards.gather(split, rows), read_labels(shards, split, model.condition_on)[rows]


def _decode(model, z, labels):
    return to_uint8(model.decode(z, labels))
