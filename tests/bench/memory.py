"""Peak memory of preprocess and of training at two sizes of the data set: python -m tests.bench.memory

Generates CelebA-sized archives (178x218 JPEGs, 40 attributes) of 5,000 and 200,000 pictures, runs the preprocess stage
and one short training of the autoencoder on each, and prints the peak resident memory, summed over the stage's
processes, and images/s. Takes some 10 minutes and 8 GB of disk.
"""

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import yaml

from tests.bench.material import ROOT, arguments, celeba_raw, celeba_sized


def peak(command, folder):
    """Run a command; (peak of the summed resident memory of it and its children in MB, seconds)."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    highest, done = 0, threading.Event()

    def watch():
        nonlocal highest
        root = psutil.Process(process.pid)
        while not done.wait(0.02):
            total = 0
            for each in (root, *children(root)):
                try:
                    total += each.memory_info().rss
                except psutil.Error:
                    continue
            highest = max(highest, total)

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    done.set()
    watcher.join()
    if code:
        raise SystemExit(f"{command} ended with {code} in {folder}")
    return highest / 1e6, time.perf_counter() - start


def children(process):
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def main():
    options = arguments(__doc__, small=5_000, large=200_000, distinct=2_000)
    pictures = celeba_sized(options.data, options.distinct)
    results = {}
    for count in (options.small, options.large):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            for name in ("facepipe", "stages"):
                shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            params = yaml.safe_load((ROOT / "params.yaml").read_text())
            params["train_ae"] |= {"epochs": 2, "images_per_epoch": 4000}
            (folder / "params.yaml").write_text(yaml.safe_dump(params))
            celeba_raw(folder / "data" / "raw", pictures, count)
            for stage in ("preprocess", "train_ae"):
                memory, seconds = peak([sys.executable, "-m", f"stages.{stage}"], folder)
                results[stage, count] = memory
                print(f"{stage}, {count} images: peak {memory:.0f} MB, {seconds:.1f} s", flush=True)
    for stage in ("preprocess", "train_ae"):
        growth = results[stage, options.large] - results[stage, options.small]
        print(f"{stage}: {growth:+.0f} MB from {options.small} to {options.large} images")


if __name__ == "__main__":
    main()
