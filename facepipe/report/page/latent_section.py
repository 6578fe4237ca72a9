"""The page's part on latent dimensions: a table of the most influential, and histograms of those that are alive."""

from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from facepipe.draw.charts import histogram, number
from facepipe.latents.statistics import read_statistics
from facepipe.latents.vectors import z_columns
from facepipe.report.page.reading import Table

SHOWN = 32  # dimensions at most: of a wide latent nobody reads the rest
# column of the statistics: heading, format
COLUMNS = {
    "rank": ("rank", str),
    "node": ("node", str),
    "max": ("max", number),
    "min": ("min", number),
    "mean": ("mean", number),
    "sd": ("sd", number),
    "total_activation": ("total activation", number),
    "zero_share": ("zeros", "{:.1%}".format),
    "active": ("state", str),
    "variance_explained": ("variance explained", "{:.2%}".format),
    "influence": ("influence", number),
}


class LatentSection(NamedTuple):
    """What latent_section.html shows."""

    encoded: bool  # the latents of training images; else samples of the prior
    size: int
    live: int
    file: str  # that has what is left out
    dimensions: Table  # the most influential first, `SHOWN` at most; so are the histograms
    histograms: list[Markup]


def latent_section(path, has_encoder):
    """Read what the part shows.

    Args:
        path: <model>.stats.csv.
        has_encoder: bool, whether the latents are those of training images; else they are samples of the prior.

    Returns:
        `LatentSection`.

    Raises:
        InputError: the file is missing or not what `facepipe.latents.statistics` wrote.
    """
    path, stats = Path(path), read_statistics(path)
    stats["node"] = z_columns(len(stats))
    stats = stats.sort_values("rank", kind="stable")
    live = stats[stats["active"] == "active"]
    rows = [[form(row[name]) for name, (_, form) in COLUMNS.items()] for row in stats[:SHOWN].to_dict("records")]
    bins = [name for name in stats if name.startswith("bin")]
    drawn = [
        histogram(f"{row['node']}, rank {row['rank']}", [row[name] for name in bins], row["min"], row["max"])
        for row in live[:SHOWN].to_dict("records")
    ]
    table = Table([heading for heading, _ in COLUMNS.values()], rows)
    return LatentSection(has_encoder, len(stats), len(live), path.name, table, drawn)
