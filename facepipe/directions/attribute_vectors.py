"""The stage attribute_vectors: directions of each model that encodes images, how good and how pure they are."""

from pathlib import Path

import numpy as np

from facepipe.core.determinism import one_blas_thread
from facepipe.core.files import write_csv
from facepipe.directions.fitting import fit_directions
from facepipe.directions.side_effects import cosines, fit_probes, side_effects
from facepipe.directions.table import write_directions
from facepipe.errors import FieldError, InputError, suggest
from facepipe.latents.folder import MODELS, check_exported, split_path
from facepipe.latents.standard import fit_standard
from facepipe.latents.table import read_latents
from facepipe.tables.cells import short


@one_blas_thread
def attribute_vectors(params, shards, latents, out, report, wanted=MODELS, models=None):
    """Directions and their tables.

    Writes `<out>/<model>.csv`, and into `report`: `auc/<model>.csv` (attribute, method, direction, auc, n_pos, n_neg,
    norm), `cosines/<model>-<method>.csv` (attribute, other, value) and `side_effects/<model>-<method>.csv`
    (attribute, other, effect, value; see `facepipe.directions.side_effects`, value is the relative one). Where
    directions are scaled by pixels, both `<model>.csv` have a column scale.

    Args:
        params: `facepipe.directions.config.AttributeVectors`.
        shards: folder of the shards, for the attributes, and for the images where directions are scaled by pixels.
        latents: folder of the exported latents.
        out: folder for the directions.
        report: folder for the tables.
        wanted: which models there are; those whose training images have exported latents get directions.
        models: folder of the model folders; needed only where directions are scaled by pixels.

    Returns:
        Metrics: per model the number of attributes with a direction and of those skipped, and of single directions
        skipped (the reasons are printed); the mean and the lowest held-out AUC by the first method, the mean AUC by
        each, and the median size of the relative side effects (left out where there is none).

    Raises:
        InputError: an attribute that the data set does not have, latents of other images, or none at all.
    """
    from facepipe.shards.shards import Shards

    shards, latents, out, report = Shards(shards), Path(latents), Path(out), Path(report)
    labels = {split: shards.attributes(split) for split in ("train", "valid", "test")}
    attributes = choose(params.attributes, list(labels["train"].columns))
    if not attributes:
        print("attribute_vectors: the data set has no attributes, so there are no directions")
    for name in wanted:
        check_exported(latents / name)
    names = [name for name in wanted if split_path(latents / name, "train").exists()]
    if not names and tuple(wanted) != ("gan",):  # which may have no encoder
        raise InputError(f"{latents}: no latents of training images; run `dvc repro export_latents`")
    out.mkdir(parents=True, exist_ok=True)
    for kind in ("auc", "cosines", "side_effects"):
        (report / kind).mkdir(parents=True, exist_ok=True)
    rescale = _in_pixels(shards, Path(models)) if params.scale == "pixels" and attributes else None
    return {name: _one_model(params, name, attributes, labels, latents / name, out, report, rescale) for name in names}


def _in_pixels(shards, models):
    """Function (model's name, its training latents, `Directions`) -> as from `PixelScale`."""
    from facepipe.directions.strength import PixelScale
    from facepipe.models.load import load_model

    scale = PixelScale(shards)
    return lambda model, z, directions: scale(load_model(models / model), z, directions)


