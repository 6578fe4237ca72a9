"""Apply a function to the pictures of an archive, in worker processes, in a fixed order."""

import contextlib
import functools
from typing import NamedTuple

from facepipe.datasets.archive import archive_kind, read_members
from facepipe.datasets.members import MAX_MEMBER_BYTES, MemberError
from facepipe.datasets.workers import ordered_map
from facepipe.datasets.zips import read_place
from facepipe.preprocess.images import ImageError

BATCH_BYTES = 8_000_000  # encoded bytes, or bytes of the results, that one task holds
BATCH_IMAGES = 64


class Workers(NamedTuple):
    """Who does the work: see `workers.ordered_map`. Does not change the results."""

    scheduler: str = "processes"
    count: int = 1


def convert(function, archive, members, extras=None, workers=None, result_bytes=1, max_bytes=MAX_MEMBER_BYTES):
    """Call function(data, extra) for each picture.

    Worker processes of this machine read a zip by themselves. A tar can only be read from front to back, and a
    cluster's workers may not see the file: then this process reads, and sends the bytes.

    Args:
        function: picklable; takes the encoded picture (bytes) and its extra; ImageError is a reason to reject it.
        archive: path of a zip, tar or mat.
        members: list of `members.Member`, none refused, no name twice; a tar gives its own order.
        extras: {member name: picklable value}; those not there get None.
        workers: `Workers`; None: this process.
        result_bytes: int, about how large a result is: batches are kept to some MB.
        max_bytes: int, limit of a member's size, as in `archive.list_members`.

    Yields:
        (member name, result, reason): reason None, or result None and why not.

    Raises:
        InputError: the archive is broken; see `workers.ordered_map`.
    """
    workers = workers or Workers()
    here = workers.scheduler == "processes" and archive_kind(archive) == "zip"
    read = ((m.name, m.place) for m in members) if here else read_members(archive, members, max_bytes)
    tasks = _tasks(read, extras or {}, max(1, min(BATCH_IMAGES, BATCH_BYTES // result_bytes)))
    batch = functools.partial(_batch, function, str(archive) if here else None)
    for results in ordered_map(batch, tasks, workers.scheduler, workers.count):
        yield from results


def _tasks(read, extras, size):
    """Lists of (name, bytes or place or MemberError, extra)."""
    batch, held = [], 0
    for name, data in read:
        batch.append((name, data, extras.get(name)))
        held += len(data) if isinstance(data, bytes) else 0
        if len(batch) == size or held > BATCH_BYTES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _batch(function, archive, task):
    results = []
    with open(archive, "rb") if archive is not None else contextlib.nullcontext() as file:
        for name, data, extra in task:
            try:
                if isinstance(data, MemberError):
                    raise data
                if file is not None:
                    data = read_place(file, data)
                results.append((name, function(data, extra), None))
            except (ImageError, MemberError) as error:
                results.append((name, None, str(error)))
    return results
