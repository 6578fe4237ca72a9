"""The page's part on latent dimensions: the table of all of them and histograms of the live ones."""

from html import escape

from facepipe.draw.charts import COLORS, number
from facepipe.draw.html import charts, details, heading, paragraph, table
from facepipe.latents.statistics import read_statistics
from facepipe.latents.vectors import z_columns

# column of the statistics: heading, format
COLUMNS = {
    "rank": ("rank", str),
    "node": ("node", str),
    "max": ("max", number),
    "min": ("min", number),
    "mean": ("mean", number),
    "sd": ("dev", number),
    "total_activation": ("total acts", number),
    "zero_share": ("zeros", "{:.1%}".format),
    "active": ("state", str),
    "variance_explained": ("variance explained", "{:.2%}".format),
    "influence": ("influence", number),
}
WIDTH, HEIGHT, FOOT = 120, 70, 14  # of a histogram; room for its numbers


def latent_section(path, has_encoder):
    """HTML of the part.

    Args:
        path: <model>.stats.csv.
        has_encoder: bool, whether the latents are those of training images; else they are samples of the prior.

    Returns:
        str.

    Raises:
        InputError: the file is missing or not what `facepipe.latents.statistics` wrote.
    """
    stats = read_statistics(path)
    stats["node"] = z_columns(len(stats))
    stats = stats.sort_values("rank", kind="stable")
    live = stats[stats["active"] == "active"]
    text = (
        f"Over the {'training images' if has_encoder else 'samples of the prior'}: {len(live)} of {len(stats)} "
        f"dimensions are alive, {len(stats) - len(live)} dead (always nearly the same). Influence: "
        "how far the pixels move (root mean square, 1 is from black to white) when the dimension goes from one "
        "deviation below its mean to one above, the others at theirs; the most influential has rank 1. Variance "
        "explained: the share of the pictures' variance that goes when the dimension is held at its mean. Total acts: "
        "the sum of its absolute values."
    )
    rows = [[form(row[name]) for name, (_, form) in COLUMNS.items()] for row in stats.to_dict("records")]
    bins = [name for name in stats if name.startswith("bin")]
    drawn = [
        histogram(f"{row['node']}, rank {row['rank']}", [row[name] for name in bins], row["min"], row["max"])
        for row in live.to_dict("records")
    ]
    return (
        heading(3, "What each latent dimension does")
        + paragraph(text, soft=True)
        + details(f"All {len(stats)} dimensions", table([title for title, _ in COLUMNS.values()], rows))
        + details(f"Histograms of the {len(live)} live ones, the most influential first", charts(drawn, small=True))
    )


def histogram(title, counts, low, high):
    """A small histogram.

    Args:
        title: str.
        counts: n >= 1 ints, of equal bins.
        low, high: float, where the first bin begins and the last one ends.

    Returns:
        str, one <svg> element.
    """
    step, top, most = WIDTH / len(counts), FOOT + 2, max(max(counts), 1)
    tall = HEIGHT - top - FOOT
    bars = "".join(
        f"M{i * step:.1f},{HEIGHT - FOOT}v{-tall * count / most:.1f}h{step * 0.85:.1f}V{HEIGHT - FOOT}z"
        for i, count in enumerate(counts)
        if count
    )
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg"><g style="font-size:9px"><text x="0" y="9">{escape(title)}</text>'
        f'<path d="{bars}" fill="{COLORS[0]}"/><text x="0" y="{HEIGHT - 4}">{number(low)}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT - 4}" class="right">{number(high)}</text></g></svg>'
    )
