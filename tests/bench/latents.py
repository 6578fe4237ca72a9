"""Speed and memory of tables of latents: python -m tests.bench.latents [--rows 200000 --dimensions 128]

Writes and reads one table with 26 attributes, each in a process of its own, turn about with the plain way (csv.writer
and csv.reader with a Python float for each cell), and prints seconds, the ratio of the two, and the peak memory.
"""

import argparse
import csv
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.bench.tables import span, table

ATTRIBUTES = 26
CHUNK = 1024
WAYS = ["csv write", "plain write", "csv read", "plain read", "parquet write", "parquet read"]


def material(rows, dimensions):
    """ids, {attribute: list of str}, and a function that yields the latents a chunk at a time."""
    rng = np.random.default_rng(0)
    ids = [f"{i:06d}.jpg" for i in range(rows)]
    extra = {f"Attribute_{i}": np.array(["0", "1"])[rng.integers(0, 2, rows)].tolist() for i in range(ATTRIBUTES)}

    def chunks():
        rng = np.random.default_rng(1)
        for start in range(0, rows, CHUNK):
            yield rng.standard_normal((min(CHUNK, rows - start), dimensions), np.float32)

    return ids, extra, chunks


def plain_write(path, ids, extra, chunks, dimensions):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "split", *extra, *(f"z{i:03d}" for i in range(dimensions))])
        labels = zip(ids, *extra.values(), strict=True)
        for chunk in chunks:
            for values in chunk.tolist():
                name, *others = next(labels)
                writer.writerow([name, "train", *others, *(f"{value:.9g}" for value in values)])


def plain_read(path):
    with open(path, newline="") as file:
        reader = csv.reader(file)
        at = [i for i, name in enumerate(next(reader)) if name.startswith("z")]
        rows = [(line[0], [float(line[i]) for i in at]) for line in reader]
    return np.array([z for _, z in rows], np.float32)


def measure(way, path, rows, dimensions):
    """Print seconds and the peak of the process's memory beyond what it had before, in MB."""
    from facepipe.latents.table import read_latents, write_latents

    kind, action = way.split()
    if action == "write":
        ids, extra, chunks = material(rows, dimensions)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    if way == "plain write":
        plain_write(path, ids, extra, chunks(), dimensions)
    elif action == "write":
        write_latents(path, ids, "train", chunks(), extra=extra)
    else:
        z = plain_read(path) if kind == "plain" else read_latents(path).z
        assert z.shape == (rows, dimensions)
    seconds = time.perf_counter() - start
    print(seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--dimensions", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return measure(*options.one, options.rows, options.dimensions)
    sizes = ["--rows", str(options.rows), "--dimensions", str(options.dimensions)]
    seconds, memory = {way: [] for way in WAYS}, {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as scratch:
        files = {"csv": "t.csv", "plain": "plain.csv", "parquet": "t.parquet"}
        for _ in range(options.repeats):
            for way in WAYS:
                path = Path(scratch) / files[way.split()[0]]
                command = [sys.executable, "-m", "tests.bench.latents", *sizes, "--one", way, str(path)]
                done = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
                seconds[way].append(float(done[0]))
                memory[way].append(float(done[1]))
        same = (Path(scratch) / "t.csv").read_bytes() == (Path(scratch) / "plain.csv").read_bytes()
        size = {kind: (Path(scratch) / name).stat().st_size / 1e6 for kind, name in files.items()}
    print(f"the two CSV files are the same to the byte: {same}")
    rows = []
    for way in WAYS:
        kind, action = way.split()
        ratios = [a / b for a, b in zip(seconds[f"plain {action}"], seconds[way], strict=True)]
        rows.append([way, *span(seconds[way]), *span(ratios), f"{max(memory[way]):.0f}", f"{size[kind]:.0f}"])
    heads = ["", "seconds", "(of all)", "plain / this", "(of all)", "peak MB", "file MB"]
    table(f"{options.rows} rows x {options.dimensions} dimensions, {ATTRIBUTES} attributes", heads, rows)


if __name__ == "__main__":
    main()
