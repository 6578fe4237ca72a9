"""The preprocess stage: from archive and label files to shards."""

import heapq
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from tqdm import tqdm

from facepipe.data.archive import list_members
from facepipe.data.convert import convert
from facepipe.data.shard_writer import ShardWriter
from facepipe.data.shards import SPLITS
from facepipe.data.sources import get_source
from facepipe.determinism import fraction
from facepipe.errors import InputError
from facepipe.files import atomic_folder, read_json
from facepipe.machine import available_cores

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".pgm", ".ppm", ".bmp", ".gif", ".tif", ".tiff", ".webp"}


class Item(NamedTuple):
    """One picture of the archive."""

    id: str
    identity: str  # "" where unknown
    member: str


def preprocess(params, raw="data/raw", out="data/shards"):
    """Make the shards folder.

    Rows are planned first: the pictures of the archive, limited, divided into splits, sorted by id. A picture that
    turns out unusable leaves a gap that is closed within its own shard, so no other shard changes.

    Args:
        params: `config.Preprocess`.
        raw: folder made by the download stage.
        out: folder to make or replace.

    Returns:
        Metrics: {"images": {"train": n, "valid": n, "test": n}, "rejected": n, "identities": n where known}.

    Raises:
        InputError: broken input, no usable picture, or an empty split.
    """
    raw = Path(raw)
    dataset, archive, credits = _read_dataset(raw)
    source = get_source(dataset)
    items, rejected = list_items(source, raw, archive)
    attributes = source.read_attributes(raw)
    factors = source.read_factors(raw) if source.read_factors else None
    if items and len(attributes) and not any(item.id in attributes.index for item in items):
        raise InputError(
            f"{raw}: the label files know none of the pictures in {archive.name} ({items[0].id} and so on), but "
            f"{attributes.index[0]}; are they of this archive?"
        )
    plan, unlisted = plan_splits(source, raw, limit(items, params.limit), params)
    rejected += unlisted
    official = source.read_split is not None and params.split != "hash"
    _check_splits({split: len(rows) for split, rows in plan.items()}, params, official, rejected)

    fractions = {"default": source.crop, "none": None}[params.crop] if isinstance(params.crop, str) else params.crop
    image_shape = (*params.image_size, params.channels)
    workers = available_cores() if params.workers == "auto" else params.workers
    where = {item.member: (split, row) for split in SPLITS for row, item in enumerate(plan[split])}
    ids = {split: [{"id": i.id, "identity": i.identity, "source": i.member} for i in plan[split]] for split in SPLITS}
    with atomic_folder(out) as folder:
        writer = ShardWriter(folder, {s: len(plan[s]) for s in SPLITS}, image_shape, params.shard_mb)
        converted = convert(archive, list(where), fractions, image_shape, workers)
        for member, image, box, reason in tqdm(converted, desc="preprocess", total=len(where), unit="img"):
            split, row = where[member]
            if reason is None:
                writer.put(split, row, image)
                ids[split][row] |= dict(zip(("left", "top", "right", "bottom"), box, strict=True))
            else:
                rejected.append((member, reason))
        counts = writer.finish(dataset, ids, attributes, factors, rejected, credits)
        _check_splits(counts, params, official, rejected)
    metrics = {"images": counts, "rejected": len(rejected)}
    identities = {item.identity for rows in plan.values() for item in rows} - {""}
    return metrics | ({"identities": len(identities)} if identities else {})


def list_items(source, raw, archive):
    """The data set's pictures in the archive.

    Returns:
        (items, rejected): list of `Item` in archive order, and (member, reason) pairs: refused members, a second
        picture with the same id, pictures whose name does not fit the data set.
    """
    identities = source.read_identities(raw) if source.read_identities else {}
    items, rejected = {}, []
    for member, refused in list_members(archive):
        path = PurePosixPath(member)
        found = source.match(member)
        if found is None:
            # "._*" and "__MACOSX": what macOS adds to archives
            if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith("._"):
                rejected.append((member, f"the name is not of the form {source.example}"))
        elif refused:
            rejected.append((member, refused))
        elif found[0] in items:
            rejected.append((member, f"its id {found[0]} is that of {items[found[0]].member}"))
        else:
            items[found[0]] = Item(found[0], identities.get(found[0], found[1]), member)
    return list(items.values()), rejected


def limit(items, count):
    """At most `count` items, chosen by a hash of the id: a larger count only adds. None: all."""
    return items if count is None else heapq.nsmallest(count, items, key=lambda item: fraction(f"limit/{item.id}"))


def plan_splits(source, raw, items, params):
    """Divide items into splits.

    The official split where the data set has one (split auto, official). Else by a hash of the person where known,
    of the id where not, so that adding pictures never moves an old one, and no person is in two splits.
    Hash < test_fraction is test, the next valid_fraction is valid: changing the latter does not touch test.

    Returns:
        ({split: list of `Item` sorted by id}, [(member, reason)] of items the official split does not list).
    """
    plan, unlisted = {split: [] for split in SPLITS}, []
    if params.split == "official" and source.read_split is None:
        raise InputError(f"params.yaml: preprocess.split: {source.name} has no official split; use auto or hash")
    if source.read_split is not None and params.split != "hash":
        official = source.read_split(raw)
        for item in items:
            if item.id in official:
                plan[official[item.id]].append(item)
            else:
                unlisted.append((item.member, "not in the official split's file"))
    else:
        for item in items:
            u = fraction(f"split/{item.identity or item.id}")
            held_out = params.test_fraction + params.valid_fraction
            plan["test" if u < params.test_fraction else "valid" if u < held_out else "train"].append(item)
    return {split: sorted(rows) for split, rows in plan.items()}, unlisted


def _check_splits(counts, params, official, rejected):
    total = sum(counts.values())
    if total == 0:
        why = f"; {len(rejected)} rejected, the first, {rejected[0][0]}: {rejected[0][1]}" if rejected else ""
        raise InputError(f"preprocess: no usable picture in the archive{why}")
    for split in SPLITS:
        if counts[split] == 0:
            if official:
                cure = "set preprocess.split to hash"
            elif split == "train":
                cure = "lower preprocess.valid_fraction or preprocess.test_fraction"
            else:
                cure = f"raise preprocess.{split}_fraction"
            limited = " or raise preprocess.limit" if params.limit is not None else ""
            raise InputError(f"params.yaml: the {split} split has none of the {total} pictures; {cure}{limited}")


def _read_dataset(raw):
    """(name, path of the archive, {"licence": .., "citation": ..}) from raw/dataset.json."""
    path = raw / "dataset.json"
    try:
        described = read_json(path)
        credits = {key: described[key] for key in ("licence", "citation")}
        return described["name"], raw / described["archive"], credits
    except FileNotFoundError:
        raise InputError(f"{path}: not found; run the download stage (dvc repro download)") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: not as the download stage writes it; run it again") from None
