"""The page's section on one model: its training, its networks, its latent dimensions."""

from typing import NamedTuple

from markupsafe import Markup

from facepipe.draw.charts import bars, chart
from facepipe.report.page.latent_section import LatentSection
from facepipe.report.page.reading import Table, count, read_history, read_scores, read_table, text
from facepipe.report.page.sheets import Sheet, read_sheet
from facepipe.report.progress import frames


class Chart(NamedTuple):
    """Which columns of history.csv a chart shows."""

    title: str
    columns: tuple[str, ...]
    log: bool = False


# columns named nowhere get a chart of their own
CHARTS = [
    Chart("Loss", ("loss", "valid_loss")),
    Chart("Mean squared error", ("mse", "valid_mse"), log=True),
    Chart("KL divergence, nats per image", ("kl", "valid_kl")),
    Chart("Active units (variance of mu above 0.01, held-out)", ("active_units",)),
    Chart("Losses of generator and discriminator", ("g_loss", "d_loss")),
    Chart("Discriminator accuracy", ("d_accuracy",)),
    Chart("Mean sign of the discriminator's logits", ("real_sign", "fake_sign")),
    Chart("Sample diversity (0: all samples are alike)", ("sample_diversity", "real_diversity")),
    Chart("Gradient penalty of the discriminator", ("r1", "r2", "gradient_penalty"), log=True),
    Chart("Finish: absolute error, of pixels and of the discriminator's maps", ("l1", "feature")),
    Chart("Finish: the discriminator's logits", ("real_logit", "fake_logit")),
]
FRAME_WIDTH = 720  # pixels, as wide as the page shows a frame
NOT_CHARTED = {"epoch", "images", "learning_rate", "d_trains", "g_trains", "collapse"}


class Networks(NamedTuple):
    """The layers, and the operations of each network in words."""

    operations: list[str]
    layers: Table


class Collapse(NamedTuple):
    """The epochs in which a GAN's training warned, as in "epochs 2, 4–6", of how many."""

    epochs: str
    of: int


class Health(NamedTuple):
    """Latent dimensions over the test images; KL and active units of a VAE only."""

    dimensions: int
    dead: int
    active_units: int | None
    kl_nats: float | None
    charts: list[Markup]


class ModelSection(NamedTuple):
    """What model_section.html shows."""

    name: str
    title: str
    facts: Table
    networks: Networks
    collapse: Collapse | None
    charts: list[Markup]
    frames: list[Sheet]
    animation: str  # where it lies, relative to the page
    health: Health | None
    latents: LatentSection | None


def model_section(name, title, report, scores, latents=None):
    """Read what the section shows.

    Args:
        name, title: of the model.
        report: Path of the reports folder.
        scores: dict of the model in evaluate's metrics; empty: it has none.
        latents: `LatentSection`, None: the model has none of its own.

    Returns:
        `ModelSection`.

    Raises:
        InputError: one of the reports is missing or broken.
    """
    folder, stage = report / f"train_{name}", f"train_{name}"
    facts = read_scores(folder / "facts.csv", [name], stage)[name]
    history = read_history(folder / "history.csv")
    if "real_diversity" in facts:
        history["real_diversity"] = [facts["real_diversity"]] * len(history["epoch"])
    charts = history_charts(history)
    if name == "vae":
        charts.append(_kl_chart(read_table(folder / "kl.csv", stage), facts["best_epoch"]))
    return ModelSection(
        name,
        title,
        Table([key.replace("_", " ") for key in facts], [[text(value) for value in facts.values()]]),
        _networks(read_table(folder / "summary.csv", stage)),
        collapse(history),
        charts,
        [read_sheet(path, report, caption, widest=FRAME_WIDTH) for path, caption in frames(folder / "grids")],
        f"render_reports/training/train_{name}.webp",
        _health(report / "evaluate" / "latents" / f"{name}.csv", scores) if "dead_dimensions" in scores else None,
        latents,
    )


def collapse(history):
    """The `Collapse` that a training's history ({column: values}) tells of; None if none."""
    epochs = [int(e) for e, mark in zip(history["epoch"], history.get("collapse", ()), strict=False) if mark == 1]
    if not epochs:
        return None
    # runs of epochs as first-last
    starts = [e for e in epochs if e - 1 not in epochs]
    ends = [e for e in epochs if e + 1 not in epochs]
    spans = ", ".join(str(a) if a == b else f"{a}\u2013{b}" for a, b in zip(starts, ends, strict=True))
    return Collapse(f"{'epoch' if len(epochs) == 1 else 'epochs'} {spans}", len(history["epoch"]))


def history_charts(history):
    """One SVG per chart that `history` ({column: values}) has columns for; list of Markup."""
    charted = {column for _, columns, _ in CHARTS for column in columns} | NOT_CHARTED
    others = dict.fromkeys(column.removeprefix("valid_") for column in history if column not in charted)
    wanted = CHARTS + [Chart(name.replace("_", " "), (name, f"valid_{name}")) for name in others]
    return [
        chart(title, history["epoch"], {column: history[column] for column in columns if column in history}, log=log)
        for title, columns, log in wanted
        if any(column in history for column in columns)
    ]


def _networks(rows):
    header = ["layer", "type", "output", "parameters", "operations"]
    cells = [[r["layer"], r["type"], r["output"], count(r["parameters"]), count(r["flops"])] for r in rows]
    totals = {}
    for r in rows:
        totals[r["network"]] = totals.get(r["network"], 0) + int(r["flops"])
    return Networks([f"{network} {_operations(total)}" for network, total in totals.items()], Table(header, cells))


def _operations(total):
    return f"{total / 1e6:,.1f} million" if total >= 1e5 else f"{total:,}"


def _kl_chart(rows, epoch):
    """KL of each dimension over the held-out images at the epoch whose weights were kept."""
    nats = [float(r["kl"]) for r in rows if int(r["epoch"]) == epoch]
    return bars("KL of each dimension, held-out", [max(0.0, value) for value in nats], "nats")


def _health(path, scores):
    rows = read_table(path, "evaluate")
    charts = [bars("Standard deviation over the test images", [float(r["sd"]) for r in rows])]
    units = scores.get("active_units")
    if units is not None:
        charts.append(bars("KL to the prior", [max(0.0, float(r["kl_nats"])) for r in rows], "nats"))
    return Health(len(rows), scores["dead_dimensions"], units, scores.get("kl_nats"), charts)
