"""The preprocess stage: from archive and label files to shards."""

import collections
import contextlib
import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facepipe.core.files import atomic_folder, check_bytes, check_seal, read_json
from facepipe.core.machine import available_cores
from facepipe.core.progress import track
from facepipe.datasets.names import some
from facepipe.datasets.sets import get_source
from facepipe.errors import FieldError, InputError
from facepipe.preprocess.align import EYES, detect_faces
from facepipe.preprocess.convert import Workers, convert
from facepipe.preprocess.copies import copy_of, drop_copies, take_unusable
from facepipe.preprocess.decode import HEIC
from facepipe.preprocess.images import Framing, ImageError, prepare
from facepipe.preprocess.plan import Item, limit, list_items, plan_splits
from facepipe.preprocess.rejected import count_reasons, printable, write_rejected
from facepipe.preprocess.writer import ShardWriter
from facepipe.shards.shards import SPLITS

GEOMETRY = ["left", "top", "right", "bottom", "width", "height"]
AGAIN = "`dvc repro -f download` brings it anew"
REJECTED = Path(".facepipe") / "rejected.csv"  # the list, where the stage gives up because of it
REASONS = 3  # that a message names
DETECTION_BYTES = 1_000_000  # makes tasks of a few pictures: finding a face takes a fraction of a second


def preprocess(params, raw="data/raw", out="data/shards"):
    """Make the shards folder.

    Rows are planned first: the pictures of the archive, limited, without copies, divided into splits, sorted by id. A
    picture that turns out unusable leaves a gap that is closed within its own shard, so no other shard changes; its
    copies then count as rejected, too.

    Args:
        params: `preprocess.config.Preprocess`.
        raw: folder made by the download stage.
        out: folder to make or replace.

    Returns:
        Metrics: {"images": {"train": n, "valid": n, "test": n}, "rejected": n, "copies": n where there are some,
        "identities": n where known}.

    Raises:
        InputError: broken input, no usable picture, too many rejected, or an empty split.
    """
    raw = Path(raw)
    dataset, archive, credits = _read_dataset(raw)
    source = get_source(dataset)
    workers = Workers(params.scheduler, available_cores() if params.workers == "auto" else params.workers)

    items, misnamed = list_items(source, archive, _max_bytes(params))
    _check_rejected(misnamed, len(items) + len(misnamed), params)
    read = functools.partial(source.read, split=params.split) if source.own else source.read
    labels = read(raw, [(item.id, item.member.name) for item in items])
    _check_labels(labels, items, raw, archive)
    items = limit(items, params.limit)
    considered = len(items)
    items = [item._replace(identity=labels.identities.get(item.id, item.identity)) for item in items]
    items, labels, copies, rejected = drop_copies(archive, items, labels)
    considered -= len(copies)
    # after the copies: that one lies in two of these folders contradicts nothing
    if labels.people:
        items = [item._replace(identity=labels.people.get(item.id, "")) for item in items]
    _tell_copies(copies, labels)
    labels = labels.completed()
    if params.crop == "align":
        items, without = _align(items, archive, params, workers)
        spoilt = take_unusable(copies, without)
        considered += len(spoilt)
        rejected += without + spoilt
    plan, unlisted = plan_splits(source, labels.splits, items, params)
    asked = source.own and params.split == "official"  # so that it is no fault
    if asked:
        left_out = unlisted
        considered -= len(unlisted)
    else:
        left_out = []
        rejected += unlisted
    _check_rejected(rejected, considered, params)
    if unlisted and (asked or not source.own):  # else their reason says what to do
        print(
            f"preprocess: {len(unlisted)} of {len(items)} pictures are in no part of the official split "
            f"{some([name for name, _ in unlisted])}: left out; preprocess.split: hash divides all of them"
        )
    if labels.splits and params.split != "hash":
        _tell_torn(plan)
    official = set(labels.splits.values()) if labels.splits and params.split != "hash" else set()
    _check_splits({split: len(rows) for split, rows in plan.items()}, params, official, misnamed + rejected)

    with atomic_folder(out) as folder:
        writer = ShardWriter(folder, {s: len(plan[s]) for s in SPLITS}, _image_shape(params), params.shard_mb)
        tables, damaged, used, deep = _write(writer, plan, archive, source, params, workers)
        spoilt = take_unusable(copies, [pair for pair in damaged if pair[0] not in used])
        considered += len(spoilt)
        rejected += damaged + spoilt
        # photographs count, not the faces in them
        lost = list(dict(pair for pair in rejected if pair[0] not in used).items())
        _check_rejected(lost, considered, params)
        credits = credits | {"crop": params.crop}
        framing = _framing(source, params)
        listed = [*misnamed, *rejected, *left_out, *((name, copy_of(kept)) for name, kept in copies.items())]
        counts = writer.finish(dataset, tables, labels.attributes, labels.factors, listed, credits, framing)
        _check_splits(counts, params, official, rejected)
    if lost := misnamed + lost:
        total, listed = considered + len(misnamed), Path(out) / "rejected.csv"
        print(f"preprocess: {len(lost)} of {total} pictures rejected: {_reasons(lost)}; {listed} lists them")
    _tell_dark(deep)
    if heic := sum(reason == HEIC for _, reason in rejected):
        print(f"preprocess: {heic} left out: {HEIC}; then dvc repro -f preprocess")
    metrics = {"images": counts, "rejected": len(misnamed) + len(rejected)}
    metrics |= {"copies": len(copies)} if copies else {}
    identities = {item.identity for rows in plan.values() for item in rows} - {""}
    return metrics | ({"identities": len(identities)} if identities else {})


