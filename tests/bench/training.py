"""Speed of training against the machine's ceiling and five earlier projects: python -m tests.bench.training

In one run, each measurement in a process of its own, variants turn about, medians over the repeats (lowest .. highest):
  ceiling      GFLOP/s of matrix products and of convolutions, forward and backward, float32 and, where
               there are units for it, bfloat16
  ours         our AE, VAE and GAN as params.yaml has them: images/s, GFLOP/s, share of the ceiling, memory, first step
  earlier      each earlier project's networks trained its own way (Keras, float32) and facepipe's way (precision and
               loop), and our default network at the project's image shape
  equal-time   only with --equal-time SECONDS: theirs and ours for that time on the same faces: held-out errors

  --only PART     one of the above; --only counts checks the networks' parameters and operations and trains nothing
  --project S1    only the projects whose name begins so
  --steps N       timed steps of each measurement, instead of as many as fit in --seconds
  --batch N       instead of each network's own batch size, to try the benchmark itself
Operations are counted from the layers (see tests/bench/counting.py), two a multiply-add, also for the ceiling.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from facepipe.config import load_params
from tests.bench.equal_time import write_pictures
from tests.bench.material import ROOT
from tests.bench.tables import span, table

PARTS = ("counts", "ceiling", "ours", "earlier", "equal-time")
KINDS = ("ae", "vae", "gan")


def measure(job, **options):
    """Run one job of tests.bench.worker; its result."""
    order = {"job": job, "started": time.time()} | options
    print(f"  {' '.join(str(value) for value in (job, *options.values()))}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "tests.bench.worker", json.dumps(order)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{order} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def turn_about(jobs, repeats):
    """Run each job of a dict `repeats` times, turn about; dict of lists of results."""
    results = {name: [] for name in jobs}
    for repeat in range(repeats):
        for name in sorted(jobs, key=list(jobs).index, reverse=repeat % 2):
            results[name].append(measure(**jobs[name]))
    return results


def values(results, key):
    return [result[key] for result in results]


def show_ceiling(runs):
    """Print the table of a list of results of the job ceiling; the medians, by precision, for the shares."""
    rows, types = [], list(runs[0]["strided"])
    for label in runs[0]["results"]:
        row = [label]
        for precision in types:
            speeds = [speed for run in runs for speed in run["results"][label][precision]]
            row += [f"{max(speeds):.0f}", f"{statistics.median(speeds):.0f}"]
        rows.append(row)
    middle = {"strided": _medians(values(runs, "strided"))}
    middle |= {kind: _medians([run["own"][kind] for run in runs]) for kind in KINDS}
    names = {"strided": "strided 4x4 and 5x5 together"} | {k: f"the layers of our {k.upper()} together" for k in KINDS}
    for key, precisions in middle.items():
        rows.append([names[key], *(text for name in types for text in ("", f"{precisions[name]:.0f}"))])
    table("Ceiling, GFLOP/s", ["", *(text for name in types for text in (f"{name} best", "median"))], rows)
    return middle


def _medians(results):
    return {precision: statistics.median(values(results, precision)) for precision in results[0]}


def ceiling_and_ours(options, machine):
    """The parts ceiling and ours."""
    params = load_params(ROOT / "params.yaml")
    shape = (*params.preprocess.image_size, params.preprocess.channels)
    common = {"shape": shape, "batch": options.batch, "steps": options.steps, "seconds": options.seconds}
    jobs = {"ceiling": {"job": "ceiling", "kinds": KINDS, "rounds": options.rounds}}
    if options.only != "ceiling":
        jobs |= {kind: {"job": "ours", "kind": kind} | common for kind in KINDS}
    results = turn_about(jobs, options.repeats)
    ceiling = show_ceiling(results.pop("ceiling"))
    precision = "bfloat16" if machine["precision"] == "mixed_bfloat16" else "float32"
    rows = []
    for kind, runs in results.items():
        gflops = statistics.median(values(runs, "gflops"))
        rows.append(
            [
                kind.upper(),
                f"{runs[0]['parameters'] / 1e6:.2f}",
                f"{runs[0]['macs'] / 1e6:.1f}",
                *span(values(runs, "images_per_second")),
                f"{gflops:.0f}",
                f"{gflops / ceiling['strided'][precision]:.0%}",
                f"{gflops / ceiling[kind][precision]:.0%}",
                f"{max(values(runs, 'peak_mb')):.0f}",
                f"{statistics.median(values(runs, 'first_step')):.1f}",
            ]
        )
    heads = ["", "M param", "M MAC", "images/s", "(range)", "GFLOP/s"]
    heads += ["of strided", "of own layers", "peak MB", "first step s"]
    if rows:
        title = f"Ours at {'x'.join(str(side) for side in shape)}, {machine['precision']}; shares of the ceiling"
        table(f"{title} in {precision}", heads, rows)


def earlier(options, projects):
    """The part earlier."""
    common = {"batch": options.batch, "steps": options.steps, "seconds": options.seconds}
    for name, project in projects.items():
        jobs = {
            "its own way": {"job": "theirs", "project": name, "way": "theirs"} | common,
            "facepipe's way": {"job": "theirs", "project": name, "way": "facepipe"} | common,
            f"our {project.kind.upper()}": {"job": "ours", "kind": project.kind, "shape": project.shape} | common,
        }
        results = turn_about(jobs, options.repeats)
        rows, base = [], statistics.median(values(results["its own way"], "images_per_second"))
        for variant, runs in results.items():
            speed, found = values(runs, "images_per_second"), runs[0]
            counts = f"{found['parameters'] / 1e6:.2f}", f"{found['macs'] / 1e9:.3f}"
            gflops = f"{statistics.median(values(runs, 'gflops')):.0f}"
            ratio = f"{statistics.median(speed) / base:.2f}"
            rows.append([name, variant, *counts, *span(speed), gflops, ratio])
        table(
            f"{name}, {'x'.join(str(side) for side in project.shape)}, batch {options.batch or project.batch}",
            ["", "", "M param", "G MAC", "images/s", "(range)", "GFLOP/s", "times"],
            rows,
        )


def equal_time(options, projects):
    """The part equal-time."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, project in projects.items():
            path = Path(scratch) / f"{'x'.join(str(side) for side in project.shape)}.npz"
            if not path.exists():
                write_pictures(path, project.shape, options.count, options.shards)
            common = {"project": name, "seconds": options.equal_time, "pictures": str(path), "batch": options.batch}
            theirs, ours = (measure("equal_time", way=way, **common) for way in ("theirs", "ours"))
            rows.append(_compared(name, project, theirs, ours))
    source = options.shards or "synthetic faces"
    heads = ["", "held-out", "theirs", "ours", "images seen, theirs", "ours"]
    table(f"After {options.equal_time:.0f} s each on {options.count} {source}", heads, rows)


