"""The page's numbers: what the models score, the best of a row marked; samplers; edits."""

import math
from typing import NamedTuple

from facepipe.report.page.reading import TITLES, Table, fixed, read_scores, read_table

LOW, HIGH = -1, 1  # which is good
# columns of samples.csv and of edits.csv
SHARES = ("precision", "recall", "density", "coverage", "sharpness", "diversity", "memorised", "face_rate")
EDITED = ("success", "before", "others_moved", "judge_accuracy", "identity_distance", "same_person")
# what metrics/interpolation.py says of interpolations
SMOOTH = ("straightness", "evenness")


class Cell(NamedTuple):
    """A value in words; `best`: no other of its row, or column, is better."""

    text: str
    best: bool = False


class Row(NamedTuple):
    """A metric: whether low or high is good, and its `Cell`s."""

    name: str
    good: int
    cells: list[Cell]


class Scores(NamedTuple):
    """What the models score, a row a metric, and how that was judged."""

    header: list[str]
    rows: list[Row]
    extractor: str
    samples: int
    reconstructed: bool  # whether any model was judged by its reconstructions
    interpolated: bool  # and by its interpolations


class Sampler(NamedTuple):
    """A row on what latents are drawn from; `best`: no other of the model has a lower KID."""

    title: str
    cells: list[str]
    best: bool


class Samplers(NamedTuple):
    """The table of samplers."""

    header: list[str]
    rows: list[Sampler]


class Amiss(NamedTuple):
    """What is amiss with a model, and what to try."""

    title: str
    sign: str
    remedy: str


class Edits(NamedTuple):
    """Success of the residual edits, a row an attribute and a column a model; and all that was judged of edits."""

    header: list[str]
    rows: list[Row]
    table: Table


def scores_section(path, models):
    """Read evaluate's scores.csv.

    Args:
        path: of the file.
        models: which of `TITLES` there are.

    Returns:
        `Scores`: a column a model, then PCA of the same size and training images, where anything is known of them.

    Raises:
        InputError: the file is missing or broken.
    """
    metrics = read_scores(path, ["real", *models])
    tag = next(key.removeprefix("precision_") for key in metrics["real"] if key.startswith("precision_"))
    # with a suffix where the subsets are smaller than asked for
    kid = next(key.removeprefix("kid_x1000_sd_") for key in metrics["real"] if key.startswith("kid_x1000_sd_"))
    extractor, samples = tag.rsplit("_n", 1)
    found = [metrics[name] for name in models]
    smooth = {each: _named(found, f"interpolation_{each}") for each in SMOOTH}
    rows = [
        _row("test MSE", LOW, found, "test_mse", 5, _floor(found)),
        _row("PSNR, dB", HIGH, found, "test_psnr_db", 2),
        _row("SSIM", HIGH, found, "test_ssim", 3),
        _row("KID x 1000", LOW, found, f"kid_x1000_{kid}", 2, real=metrics["real"], sd=f"kid_x1000_sd_{kid}"),
        _row("KID, density", LOW, found, f"kid_x1000_density_{kid}", 2),
        _row("precision", HIGH, found, f"precision_{tag}", 3, real=metrics["real"]),
        _row("recall", HIGH, found, f"recall_{tag}", 3, real=metrics["real"]),
        _row("face score", HIGH, found, f"face_score_{tag}", 3, real=metrics["real"]),
        *(_row(each, HIGH, found, name, 3) for each, name in smooth.items() if name),
    ]
    rows = [row for row in rows if any(cell.text for cell in row.cells)]
    shown = [i for i in range(len(models) + 2) if i < len(models) or any(row.cells[i].text for row in rows)]
    header = [*(TITLES[name] for name in models), "PCA (size)", "Training images"]
    return Scores(
        [header[i] for i in shown],
        [row._replace(cells=[row.cells[i] for i in shown]) for row in rows],
        extractor,
        int(samples),
        any("test_mse" in each for each in found),
        bool(smooth[SMOOTH[0]]),
    )


