"""Speed of preprocess against the naive loop and against the bare decoder: python -m tests.bench.preprocess

In one run, on the same pictures, variants interleaved, medians over the repeats:
  facepipe     archive -> decoded, cropped, resized uint8 arrays in this process, by worker processes on all cores
  ceiling      Pillow's libjpeg decode alone, by one process a core, from memory, at full size and at the DCT scale used
  naive        one process: keras.utils.load_img of a file, resize, float32 array, as earlier projects do
Process start-up is left out of all of them.
"""

import concurrent.futures
import functools
import io
import multiprocessing
import statistics
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from facepipe.core.machine import available_cores
from facepipe.datasets.archive import list_members, read_members
from facepipe.datasets.sets import get_source
from facepipe.preprocess.convert import Workers, convert
from facepipe.preprocess.images import Framing, prepare
from tests.bench.material import arguments, celeba_sized

SHAPE = (64, 64, 3)
_pictures = []


def load(archive, share, shares):
    """Fill this process's share of the pictures (encoded)."""
    _pictures[:] = [data for _, data in read_members(archive, pictures_of(archive))][share::shares]


def decode(scale, _):
    """Decode this process's pictures at 1/scale; how many."""
    for data in _pictures:
        image = Image.open(io.BytesIO(data))
        if scale > 1:
            image.draft("RGB", (image.width // scale, image.height // scale))
        image.load()
    return len(_pictures)


def pictures_of(archive):
    return [member for member in list_members(archive) if member.name.endswith(".jpg")]


def shard(data, _, framing):
    return prepare(data, framing)


def facepipe_speed(archive, framing, cores):
    """Images/s of `convert` from its first batch on."""
    results = convert(
        functools.partial(shard, framing=framing),
        archive,
        pictures_of(archive),
        None,
        Workers("processes", cores),
        int(np.prod(SHAPE)),
    )
    next(results)
    start, count = time.perf_counter(), 0
    for _, result, reason in results:
        assert reason is None and result.image.shape == SHAPE
        count += 1
    return count / (time.perf_counter() - start)


def ceiling_speed(pools, scale):
    """Images/s of the decoder alone on all cores."""
    start = time.perf_counter()
    counts = [pool.submit(decode, scale, None) for pool in pools]
    return sum(count.result() for count in counts) / (time.perf_counter() - start)


def naive_speed(files):
    """Images/s of the earlier projects' loop."""
    from keras.utils import img_to_array, load_img

    start = time.perf_counter()
    images = [img_to_array(load_img(path).resize(SHAPE[1::-1])) / 255.0 for path in files]
    assert np.array(images).dtype == np.float32
    return len(files) / (time.perf_counter() - start)


def measure(name, archive, crop, repeats, folder):
    cores = available_cores()
    framing = Framing(SHAPE, crop, 50_000_000)
    encoded = [data for _, data in read_members(archive, pictures_of(archive))]
    files = []
    for number, data in enumerate(encoded[:2000]):
        files.append(folder / f"{name}{number}.jpg")
        files[-1].write_bytes(data)
    context = multiprocessing.get_context("spawn")
    pools = [
        concurrent.futures.ProcessPoolExecutor(1, context, load, (archive, share, cores)) for share in range(cores)
    ]
    variants = {
        "facepipe": lambda: facepipe_speed(archive, framing, cores),
        "ceiling, full size": lambda: ceiling_speed(pools, 1),
        "ceiling, 1/2": lambda: ceiling_speed(pools, 2),
        "naive loop": lambda: naive_speed(files),
    }
    speeds = {variant: [] for variant in variants}
    for pool in pools:
        pool.submit(decode, 1, None).result()
    for _ in range(repeats):
        for variant, run in variants.items():
            speeds[variant].append(run())
    for pool in pools:
        pool.shutdown()
    medians = {variant: statistics.median(values) for variant, values in speeds.items()}
    print(f"\n{name}: {len(encoded)} JPEGs of {np.mean([len(d) for d in encoded]) / 1000:.1f} kB, {cores} cores")
    for variant, values in speeds.items():
        spread = f"{min(values):8.0f} .. {max(values):.0f}"
        print(f"  {variant:20s} {medians[variant]:8.0f} images/s   ({spread})")
    ours = medians["facepipe"]
    print(f"  facepipe / ceiling at 1/2  {ours / medians['ceiling, 1/2']:.2f}")
    print(f"  facepipe / ceiling at full {ours / medians['ceiling, full size']:.2f}")
    print(f"  facepipe / naive loop      {ours / medians['naive loop']:.1f}")


def main():
    options = arguments(__doc__, repeats=5, count=8000)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        archive = folder / "celeba-sized.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for number, data in enumerate(celeba_sized(options.data, options.count)):
                file.writestr(f"{number:06d}.jpg", data)
        lfw = Path(options.data) / "lfw" / "lfw-deepfunneled.tgz"
        if lfw.exists():
            measure("LFW, 250x250, tar.gz", lfw, get_source("lfw").crop, options.repeats, folder)
        measure("CelebA's size, 178x218, zip", archive, get_source("celeba").crop, options.repeats, folder)


if __name__ == "__main__":
    main()