def _tell_copies(copies, labels):
    """Say what is left out, and which pictures have the attributes of several folders."""
    if copies:
        (name, kept), count = next(iter(copies.items())), len(copies)
        are = "copies are" if count > 1 else "copy is"
        print(f"preprocess: {count} byte-identical {are} left out; the first, {name}: {copy_of(kept)}")
    several = labels.sorted_into is not None and (labels.sorted_into == 1).sum(axis=1) > 1
    if np.any(several):
        example = labels.sorted_into.columns[labels.sorted_into[several].iloc[0] == 1]
        which = " and ".join(example)
        print(
            f"preprocess: {int(several.sum())} pictures lie in several sub-folders and have the attributes of each, "
            f"the first {several.index[several][0]}: {which}"
        )


def _tell_dark(deep):
    """Say that pictures of 16-bit pixels will be dark, where not one of all says that the numbers have 16 bits."""
    bits = max(deep.values(), default=2**16).bit_length()
    if bits <= 14:
        have = "1 picture has" if len(deep) == 1 else f"{len(deep)} pictures have"
        print(
            f"preprocess: {have} 16-bit pixels, none above {max(deep.values())} of 65535 {some(list(deep))}: as for "
            f"numbers of {bits} bits, and so they are dark; multiply these by {2 ** (16 - bits)}, or save 8 bits"
        )


def _tell_torn(plan):
    """Say how many people an official split has in more than one part."""
    parts = collections.Counter(person for rows in plan.values() for person in {item.identity for item in rows} - {""})
    torn = sorted(person for person, count in parts.items() if count > 1)
    if torn:
        people = "1 person has" if len(torn) == 1 else f"{len(torn)} people have"
        print(
            f"preprocess: {people} pictures in more than one split, as the folders or the labels say {some(torn)}; "
            "preprocess.split: hash keeps each in one"
        )


def _align(items, archive, params, workers):
    """Find the eyes: (items with eyes, [(member name, reason)] of pictures without a face or with too many)."""
    by_name = {item.member.name: item for item in items}
    find = functools.partial(_find, max_pixels=params.max_pixels)
    members = [item.member for item in items]
    found = convert(find, archive, members, None, workers, DETECTION_BYTES, _max_bytes(params))
    aligned, rejected = [], []
    with contextlib.closing(found):
        for name, faces, reason in track(found, "preprocess: faces", len(items), "pictures"):
            if reason is None and not faces:
                reason = "no face found"
            elif reason is None and len(faces) > 1 and params.faces == "reject":
                reason = f"{len(faces)} faces (preprocess.faces: reject)"
            if reason is not None:
                rejected.append((name, reason))
                continue
            item = by_name[name]
            largest, *others = faces if params.faces == "all" else faces[:1]
            first = item._replace(eyes=largest)
            # nobody knows who the others are; the labels are those of the largest face
            further = [
                Item(f"{item.id}~{number}", "", item.member, eyes, first) for number, eyes in enumerate(others, 2)
            ]
            aligned += [first, *further]
    return aligned, rejected


def _find(data, _, max_pixels):
    return [(face.left_eye, face.right_eye) for face in detect_faces(data, max_pixels)]


class _Written(NamedTuple):
    """What came of the plan.

    Attributes:
        tables: {split: columns of ids.csv}.
        rejected: list of (member name, reason).
        used: set of the names of those that have a row.
        deep: {name: the brightest number} of those of them that have 16-bit pixels.
    """

    tables: dict
    rejected: list
    used: set
    deep: dict


def _write(writer, plan, archive, source, params, workers):
    """Convert the planned pictures into their rows, see `_Written`."""
    where, eyes = collections.defaultdict(list), collections.defaultdict(list)
    members, tables, rejected, used, deep = {}, {}, [], set(), {}
    for split in SPLITS:
        for row, item in enumerate(plan[split]):
            where[item.member.name].append((split, row))
            eyes[item.member.name].append(item.eyes)
            members[item.member.name] = item.member
        tables[split] = {
            "id": [item.id for item in plan[split]],
            "identity": [item.identity for item in plan[split]],
            "source": [printable(item.member.name) for item in plan[split]],
            "angle": np.zeros(len(plan[split]), np.float32),
        } | {name: np.zeros(len(plan[split]), np.int32) for name in GEOMETRY}
    shape = _image_shape(params)
    framing = Framing(shape, source.crop if params.crop in ("default", "align") else params.crop, params.max_pixels)
    function = functools.partial(_prepare, framing=framing)
    size = int(np.prod(shape))
    # closed here, whatever ends the loop: workers that nobody waits for any more would do what is left
    converted = convert(function, archive, list(members.values()), eyes, workers, size, _max_bytes(params))
    with contextlib.closing(converted):
        for name, results, reason in track(converted, "preprocess", len(members), "pictures"):
            for (split, row), result in zip(where[name], results or [reason] * len(where[name]), strict=True):
                if isinstance(result, str):
                    rejected.append((name, result))
                    continue
                used.add(name)
                if result.high is not None:
                    deep[name] = result.high
                writer.put(split, row, result.image)
                for column, value in zip(GEOMETRY, (*result.box, *result.size), strict=True):
                    tables[split][column][row] = value
                tables[split]["angle"][row] = result.angle
    return _Written(tables, rejected, used, deep)


