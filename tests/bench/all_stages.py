"""Many synthetic faces through all stages, small networks: python -m tests.bench.all_stages FOLDER [--count 200000]

FOLDER must not be there. `dvc repro` in a copy of the project at 32 x 32, a pass over the images for each training; of
each stage the seconds, the peak of the resident memory, summed over its processes, and the bytes of its outputs.
"""

import argparse
import time
from collections import defaultdict
from pathlib import Path

import psutil
import yaml

from tests.pipeline.conftest import make_repository

PERIOD = 0.1
SMALL = {
    "dataset.synthetic.size": 32,
    "preprocess.image_size": [32, 32],
    "train.precision": "auto",
    "train_ae.epochs": 1,
    "train_vae.epochs": 1,
}


def stage_of(process):
    """The stage that a process runs, as dvc.yaml has its command, or None."""
    words = process.cmdline()
    places = [place for place, word in enumerate(words) if word.startswith("stages.")]
    return " ".join(words[places[0] :]).removeprefix("stages.") if places else None


def watch(root):
    """({stage: seconds}, {stage: peak of the memory in MB}) until the process ends."""
    first, last, peaks = {}, {}, defaultdict(float)
    while root.poll() is None:
        time.sleep(PERIOD)
        try:
            children = psutil.Process(root.pid).children(recursive=True)
        except psutil.Error:
            continue
        found = defaultdict(float)
        stage = None
        for process in children:
            try:
                stage = stage or stage_of(process)
                found[stage] += process.memory_info().rss / 1e6
            except psutil.Error:
                continue
        if stage:
            first.setdefault(stage, time.monotonic())
            last[stage] = time.monotonic()
            peaks[stage] = max(peaks[stage], found[stage])
    return {stage: last[stage] - first[stage] for stage in first}, dict(peaks)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="to make")
    parser.add_argument("--count", type=int, default=200_000, help="faces (default: %(default)s)")
    options = parser.parse_args()
    repository = make_repository(options.folder.resolve() / "w")
    images = {f"{stage}.images": options.count for stage in ("train_gan", "train_inverter")}
    repository.set_params(SMALL | images | {"dataset.synthetic.count": options.count})
    process = repository.start("dvc", "repro", "render_reports")

    seconds, peaks = watch(process)
    if process.returncode:
        raise SystemExit(f"dvc repro ended with {process.returncode}:\n{process.stderr.read()[-3000:]}")
    lock = yaml.safe_load((repository.folder / "dvc.lock").read_text())["stages"]
    made = {
        stage["cmd"].removeprefix("python -m stages."): sum(out["size"] for out in stage.get("outs", ()))
        for stage in lock.values()
    }
    print("| stage | seconds | peak memory, MB | outputs, MB |\n| --- | --- | --- | --- |")
    for stage in seconds:
        print(f"| {stage} | {seconds[stage]:.0f} | {peaks[stage]:.0f} | {made.get(stage, 0) / 1e6:.0f} |")


if __name__ == "__main__":
    main()
