"""The page's section on the data: what `facepipe.preprocess.explore` wrote."""

import csv

import numpy as np

from facepipe.draw.charts import chart, heatmap
from facepipe.draw.html import charts, details, heading, paragraph, picture, row, shares, table, without_empty
from facepipe.errors import InputError

SHOWN_SIZES = 12
STRONGEST = 6  # pairs of attributes that are named
WEAK = 0.1  # correlation of pairs that are not
CHANNEL_COLORS = {"red": "#c0504d", "green": "#5a9a4a", "blue": "#3b6fb6", "gray": "#6b7279"}


def data_section(folder):
    """HTML of the section.

    Args:
        folder: Path of the reports of the preprocess stage.

    Returns:
        str.

    Raises:
        InputError: one of explore's tables or pictures is missing.
    """
    parts = [heading(2, "Data", "data"), _splits(folder / "splits.csv")]
    grids = [("samples", "Training images, drawn at random"), ("mean_face", "Mean faces of the training images")]
    parts.append(row([picture(_existing(folder / "grids" / f"{name}.png"), caption) for name, caption in grids]))
    attributes = read_table(folder / "attributes.csv")
    text = "Deviation: the standard deviation of each pixel, white is 0.5."
    if attributes:
        text += " Difference: the mean face with the attribute minus that without, doubled; gray is none."
    parts.append(paragraph(text, soft=True))
    if attributes:
        parts += [_attributes(attributes), _pairs(folder / "cooccurrence.csv")]
    parts.append(_sizes(folder / "sizes.csv"))
    parts.append(_pixels(folder / "channels.csv", folder / "histogram.csv"))
    parts.append(_rejected(folder / "rejected.csv"))
    return "".join(parts)


def read_table(path):
    """Rows of a CSV with a header, as a list of {column: str}."""
    with open(_existing(path), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _splits(path):
    splits = read_table(path)
    enlarged = any(r["enlarged"] not in ("", "0") for r in splits)
    columns = ["images", "people", *(["enlarged"] if enlarged else [])]
    text = table(*without_empty(["split", *columns], [[r["split"], *(_count(r[c]) for c in columns)] for r in splits]))
    if enlarged:
        text += paragraph("Enlarged: the crop has fewer pixels than the image that was made from it.", soft=True)
    return text


def _attributes(attributes):
    known = [(r["attribute"], float(r["share"])) for r in attributes if r["share"]]
    rows = [
        [
            r["attribute"],
            *(_count(r[name]) for name in ("known", "positive", "train_positive", "valid_positive", "test_positive")),
            _percent(r["pixel_variance"], 2),
        ]
        for r in attributes
    ]
    header = ["attribute", "known", "with it", "train", "valid", "test", "of the pixels' variance"]
    return (
        heading(3, "Attributes: share of the images they are known of")
        + shares(sorted(known, key=lambda item: (-item[1], item[0])))
        + details("How many images have each attribute", table(header, rows))
    )


def _pairs(path):
    """The heat map of the correlations and the strongest of them in words; nothing where there is one attribute."""
    cells = {(r["attribute"], r["other"]): r for r in read_table(path)}
    names = list(dict.fromkeys(name for name, _ in cells))
    values = np.array([[_number(cells[a, b]["correlation"]) for b in names] for a in names])
    # an attribute that never varies is correlated with nothing
    varies = np.flatnonzero(~np.isnan(np.diagonal(values)))
    names, values = [names[i] for i in varies], values[np.ix_(varies, varies)]
    if len(names) < 2:
        return ""

    def note(i, j):
        cell = cells[names[i], names[j]]
        share = f"; {_percent(cell['share'], 1)} of {_count(cell['known'])} have both" if cell["share"] else ""
        return f"{names[i]}, {names[j]}: {_signed(values[i, j])}{share}"

    pairs = [(i, j) for i in range(len(names)) for j in range(i) if abs(values[i, j]) >= WEAK]
    pairs.sort(key=lambda pair: (-abs(values[pair]), names[pair[0]], names[pair[1]]))
    strongest = ", ".join(f"{names[j]} and {names[i]} {_signed(values[i, j])}" for i, j in pairs[:STRONGEST])
    text = (
        "Correlation (phi) of the labels, from -1 (never together, orange) over 0 (independent, white) to 1 (always "
        "together, blue). Models learn it: along the direction of one attribute the correlated ones change as well."
    )
    parts = [heading(3, "Attributes that go together"), paragraph(text, soft=True)]
    if strongest:
        parts.append(paragraph(f"Strongest: {strongest}.", soft=True))
    if len(names) > 2:
        parts.append(heatmap("Correlation of the attributes", names, values, note))
    return "".join(parts)


def _sizes(path):
    sizes = read_table(path)
    if not sizes:
        return ""
    total = sum(int(r["images"]) for r in sizes)
    named = [r for r in sizes if r["width"]]
    items = [(r["size"], int(r["images"]) / total) for r in named[:SHOWN_SIZES]]
    if len(sizes) > len(items):
        items.append(("other", 1 - sum(share for _, share in items)))
    return heading(3, "Source pictures: width x height in pixels") + shares(items)


def _pixels(channels, histogram):
    rows = [
        [
            r["split"],
            r["channel"],
            *(f"{float(r[name]):.3f}" for name in ("mean", "sd", "min", "max")),
            *(_percent(r[name], 2) for name in ("share_0", "share_255")),
        ]
        for r in read_table(channels)
    ]
    header = ["split", "channel", "mean", "sd", "min", "max", "black", "white"]
    columns = read_table(histogram)
    names = [name for name in CHANNEL_COLORS if name in columns[0]]
    series = {name: [100 * float(r[name]) for r in columns] for name in names or ["share"]}
    colors = [CHANNEL_COLORS[name] for name in names or ["gray"]]
    values = [int(r["value"]) for r in columns]
    curve = chart("Training pixels with each value, %", values, series, x_label="value", colors=colors)
    return (
        heading(3, "Pixels, in [0, 1]")
        + table(header, rows)
        + paragraph("Black and white: share of the pixels that are exactly 0 or 1 in the channel.", soft=True)
        + charts([curve])
    )


def _rejected(path):
    rows = [[r["reason"], _count(r["pictures"]), r["example"]] for r in read_table(path)]
    parts = [heading(3, "Rejected pictures")]
    if not rows:
        return parts[0] + paragraph("None.", soft=True)
    return parts[0] + table(["reason", "pictures", "the first"], rows)


def _existing(path):
    if not path.is_file():
        raise InputError(f"{path}: not found; run the preprocess stage again (dvc repro)")
    return path


def _number(text):
    return float(text) if text else np.nan


def _count(text):
    return f"{int(text):,}" if text else ""


def _percent(text, digits):
    return f"{100 * float(text):.{digits}f} %" if text else ""


def _signed(value):
    return f"{value:+.2f}".replace("-", "−")