def _one_model(params, model, names, labels, latents, out, report, rescale):
    z, y = {}, {}
    for split, frame in labels.items():
        z[split], y[split] = _labelled(latents, split, frame[names])
    standard = fit_standard(z["train"])
    held = [split for split in ("valid", "test") if len(z[split])]
    held_x = standard.standardise(np.concatenate([z["train"][:0], *(z[split] for split in held)]))
    held_y = np.concatenate([y["train"][:0], *(y[split] for split in held)])
    x = standard.standardise(z["train"])
    fitted = fit_directions(names, x, y["train"], held_x, held_y, params.min_examples, params.methods, standard)
    directions, problems = fitted
    for problem in problems:
        print(f"attribute_vectors: {model}: {problem}")
    if rescale:
        directions, notes = rescale(model, z["train"], directions)
        for note in notes:
            print(f"attribute_vectors: {model}: {note}")
    write_directions(out / f"{model}.csv", directions)
    attributes = set(directions.names)
    metrics = {
        "attributes": len(attributes),
        "attributes_skipped": len(names) - len(attributes),
        "directions_skipped": len(names) * len(params.methods) - len(directions.names),
    }
    if attributes:
        preferred = directions.preferred()
        metrics["attributes_mean_auc"] = float(preferred.auc.mean())
        metrics["attributes_lowest_auc"] = float(preferred.auc.min())
    _write_scores(report / "auc" / f"{model}.csv", directions)
    probes = fit_probes(held_x, held_y)
    for method in params.methods:
        chosen = directions.take([i for i, by in enumerate(directions.methods) if by == method])
        metrics |= _judge(chosen, method, standard.standardised_move(chosen.vectors), names, probes, report, model)
    return metrics


def _judge(directions, method, moves, names, probes, report, model):
    """Write the cosines and side effects of one method's directions; their part of the metrics."""
    own = [names.index(name) for name in directions.names]
    effects, relative = side_effects(moves, own, probes)
    _write_pairs(report / "cosines" / f"{model}-{method}.csv", directions.names, directions.names,
                 {"value": cosines(moves)})  # fmt: skip
    _write_pairs(report / "side_effects" / f"{model}-{method}.csv", directions.names, names,
                 {"effect": effects, "value": relative})  # fmt: skip
    metrics = {f"mean_auc_{method}": float(directions.auc.mean())} if own else {}
    others = np.isfinite(relative)
    others[np.arange(len(own)), np.asarray(own, int)] = False
    if others.any():
        metrics[f"median_side_effect_{method}"] = float(np.median(np.abs(relative[others])))
    return metrics


def choose(wanted, known):
    """The attributes in `wanted` (None: all), each once, a list; FieldError: one that is none of `known`."""
    if wanted is None:
        return known
    for name in wanted:
        if name not in known:
            hint = suggest(name, known) or ("; there are " + ", ".join(known) if known else "; the data set has none")
            raise FieldError("attributes", f"unknown attribute {short(name)}{hint}")
    return list(dict.fromkeys(wanted))


def _labelled(latents, split, frame):
    """Latents float32 (n, d) of a split and labels float (n, a) of the same images; (0, 0) where it is empty."""
    if not len(frame):
        return np.empty((0, 0), np.float32), frame.to_numpy(float)
    path = split_path(latents, split)
    table = read_latents(path)
    if table.ids != list(frame.index):
        raise InputError(f"{path}: its ids are not those of data/shards; run `dvc repro export_latents`")
    return table.z, frame.to_numpy(float)


def _write_scores(path, directions):
    rows = zip(
        directions.names, directions.methods, directions.auc, directions.n_pos, directions.n_neg, directions.norms,
        [[]] * len(directions.names) if directions.scale is None else [[f"{s:.6g}"] for s in directions.scale],
        strict=True,
    )  # fmt: skip
    scaled = [] if directions.scale is None else ["scale"]
    write_csv(path, ["attribute", "method", "direction", "auc", "n_pos", "n_neg", "norm", *scaled], [
        [name, method, f"{name}, {method}", f"{score:.6f}", n_pos, n_neg, f"{norm:.6g}", *scale]
        for name, method, score, n_pos, n_neg, norm, scale in rows
    ])  # fmt: skip


def _write_pairs(path, rows, columns, matrices):
    """A row per pair: attribute, other, and the cells of each matrix (n, m), empty where NaN."""
    cells = [
        [row, column, *("" if np.isnan(matrix[i, j]) else f"{matrix[i, j]:.4f}" for matrix in matrices.values())]
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
    ]
    write_csv(path, ["attribute", "other", *matrices], cells)
