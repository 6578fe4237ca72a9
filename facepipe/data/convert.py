"""Turn archive members into training images, in worker processes, in a fixed order."""

import collections
import concurrent.futures
import concurrent.futures.process
import multiprocessing
import signal

from facepipe.data.archive import MemberError, ZipReader, archive_kind, read_tar
from facepipe.data.images import ImageError, prepare
from facepipe.errors import InputError

BATCH_BYTES = 8_000_000  # pixels, or encoded bytes, that one task holds
BATCH_IMAGES = 64


def convert(archive, members, fractions, image_shape, workers=1):
    """Decode, crop and resize archive members.

    A zip is read by the workers themselves; a tar only from front to back, so this process reads it and sends the
    bytes. At most a few batches per worker are held at a time.

    Args:
        archive: path of a zip or tar.
        members: names in the order wanted; a tar gives its own order.
        fractions: crop box, see `images.crop_box`.
        image_shape: (H, W, C).
        workers: number of processes; 1: this one. Does not change the results.

    Yields:
        (member, image, box, reason): uint8 (H, W, C) and pixel box with reason None, or None, None and why not.

    Raises:
        InputError: the archive is broken, or a worker died.
    """
    tasks = _tasks(archive, members, image_shape)
    fixed = (str(archive), fractions, image_shape)
    if workers == 1:
        for task in tasks:
            yield from _convert_batch(task, *fixed)
        return
    pool = concurrent.futures.ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_ignore_interrupt
    )
    try:
        pending = collections.deque()
        for task in tasks:
            pending.append(pool.submit(_convert_batch, task, *fixed))
            if len(pending) > 2 * workers:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()
    except concurrent.futures.process.BrokenProcessPool:
        raise InputError(
            "params.yaml: preprocess.workers: a worker process died (out of memory?); use fewer workers"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _ignore_interrupt():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends the pool


def _tasks(archive, members, image_shape):
    """Lists of (member, bytes or None); None: the worker reads it from the zip."""
    height, width, channels = image_shape
    size = max(1, min(BATCH_IMAGES, BATCH_BYTES // (height * width * channels)))
    if archive_kind(archive) == "zip":
        for start in range(0, len(members), size):
            yield [(member, None) for member in members[start : start + size]]
        return
    batch, held = [], 0
    for member, data in read_tar(archive, members):
        batch.append((member, data))
        held += len(data)
        if len(batch) == size or held > BATCH_BYTES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


_readers = {}  # one open zip per process


def _convert_batch(task, archive, fractions, image_shape):
    results = []
    for member, data in task:
        try:
            if data is None:
                if archive not in _readers:
                    _readers.clear()
                    _readers[archive] = ZipReader(archive)
                data = _readers[archive].read(member)
            image, box = prepare(data, fractions, image_shape)
            results.append((member, image, box, None))
        except (ImageError, MemberError) as error:
            results.append((member, None, None, str(error)))
    return results