def _prepare(data, eyes, framing):
    """One result for each face wanted of the picture: `images.Prepared`, or why not."""
    results = []
    for pair in eyes:
        try:
            results.append(prepare(data, framing, pair))
        except ImageError as error:
            results.append(str(error))
    return results


def _framing(source, params):
    """What index.json and the models record, so that own photos can be made like the training images."""
    crop = source.crop if params.crop == "default" else params.crop
    eyes = {"default": source.eyes, "align": EYES}.get(params.crop) if isinstance(params.crop, str) else None
    return {"image_shape": _image_shape(params), "crop": crop, "eyes": eyes, "max_pixels": params.max_pixels}


def _image_shape(params):
    return (*params.image_size, params.channels)


def _max_bytes(params):
    return int(params.max_file_mb * 2**20)


def _check_labels(labels, items, raw, archive):
    """Say in a line which pictures have no labels, and which labels no picture; InputError where none have any."""
    known, ids = labels.attributes.index, {item.id for item in items}
    without = [item.id for item in items if item.id not in known] if len(known) else []
    if items and len(without) == len(items):
        raise InputError(
            f"{raw}: the label files know none of the pictures in {archive.name} ({items[0].id} and so on), but "
            f"{known[0]}; are they of this archive?"
        )
    if without:
        print(
            f"preprocess: the label files do not know {len(without)} of {len(items)} pictures {some(without)}: their "
            "attributes stay unknown"
        )
    if absent := [id for id in known if id not in ids]:
        print(f"preprocess: the label files know {len(absent)} pictures {some(absent)} that are none of {archive.name}")
    nobody = [item.id for item in items if item.id not in labels.identities] if labels.identities else []
    if nobody:
        print(
            f"preprocess: the label files do not say who is in {len(nobody)} of {len(items)} pictures {some(nobody)}: "
            "each counts as a person of its own"
        )


def _check_rejected(rejected, total, params):
    if len(rejected) <= params.max_rejected * total:
        return
    write_rejected(REJECTED, rejected)
    raise FieldError(
        "max_rejected",
        f"{len(rejected)} of {total} pictures were rejected, more than {params.max_rejected:g} of them: "
        f"{_reasons(rejected)}; {REJECTED} lists them; mend them, or raise max_rejected to go on without",
    )


def _reasons(rejected):
    """The most frequent reasons, as text."""
    rows = count_reasons(rejected)
    rest = sum(count for _, count, _ in rows[REASONS:])
    shown = [f"{count} x {reason}" for reason, count, _ in rows[:REASONS]]
    return ", ".join([*shown, *([f"{rest} x other reasons"] if rest else [])])


def _check_splits(counts, params, official, rejected):
    total = sum(counts.values())
    if total == 0:
        why = f"; {len(rejected)} rejected, the first, {rejected[0][0]}: {rejected[0][1]}" if rejected else ""
        raise InputError(f"preprocess: no usable picture in the archive{why}")
    for split in SPLITS:
        if counts[split] == 0:
            if split in official or (official and split == "train"):
                field, cure = "split", "use hash"
            elif split == "train":
                field, cure = "valid_fraction", "lower it, or test_fraction"
            else:
                field, cure = f"{split}_fraction", "raise it"
            limited = ", or raise limit" if params.limit is not None else ""
            raise FieldError(field, f"the {split} split has none of the {total} pictures; {cure}{limited}")


class _Dataset(NamedTuple):
    name: str
    archive: Path
    credits: dict  # licence, citation


def _read_dataset(raw):
    """What raw/dataset.json says; InputError: the files beside it are not those it describes."""
    path = raw / "dataset.json"
    try:
        described = read_json(path)
        if "sha256" in described:  # else of an earlier facepipe
            check_seal(path, described, AGAIN)
        files = {raw / file["name"]: {key: file[key] for key in ("bytes", "sha256")} for file in described["files"]}
        credits = {key: described[key] for key in ("licence", "citation")}
        dataset = _Dataset(described["name"], raw / described["archive"], credits)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: not found; run the download stage (dvc repro download)") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path}: not as the download stage writes it; run it again") from None
    for file, known in files.items():
        check_bytes(file, known, AGAIN)
    return dataset
