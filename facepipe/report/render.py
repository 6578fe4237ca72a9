"""The stage render_reports: the final grids, the decoded edits and the page."""

import re
import sys
from pathlib import Path

from facepipe.core.determinism import one_blas_thread
from facepipe.core.files import atomic_folder, read_json
from facepipe.core.pictures import save_png
from facepipe.directions.table import read_directions
from facepipe.errors import FieldError, InputError, suggest
from facepipe.latents.edited import read_edited
from facepipe.latents.folder import MODELS, check_exported, density_path, pca_path, split_path
from facepipe.latents.pca import load_pca
from facepipe.networks.samplers import load_sampler
from facepipe.report.closest import nearest_grids, worst_grid
from facepipe.report.combinations import conditions_grid
from facepipe.report.decoded import decode_table, known_faces
from facepipe.report.explorer.links import face_links
from facepipe.report.grids import (
    components_grid,
    decode,
    edits_grid,
    interpolations_grid,
    random_latents,
    reconstructions_grid,
    samples_grid,
)
from facepipe.report.page.page import write_page
from facepipe.report.page.reading import existing
from facepipe.report.progress import save_progress
from facepipe.shards.labels import label_codes
from facepipe.shards.shards import Shards

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")  # of the user's tables


@one_blas_thread
def render_reports(
    params, models, latents, directions, edits, shards, report, load=None, wanted=MODELS, changed=None,
    explorer=None,
):  # fmt: skip
    """Make every picture that shows what the models can do, and reports/index.html.

    Args:
        params: `facepipe.report.config.RenderReports`.
        models: folder of the model folders ae, vae, gan and inverter.
        latents: folder of the exported latents, for <model>/density.npz, pca.npz, <model>.stats.csv and the faces to
            compare.
        directions: folder of <model>.csv.
        edits: folder of the user's latents, see `read_edits`.
        shards: folder of the shards; test images are shown.
        report: the reports folder. Made or replaced: render_reports/grids/*.png, render_reports/training/*.webp,
            edits/<csv stem>/*.png and index.html; read: preprocess/, train_*/, attribute_vectors/ and evaluate/.
        load: function folder -> model, default `facepipe.models.load.load_model`.
        wanted: which of `MODELS` there are, one or more in any order; the others' files are neither read nor shown.
        changed: `facepipe.report.settings.Changed`, for the page to say; None: not.
        explorer: str, the file name of the explorer's page, to which the page and its random faces lead; None: to none.

    One line says which of the user's tables were decoded, and which other files lie beside them.

    Returns:
        dict: grids (how many), edits ({csv stem: faces}).

    Raises:
        InputError: a bad file among the edits or an unknown attribute, found before anything is written; a
            model, density or report of an earlier stage that is missing or broken.
    """
    wanted = tuple(name for name in MODELS if name in wanted)
    shards, report = Shards(shards), Path(report)
    for name in wanted:
        check_exported(Path(latents) / name, Path(models) / name, report / f"train_{name}")
    tables, latents = read_edits(edits, latents, wanted), Path(latents)
    paths = {name: Path(directions) / f"{name}.csv" for name in wanted}
    # a GAN without an inverter has none
    found = {
        name: read_directions(existing(path, "attribute_vectors")).preferred()
        for name, path in paths.items()
        if path.exists() or split_path(latents / name, "train").exists()
    }
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
    print(f"render_reports: {edits}: {_listed(edits, tables, faces)}")
    drawn = {name: random_latents(model, model.sampler, shards, params) for name, model in loaded.items()}
    random = {name: decode(model, *drawn[name]) for name, model in loaded.items()}
    links = {f"samples_{name}": (name, *rows) for name, rows in drawn.items()}
    with atomic_folder(report / "render_reports" / "grids") as folder:
        for name, picture in nearest_grids(random, shards, params).items():
            save_png(folder / f"nearest_{name}.png", picture)
        for name, model in loaded.items():
            save_png(folder / f"samples_{name}.png", samples_grid(random[name], params))
            save_png(folder / f"interpolations_{name}.png", interpolations_grid(model, shards, params))
            if model.condition_on:
                save_png(folder / f"conditions_{name}.png", conditions_grid(model, shards, params))
            if not model.has_encoder:
                continue
            density = load_sampler(density_path(latents / name))
            links[f"samples_{name}_density"] = (name, *random_latents(model, density, shards, params))
            faces_of_density = decode(model, *links[f"samples_{name}_density"][1:])
            save_png(folder / f"samples_{name}_density.png", samples_grid(faces_of_density, params))
            save_png(folder / f"reconstructions_{name}.png", reconstructions_grid(model, shards, params))
            save_png(folder / f"worst_{name}.png", worst_grid(model, shards, params))
            pca = load_pca(pca_path(latents / name))
            save_png(folder / f"components_{name}.png", components_grid(model, pca, params))
            if attributes and name in found:
                save_png(folder / f"edits_{name}.png", edits_grid(model, found[name], attributes, shards, params))
        count = len(list(folder.iterdir()))
    encoders = {name for name, model in loaded.items() if model.has_encoder}
    trained = [*wanted, *(["inverter"] if "gan" in encoders and (report / "train_inverter").exists() else [])]
    with atomic_folder(report / "render_reports" / "training") as folder:
        for name in trained:
            save_progress(report / f"train_{name}" / "grids", folder / f"train_{name}.webp")
    records = {name: read_json(Path(models) / name / "model.json")["training"] for name in trained}
    leading = explorer and {
        sheet: face_links(explorer, name, z, label_codes(labels)) for sheet, (name, z, labels) in links.items()
    }
    write_page(report, shards, latents, faces, encoders, records, wanted, changed, explorer, leading)
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


def _listed(folder, tables, faces):
    """The tables with their numbers of faces, and the files that are none, in words."""
    counts = [(path.name, faces[path.stem]) for path in tables]
    done = ", ".join(f"{name} ({count} face{'s' * (count != 1)})" for name, count in counts) or "no tables"
    names = sorted(path.name for path in Path(folder).glob("[!.]*") if path not in tables and path.name != "README.md")
    return f"{done}; left alone, not of {', '.join(SUFFIXES)}: {', '.join(names)}" if names else done


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
