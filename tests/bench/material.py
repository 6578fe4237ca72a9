"""What the benchmarks work on: real or synthetic faces, as archives of any size."""

import argparse
import io
import itertools
import os
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from facepipe.core.files import write_json
from facepipe.datasets.archive import list_members, read_members

ROOT = Path(__file__).resolve().parents[2]
CELEBA_SIZE = (178, 218)
ATTRIBUTES = 40


def arguments(description, **options):
    """Parsed command line with --data (the folder of real photographs) and the integer options with their defaults."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, default=os.environ.get("FACEPIPE_TEST_DATA", ROOT / "../shared/data"))
    for name, value in options.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    return parser.parse_args()


def faces(data, count):
    """Up to `count` PIL images: LFW's photographs where `data` has them, else synthetic faces."""
    archive = Path(data) / "lfw" / "lfw-deepfunneled.tgz"
    if archive.exists():
        members = [m for m in list_members(archive) if m.name.endswith(".jpg")][:count]
        return [Image.open(io.BytesIO(encoded)) for _, encoded in read_members(archive, members)]
    from facepipe.download.synthetic.factors import render, sample_factors

    return [Image.fromarray(render(sample_factors(0, index), 128)) for index in range(count)]


def celeba_sized(data, count):
    """`count` JPEGs (bytes) of CelebA's size, 178x218, quality 90, made from `faces`."""
    encoded = []
    for image in faces(data, count):
        width, height = image.size
        narrow = round(height * CELEBA_SIZE[0] / CELEBA_SIZE[1])
        left = (width - narrow) // 2
        file = io.BytesIO()
        image.crop((left, 0, left + narrow, height)).resize(CELEBA_SIZE).save(file, "jpeg", quality=90)
        encoded.append(file.getvalue())
    return encoded


def celeba_raw(folder, pictures, count):
    """A raw folder as the download stage leaves it: `count` pictures in CelebA's layout, 40 attributes, its splits.

    Args:
        folder: Path to make.
        pictures: list of JPEGs; repeated as needed, each time with another comment, so that none is a copy.
        count: int.
    """
    folder.mkdir(parents=True)
    names = [f"{number:06d}.jpg" for number in range(1, count + 1)]
    with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
        for number, (name, picture) in enumerate(zip(names, itertools.cycle(pictures), strict=False)):
            comment = b"%08d" % number
            archive.writestr(
                f"img_align_celeba/{name}", picture[:2] + b"\xff\xfe" + b"\x00\x0a" + comment + picture[2:]
            )
    values = np.where(np.random.default_rng(0).random((count, ATTRIBUTES)) < 0.5, " 1", "-1")
    with open(folder / "list_attr_celeba.txt", "w") as file:
        file.write(f"{count}\n{' '.join(f'Attribute_{n}' for n in range(ATTRIBUTES))}\n")
        file.writelines(f"{name} {' '.join(row)}\n" for name, row in zip(names, values, strict=True))
    with open(folder / "list_eval_partition.txt", "w") as file:
        file.writelines(f"{name} {0 if n < 0.8 * count else 1 + n % 2}\n" for n, name in enumerate(names))
    write_json(
        folder / "dataset.json",
        {"name": "celeba", "archive": "img_align_celeba.zip", "files": [], "licence": "", "citation": ""},
    )
