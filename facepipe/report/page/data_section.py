"""The page's section on the data: what `facepipe.preprocess.explore` wrote."""

from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from facepipe.draw.charts import chart
from facepipe.draw.heatmap import heatmap
from facepipe.report.page.reading import (
    Share,
    Table,
    count,
    existing,
    isolated,
    kept_apart,
    percent,
    read_table,
    signed,
)
from facepipe.report.page.sheets import Sheet, read_sheet

STAGE = "preprocess"
SHOWN_SIZES = 12
STRONGEST = 6  # pairs of attributes that are named
WEAK = 0.1  # correlation of pairs that are not
CHANNEL_COLORS = {"red": "#c0504d", "green": "#5a9a4a", "blue": "#3b6fb6", "gray": "#6b7279"}


class Pairs(NamedTuple):
    """Attributes that go together."""

    strongest: list[Markup]
    heatmap: Markup | None


class DataSection(NamedTuple):
    """What data_section.html shows."""

    splits: Table
    enlarged: bool  # whether crops were
    pictures: list[Sheet]
    shares: list[Share]  # of the images with each attribute
    attributes: Table | None
    pairs: Pairs | None
    sizes: list[Share]
    channels: Table
    histogram: Markup
    rejections: int
    reasons: list[Share]  # of the rejected pictures
    rejected: Table


def data_section(folder):
    """Read what the section shows.

    Args:
        folder: Path of the reports of the preprocess stage, in the folder that the page lies in.

    Returns:
        `DataSection`.

    Raises:
        InputError: one of explore's tables or pictures is missing.
    """
    splits = read_table(folder / "splits.csv", STAGE)
    enlarged = any(r["enlarged"] not in ("", "0") for r in splits)
    grids = [("samples", "Training images, drawn at random"), ("mean_face", "Mean faces of the training images")]
    paths = {existing(folder / "grids" / f"{name}.png", STAGE): caption for name, caption in grids}
    pictures = [read_sheet(path, folder.parent, caption) for path, caption in paths.items()]
    attributes = read_table(folder / "attributes.csv", STAGE)
    known = [Share(r["attribute"], float(r["share"])) for r in attributes if r["share"]]
    rejected = read_table(folder / "rejected.csv", STAGE)
    return DataSection(
        _splits(splits, enlarged),
        enlarged,
        pictures,
        sorted(known, key=lambda item: (-item.share, item.name)),
        _attributes(attributes) if attributes else None,
        _pairs(read_table(folder / "cooccurrence.csv", STAGE)) if attributes else None,
        _sizes(read_table(folder / "sizes.csv", STAGE)),
        _channels(read_table(folder / "channels.csv", STAGE)),
        _histogram(read_table(folder / "histogram.csv", STAGE)),
        sum(int(r["pictures"]) for r in rejected),
        _reasons(rejected),
        Table(
            ["reason", "pictures", "first example"],
            [[r["reason"], count(r["pictures"]), r["example"]] for r in rejected],
        ),
    )


def _splits(rows, enlarged):
    columns = ["images", "people", *(["enlarged"] if enlarged else [])]
    return Table(["split", *columns], [[r["split"], *(count(r[c]) for c in columns)] for r in rows]).without_empty()


def _attributes(rows):
    counts = {
        "known": "known",
        "positive": "with it",
        "train_positive": "train",
        "valid_positive": "valid",
        "test_positive": "test",
    }
    header = ["attribute", *counts.values(), "share of pixel variance"]
    return Table(
        header,
        [[r["attribute"], *(count(r[name]) for name in counts), percent(r["pixel_variance"], 2)] for r in rows],
    )


def _pairs(rows):
    """The strongest correlations in words and all of them as a heat map; None where fewer than two attributes vary."""
    cells = {(r["attribute"], r["other"]): r for r in rows}
    names = list(dict.fromkeys(name for name, _ in cells))
    values = np.array([[float(cells[a, b]["correlation"] or "nan") for b in names] for a in names])
    # an attribute that never varies is correlated with nothing
    varies = np.flatnonzero(~np.isnan(np.diagonal(values)))
    names, values = [names[i] for i in varies], values[np.ix_(varies, varies)]
    if len(names) < 2:
        return None

    def note(i, j):
        cell = cells[names[i], names[j]]
        share = f"; {percent(cell['share'], 1)} of {count(cell['known'])} have both" if cell["share"] else ""
        return f"{kept_apart(names[i])}, {kept_apart(names[j])}: {_minus(values[i, j])}{share}"

    pairs = [(i, j) for i in range(len(names)) for j in range(i) if abs(values[i, j]) >= WEAK]
    pairs.sort(key=lambda pair: (-abs(values[pair]), names[pair[0]], names[pair[1]]))
    strongest = [
        Markup("{} and {} {}").format(isolated(names[j]), isolated(names[i]), _minus(values[i, j]))
        for i, j in pairs[:STRONGEST]
    ]
    return Pairs(strongest, heatmap("Correlation of the attributes", names, values, note) if len(names) > 2 else None)


def _reasons(rows):
    total = sum(int(r["pictures"]) for r in rows)
    return [Share(r["reason"], int(r["pictures"]) / total) for r in rows]


def _sizes(rows):
    total = sum(int(r["images"]) for r in rows)
    shares = [Share(r["size"], int(r["images"]) / total) for r in rows if r["width"]][:SHOWN_SIZES]
    if len(rows) > len(shares):
        shares.append(Share("other", 1 - sum(share for _, share in shares)))
    return shares


def _channels(rows):
    levels = ("mean", "sd", "min", "max")
    cells = [
        [
            r["split"],
            r["channel"],
            *(f"{float(r[name]):.3f}" for name in levels),
            *(percent(r[name], 2) for name in ("share_0", "share_255")),
        ]
        for r in rows
    ]
    return Table(["split", "channel", *levels, "black", "white"], cells)


def _histogram(rows):
    names = [name for name in CHANNEL_COLORS if name in rows[0]]
    series = {name: [100 * float(r[name]) for r in rows] for name in names or ["share"]}
    colors = [CHANNEL_COLORS[name] for name in names or ["gray"]]
    values = [int(r["value"]) for r in rows]
    return chart("Training pixels with each value, %", values, series, x_label="value", colors=colors)


def _minus(value):
    return signed(value).replace("-", "−")
