"""Hours of training at small size: do memory, handles, logs and files grow? python -m tests.bench.long_run FOLDER

FOLDER must not be there. In a copy of the project, 2,000 synthetic faces of 32 x 32 and small networks, each training
runs for its share of --hours by `train_<model>.minutes`, is killed (SIGKILL) half way, and goes on. Every 5 s one
row of FOLDER/samples.csv: resident memory and open files of the process, threads, bytes of its log, files in its
temporary folder, bytes of the states it goes on from. Prints for each process the slope of its memory (least squares,
its first fifth left out) and first and last values of the rest.
"""

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil

from tests.pipeline.conftest import make_repository

TRAININGS = ("train_ae", "train_vae", "train_gan", "train_inverter")
PERIOD = 5.0
SMALL = {
    "dataset.synthetic.count": 2000,
    "dataset.synthetic.size": 32,
    "preprocess.image_size": [32, 32],
    "train.precision": "auto",
    "train.save_every_minutes": 0.5,
    "train_gan.images_per_epoch": 2000,
}
COLUMNS = ("training", "process", "seconds", "mb", "handles", "threads", "log_bytes", "temporary_files", "state_bytes")


def size(folder):
    """Bytes of all files below; those that go meanwhile count nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


def follow(process, until, row):
    """Samples of a process until it ends or `until` seconds have passed; whether it has ended."""
    start, watched = time.monotonic(), psutil.Process(process.pid)
    while process.poll() is None:
        seconds = time.monotonic() - start
        if seconds > until:
            return False
        try:
            row(seconds, watched.memory_info().rss / 1e6, watched.num_fds(), watched.num_threads())
        except psutil.Error:
            break
        time.sleep(PERIOD)
    process.wait()
    return True


def train(repository, stage, minutes, writer):
    """One training, killed after half of its time and run to its end."""
    temporary = repository.folder.parent / "tmp"
    temporary.mkdir(exist_ok=True)
    states = repository.folder.parent / "states"
    log = repository.folder.parent / f"{stage}.log"
    environment = repository.environment() | {"TMPDIR": str(temporary), "FACEPIPE_RESUME": str(states)}
    for turn, until in enumerate((60 * minutes / 2, 60 * minutes * 2)):
        with log.open("a") as text:
            process = subprocess.Popen(
                [sys.executable, "-m", f"stages.{stage}"], cwd=repository.folder, env=environment,
                stdout=text, stderr=text,
            )  # fmt: skip

        def row(*values, turn=turn):
            files = sum(path.is_file() for path in temporary.rglob("*"))
            writer.writerow([stage, turn, *np.round(values, 1), log.stat().st_size, files, size(states)])

        ended = follow(process, until, row)
        if not ended:
            process.send_signal(signal.SIGKILL)
            process.wait()
        elif process.returncode:
            raise SystemExit(f"{stage} ended with {process.returncode}; see {log}")


def slope(seconds, values):
    """Least squares' slope, an hour, without the first fifth; and the standard error of it."""
    begin = len(seconds) // 5
    (gradient, _), covariance = np.polyfit(np.array(seconds[begin:]) / 3600, values[begin:], 1, cov=True)
    return gradient, covariance[0, 0] ** 0.5


def report(folder):
    """Print a line for each process of each training."""
    with (folder / "samples.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for stage in TRAININGS:
        for turn in ("0", "1"):
            # the last one may be of a process that ends
            mine = [row for row in rows if (row["training"], row["process"]) == (stage, turn)][:-1]
            if len(mine) < 20:
                continue
            column = {name: [float(row[name]) for row in mine] for name in COLUMNS[2:]}
            hourly, error = slope(column["seconds"], column["mb"])
            parts = [f"{stage}, process {turn}: {column['seconds'][-1] / 60:.0f} min"]
            parts.append(f"memory {max(column['mb']):.0f} MB, {hourly:+.1f} (+-{error:.1f}) MB an hour")
            for name in COLUMNS[4:]:
                parts.append(f"{name} {column[name][len(mine) // 5]:.0f} -> {column[name][-1]:.0f}")
            print("; ".join(parts))
        model = folder / "w" / "data" / "models" / stage.removeprefix("train_") / "model.json"
        if model.exists():
            record = json.loads(model.read_text())["training"]
            print(f"{stage}: {record['images']} images in {record['steps']} steps, epochs {record['epochs']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="to make")
    parser.add_argument("--hours", type=float, default=2.0, help="in all (default: %(default)s)")
    parser.add_argument("--only", nargs="+", choices=TRAININGS, default=TRAININGS, help="these alone")
    options = parser.parse_args()
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    folder = options.folder.resolve()
    repository = make_repository(folder / "w")
    minutes = 60 * options.hours / len(options.only)
    budget = {f"{stage}.{key}": None for stage in TRAININGS for key in ("epochs", "images")}
    repository.set_params(SMALL | budget | {f"{stage}.minutes": minutes for stage in TRAININGS})
    for stage in ("download", "preprocess"):
        repository.run(sys.executable, "-m", f"stages.{stage}")
    with (folder / "samples.csv").open("w", newline="", buffering=1) as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for stage in options.only:
            train(repository, stage, minutes, writer)
    report(folder)


if __name__ == "__main__":
    main()
