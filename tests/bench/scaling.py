"""Time and memory of the stages as the data set grows: python -m tests.bench.scaling

Renders the largest number of synthetic faces once, then runs preprocess, one epoch of each training and
export_latents on 1,000, 4,000, 16,000 and 64,000 of them, each stage a process of its own as `dvc repro` starts it.
Prints seconds and peak memory (resident, summed over the stage's processes), the line that fits the seconds best,
start + slope * images, and what the shards and latents take on disk. Takes some 12 minutes.

  --counts 1000,4000     other numbers of images
  --size 64              of the faces, pixels
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import yaml

from tests.bench.material import ROOT
from tests.bench.memory import peak
from tests.bench.tables import table

STAGES = ("preprocess", "train_ae", "train_vae", "train_gan", "export_latents")


def workspace(folder, size, count):
    """The project in an empty folder, `count` synthetic faces, one epoch a training."""
    for name in ("facepipe", "stages"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "data", folder / "data", ignore=lambda _, names: set(names) - {"sources.yaml"})
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["dataset"] = {"name": "synthetic", "synthetic": {"count": count, "size": size, "seed": 0}}
    params["preprocess"]["image_size"] = [size, size]
    for name in ("train_ae", "train_vae", "train_gan"):
        params[name] |= {"epochs": 1, "images": None}
    write(folder, params)
    return params


def write(folder, params):
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def megabytes(folder):
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", default="1000,4000,16000,64000")
    parser.add_argument("--size", type=int, default=64)
    options = parser.parse_args()
    counts = sorted(int(count) for count in options.counts.split(","))
    results, disk = {}, []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        params = workspace(folder, options.size, counts[-1])
        _, seconds = peak([sys.executable, "-m", "stages.download"], folder)
        print(f"download (rendering): {counts[-1]} images, {seconds:.1f} s", flush=True)
        for count in counts:
            params["preprocess"]["limit"] = count
            write(folder, params)
            for stage in STAGES:
                shutil.rmtree(folder / ".facepipe", ignore_errors=True)
                results[stage, count] = peak([sys.executable, "-m", f"stages.{stage}"], folder)
                print(f"{stage}, {count}: {results[stage, count][1]:.1f} s", file=sys.stderr, flush=True)
            sizes = megabytes(folder / "data" / "shards"), megabytes(folder / "data" / "latents")
            disk.append([f"{count:,}", *(f"{size:.1f}" for size in sizes)])
    rows = []
    for stage in STAGES:
        memory, seconds = zip(*(results[stage, count] for count in counts), strict=True)
        slope, start = np.polyfit(counts, seconds, 1)
        correlation = np.corrcoef(counts, seconds)[0, 1] ** 2
        fit = [f"{start:.1f}", f"{1e3 * slope:.3f}", f"{correlation:.4f}"]
        rows.append([stage, *(f"{s:.1f}" for s in seconds), *fit, *(f"{m:.0f}" for m in memory)])
    labels = [f"{count:,}" for count in counts]
    heads = ["", *(f"s, {label}" for label in labels), "start s", "ms/image", "R^2", *(f"MB, {x}" for x in labels)]
    table(f"{options.size}x{options.size} synthetic faces; one epoch a training", heads, rows)
    table("On disk, MB", ["images", "data/shards", "data/latents"], disk)


if __name__ == "__main__":
    main()
