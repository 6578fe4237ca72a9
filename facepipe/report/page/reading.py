"""What the page's sections share: reading what the stages wrote, and records for the templates."""

import base64
import csv
import math
from typing import NamedTuple

from markupsafe import Markup
from PIL import Image

from facepipe.core.files import damaged
from facepipe.draw.charts import number
from facepipe.errors import InputError

TITLES = {"ae": "Autoencoder", "vae": "Variational autoencoder", "gan": "GAN"}
INVERTER = "Inverter of the GAN"


class Table(NamedTuple):
    """Text cells; every row is as long as the header."""

    header: list
    rows: list

    def without_empty(self):
        """The same less the columns in which no row has anything."""
        kept = [i for i in range(len(self.header)) if any(row[i] for row in self.rows)]
        return Table([self.header[i] for i in kept], [[row[i] for i in kept] for row in self.rows])


class Share(NamedTuple):
    """A bar of its own length; `share` in 0..1."""

    name: str
    share: float


class Picture(NamedTuple):
    """A PNG file to embed."""

    data: str  # base64
    caption: str


def read_picture(path, caption):
    """The `Picture` of a PNG file."""
    return Picture(base64.b64encode(path.read_bytes()).decode("ascii"), caption)


# columns of the reports' tables: of text, and of whole numbers; all others are of numbers
TEXTS = {
    "split", "channel", "attribute", "other", "reason", "example", "size", "model", "metric", "network", "layer",
    "type", "output", "method", "direction", "edit", "shown", "sampler", "extractor", "sign", "remedy", "active",
}  # fmt: skip
WHOLE = {"images", "people", "enlarged", "pictures", "parameters", "flops", "epoch", "dimension"}


class _Row(dict):
    """{column: str} of a table; InputError where a column is asked for that it lacks."""

    def __init__(self, cells, wrong):
        super().__init__(cells)
        self._wrong = wrong

    def __missing__(self, name):
        raise self._wrong(f"no column {name}")


def read_rgb(path):
    """The `PIL.Image.Image` in RGB of reports/<stage>/grids/<name>; InputError: it is not as the stage wrote it."""
    try:
        with Image.open(path) as picture:
            return picture.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:  # PIL has all three for wrong bytes
        problem = "missing" if isinstance(error, FileNotFoundError) else f"damaged: {error}"
        raise damaged(path, problem, f"`dvc repro -f {path.parents[1].name}` makes it again") from None


def read_table(path, stage):
    """Rows of a CSV with a header, as a list of {column: str}.

    Raises:
        InputError: there is no such file, which `stage` makes, or it is not as that writes it.
    """

    def wrong(problem):
        return InputError(f"{path}: {problem}; `dvc repro -f {stage}` makes it again")

    try:
        with open(existing(path, stage), encoding="utf-8", newline="") as file:
            header, *rows = list(csv.reader(file, strict=True)) or [[]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise wrong(f"not a table: {error}") from None
    for line, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise wrong(f"row {line}: {len(row)} cells, the header has {len(header)}")
        for name, cell in zip(header, row, strict=True):
            if cell and not _fits(name, cell):
                raise wrong(f"row {line}, column {name}: {cell!r} cannot be there")
    return [_Row(zip(header, row, strict=True), wrong) for row in rows]


def _fits(name, cell):
    try:
        if name in TEXTS:
            return "\0" not in cell
        return math.isfinite(int(cell) if name in WHOLE else float(cell)) or cell == "nan"
    except ValueError:
        return False


def read_history(path):
    """Read a history.csv.

    Args:
        path: CSV with a header; one row per epoch.

    Returns:
        {column: list of float}, NaN where a cell is empty.

    Raises:
        InputError: missing, no header, ragged, or a cell that is not a number.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            header, *rows = list(csv.reader(file)) or [[]]
    except FileNotFoundError:
        raise InputError(f"{path}: not found; train the model first (dvc repro)") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a table: {error}; `dvc repro` makes it again") from None
    if not header:
        raise InputError(f"{path}: empty; expected a header such as epoch,loss")
    columns = {name: [] for name in header}
    for line, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise InputError(f"{path}: row {line}: {len(row)} cells, the header has {len(header)}")
        for name, cell in zip(header, row, strict=True):
            try:
                columns[name].append(float(cell) if cell else math.nan)
            except ValueError:
                raise InputError(f"{path}: row {line}, column {name}: {cell!r} is not a number") from None
    return columns


def read_scores(path, names, stage="evaluate"):
    """evaluate's scores.csv, or another stage's facts.csv: {model: {metric: int or float}}.

    Raises:
        InputError: missing, without one of `names`, or a value that is no number.
    """
    found = {name: {} for name in names}
    for line, row in enumerate(read_table(path, stage), 2):
        try:
            value = float(row["value"])
            exact = int(value) if row["value"].lstrip("-").isdigit() else value
            found.setdefault(row["model"], {})[row["metric"]] = exact
        except (KeyError, TypeError, ValueError):
            raise InputError(f"{path}: row {line}: not model, metric and a number; run dvc repro {stage}") from None
    for name in names:
        if not found[name]:
            raise InputError(f"{path}: nothing about {name}; run dvc repro")
    return found


def existing(path, stage):
    """`path`; raise InputError where there is no such file, which `stage` makes."""
    if not path.is_file():
        raise InputError(f"{path}: not found; run the {stage} stage again (dvc repro)")
    return path


def text(value):
    """A number of a facts.csv for a table: an int in full, a float as short as in a chart."""
    return f"{value:,}" if isinstance(value, int) else number(value) if isinstance(value, float) else str(value)


def fixed(value, digits):
    """A float with this many digits after the point; nothing for None."""
    return "" if value is None else f"{value:.{digits}f}"


def count(cell):
    """The whole number in a cell of a CSV, thousands apart; nothing for an empty one."""
    return f"{int(cell):,}" if cell else ""


def percent(cell, digits):
    """The share in a cell of a CSV, in percent; nothing for an empty one."""
    return f"{100 * float(cell):.{digits}f} %" if cell else ""


def isolated(name):
    """A user's name for a sentence, Markup: its letters do not turn round what stands beside it."""
    return Markup("<bdi>{}</bdi>").format(name)


def kept_apart(name):
    """The same for text without tags, such as a tooltip: between Unicode's isolates where it is not ASCII."""
    return name if name.isascii() else f"\u2068{name}\u2069"


def signed(value):
    """A correlation, cosine or effect with its sign; NaN is unknown."""
    return "unknown" if math.isnan(value) else f"{value:+.2f}"
