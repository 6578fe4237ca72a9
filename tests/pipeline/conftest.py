"""A real DVC repository at 16x16 with tiny nets."""

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, THREADS

COPIED = (
    "dvc.yaml",
    "params.yaml",
    ".dvcignore",
    ".gitignore",
    "facepipe",
    "recipes",
    "stages",
    "data/sources.yaml",
    "data/edits/README.md",
    "None",
)
# also what a user may have changed in params.yaml
TINY = {
    "models": ["ae", "vae", "gan"],
    "dataset.name": "synthetic",
    "dataset.archive": None,
    "dataset.labels": None,
    "dataset.synthetic.count": 240,
    "dataset.synthetic.size": 16,
    "preprocess.image_size": [16, 16],
    "preprocess.channels": 3,
    "preprocess.crop": "default",
    "preprocess.split": "auto",
    "preprocess.limit": None,
    "train.threads": THREADS,
    "train.precision": "float32",
    "train_ae.init_from": None,
    "train_ae.latent_dim": 4,
    "train_ae.widths": [8, 8],
    "train_ae.batch_size": 16,
    "train_ae.epochs": 2,
    "train_vae.init_from": None,
    "train_vae.latent_dim": 4,
    "train_vae.widths": [8, 8],
    "train_vae.batch_size": 16,
    "train_vae.epochs": 2,
    "train_gan.init_from": None,
    "train_gan.latent_dim": 4,
    "train_gan.generator_widths": [8, 8],
    "train_gan.discriminator_widths": [8, 8],
    "train_gan.batch_size": 16,
    "train_gan.images": 300,
    "train_inverter.widths": [8, 8],
    "train_inverter.batch_size": 16,
    "train_inverter.images": 300,
    "export_latents.components": 2,
    "export_latents.gan_samples": 20,
    "attribute_vectors.min_examples": 20,
    "evaluate.samples": 40,
    "evaluate.kid_subsets": 5,
    "evaluate.kid_subset_size": 10,
    "render_reports.columns": 3,
    "render_reports.rows": 2,
}


class Repository:
    """A DVC repository in a temporary folder."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def run(self, *command, check=True):
        """Run a command there with this environment's python first; the completed process, text captured."""
        environment = self.environment()
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"{command} in {self.folder}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return done

    def environment(self):
        """This process's, with its python first, and states where they lie for a user."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        ours = {"PATH": path, "TMPDIR": str(self.folder.parent)}
        return {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "FACEPIPE_RESUME")} | ours

    def start(self, *command):
        """Start a command there in a process group of its own, with Ctrl-C as in a terminal; Popen, text piped."""
        return subprocess.Popen(
            command, cwd=self.folder, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip

    def repro(self, *arguments):
        """`dvc repro`; the stages that ran, in order, and those restored from the run cache."""
        output = self.run("dvc", "repro", *arguments).stdout
        ran = [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]
        cached = [line.split("'")[1] for line in output.splitlines() if "is cached - skipping run" in line]
        return ran, cached

    def set_params(self, changes):
        """Change values in params.yaml, given by dotted key."""
        path = self.folder / "params.yaml"
        params = yaml.safe_load(path.read_text(encoding="utf-8"))
        for key, value in changes.items():
            *sections, last = key.split(".")
            inner = params
            for section in sections:
                inner = inner[section]
            assert last in inner, key
            inner[last] = value
        path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")

    def hashes(self):
        """{output: hash} of all stages in dvc.lock."""
        lock = yaml.safe_load((self.folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
        return {out["path"]: out["md5"] for stage in lock.values() for out in stage.get("outs", [])}

    def copy(self, folder):
        """A copy in another folder, cache included."""
        return Repository(shutil.copytree(self.folder, folder, symlinks=True))

    def commit(self, message):
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)


def make_repository(folder):
    """A fresh copy of the project with tiny params, committed to git."""
    folder.mkdir(parents=True)
    for name in COPIED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    (folder / ".dvc").mkdir()
    shutil.copytree(ROOT / ".dvc" / "plots", folder / ".dvc" / "plots")
    for name in ("config", ".gitignore"):
        shutil.copy(ROOT / ".dvc" / name, folder / ".dvc" / name)
    repository = Repository(folder)
    repository.set_params(TINY)
    repository.run("git", "init", "--quiet")
    repository.run("git", "config", "user.email", "tests@example.com")
    repository.run("git", "config", "user.name", "Tests")
    repository.commit("start")
    return repository


@pytest.fixture(scope="session")
def clones(request, tmp_path_factory):
    """Two repositories in which `dvc repro` has run, at the same time; one where no test asks for the `other`."""

    def make(name):
        repository = make_repository(tmp_path_factory.mktemp(name) / "facepipe")
        ran, _ = repository.repro()
        assert len(ran) == 12
        return repository

    asked = any("other" in item.fixturenames for item in request.session.items)
    with ThreadPoolExecutor() as pool:
        return list(pool.map(make, ["finished", "other"] if asked else ["finished"]))


@pytest.fixture(scope="session")
def finished(clones):
    """A repository in which `dvc repro` has run and was committed; not to be changed."""
    clones[0].commit("finished")
    return clones[0]


@pytest.fixture(scope="session")
def other(clones):
    """Another one, not committed."""
    return clones[1]


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of the finished repository, cache included."""
    return finished.copy(tmp_path / "facepipe")


@pytest.fixture(scope="session")
def runs(request, finished, tmp_path_factory):
    """{act: the future of act(a copy of its own)} of all tests that have an `act`: two of them run at a time."""
    acts = [item.callspec.params["act"] for item in request.session.items if "runs" in item.fixturenames]
    copies = {act: finished.copy(tmp_path_factory.mktemp("copy") / "facepipe") for act in acts}
    pool = ThreadPoolExecutor(2)
    yield {act: pool.submit(act, copy) for act, copy in copies.items()}
    pool.shutdown(cancel_futures=True)
