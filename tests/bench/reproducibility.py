"""Which outputs are the same bytes under which conditions: python -m tests.bench.reproducibility --folder SCRATCH

Runs the pipeline on 1,500 synthetic faces at 32x32 (as .ci/run does) in a fresh clone of the last commit for each
condition, and compares it with that of the condition's base: stage by stage whether all outputs are the same to the
byte, and where not, by how much the metrics moved, beside what another seed does. What is in SCRATCH already is not
run again, so the table can be printed at any time.

  --only NAME ...        these conditions (and their bases) alone, in this order
  --models ae,vae,gan    which models; of fewer it is quicker
  --list                 names and what they change
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import psutil
import yaml

from facepipe.core.files import read_json
from facepipe.core.machine import cpu_name
from tests.bench.experiment import changed
from tests.bench.material import ROOT
from tests.bench.tables import table
from tests.locks import differing_outputs, read_lock

REDUCED = {
    "dataset.synthetic.count": 1500,
    "dataset.synthetic.size": 32,
    "preprocess.image_size": [32, 32],
    "train.precision": "float32",
    "train.threads": 2,
    "train_ae.epochs": 4,
    "train_vae.epochs": 4,
    "train_gan.images": 6000,
    "train_inverter.images": 3000,
    "evaluate.samples": 200,
    "evaluate.kid_subset_size": 50,
}
# a column of the table for one stage or several
COLUMNS = {
    "download": "download, preprocess", "preprocess": "download, preprocess", "train_ae": "trainings",
    "train_vae": "trainings", "train_gan": "trainings", "train_inverter": "trainings",
    "export_latents": "export_latents", "attribute_vectors": "attribute_vectors", "evaluate": "evaluate",
    "render_reports": "render_reports",
}  # fmt: skip
# of the shell that this runs in, nothing that a condition may set is handed on
CLEARED = (
    "PYTHONPATH", "PYTHONHASHSEED", "PYTHONUTF8", "PYTHONCOERCECLOCALE", "LANG", "LC_ALL", "TZ", "FACEPIPE_RESUME",
    "TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE", "OMP_NUM_THREADS",
    "NPY_DISABLE_CPU_FEATURES", "TMPDIR",
)  # fmt: skip
WITHOUT_AVX512 = {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL"}  # NumPy's names, since 2.4
OLD_CPU = {"ONEDNN_MAX_CPU_ISA": "AVX2", "OPENBLAS_CORETYPE": "Sandybridge", **WITHOUT_AVX512}
LATER = ("export_latents", "attribute_vectors", "evaluate", "render_reports")


class Condition(NamedTuple):
    """What is otherwise than in the base: params, environment, the folder's name, cores that may be used, kills.

    Given stages are run once more in a copy of the base, what earlier stages made being the same.
    """

    says: str
    params: Mapping = MappingProxyType({})
    environment: Mapping = MappingProxyType({})
    folder: str = "facepipe"
    base: str | None = "base"
    cores: tuple = ()
    killed: bool = False
    target: str = "render_reports"
    given: tuple = ()


CONDITIONS = {
    "base": Condition("float32, two threads", base=None),
    "elsewhere": Condition(
        "another folder (spaces in its path), home, user name, locale (ASCII), time zone, hash seed, umask",
        environment={
            "HOME": "{folder}/home of another", "USER": "another", "LOGNAME": "another", "LC_ALL": "C",
            "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "4711",
            "TMPDIR": "{folder}",
        },
        folder="a longer path/with spaces/facepipe",
    ),
    "workers-1": Condition("`preprocess.workers: 1`", {"preprocess.workers": 1}, target="preprocess"),
    "workers-3": Condition("`preprocess.workers: 3`", {"preprocess.workers": 3}, target="preprocess"),
    "dask": Condition("`preprocess.scheduler: dask`", {"preprocess.scheduler": "dask"}, target="preprocess"),
    "killed": Condition(
        "each training killed (`kill -9`) at a third and resumed", {"train.save_every_images": 1600}, killed=True
    ),
    "seed-1": Condition("`train.seed: 1`", {"train.seed": 1}),
    "seed-2": Condition("`train.seed: 2`", {"train.seed": 2}),
    "threads-1": Condition("`train.threads: 1`", {"train.threads": 1}),
    "one-core": Condition("one core, `train.threads: 2`", cores=(1,)),
    "bfloat16": Condition("`train.precision: mixed_bfloat16`", {"train.precision": "mixed_bfloat16"}),
    "bfloat16-again": Condition(
        "`mixed_bfloat16` again", {"train.precision": "mixed_bfloat16"}, folder="größer", base="bfloat16"
    ),
    "onednn-off": Condition("`TF_ENABLE_ONEDNN_OPTS=0`", environment={"TF_ENABLE_ONEDNN_OPTS": "0"}),
    "avx2": Condition("`ONEDNN_MAX_CPU_ISA=AVX2`", environment={"ONEDNN_MAX_CPU_ISA": "AVX2"}),
    "avx512-core": Condition("`ONEDNN_MAX_CPU_ISA=AVX512_CORE`", environment={"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}),
    "blas-threads": Condition("`OPENBLAS_NUM_THREADS=1`", environment={"OPENBLAS_NUM_THREADS": "1"}),
    "blas-core": Condition("`OPENBLAS_CORETYPE=Haswell`", environment={"OPENBLAS_CORETYPE": "Haswell"}),
    "numpy": Condition("NumPy without AVX512 (`NPY_DISABLE_CPU_FEATURES`)", environment=WITHOUT_AVX512),
    "old-cpu": Condition(
        "as an older CPU: oneDNN's AVX2, NumPy without AVX512, OpenBLAS as on Sandybridge",
        environment=OLD_CPU,
    ),
    "old-cpu-data": Condition("the same, pictures given", environment=OLD_CPU, given=("preprocess",)),
    "old-cpu-later": Condition("the same, models given", environment=OLD_CPU, given=LATER),
}


def run(name, condition, scratch, models):
    """The pipeline under a condition; nothing where it ran before. The folder's `done` tells seconds."""
    place = scratch / name
    project = place / condition.folder
    if (place / "done").exists():
        return
    shutil.rmtree(place, ignore_errors=True)
    project.parent.mkdir(parents=True)
    if condition.given:
        shutil.copytree(scratch / condition.base / CONDITIONS[condition.base].folder, project, symlinks=True)
    else:
        subprocess.run(["git", "clone", "--quiet", ROOT, project], check=True)
        path = project / "params.yaml"
        raw = changed(yaml.safe_load(path.read_text(encoding="utf-8")), REDUCED | {"models": models} | condition.params)
        path.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    ours = {key: value.format(folder=place) for key, value in condition.environment.items()}
    for key in ("HOME", "TMPDIR"):
        if key in ours:
            Path(ours[key]).mkdir(parents=True, exist_ok=True)
    environment = {key: value for key, value in os.environ.items() if key not in CLEARED} | ours
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def before():
        if condition.cores:
            os.sched_setaffinity(0, condition.cores)
        if condition.environment.get("HOME"):
            os.umask(0o077)

    started = time.monotonic()
    with open(place / "log.txt", "w") as log:
        while True:
            command = [sys.executable, "-m", "dvc", "repro", condition.target]
            if condition.given:
                command[-1:] = ["--force", "--single-item", *condition.given]
            process = subprocess.Popen(
                command, cwd=project, env=environment, stdout=log, stderr=subprocess.STDOUT, preexec_fn=before
            )
            if not (condition.killed and kill_one(process, project)):
                break
    if process.wait():
        raise SystemExit(f"{name}: see {place / 'log.txt'}")
    shutil.rmtree(project / ".dvc/cache", ignore_errors=True)
    (place / "done").write_text(f"{time.monotonic() - started:.0f}")


