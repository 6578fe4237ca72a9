"""Byte-identical pictures: find them, keep one of them, or none where their labels contradict each other."""

import contextlib
from typing import NamedTuple

import numpy as np

from facepipe.datasets.archive import archive_kind
from facepipe.datasets.labels import Labels
from facepipe.datasets.members import MemberError, digest
from facepipe.datasets.zips import read_place

_HELD_OUT_FIRST = ("test", "valid", "train", None)


class Distinct(NamedTuple):
    """Pictures without their copies.

    Attributes:
        items: list of `Item`, one of each picture.
        labels: `Labels`, in which those that stay know what was known of their copies.
        copies: {member name: that of the one that stays} of the others, which are no fault.
        rejected: [(member name, reason)] of copies whose labels contradict each other.
    """

    items: list
    labels: Labels
    copies: dict
    rejected: list


def drop_copies(archive, items, labels):
    """Keep one of each group of byte-identical pictures, so that none is in two splits.

    Of an official split the one that is held out stays (test before valid before train), else the one whose id comes
    first. What is known of one of them is known of the picture; of one that lies in several folders each is true. Where
    their labels contradict each other (a known attribute, factor or identity that differs) all of them go, since nobody
    knows which is right.

    Args:
        archive: path.
        items: list of `Item` whose members have keys.
        labels: `labels.Labels`.

    Returns:
        `Distinct`.
    """
    by_name = {item.member.name: item for item in items}
    splits = labels.splits or {}

    def rank(item):
        return _HELD_OUT_FIRST.index(splits.get(item.id)), item.id

    groups = [
        sorted((by_name[name] for name in group), key=rank)
        for group in find_copies(archive, [item.member for item in items])
    ]
    conflicts = _conflicts(groups, labels)
    copies, rejected = {}, {}
    for (first, *others), conflict in zip(groups, conflicts, strict=True):
        if conflict:
            rejected[first.member.name] = f"{copy_of(others[0].member.name)} with another {conflict}"
        for item in others:
            if conflict:
                rejected[item.member.name] = f"{copy_of(first.member.name)} with another {conflict}"
            else:
                copies[item.member.name] = first.member.name
    agreeing = [group for group, conflict in zip(groups, conflicts, strict=True) if not conflict]
    identities = {first.id: max(item.identity for item in (first, *others)) for first, *others in agreeing}
    gone = copies.keys() | rejected.keys()
    kept = [
        item._replace(identity=identities.get(item.id, item.identity)) for item in items if item.member.name not in gone
    ]
    return Distinct(kept, _joined(agreeing, labels), copies, list(rejected.items()))


def copy_of(name):
    """Why a copy is left out."""
    return f"a copy of {name}"


def take_unusable(copies, rejected):
    """Take the copies of rejected pictures out of `copies`: [(member name, reason)], the reason is the picture's."""
    reasons = dict(rejected)
    return [(name, reasons[copies.pop(name)]) for name, kept in list(copies.items()) if kept in reasons]


def _conflicts(groups, labels):
    """Of each group the first label by which its items differ, or None."""
    found = ["identity" if len({item.identity for item in group} - {""}) > 1 else None for group in groups]
    for table in (labels.attributes, labels.factors):
        values = _by_group(groups, table)
        if values is not None:
            differ = (values.max() != values.min()) & (values.count() > 0)
            first = differ.columns[np.argmax(differ.to_numpy(), axis=1)]
            for group in np.flatnonzero(differ.any(axis=1) & np.equal(found, None)):
                found[group] = str(first[group])
    return found


def _joined(groups, labels):
    """The labels, in which the first item of each group knows what is known of any."""
    tables = {}
    for name in ("attributes", "factors", "sorted_into"):
        table = getattr(labels, name)
        values = _by_group(groups, table)
        if values is not None:
            tables[name] = table.reindex(table.index.union([group[0].id for group in groups], sort=False))
            tables[name].loc[[group[0].id for group in groups]] = values.max().to_numpy()
    return labels._replace(**tables)


def _by_group(groups, table):
    """The rows of `table` (a DataFrame by id, or None) of the items of each group, grouped; None: there are none."""
    if table is None or table.empty or not groups:
        return None
    rows = table.reindex([item.id for group in groups for item in group])
    return rows.groupby(np.repeat(np.arange(len(groups)), [len(group) for group in groups]))


def find_copies(path, members):
    """Groups of members with the same bytes.

    Args:
        path: the archive.
        members: list of `Member` with keys.

    Returns:
        list of lists of names, each of two or more, in the order of `members`.
    """
    groups = _groups((member.key, member) for member in members)
    if archive_kind(path) == "zip":  # equal CRC and size are a hint only
        with open(path, "rb") as file:
            groups = [same for group in groups for same in _groups(_digests(file, group))]
    return [[member.name for member in group] for group in groups]


def _digests(file, members):
    for member in members:
        with contextlib.suppress(MemberError):
            yield digest(read_place(file, member.place)), member


def _groups(pairs):
    groups = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return [group for group in groups.values() if len(group) > 1]
