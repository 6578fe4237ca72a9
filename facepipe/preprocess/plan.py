"""Plan the shards before any picture is decoded: which pictures, under which ids, in which split."""

import collections
import heapq
from typing import NamedTuple

from facepipe.core.determinism import fraction
from facepipe.core.names import SHEETS, folded, picture_name
from facepipe.datasets.archive import list_members
from facepipe.datasets.members import Member
from facepipe.datasets.names import distinct_id, photograph, some
from facepipe.errors import FieldError
from facepipe.shards.shards import SPLITS

NO_SPLIT = (
    "its split is not known: no folder tells, and the table has none for it; fill in its column split, or use "
    "preprocess.split: official (leaves it out) or hash"
)


class Item(NamedTuple):
    """One face: a picture of the archive, or one of several faces in it.

    Attributes:
        id: str, unique also where upper and lower case are one; of own pictures also as the name of a picture.
        identity: who it is, "" where unknown.
        member: `members.Member`.
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

    Latents are decoded to files that are named after the ids, IMG_1.png for IMG_1.JPG. Of own pictures for which that
    would be one file, the first by name has its usual id, the others one of their own; so has one called grid.png or
    as another file that lies beside the pictures.

    Returns:
        (items, rejected): list of `Item` in archive order, and (member name, reason) pairs: refused members, a second
        picture with the same id in a set whose labels go by ids; pictures whose name does not fit the data set.
    """
    items, alike, rejected = {}, collections.defaultdict(list), []
    for member, found in _last_of_each_name(source, archive, max_bytes):
        key = None
        if found:
            key = member.name if source.own else folded(found[0])
        if member.refused:
            rejected.append((member.name, member.refused))
        elif found is None:
            rejected.append((member.name, f"the name is not of the form {source.example}"))
        elif key in items:
            rejected.append((member.name, f"its id {found[0]} is that of {items[key].member.name}"))
        else:
            items[key] = Item(found[0], found[1], member)
            alike[folded(picture_name(found[0]))].append(key)
    for name, keys in alike.items() if source.own else ():
        for key in sorted(keys)[name not in SHEETS :]:
            items[key] = items[key]._replace(id=distinct_id(items[key].id, key))
    return list(items.values()), rejected


def _last_of_each_name(source, archive, max_bytes):
    """[(`Member`, what the source finds in it)] but of what is left out; says how many names come again (tar -r)."""
    last, twice = {}, {}  # keys in order
    for member in list_members(archive, max_bytes, keys=True, look=source.look):
        found = source.find(member)
        if last.pop(member.name, None):
            twice[member.name] = True
        if found or not source.leaves_out(member.name):
            last[member.name] = member._replace(start=b""), found
    if twice:
        print(
            f"preprocess: {archive.name}: names that it has more than once: {len(twice)} {some(list(twice))}; the last "
            "of each counts, as where it is unpacked"
        )
    return list(last.values())


def limit(items, count):
    """At most `count` items, chosen by a hash of the id: a larger count only adds. None: all."""
    return items if count is None else heapq.nsmallest(count, items, key=lambda item: fraction(f"limit/{item.id}"))


def plan_splits(source, official, items, params):
    """Divide items into splits.

    The official split where the data set has one (split auto, official); of its three parts those that it lacks are
    taken from its training images, by hash. Else all is divided by a hash: of the person where known, of the id where
    not (of own pictures of what a photograph's files in several formats have in common), so that adding pictures never
    moves an old one, and neither a person nor a photograph is in two splits. Further faces in a photograph go where its
    largest goes. Hash < test_fraction is test, the next valid_fraction is valid: changing the latter does not touch
    test.

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
    if params.split == "hash":
        official = None
    absent = set(SPLITS) - set(official.values()) if official is not None else set(SPLITS)
    if official is not None and absent and "train" not in absent:
        print(f"preprocess: the official split has no {' and no '.join(sorted(absent))}: taken from train by hash")
    for item in items:
        first = item.first or item
        split = "train" if official is None else official.get(first.id)
        if split is None:
            if item.first is None:
                unlisted.append((item.member.name, NO_SPLIT if source.own else "not in the official split's file"))
            continue
        if split == "train":
            name = first.identity or (photograph(first.member.name) if source.own else first.id)
            drawn = _by_hash(name, params)
            split = drawn if drawn in absent else "train"
        plan[split].append(item)
    return {split: sorted(rows, key=lambda item: item.id) for split, rows in plan.items()}, unlisted


def _by_hash(name, params):
    """The split that a name's hash falls into."""
    u = fraction(f"split/{name}")
    if u < params.test_fraction:
        return "test"
    return "valid" if u < params.test_fraction + params.valid_fraction else "train"
