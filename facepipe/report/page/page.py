"""reports/index.html: everything a run made, in one file that opens without a network."""

from typing import NamedTuple

from facepipe.core.files import atomic_file, read_json
from facepipe.latents.folder import pca_path, split_path, stats_path
from facepipe.report.decoded import COMPARE, GRID
from facepipe.report.page.components_section import components_section
from facepipe.report.page.data_section import data_section
from facepipe.report.page.directions_section import directions_section
from facepipe.report.page.latent_section import latent_section
from facepipe.report.page.model_section import model_section
from facepipe.report.page.reading import Table, fixed, read_picture, read_scores, read_table
from facepipe.report.page.templates import render

TITLES = {"ae": "Autoencoder", "vae": "Variational autoencoder", "gan": "GAN"}
# columns of samples.csv and of edits.csv
SHARES = ("precision", "recall", "density", "coverage", "sharpness", "memorised", "face_rate")
EDITED = ("success", "before", "others_moved", "judge_accuracy", "identity_distance", "same_person")
# what metrics/interpolation.py says of interpolations
SMOOTH = ("straightness", "evenness")
INVERTER = "Inverter of the GAN"
ALONE = {"ae": "an autoencoder", "vae": "a variational autoencoder", "gan": "a GAN"}


class Scores(NamedTuple):
    """What the models score, in a table, and how that was judged."""

    table: Table
    extractor: str
    samples: int
    reconstructed: bool  # whether any model was judged by its reconstructions
    interpolated: bool  # and by its interpolations


def write_page(report, shards, latents, edits, encoders, models=tuple(TITLES)):
    """Write <report>/index.html.

    Args:
        report: Path of the reports folder, with what the other stages put there.
        shards: `facepipe.shards.shards.Shards`.
        latents: Path of the folder of the exported latents, for what each dimension does.
        edits: {name: faces} of the folders in <report>/edits.
        encoders: which of the models encode images; a GAN that does has an inverter, whose training is shown.
        models: which of `TITLES` there are, in that order; the others are not mentioned.

    Raises:
        InputError: a report of an earlier stage is missing or broken.
    """
    metrics = read_scores(report / "evaluate" / "scores.csv", ["real", *models])
    sections, grids = [], report / "render_reports" / "grids"
    for name in models:
        own = latent_section(stats_path(latents / name), has_encoder=name in encoders)
        # samples of the prior vary alike in every direction: their components are chance
        grid = grids / f"components_{name}.png"
        components = components_section(pca_path(latents / name), grid) if name in encoders else None
        sections.append(model_section(name, TITLES[name], report, metrics[name], own, components))
    if "gan" in encoders and (report / "train_inverter").exists():
        sections.append(model_section("inverter", INVERTER, report, {}))
    editable = {name: TITLES[name] for name in models if name in encoders}
    page = render(
        "page.html",
        title=_title(models),
        several=len(models) > 1,
        shards=shards,
        scores=_scores(metrics, models),
        samplers=_samplers(report / "evaluate" / "samples.csv", models),
        edited=_edited(report / "evaluate" / "edits.csv", models),
        data=data_section(report / "preprocess"),
        sections=sections,
        directions=directions_section(report / "attribute_vectors", grids, editable) if editable else None,
        edits=_edits(report / "edits", edits),
        example=_example(latents, models[0], models[0] in encoders),
        credits=_credits(shards),
    )
    with atomic_file(report / "index.html") as file:
        file.write(page)


def _title(models):
    if len(models) == 1:
        return f"Faces: {ALONE[models[0]]}"
    return f"Faces: {'three' if len(models) == 3 else 'two'} models of one data set"


def _scores(metrics, models):
    """A row per model, and what real images score."""
    tag = next(key.removeprefix("precision_") for key in metrics["real"] if key.startswith("precision_"))
    # with a suffix where the subsets are smaller than asked for
    kid = next(key.removeprefix("kid_x1000_sd_") for key in metrics["real"] if key.startswith("kid_x1000_sd_"))
    extractor, samples = tag.rsplit("_n", 1)
    rows = []
    for name in (*models, "real"):
        s = metrics[name]
        pca = _named(s, "test_mse_pca")
        rows.append(
            [
                TITLES.get(name, "Training images"),
                fixed(s.get("test_mse"), 5),
                f"{s[pca]:.5f} ({pca.removeprefix('test_mse_pca')})" if pca else "",
                fixed(s.get("test_psnr_db"), 2),
                fixed(s.get("test_ssim"), 3),
                f"{s[f'kid_x1000_{kid}']:.2f} ± {s[f'kid_x1000_sd_{kid}']:.2f}",
                fixed(s.get(f"kid_x1000_density_{kid}"), 2),
                fixed(s[f"precision_{tag}"], 3),
                fixed(s[f"recall_{tag}"], 3),
                fixed(s.get(f"face_score_{tag}"), 3),
                *(fixed(s.get(_named(s, f"interpolation_{each}")), 3) for each in SMOOTH),
            ]
        )
    header = ["", "test MSE", "PCA MSE (size)", "PSNR, dB", "SSIM", "KID x 1000", "KID, density"]
    table = Table([*header, "precision", "recall", "face score", *SMOOTH], rows).without_empty()
    reconstructed = any("test_mse" in metrics[name] for name in models)
    return Scores(table, extractor, int(samples), reconstructed, SMOOTH[0] in table.header)


def _named(scores, prefix):
    """The name, with its count, of the metric that begins so; None: there is none."""
    return next((key for key in scores if key.startswith(prefix)), None)


def _samplers(path, models):
    """A row for what each model's latents are drawn from."""
    rows = []
    for row in read_table(path, "evaluate"):
        if row["model"] not in (*models, "real"):
            continue
        kid, deviation = (f"{1000 * float(row[column]):.2f}" for column in ("kid_mean", "kid_sd"))
        shares = [f"{float(row[name]):.3f}" if row[name] else "" for name in SHARES]
        title = TITLES.get(row["model"], "Training images")
        rows.append([title, row["sampler"], f"{kid} ± {deviation}", *shares])
    header = ["", "latents from", "KID x 1000", *(name.replace("_", " ") for name in SHARES)]
    return Table(header, rows).without_empty()


def _edited(path, models):
    """A row for each model and attribute, None where edits were not judged."""
    rows = [
        [TITLES[row["model"]], row["attribute"].replace("_", " "), row["shown"], row["n"]]
        + [f"{float(row[name]):.2f}" if row[name] else "" for name in EDITED]
        for row in read_table(path, "evaluate")
        if row["model"] in models
    ]
    header = ["", "added", "shown", "photographs", *(name.replace("_", " ") for name in EDITED)]
    return Table(header, rows).without_empty() if rows else None


def _edits(folder, edits):
    pictures = []
    for name, faces in sorted(edits.items()):
        pictures.append(read_picture(folder / name / GRID, f"{name}: {faces} {'face' if faces == 1 else 'faces'}"))
        if (folder / name / COMPARE).exists():
            pictures.append(read_picture(folder / name / COMPARE, f"{name}: what became of the photographs"))
    return pictures


def _example(latents, model, has_encoder):
    """Where to copy latents from, and where to."""
    path = split_path(latents / model, "test" if has_encoder else "sample")
    return f"data/latents/{model}/{path.name}", f"data/edits/{model}{path.suffix}"


def _credits(shards):
    source = read_json(shards.folder / "index.json")
    return [str(source[key]) for key in ("licence", "citation") if source.get(key)]
