"""Plan the shards before any picture is decoded: which pictures, under which ids, in which split."""

import heapq
from typing import NamedTuple

from facepipe.core.determinism import fraction
from facepipe.datasets.archive import Member, list_members
from facepipe.errors import FieldError
from facepipe.shards.shards import SPLITS

NO_SPLIT = "its split is not known: the table has none for it; fill in its column split, or use preprocess.split: hash"


class Item(NamedTuple):
    """One face: a picture of the archive, or one of several faces in it.

    Attributes:
        id: str, unique also where upper and lower case are one.
        identity: who it is, "" where unknown.
        member: `archive.Member`.
        eyes: ((x, y), (x, y)) by which it is aligned, or None.
        first: of a further face in a photograph, the `Item` of its largest; None: it is the largest, or the only one.
    """

    id: str
    identity: str
    member: Member
    eyes: tuple | None = None
    first: "Item | None" = None


def list_items(source, archive, max_bytes):
    """The data set's pictures in the archive.

    Returns:
        (items, rejected): list of `Item` in archive order, and (member name, reason) pairs: refused members, a second
        picture with the same id, pictures whose name does not fit the data set.
    """
    items, rejected = {}, []
    for member in list_members(archive, max_bytes, keys=True, look=source.look):
        found = source.find(member)
        if found is None and source.leaves_out(member.name):
            continue
        # latents are decoded to files of these names, and some file systems do not tell A from a
        key = found[0].casefold() if found else None
        if member.refused:
            rejected.append((member.name, member.refused))
        elif found is None:
            rejected.append((member.name, f"the name is not of the form {source.example}"))
        elif key in items:
            rejected.append((member.name, f"its id {found[0]} is that of {items[key].member.name}"))
        else:
            items[key] = Item(found[0], found[1], member._replace(start=b""))
    return list(items.values()), rejected


def limit(items, count):
    """At most `count` items, chosen by a hash of the id: a larger count only adds. None: all."""
    return items if count is None else heapq.nsmallest(count, items, key=lambda item: fraction(f"limit/{item.id}"))


def plan_splits(source, official, items, params):
    """Divide items into splits.

    The official split where the data set has one (split auto, official). Else by a hash of the person where known,
    of the id where not, so that adding pictures never moves an old one, and no person is in two splits. Further faces
    in a photograph go where its largest goes.
    Hash < test_fraction is test, the next valid_fraction is valid: changing the latter does not touch test.

    Args:
        source: `sets.Source`.
        official: {id: split} or None.
        items: list of `Item`.
        params: `preprocess.config.Preprocess`.

    Returns:
        ({split: list of `Item` sorted by id}, [(member name, reason)] of items the official split does not list).
    """
    plan, unlisted = {split: [] for split in SPLITS}, []
    if params.split == "official" and official is None:
        raise FieldError("split", f"{source.name} has no official split; use auto or hash")
    if official is not None and params.split != "hash":
        for item in items:
            photograph = (item.first or item).id
            if photograph in official:
                plan[official[photograph]].append(item)
            elif item.first is None:
                own = source.name == "folder"
                unlisted.append((item.member.name, NO_SPLIT if own else "not in the official split's file"))
    else:
        for item in items:
            first = item.first or item
            u = fraction(f"split/{first.identity or first.id}")
            held_out = params.test_fraction + params.valid_fraction
            plan["test" if u < params.test_fraction else "valid" if u < held_out else "train"].append(item)
    return {split: sorted(rows, key=lambda item: item.id) for split, rows in plan.items()}, unlisted
