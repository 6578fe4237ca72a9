"""The page's sections of faces: one a kind of grid, the models' side by side."""

from typing import NamedTuple

from facepipe.report.closest import nearest_of, worst_of
from facepipe.report.page.sheets import Sheet, read_sheet


class Kind(NamedTuple):
    """A kind of grid: file name with the model's in it, and what is said of the picture."""

    pattern: str
    caption: str


# section: what it shows
SAMPLES = [Kind("samples_{}", "Latents from the model's own sampler")]
RECONSTRUCTIONS = [Kind("reconstructions_{}", "Test images, each above its reconstruction")]
WORST = [Kind("worst_{}", "Of {worst:,} test images those with the largest squared error, and how large it is")]
DENSITIES = [
    *SAMPLES,
    Kind("samples_{}_density", "Latents from the density of the training latents (export_latents.density)"),
]
INTERPOLATIONS = [Kind("interpolations_{}", "From one latent to another, a row each")]
COMPONENTS = [Kind("components_{}", "The mean face moved along the first components, a row each")]
CONDITIONS = [Kind("conditions_{}", "The same latents (columns) under each combination of the labels (rows)")]
NEAREST = [Kind("nearest_{}", "Random faces, each above the nearest of {nearest:,} training images")]


class Gallery:
    """Finds the grids of render_reports.

    Args:
        report: Path of the reports folder.
        shards: `facepipe.shards.shards.Shards`.
        titles: {model: title}, in the order to be shown.
        links: {file name without .png: list of hrefs}, see `read_sheet`.
    """

    def __init__(self, report, shards, titles, links=None):
        self._report, self._titles, self._links = report, titles, links or {}
        self._image_shape = shards.image_shape
        self._counts = {"worst": worst_of(shards), "nearest": nearest_of(shards)}

    def sheets(self, kinds):
        """The `Sheet`s of these kinds that there are, a list: kind by kind, in it model by model."""
        return [sheet for kind in kinds for name in self._titles if (sheet := self._sheet(kind, name))]

    def _sheet(self, kind, name) -> Sheet | None:
        path = self._report / "render_reports" / "grids" / f"{kind.pattern.format(name)}.png"
        if not path.exists():
            return None
        caption, hrefs = kind.caption.format(**self._counts), self._links.get(path.stem)
        return read_sheet(path, self._report, caption, self._titles[name], hrefs, self._image_shape)
