"""reports/index.html: everything a run made, in one file that opens without a network."""

import csv

from facepipe.core.files import atomic_file, read_json
from facepipe.draw.charts import bars, chart, number, read_history
from facepipe.draw.html import charts, details, document, heading, paragraph, picture, row, table, without_empty
from facepipe.errors import InputError
from facepipe.latents.folder import stats_path
from facepipe.report.decoded import COMPARE, GRID
from facepipe.report.page.data_section import data_section, read_table
from facepipe.report.page.directions_section import directions_section
from facepipe.report.page.latent_section import latent_section

TITLES = {"ae": "Autoencoder", "vae": "Variational autoencoder", "gan": "GAN"}
TRAINED = TITLES | {"inverter": "Inverter of the GAN"}
LINKS = [
    ("models", "Models"),
    ("data", "Data"),
    *TRAINED.items(),
    ("attributes", "Attributes"),
    ("edits", "Your edits"),
]
# (title, columns of history.csv, log axis); columns named nowhere get a chart of their own
CHARTS = [
    ("Loss", ("loss", "valid_loss"), False),
    ("Mean squared error", ("mse", "valid_mse"), True),
    ("KL divergence, nats per image", ("kl", "valid_kl"), False),
    ("Active units (held-out KL above 0.01 nats)", ("active_units",), False),
    ("Losses of generator and discriminator", ("g_loss", "d_loss"), False),
    ("Discriminator accuracy", ("d_accuracy",), False),
    ("Mean sign of the discriminator's logits", ("real_sign", "fake_sign"), False),
    ("Sample diversity (0: all samples are one)", ("sample_diversity", "real_diversity"), False),
    ("Penalty on the discriminator's slope", ("r1", "gradient_penalty"), True),
]
NOT_CHARTED = {"epoch", "images", "learning_rate", "d_trains", "g_trains", "collapse"}
# heading, then grid of a model and its caption
GRIDS = {
    "Reconstructions": {"reconstructions_{}": "Test images, each above its reconstruction"},
    "Random faces": {
        "samples_{}": "From the model's own sampler",
        "samples_{}_density": "From the density fitted to the training latents (export_latents.density)",
    },
    "Interpolations": {"interpolations_{}": "From one latent to another"},
    "Conditions": {"conditions_{}": "The same latents (columns) under each combination of the labels (rows)"},
}


def write_page(report, shards, latents, edits, encoders):
    """Write <report>/index.html.

    Args:
        report: Path of the reports folder, with what the other stages put there.
        shards: `facepipe.shards.shards.Shards`.
        latents: Path of the folder of the exported latents, for what each dimension does.
        edits: {name: faces} of the folders in <report>/edits.
        encoders: names of the models that encode images.

    Raises:
        InputError: a report of an earlier stage is missing or broken.
    """
    scores = _read(report / "evaluate" / "metrics.json")
    grids = report / "render_reports" / "grids"
    parts = [heading(1, "Faces: three models of one data set"), _about(shards), _models(scores)]
    parts.append(data_section(report / "preprocess"))
    for name, title in TRAINED.items():
        parts.append(_model(name, title, report, scores, grids))
        if name in TITLES:
            parts.append(latent_section(stats_path(latents / name), has_encoder=name in encoders))
    parts += [directions_section(report / "attribute_vectors", grids, TITLES), _edits(report / "edits", edits)]
    source = read_json(shards.folder / "index.json")
    credits = [str(source[key]) for key in ("licence", "citation") if source.get(key)]
    if credits:
        parts.append("<footer>" + "".join(paragraph(text, soft=True) for text in credits) + "</footer>")
    with atomic_file(report / "index.html") as file:
        file.write(document("facepipe report", LINKS, "\n".join(parts)))


def _about(shards):
    height, width, channels = shards.image_shape
    kind = "RGB" if channels == 3 else "gray"
    total = sum(shards.splits.values())
    return paragraph(f"{shards.dataset}: {total} {kind} images, {height} pixels high and {width} wide.", soft=True)