def _row(name, good, found, key, digits, floor="", real=None, sd=None):
    """The `Row` of a metric: of each model, of PCA (`floor`) and of training images (`real`)."""
    # as they are shown: what looks alike is not told apart
    values = [None if each.get(key) is None else round(each[key], digits) for each in found]
    best = best_of(values, good)
    cells = [
        Cell(_with_sd(each, key, digits, sd), value is not None and value == best)
        for each, value in zip(found, values, strict=True)
    ]
    return Row(name, good, [*cells, Cell(floor), Cell(_with_sd(real or {}, key, digits, sd))])


def best_of(values, good):
    """The best of some values, None where there is nothing to choose; None among them is passed over."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if len(known) < 2 or min(known) == max(known):
        return None
    return min(known) if good == LOW else max(known)


def _with_sd(scores, key, digits, sd):
    value = fixed(scores.get(key), digits)
    return f"{value} ± {fixed(scores[sd], digits)}" if value and sd else value


def _floor(found):
    """What PCA reaches, and with how many components."""
    floors = {key: each[key] for each in found for key in each if key.startswith("test_mse_pca")}
    return ", ".join(f"{value:.5f} ({key.removeprefix('test_mse_pca')})" for key, value in floors.items())


def _named(found, prefix):
    """The name, with its count, of the metric that begins so; None: no model has it."""
    return next((key for each in found for key in each if key.startswith(prefix)), None)


def samplers_section(path, models):
    """A row for what each model's latents are drawn from: `Samplers` of samples.csv.

    Raises:
        InputError: the file is missing.
    """
    found = [row for row in read_table(path, "evaluate") if row["model"] in (*models, "real")]
    rows = []
    for row in found:
        kid, deviation = (f"{1000 * float(row[column]):.2f}" for column in ("kid_mean", "kid_sd"))
        shares = [f"{float(row[name]):.3f}" if row[name] else "" for name in SHARES]
        others = [float(each["kid_mean"]) for each in found if each["model"] == row["model"]]
        best = float(row["kid_mean"]) == best_of(others, LOW)
        title = TITLES.get(row["model"], "Training images")
        rows.append(Sampler(title, [row["sampler"], f"{kid} ± {deviation}", *shares], best))
    header = ["latents from", "KID x 1000", *(name.replace("_", " ") for name in SHARES)]
    kept = [i for i in range(len(header)) if any(row.cells[i] for row in rows)]
    rows = [row._replace(cells=[row.cells[i] for i in kept]) for row in rows]
    return Samplers([header[i] for i in kept], rows)


def amiss_section(path, models):
    """What evaluate found amiss: list of `Amiss`, one a model at most.

    Raises:
        InputError: the file is missing.
    """
    rows = [row for row in read_table(path, "evaluate") if row["model"] in models]
    return [Amiss(TITLES[row["model"]], row["sign"], row["remedy"]) for row in rows]


def edits_section(path, models):
    """What a judge of pixels says of edits: `Edits` of edits.csv, None where edits were not judged.

    Raises:
        InputError: the file is missing.
    """
    found = [row for row in read_table(path, "evaluate") if row["model"] in models]
    if not found:
        return None
    cells = [
        [TITLES[row["model"]], row["attribute"].replace("_", " "), row["shown"], row["n"]]
        + [f"{float(row[name]):.2f}" if row[name] else "" for name in EDITED]
        for row in found
    ]
    header = ["model", "added", "shown", "photographs", *(name.replace("_", " ") for name in EDITED)]
    residual = {(row["model"], row["attribute"]): row for row in found if row["shown"] == "residual"}
    judged, rows = [name for name in models if any(name == model for model, _ in residual)], []
    for attribute in dict.fromkeys(attribute for _, attribute in residual):
        of = [residual.get((name, attribute)) for name in judged]
        values = [row and round(float(row["success"]), 2) for row in of]
        best = best_of(values, HIGH)
        texts = [row and f"{float(row['success']):.2f} ({float(row['before']):.2f})" for row in of]
        marked = [Cell(each or "", best is not None and v == best) for each, v in zip(texts, values, strict=True)]
        rows.append((max(value for value in values if value is not None), Row(attribute, HIGH, marked)))
    rows.sort(key=lambda pair: (-pair[0], pair[1].name))
    return Edits([TITLES[name] for name in judged], [row for _, row in rows], Table(header, cells).without_empty())
