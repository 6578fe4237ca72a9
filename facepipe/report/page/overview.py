"""The beginning of the page: of which data, how trained, and what of params.yaml differs from a recipe."""

from typing import NamedTuple

from facepipe.core.files import read_json
from facepipe.report.page.reading import INVERTER, TITLES, Table, read_scores, text
from facepipe.report.settings import Changed


class Overview(NamedTuple):
    """What overview.html shows."""

    dataset: str
    images: int
    image_shape: tuple[int, int, int]
    splits: dict[str, int]
    rejected: int
    licence: str
    citation: str
    trainings: Table
    machine: str  # what all of them ran on; "" where that differs, and stands in the table
    changed: Changed | None


def overview(report, shards, records, changed, rejected):
    """Gather what the page begins with.

    Commit and experiment are left out: no input of the stage has them, and the same inputs are to give the same bytes.

    Args:
        report: Path of the reports folder.
        shards: `facepipe.shards.shards.Shards`.
        records: {model or "inverter": what its model.json says of its training}.
        changed: `Changed`; None: not known.
        rejected: int, pictures that could not be used, and copies.

    Returns:
        `Overview`.

    Raises:
        InputError: a training's facts.csv is missing or broken.
    """
    source = read_json(shards.folder / "index.json")
    return Overview(
        shards.dataset,
        sum(shards.splits.values()),
        shards.image_shape,
        {split: count for split, count in shards.splits.items() if count},
        rejected,
        str(source.get("licence") or ""),
        str(source.get("citation") or ""),
        *_trainings(report, records),
        changed,
    )


def _trainings(report, records):
    """(table, machine): a row a training, how much it saw and on what it ran; and that, where it is one for all."""
    rows, machines = [], []
    for name, record in records.items():
        facts = read_scores(report / f"train_{name}" / "facts.csv", [name])[name]
        images = record["images"] + record.get("finish", {}).get("images", 0)
        replicas = record["replicas"]
        device = f"{replicas} x {record['device']}" if replicas > 1 else record["device"]
        threads = f"{record['threads']} thread{'s' * (record['threads'] != 1)}"
        machines.append(f"{device}, {threads}, {record['precision']}")
        title = (TITLES | {"inverter": INVERTER})[name]
        rows.append([title, text(facts["parameters"]), text(images), machines[-1]])
    if len(set(machines)) == 1:
        return Table(["model", "parameters", "images seen"], [row[:-1] for row in rows]), machines[0]
    return Table(["model", "parameters", "images seen", "on"], rows), ""