def kill_one(process, project):
    """Kill the first training of this `dvc repro` that was not killed before, after its first save; whether one was."""
    killed = project / ".facepipe/killed"
    while process.poll() is None:
        time.sleep(0.02)
        before = killed.read_text().split() if killed.exists() else []
        for state in (project / ".facepipe/resume").glob("*/*.state"):
            stage = state.parent.name.rsplit("-", 1)[0]
            if stage in before:
                continue
            for child in psutil.Process(process.pid).children(recursive=True):
                if f"stages.{stage}" in child.cmdline():
                    child.kill()
                    killed.write_text(" ".join([*before, stage]))
                    process.wait()
                    return True
    return False


def metrics_of(project):
    """{(model, metric): value} by which runs are compared, and the mean held-out AUC of directions."""
    path = project / "reports/evaluate/metrics.json"
    found = {(model, name): value for model, values in read_json(path).items() for name, value in values.items()}
    with open(project / "reports/attribute_vectors/facts.csv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == "attributes_mean_auc"]
    return found | {(row["model"], "mean_auc"): float(row["value"]) for row in rows}


def unequal(project, base, given):
    """{column of the table: (how many of its stages' outputs differ, of how many)}, of the `given` stages, or all."""
    found, outputs = {}, read_lock(base)
    for name, paths in differing_outputs(base, project).items():
        if given and name.split("@")[0] not in given:
            continue
        column = COLUMNS[name.split("@")[0]]
        few, all_ = found.get(column, (0, 0))
        found[column] = few + len(paths), all_ + len(outputs[name]["outs"])
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/reproducibility"))
    parser.add_argument("--only", nargs="*", choices=CONDITIONS, default=list(CONDITIONS))
    parser.add_argument("--models", default="ae,vae,gan")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.list:
        table("conditions", ["name", "what"], [[name, each.says] for name, each in CONDITIONS.items()])
        return
    scratch = options.folder.resolve()
    asked = list(dict.fromkeys(name for each in options.only for name in (CONDITIONS[each].base, each) if name))
    for name in asked:
        run(name, CONDITIONS[name], scratch, options.models.split(","))
        print(f"{name}: {(scratch / name / 'done').read_text()} s", file=sys.stderr, flush=True)
    print("\n".join(lines(asked, scratch)))


def lines(asked, scratch):
    """Both tables as lines of Markdown."""

    def project(name):
        return scratch / name / CONDITIONS[name].folder

    columns, moved = list(dict.fromkeys(COLUMNS.values())), []
    yield f"{cpu_name()}, {os.cpu_count()} cores; outputs that differ from those of the base: {CONDITIONS['base'].says}"
    yield "| | " + " | ".join(columns) + " |"
    yield "|---|" + "---|" * len(columns)
    for name in asked:
        if base := CONDITIONS[name].base:
            counts = unequal(project(name), project(base), CONDITIONS[name].given)
            cells = ["" if each not in counts else "{} of {}".format(*counts[each]) for each in columns]
            yield f"| {CONDITIONS[name].says} | " + " | ".join(cells) + " |"
            if counts.get("evaluate", (0, 0))[0] and base == "base":
                moved.append(name)
    yield ""
    values = {name: metrics_of(project(name)) for name in ["base", *moved]}
    yield "| | " + " | ".join(" ".join(key) for key in values["base"]) + " |"
    yield "|---|" + "---|" * len(values["base"])
    for name, found in values.items():
        cells = [f"{value:.4g}" for value in found.values()]
        if name != "base":
            cells = [f"{100 * (found[key] / value - 1):+.2g} %" for key, value in values["base"].items()]
        yield f"| {CONDITIONS[name].says} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
