"""What a judge of faces makes of blur alone: python -m tests.bench.blurred

Photographs of the training split (--count of them) as they are and blurred, compared with the held-out ones in dlib's
features as `tests.bench.experiment` compares random faces: --data and --folder are those of that bench.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from facepipe.shards.shards import Shards
from tests.bench.experiment import SETS, Judge, params_of, prepare
from tests.bench.material import ROOT
from tests.bench.tables import table

SIGMAS = 0.0, 0.8, 1.2  # pixels


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="celeba", choices=SETS)
    parser.add_argument("--source", default=ROOT / "../shared/data")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/experiments"))
    parser.add_argument("--count", type=int, default=600)
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    shards = Shards(prepare(folder, options.data, options.source))
    judge = Judge(folder, options.data, shards, params_of({"evaluate.extractor": "dlib"}).evaluate)
    images, rows = shards.images("train", 0, options.count), []
    for sigma in SIGMAS:
        blurred = [gaussian_filter(image.astype(float), (sigma, sigma, 0)) if sigma else image for image in images]
        blurred = np.rint(blurred).astype(np.uint8)
        error = np.square((blurred.astype(float) - images) / 255).mean()
        kid, _, precision, recall, *_, sharp = judge.scores(blurred)
        rows.append([f"{sigma:g}", f"{error:.4f}", *(f"{value:.2f}" for value in (kid, precision, recall, sharp))])
    table("blurred", ["blur", "squared error", "KID", "precision", "recall", "sharp"], rows)


if __name__ == "__main__":
    main()
