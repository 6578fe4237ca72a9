"""How much more of a checkerboard a model's pictures have than photographs, where a project's data/ lies.

    python -m tests.bench.checkerboard MODEL [--count 500]

Power of the finest pattern, half the sampling rate in both directions, in gray and under a Hann window.
"""

import argparse

import numpy as np

from facepipe.models.load import load_model
from facepipe.shards.shards import Shards


def power(images):
    """float: of images (n, h, w, c) in [0, 1]."""
    gray = images.mean(-1) - images.mean((1, 2, 3))[:, None, None]
    window = np.hanning(gray.shape[1])[:, None] * np.hanning(gray.shape[2])
    spectrum = np.abs(np.fft.fft2(gray * window)) ** 2
    return spectrum[:, gray.shape[1] // 2, gray.shape[2] // 2].mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=("ae", "vae", "gan"))
    parser.add_argument("--count", type=int, default=500, help="pictures (500)")
    arguments = parser.parse_args()
    shards, model = Shards("data/shards"), load_model(f"data/models/{arguments.model}")
    photographs = shards.images("test", 0, min(arguments.count, shards.count("test"))) / np.float32(255)
    pictures = {"random faces": model.decode(model.sample_latents(arguments.count, 0))}
    if model.has_encoder:
        pictures["reconstructions"] = model.decode(model.encode(photographs))
    for name, images in pictures.items():
        print(f"{arguments.model}: {name}: {power(images) / power(photographs):.3g} times that of photographs")


if __name__ == "__main__":
    main()