def _compared(name, project, theirs, ours):
    unit = "KID x1000" if project.kind == "gan" else "MSE"
    seen = [f"{side['images']:,}" for side in (theirs, ours)]
    return [name, unit, f"{theirs['error']:.5f}", f"{ours['error']:.5f}", *seen]


def counts(projects):
    """Build the earlier projects' networks; wrong counts raise."""
    from facepipe.quiet import import_tensorflow

    import_tensorflow()
    from tests.bench.counting import forward_macs, parameters
    from tests.bench.earlier import build

    rows = []
    for name, project in projects.items():
        networks = build(project)
        for names, known in project.parameters.items():
            parts = [networks[part] for part in names.split("+")]
            found = f"{parameters(*parts) / 1e6:.2f}", f"{forward_macs(*parts) / 1e9:.3f}"
            rows.append([name, names, found[0], f"{known / 1e6:.2f}", found[1], f"{project.macs[names] / 1e9:.3f}"])
    heads = ["", "", "M param", "known", "G MAC", "known"]
    table("The earlier projects' networks, rebuilt", heads, rows)


def parsed():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--project", default="", metavar="S1")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5, help="of the ceiling, in each repeat")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seconds", type=float, default=10.0, help="timed in each measurement")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--equal-time", type=float, metavar="SECONDS")
    parser.add_argument("--count", type=int, default=2000, help="training faces of --equal-time")
    parser.add_argument("--shards", type=Path, help="faces of --equal-time instead of synthetic ones")
    options = parser.parse_args()
    if options.only == "equal-time" and not options.equal_time:
        parser.error("--only equal-time needs --equal-time SECONDS")
    return options


def main():
    options = parsed()
    start = time.perf_counter()
    from facepipe.quiet import import_tensorflow

    import_tensorflow()
    from tests.bench.earlier import PROJECTS

    wanted = options.project.lower()
    projects = {name: project for name, project in PROJECTS.items() if name.lower().startswith(wanted)}
    found = measure("machine")
    print(
        "{cpu}, {threads} threads, TensorFlow {tensorflow}, Keras {keras}, precision auto = {precision}".format(**found)
    )
    if options.only in (None, "counts"):
        counts(projects)
    if options.only in (None, "ceiling", "ours"):
        ceiling_and_ours(options, found)
    if options.only in (None, "earlier"):
        earlier(options, projects)
    if options.equal_time and options.only in (None, "equal-time"):
        equal_time(options, projects)
    print(f"\n{(time.perf_counter() - start) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
