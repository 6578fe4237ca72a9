"""The page's part on the principal components of a model's latents: the few numbers that say most of a wide one."""

from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from facepipe.draw.charts import chart, number
from facepipe.latents.pca import load_pca
from facepipe.latents.vectors import z_columns
from facepipe.report.page.reading import Table

SHOWN = 32  # components in the table at most
SHARES = {"half": 0.5, "nine tenths": 0.9}


class ComponentsSection(NamedTuple):
    """What components_section.html shows."""

    dimensions: int
    needed: dict[str, int]  # how many components have which share of the variance
    chart: Markup
    table: Table


def components_section(path):
    """Read what the part shows.

    Args:
        path: pca.npz of latents that images were encoded to.

    Returns:
        `ComponentsSection`; None where the latents are all one.

    Raises:
        InputError: the file is missing or not a PCA.
    """
    sd = load_pca(path).sd.astype(np.float64)
    if not sd.any():
        return None
    variance = sd**2 / (sd**2).sum()
    reached = np.minimum(np.cumsum(variance), 1)
    rows = zip(z_columns(len(sd), "pc"), sd, variance, reached, strict=True)
    cells = [[name, number(each), f"{share:.2%}", f"{total:.1%}"] for name, each, share, total in rows]
    return ComponentsSection(
        len(sd),
        {words: int(np.searchsorted(reached, share - 1e-9)) + 1 for words, share in SHARES.items()},
        chart("Share of the variance in the first components", range(1, len(sd) + 1), {"": reached}, "components"),
        Table(["component", "sd", "share of the variance", "with those before"], cells[:SHOWN]),
    )
