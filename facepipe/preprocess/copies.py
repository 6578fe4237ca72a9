"""Byte-identical pictures: find them, keep one of them, or none where their labels contradict each other."""

import contextlib

import numpy as np

from facepipe.datasets.archive import MemberError, archive_kind, digest, read_place


def drop_copies(archive, items, labels):
    """Keep one of each group of byte-identical pictures, so that none is in two splits.

    The one whose id comes first stays. Where their labels contradict each other (a known attribute, factor or
    identity that differs) all of them go, since nobody knows which is right.

    Args:
        archive: path.
        items: list of `Item` whose members have keys.
        labels: `labels.Labels`.

    Returns:
        (items, rejected).
    """
    by_name = {item.member.name: item for item in items}
    dropped = {}
    for group in find_copies(archive, [item.member for item in items]):
        first, *others = sorted((by_name[name] for name in group), key=lambda item: item.id)
        conflict = _conflict([first, *others], labels)
        if conflict:
            dropped[first.member.name] = f"a copy of {others[0].member.name} with another {conflict}"
        for item in others:
            with_another = f" with another {conflict}" if conflict else ""
            dropped[item.member.name] = f"a copy of {first.member.name}{with_another}"
    return [item for item in items if item.member.name not in dropped], list(dropped.items())


def _conflict(items, labels):
    """The first label by which items differ, or None."""
    if len({item.identity for item in items} - {""}) > 1:
        return "identity"
    for table in (labels.attributes, labels.factors):
        if table is None or table.empty:
            continue
        values = table.reindex([item.id for item in items])
        differ = (values.max() != values.min()) & values.notna().any()
        if differ.any():
            return str(differ.index[int(np.argmax(differ))])
    return None


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
