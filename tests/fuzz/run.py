"""Fuzz one target with atheris (`pip install 'facepipe[fuzz]'`): python -m tests.fuzz.run pictures --runs 100000.

What it finds is kept in .facepipe/fuzz/TARGET; an input that ends it, beside that, as crash-..., timeout-..., oom-...
"""

import argparse
import os
import resource
import sys
import tempfile
from pathlib import Path

import atheris

# pandas, NumPy and TensorFlow are not what is looked for here, and would be slow
INSTRUMENTED = ["facepipe", "PIL", "yaml", "zipfile", "tarfile", "json", "csv"]
MEMORY = 4 * 2**30  # of the whole process

with atheris.instrument_imports(include=INSTRUMENTED):
    from PIL import Image

    Image.init()  # its decoders, or they would be imported when it is too late
    from tests.fuzz.seeds import SMALL, seeds
    from tests.fuzz.targets import TARGETS, clear


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--runs", type=int, default=100_000, help="executions (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=10, help="at most (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    target, kept = TARGETS[arguments.target], Path(".facepipe/fuzz") / arguments.target
    kept.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(arguments.target)):
        (kept / f"seed-{number:03d}").write_bytes(seed)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:

        def once(data):
            clear(Path(folder))
            target(data, Path(folder))

        options = [
            f"-runs={arguments.runs}", f"-max_total_time={60 * arguments.minutes:.0f}", f"-seed={arguments.seed}",
            "-timeout=20", f"-rss_limit_mb={MEMORY // 2**20}", f"-max_len={SMALL}",
            f"-artifact_prefix={kept.parent}/{arguments.target}-", "-print_final_stats=1",
        ]  # fmt: skip
        atheris.Setup([sys.argv[0], *options, str(kept)], once)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
