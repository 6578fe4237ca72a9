"""Inject faults into the pipeline and count what comes of them.

`python -m tests.faults.run --table` injects all of them (minutes) and prints the table of docs/robustness.md;
`--only TEXT` those whose id has this text in it; `--list` prints ids; `--seed` draws other moments and places.
Mounts are made in a name space of this process, which takes them with it.
"""

import argparse
import collections
import json
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

WITHIN = "FACEPIPE_FAULTS_MOUNTS"
# (kind, stage), of each the first
SHORT = (
    ("signal", "train_vae"),
    ("signal", "export_latents vae"),
    ("file operation refused", "evaluate"),
    ("file operation refused", "download"),
    ("file too large", "preprocess"),
    ("file too large", "attribute_vectors"),
    ("full disk", "train_gan"),
    ("read-only folder", "render_reports"),
    ("clock", "download"),
    ("file flipped", "preprocess"),
    ("file zeroed", "preprocess"),
    ("file cut off", "preprocess"),
    ("file missing", "preprocess"),
    ("file flipped", "train_gan"),
    ("file zeroed", "train_inverter"),
    ("file cut off", "train_ae"),
    ("file missing", "train_gan"),
    ("file zeroed", "attribute_vectors"),
    ("file missing", "export_latents vae"),
    ("file flipped", "evaluate"),
    ("file zeroed", "render_reports"),
)


def all_faults(seed=0):
    """Every fault, a list in a fixed order; each file's are drawn on their own."""
    from tests.faults import around, by_dvc, damage, ended

    modules = (ended, damage, around, by_dvc)
    return [fault for module in modules for fault in module.faults(random.Random(f"{seed} {module.__name__}"))]


def short(faults):
    """Some twenty of them that say most in a short time."""
    return [next(f for f in faults if (f.kind, f.stage) == pair) for pair in SHORT]


def inject(place, fault):
    """Do it: {"id", "kind", "outcome", "said", "seconds"}; outcome "wrong": a promise is broken."""
    started, said = time.monotonic(), ""
    try:
        outcome = fault.inject(place)
        if isinstance(outcome, tuple):
            outcome, said = outcome
    except Exception as error:
        outcome, said = "wrong", f"{error}\n{''.join(traceback.format_tb(error.__traceback__)[-2:])}"
    seconds = round(time.monotonic() - started, 2)
    return {"id": fault.id, "kind": fault.kind, "outcome": outcome, "said": said, "seconds": seconds}


def table(results):
    """How often what was injected and what came out, in Markdown."""
    from tests.faults.fault import OUTCOMES

    counts = collections.defaultdict(collections.Counter)
    for result in results:
        counts[result["kind"]][result["outcome"]] += 1
        counts["**all**"][result["outcome"]] += 1
    counts["**all**"] = counts.pop("**all**")
    outcomes = [*OUTCOMES, "wrong"]
    lines = [["fault", "injected", *OUTCOMES.values(), "**wrong**"], ["---"] * (len(outcomes) + 2)]
    lines += [[kind, sum(found.values()), *(found[name] for name in outcomes)] for kind, found in counts.items()]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.faults.run", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", help="faults whose id has this in it; may be given again")
    parser.add_argument("--short", action="store_true", help="the few that `make test` injects")
    parser.add_argument("--list", action="store_true", help="print the ids and end")
    parser.add_argument("--table", action="store_true", help="print the table at the end")
    parser.add_argument("--json", type=Path, help="write what came out to this file")
    parser.add_argument("--finished", type=Path, help="a finished repository of the tests; left out: made here")
    parser.add_argument("--workers", type=int, default=2, help="faults at a time")
    arguments = parser.parse_args()
    faults = all_faults(arguments.seed)
    if arguments.short:
        faults = short(faults)
    faults = [f for f in faults if not arguments.only or any(text in f.id for text in arguments.only)]
    if arguments.list:
        print("\n".join(fault.id for fault in faults))
        return 0
    if WITHIN not in os.environ:
        _enter_own_space()
    results = _run(faults, arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    if arguments.table:
        print(table(results))
    return int(any(result["outcome"] == "wrong" for result in results))


def _enter_own_space():
    """Become a process in a name space of its own, in which file systems can be mounted, where that is allowed."""
    from tests.mounts import own_space

    command = own_space()
    os.environ[WITHIN] = "yes" if command else ""
    os.execvp(command[0] if command else sys.executable, [*command, sys.executable, "-m", __spec__.name, *sys.argv[1:]])


def _run(faults, arguments):
    from tests.faults.place import Place
    from tests.pipeline.conftest import Repository, make_repository
    from tests.pipeline.forked import SERVER

    # not __main__, which imports facepipe
    SERVER.set_forkserver_preload(["tensorflow", "keras", "pandas", "pydantic", "sklearn.mixture", "scipy.stats"])
    folder = Path(tempfile.mkdtemp(prefix="faults"))
    try:
        started = time.monotonic()
        if arguments.finished:
            finished = Repository(arguments.finished)
        else:
            finished = make_repository(folder / "finished" / "facepipe")
            finished.repro()
        place = Place(finished, folder / "copies", bool(os.environ[WITHIN]))
        print(f"prepared in {time.monotonic() - started:.0f} s", flush=True)
        results = []
        with ThreadPoolExecutor(arguments.workers) as pool:
            for result in pool.map(lambda fault: inject(place, fault), faults):
                print("{outcome:8} {seconds:6.2f} s  {id}  {said}".format(**result), flush=True)
                results.append(result)
        print(f"{len(results)} faults in {time.monotonic() - started:.0f} s")
        return results
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