def _models(scores):
    """The summary: a row per model, and what real images score."""
    tag = next(key.removeprefix("precision_") for key in scores["real"] if key.startswith("precision_"))
    extractor, count = tag.rsplit("_n", 1)
    rows = []
    for name, title in {**TITLES, "real": "Training images"}.items():
        s = scores[name]
        pca = next((key for key in s if key.startswith("test_mse_pca")), None)
        kid = f"{s[f'kid_x1000_{tag}']:.2f} ± {s[f'kid_x1000_sd_{tag}']:.2f}"
        fitted = s.get(f"kid_x1000_density_{tag}")
        rows.append(
            [
                title,
                _fixed(s.get("test_mse"), 5),
                f"{s[pca]:.5f} ({pca.removeprefix('test_mse_pca')})" if pca else "",
                _fixed(s.get("test_psnr_db"), 2),
                _fixed(s.get("test_ssim"), 3),
                kid,
                _fixed(fitted, 2),
                _fixed(s[f"precision_{tag}"], 3),
                _fixed(s[f"recall_{tag}"], 3),
                _fixed(s.get(f"face_score_{tag}"), 3),
            ]
        )
    header = ["", "test MSE", "PCA's MSE (size)", "PSNR, dB", "SSIM", "KID x 1000", "KID, density"]
    header, rows = without_empty([*header, "precision", "recall", "face score"], rows)
    return (
        heading(2, "Models", "models")
        + table(header, rows)
        + paragraph(
            "Reconstruction is judged on the test split, pixels in [0, 1]; a model that does not beat the PCA of its "
            f"size has learned nothing that a linear map does not know. Samples: {count} of each model against {count} "
            f"held-out images in the feature space of {extractor}. KID (± standard deviation over subsets): lower is "
            "better, 0 is indistinguishable; KID, density: that of samples from the density fitted to the training "
            "latents. Precision: share of samples that look real; recall: share of real images that the samples "
            "cover. The last row is what real training images score: the best to hope for.",
            soft=True,
        )
    )


def _model(name, title, report, scores, grids):
    folder = report / f"train_{name}"
    facts = _read(folder / "metrics.json")[name]
    header, cells = [key.replace("_", " ") for key in facts], [_text(value) for value in facts.values()]
    parts = [heading(2, title, name), table(header, [cells])]
    parts.append(_layers(folder / "summary.csv"))
    history = read_history(folder / "history.csv")
    if "real_diversity" in facts:
        history["real_diversity"] = [facts["real_diversity"]] * len(history["epoch"])
    shown = history_charts(history)
    if name == "vae":
        shown.append(_kl_chart(read_table(folder / "kl.csv"), facts["best_epoch"]))
    parts += [heading(3, "Training"), collapse_warning(history), charts(shown)]
    parts.append(row([picture(path, caption) for path, caption in _progress(folder / "grids")], "thirds"))
    for text, patterns in GRIDS.items():
        shown = {grids / f"{pattern.format(name)}.png": caption for pattern, caption in patterns.items()}
        pictures = [picture(path, caption) for path, caption in shown.items() if path.exists()]
        if pictures:
            parts += [heading(3, text), row(pictures)]
    health = report / "evaluate" / "latents" / f"{name}.csv"
    if health.exists():
        parts.append(_health(health, scores[name]))
    return "".join(parts)


def collapse_warning(history):
    """A paragraph that names the epochs in which the GAN's training warned of a collapse; empty if none did."""
    epochs = [int(e) for e, mark in zip(history["epoch"], history.get("collapse", ()), strict=False) if mark == 1]
    if not epochs:
        return ""
    # runs of epochs as first-last
    starts = [e for e in epochs if e - 1 not in epochs]
    ends = [e for e in epochs if e + 1 not in epochs]
    spans = ", ".join(str(a) if a == b else f"{a}\u2013{b}" for a, b in zip(starts, ends, strict=True))
    return paragraph(
        f"Collapse? In {'epoch' if len(epochs) == 1 else 'epochs'} {spans} of {len(history['epoch'])} the samples were "
        "alike (diversity far below that of real images) or the discriminator was never wrong (signs at 1 and -1). "
        "train_gan.schedule in params.yaml can hold the discriminator back.",
        warning=True,
    )


def history_charts(history):
    """One SVG per chart that `history` ({column: values}) has columns for; list of str."""
    charted = {column for _, columns, _ in CHARTS for column in columns} | NOT_CHARTED
    others = dict.fromkeys(column.removeprefix("valid_") for column in history if column not in charted)
    wanted = CHARTS + [(name.replace("_", " "), (name, f"valid_{name}"), False) for name in others]
    return [
        chart(title, history["epoch"], {column: history[column] for column in columns if column in history}, log=log)
        for title, columns, log in wanted
        if any(column in history for column in columns)
    ]


def _layers(path):
    """The networks in one line, and under it a table of their layers."""
    rows = read_table(path)
    header = ["layer", "type", "output", "parameters", "operations"]
    cells = [[r["layer"], r["type"], r["output"], f"{int(r['parameters']):,}", f"{int(r['flops']):,}"] for r in rows]
    totals = {}
    for r in rows:
        totals[r["network"]] = totals.get(r["network"], 0) + int(r["flops"])
    said = ", ".join(f"{network} {_operations(count)}" for network, count in totals.items())
    text = f"Operations for one image, forward, 2 a multiply-add: {said}."
    return paragraph(text, soft=True) + details(f"{len(rows)} layers", table(header, cells))


def _operations(count):
    return f"{count / 1e6:,.1f} million" if count >= 1e5 else f"{count:,}"


def _kl_chart(rows, epoch):
    """KL of each dimension over the held-out images at the epoch whose weights were kept."""
    nats = [float(r["kl"]) for r in rows if int(r["epoch"]) == epoch]
    return bars("KL of each dimension, held-out", [max(0.0, value) for value in nats], "nats")


def _progress(folder):
    """The first, the middle and the last training grid with a caption each."""
    paths = sorted(folder.glob("*.png"))
    if not paths:
        raise InputError(f"{folder}: no grids; run the training stage again")
    chosen = dict.fromkeys([paths[0], paths[len(paths) // 2], paths[-1]])
    return [(path, f"epoch {int(path.stem)}" if int(path.stem) else "before training") for path in chosen]


def _health(path, scores):
    """Latent dimensions: how many are alive, and how strong each is."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    facts = f"{len(rows)} dimensions, {scores['dead_dimensions']} dead (they hardly ever change)"
    health = [bars("Standard deviation over the test images", [float(r["sd"]) for r in rows])]
    if "active_units" in scores:
        facts += f", {scores['active_units']} active units; KL to the prior {scores['kl_nats']:.1f} nats per image"
        health.append(bars("KL to the prior", [max(0.0, float(r["kl_nats"])) for r in rows], "nats"))
    return heading(3, "Latent dimensions") + paragraph(facts + ".", soft=True) + charts(health)


def _edits(folder, edits):
    parts = [heading(2, "Your edits", "edits")]
    if not edits:
        parts.append(paragraph("None yet. Copy rows of data/latents/vae/test.csv to data/edits/vae.csv, change "
                               "numbers in it and run dvc repro.", soft=True))  # fmt: skip
    for name, count in sorted(edits.items()):
        parts.append(picture(folder / name / GRID, f"{name}: {count} {'face' if count == 1 else 'faces'}"))
        if (folder / name / COMPARE).exists():
            parts.append(picture(folder / name / COMPARE, f"{name}: what became of the photographs"))
    return "".join(parts)


def _read(path):
    try:
        return read_json(path)
    except (FileNotFoundError, ValueError):
        raise InputError(f"{path}: missing or not JSON; run dvc repro") from None


def _fixed(value, digits):
    return "" if value is None else f"{value:.{digits}f}"


def _text(value):
    return f"{value:,}" if isinstance(value, int) else number(value) if isinstance(value, float) else str(value)
