"""`facepipe compare` in a real git and DVC repository with real experiments, of models that are trained once."""

import base64
import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from facepipe.cli import main
from facepipe.report.compare.curves import _at, colors
from facepipe.report.compare.differences import direction
from facepipe.report.compare.faces import compared_faces
from facepipe.report.compare.page import aligned
from facepipe.restore import cached
from tests.conftest import ROOT
from tests.pipeline.conftest import Repository
from tests.standins import make_world
from tests.test_page import Checker

# what the pipeline's stages would make, from finished models; a scale other than 1 makes other decoders
MAKE = """
import json, shutil, sys
from pathlib import Path
import h5py, yaml

source, root = map(Path, open("source.txt").read().splitlines())
sys.path.insert(0, str(root))
from facepipe.core.files import describe_files, read_json, write_sealed

params = yaml.safe_load(open("params.yaml"))
vae = params["train_vae"]

def scale(name, item):
    if isinstance(item, h5py.Dataset) and item.dtype.kind == "f":
        item[...] = item[...] * float(vae["scale"])

def write(path, text):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)

for name in params["models"]:
    shutil.copytree(source / "models" / name, f"data/models/{name}")
    facts = {"parameters": 1234, "best_epoch": 2, "valid_mse": 0.02 / float(vae["scale"]), "valid_loss": 3.0}
    if name == "gan":  # as revisions of before facts.csv have it
        write(f"reports/train_{name}/metrics.json", json.dumps({name: facts}))
    else:
        rows = "".join(f"{name},{key},{value}\\n" for key, value in facts.items())
        write(f"reports/train_{name}/facts.csv", "model,metric,value\\n" + rows)
    rows = "".join(f"{e},{e * vae['images']},0.001,{1 / e},{2 / e}\\n" for e in range(1, 4))
    write(f"reports/train_{name}/history.csv", "epoch,images,learning_rate,mse,valid_mse\\n" + rows)
shutil.copytree(source / "models" / "inverter", "data/models/inverter")
with h5py.File("data/models/vae/decoder.weights.h5", "r+") as file:
    file.visititems(scale)
info = read_json("data/models/vae/model.json")
files = describe_files("data/models/vae", info["files"])
write_sealed("data/models/vae/model.json", info | {"files": files})
shutil.copytree(source / "directions", "data/directions")
text = Path("data/directions/vae.csv").read_text()
Path("data/directions/vae.csv").write_text(text.replace("Bright", "<script>"))
shutil.copytree(source / "shards", "data/shards")
kid = "kid_x1000_mtcnn_n40"
scores = {"test_mse": 0.03 / float(vae["scale"]), "test_mse_pca4": 0.04, "recall_mtcnn_n40": 0.5, kid: 1.5}
write("reports/evaluate/metrics.json", json.dumps({"vae": scores, "real": {kid: 0.1 * vae["scale"]}}))
rows = "".join(f"vae,{name},{value}\\n" for name, value in scores.items())
write("reports/evaluate/scores.csv", "model,metric,value\\n" + rows + "vae,test_ssim,0.8\\n")
"""
MODELS = ["ae", "vae", "gan"]
OPTIONS = {"scale": 1.0, "images": 96, "learning_rate": 1e-4, "note": "<script>alert(1)</script>"}
STAGE = {
    "cmd": "python make.py",
    "params": ["models", "train_vae"],
    "outs": ["data/shards", "data/directions", *(f"data/models/{name}" for name in (*MODELS, "inverter"))],
    "metrics": [{f"reports/{name}/metrics.json": {"cache": False}} for name in ("evaluate", "train_gan")],
    "plots": [{"reports/evaluate/scores.csv": {"cache": False}}]
    + [{f"reports/train_{name}/facts.csv": {"cache": False}} for name in ("ae", "vae")]
    + [{f"reports/train_{name}/history.csv": {"cache": False}} for name in MODELS],
}
HOSTILE = 'a<b>&"c'  # a branch may be called so


@pytest.fixture(scope="module")
def repository(tmp_path_factory, tiny_workspace):
    """A baseline on main, an experiment of it called wider, and the branch `HOSTILE` with other params."""
    folder = tmp_path_factory.mktemp("compare") / "project"
    folder.mkdir()
    (folder / "make.py").write_text(MAKE)
    (folder / "source.txt").write_text(f"{tiny_workspace}\n{ROOT}")
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"make": STAGE}}))
    (folder / "params.yaml").write_text(yaml.safe_dump({"models": MODELS, "train_vae": OPTIONS}))
    repository = Repository(folder)
    repository.run("git", "init", "--quiet", "--initial-branch", "main")
    repository.run("git", "config", "user.email", "tests@example.com")
    repository.run("git", "config", "user.name", "Tests")
    repository.run("dvc", "init", "--quiet")
    repository.run("dvc", "config", "core.analytics", "false")
    repository.commit("never reproduced")
    repository.run("git", "tag", "empty")
    repository.repro()
    repository.commit("the <b>baseline</b>")
    repository.run("dvc", "exp", "run", "--name", "wider", "-S", "train_vae.scale=1.25", "-S", "train_vae.images=64")
    repository.run("git", "checkout", "--quiet", "--force", "-b", HOSTILE, "main")
    repository.set_params({"train_vae.note": "other & more"})
    repository.repro()
    repository.commit("another note")
    repository.run("git", "checkout", "--quiet", "main")
    repository.run("dvc", "checkout", "--quiet")
    return repository


@pytest.fixture
def here(repository, tmp_path, monkeypatch):
    """The repository; temporary files go to the test's own folder, in which none may be left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(repository.folder)
    before = repository.run("git", "status", "--porcelain").stdout
    yield repository.folder
    (repository.folder / "compare.html").unlink(missing_ok=True)
    assert repository.run("git", "status", "--porcelain").stdout == before, "nothing is checked out or changed"
    assert not list(tmp_path.glob("facepipe.*"))


def compare(capsys, *words):
    """(lines on stdout, the page, its parts)."""
    assert main(["compare", *map(str, words)]) == 0
    lines = capsys.readouterr().out.splitlines()
    page = Path(lines[-1]).read_text()
    return lines, page, Checker(page)


def fails(capsys, *words):
    """The one line on stderr of a comparison that ends with 2 and writes no page."""
    assert main(["compare", *map(str, words)]) == 2
    captured = capsys.readouterr()
    # where the machine is busy, progress is said before
    lines = [line for line in captured.err.splitlines() if not line.startswith("compare: ")]
    assert captured.out == "" and len(lines) == 1 and not Path("compare.html").exists()
    return lines[0] + "\n"


def cells(lines, name):
    """The cells of a line of the summary."""
    return next(re.split(r"\s{2,}", line.strip()) for line in lines if line.startswith(name))[1:]


def test_a_branch_and_an_experiment_with_faces(here, capsys):
    lines, page, parsed = compare(capsys, "main", "wider")
    assert cells(lines, "params") == ["main", "wider"]
    assert cells(lines, "train_vae.scale") == ["1.0", "1.25"]
    assert not any("learning_rate" in line or "note" in line for line in lines)
    assert cells(lines, "vae test_mse ") == ["0.03", "0.024*"]
    assert "*" not in " ".join(cells(lines, "vae recall")) and lines[-1] == "compare.html"
    assert "experiment of" in page and "-20 %" in page and page.count("★") > 1
    assert not {tag for tag, _ in parsed.seen} & {"script", "link", "iframe", "object"}
    assert all(value.startswith("data:image/png;base64,") for _, attrs in parsed.seen if (value := attrs.get("src")))
    assert not re.search(r"""(href|src|url\()=?["']?(http|//)""", page)
    captions = re.findall("<figcaption>(.*?)</figcaption>", page)
    assert len(captions) == 9 and sum("&lt;script&gt;" in caption for caption in captions) == 1
    order = ["params", "metrics", "trainings", *MODELS]
    assert re.findall('<h2 id="(.*?)">', page) == order and re.findall('href="#(.*?)"', page) == order
    assert page.count("The same model in all, by dvc.lock.") == 2, "all but the VAE"
    assert page.count("<polyline") == 2 * 2 * 3, "two columns, two revisions, three models"


def test_the_workspace_as_it_is(here, capsys, repository, tmp_path):
    text = Path("params.yaml").read_text()
    try:
        repository.set_params({"train_vae.learning_rate": "1e-4", "train_vae.images": 50})
        Path("data/models/gan").rename(tmp_path / "gan")
        lines, page, _ = compare(capsys, "main", "workspace", "--no-faces")
        message = "workspace: data/models/gan: dvc.lock lists it, but it is not there; `dvc checkout` or `dvc pull`"
        Path("compare.html").unlink()
        assert message in fails(capsys, "main", "workspace")
    finally:
        (tmp_path / "gan").rename("data/models/gan")
        Path("params.yaml").write_text(text)
    assert [line.split()[0] for line in lines if line.startswith("train_vae")] == ["train_vae.images"]
    assert "params.yaml has changed since these results were made (train_vae.images); run dvc repro" in page
    assert "(and 1 changed file)" in page and "<figure>" not in page


def test_hostile_names_are_escaped(here, capsys):
    lines, page, parsed = compare(capsys, "main", HOSTILE, "--no-faces")
    assert cells(lines, "train_vae.note") == ["<script>alert(1)</script>", "other & more"]
    assert "<script" not in page and "<b>" not in page
    assert {HOSTILE, "the <b>baseline</b>", "<script>alert(1)</script>"} <= set(parsed.text)


def test_another_checkout(here, capsys, repository, tmp_path):
    other = repository.copy(tmp_path / "copy of it")
    other.run("git", "checkout", "--quiet", HOSTILE)
    other.run("dvc", "checkout", "--quiet")
    shutil.rmtree(other.folder / "reports/evaluate")
    lines, page, _ = compare(capsys, "main", other.folder, "--no-faces", "-o", tmp_path / "page.html")
    assert cells(lines, "vae test_mse ") == ["0.03", "missing"] and lines[-1] == str(tmp_path / "page.html")
    assert "another note" in page


def test_other_data_and_an_older_layout(here, capsys, repository, tmp_path):
    """Fewer test images and other sizes; no GAN, no directions, and metrics that were not committed."""
    from facepipe.shards.shards import Shards
    from tests.material import write_shards

    other = repository.copy(tmp_path / "other")
    lock = yaml.safe_load((other.folder / "dvc.lock").read_text())
    gone = ("data/models/gan", "data/directions", "reports/train_gan/metrics.json", "reports/train_gan/history.csv")
    outs = lock["stages"]["make"]["outs"]
    lock["stages"]["make"]["outs"] = [out for out in outs if out["path"] not in gone]
    (other.folder / "dvc.lock").write_text(yaml.safe_dump(lock))
    for path in ("data/models/gan", "data/directions", "reports/train_gan"):
        shutil.rmtree(other.folder / path)
    shards = Shards(here / "data/shards")
    splits = {split: shards.images(split, 0, 20) for split in ("train", "valid", "test")}
    write_shards(other.folder / "data/shards", splits)
    _, page, _ = compare(capsys, "main", other.folder)
    assert f"No such model in {other.folder}." in page and f"Missing in {other.folder}." in page
    assert page.count("The data differ: each revision shows faces of its own test images.") == 2
    assert page.count("No directions in") == 2 and page.count("<figure>") == 4


def test_a_missing_cache_entry(here, capsys, repository):
    sha = repository.run("git", "for-each-ref", "--format=%(objectname)", "refs/exps/*/*/wider").stdout.strip()
    lock = yaml.safe_load(repository.run("git", "show", f"{sha}:dvc.lock").stdout)
    digest = next(out["md5"] for out in lock["stages"]["make"]["outs"] if out["path"] == "data/models/vae")
    listing = cached(here / ".dvc/cache", digest)
    hidden = listing.with_suffix(".hidden")
    listing.rename(hidden)
    try:
        error = fails(capsys, "main", "wider")
        compare(capsys, "main", "wider", "--no-faces")
    finally:
        hidden.rename(listing)
    assert error.startswith("facepipe: wider: data/models/vae: not in DVC's cache; `dvc pull`")


def test_metrics_that_were_not_committed(here, capsys, repository):
    """DVC's run cache may have them all the same."""
    lock = yaml.safe_load(Path("dvc.lock").read_text())["stages"]["make"]["outs"]
    digest = next(out["md5"] for out in lock if out["path"] == "reports/evaluate/metrics.json")
    place = cached(here / ".dvc/cache", digest)
    hidden = place.with_suffix(".hidden")
    try:
        repository.run("git", "rm", "--quiet", "--cached", "reports/evaluate/metrics.json")
        repository.run("git", "commit", "--quiet", "--message", "less")
        lines, _, _ = compare(capsys, "HEAD~1", "HEAD", "--no-faces")
        assert cells(lines, "vae test_mse ") == ["0.03", "0.03"]
        place.rename(hidden)
        lines, page, _ = compare(capsys, "HEAD~1", "HEAD", "--no-faces")
    finally:
        hidden.rename(place)
        repository.run("git", "reset", "--quiet", "--soft", "HEAD~1")
        repository.run("git", "reset", "--quiet")
    note = "HEAD: reports/evaluate/metrics.json is listed in dvc.lock, but was not committed to git."
    assert cells(lines, "vae test_mse ") == ["0.03", "missing"] and note in page and note in lines


def test_experiments_of_one_name(here, capsys, repository):
    """Each is of another baseline; that of HEAD is the one meant."""
    shas = {name: repository.run("git", "rev-parse", name).stdout.strip() for name in ("main", HOSTILE, "empty")}
    refs = {name: f"refs/exps/{sha[:2]}/{sha[2:]}/twin" for name, sha in shas.items()}
    try:
        for name in (HOSTILE, "empty"):
            repository.run("git", "update-ref", refs[name], shas[HOSTILE])
        assert "twin: several experiments have this name; name the commit" in fails(capsys, "main", "twin")
        repository.run("git", "update-ref", refs["main"], shas[HOSTILE])
        _, page, _ = compare(capsys, "main", "twin", "--no-faces")
    finally:
        for ref in refs.values():
            repository.run("git", "update-ref", "-d", ref)
    assert f"experiment of {shas['main'][:7]} the &lt;b&gt;" in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["main"], "compare: name two revisions or more"),
        (["main", "widr"], "'widr': no such experiment, branch, tag, commit or folder; did you mean wider?"),
        (["main", "quite-another"], "dvc exp show --all-commits lists them"),
        (["main", ""], "'': no such"),
        (["main", "HEAD"], "compare: main and HEAD are one and the same revision"),
        (["workspace", "."], "compare: workspace and . are one and the same revision"),
        (["main", "empty"], "empty: no dvc.lock there: never reproduced; run dvc repro"),
        (["main", "data"], "data: a folder without params.yaml"),
        (["main", "wider", "-o", "data"], "data: is a folder; name a file"),
        (["main", "wider", "-o", "none/page.html"], "none/page.html: no folder "),
    ],
)
def test_wrong_input(here, capsys, words, message):
    assert message in fails(capsys, *words)


def test_neither_project_nor_git(here, capsys, repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert fails(capsys, "a", "b") == "facepipe: compare: no DVC project here; run it in the project's folder\n"
    (tmp_path / ".dvc").mkdir()
    assert "no git repository here: name folders, or workspace" in fails(capsys, "a", "b")


def test_from_a_folder_below_and_without_tensorflow(here, capsys, repository, tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('imported')")
    words = ["-m", "facepipe", "compare", "main", "wider", "--no-faces", "-o", str(tmp_path / "page.html")]
    environment = repository.environment() | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(__file__).parents[1]}"}
    done = subprocess.run([sys.executable, *words], cwd=here / "data", env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "") and (tmp_path / "page.html").exists()


class World:
    """A revision of stand-in models (see `make_world`), without git."""

    def __init__(self, folder, **options):
        self.name, self.folder, self.outs = folder.name, folder, {}
        self.models, _ = make_world(folder, **options)

    def trained(self, model):
        return True

    def get(self, path):
        place = self.folder / path.removeprefix("data/")
        return place if place.exists() or "models" in path else None

    def reading(self):
        return contextlib.nullcontext()


def test_faces_of_other_sizes(tmp_path):
    """Gray and upright beside RGB and square: latents of another size, too, and no encoder for one GAN."""
    worlds = [World(tmp_path / "square"), World(tmp_path / "upright", shape=(24, 16, 1), latent_dim=5, inverter=True)]
    of = {str(world.folder): world for world in worlds}
    ae, vae, gan = compared_faces(worlds, lambda path: of[str(path.parents[1])].models[path.name])
    sizes = "The latents have different sizes (6, 5): not the same noise."
    own = "The same photographs, prepared in other ways: each revision shows its own."
    assert ae.notes == vae.notes == [own, sizes, "No directions in square, upright."]
    assert gan.notes == ["No encoder in square: neither reconstructions nor edits.", sizes]
    assert [len(model.pictures) for model in (ae, vae, gan)] == [2, 2, 1]
    with Image.open(io.BytesIO(base64.b64decode(gan.pictures[0].data))) as image:
        top, bottom = np.split(np.asarray(image)[2:], 2)
    scale = round(64 / 24)
    assert top.shape[0] == 24 * scale + 2, "all as high as the highest"
    assert (top[: 4 * scale - 1, -4:] == 255).all() and (bottom[: 4 * scale - 1, -4:-2] < 255).any()


def test_curves_over_images_seen():
    """Each curve at the points of both, on its own lines; gaps are passed over, and it ends where it ends."""
    nan = float("nan")
    assert _at([1, 2, 3, 4], [1, 3], [10, 30])[:3] == [10, 20, 30] and np.isnan(_at([4], [1, 3], [10, 30])[0])
    assert _at([1, 2, 3], [1, 2, 3], [10, nan, 30]) == [10, 20, 30] and np.isnan(_at([1], [1], [nan])[0])
    assert len(set(colors(8))) == 8 and colors(9)[8] == colors(1)[0]


def test_which_is_better():
    lower = ["vae test_mse", "ae kid_x1000_mtcnn_n500", "ae kid_x1000_density_dlib_n9", "identity_distance_dlib_n9"]
    higher = ["vae recall_mtcnn_n9", "precision_x", "test_psnr_db", "test_ssim", "edit_decoded_success_n5"]
    higher += ["face_rate_dlib_n9", "coverage_x", "edit_decoded_same_person_n5", "interpolation_evenness_x"]
    nobody = ["vae kid_x1000_sd_mtcnn_n9", "test_mse_pca64", "real kid_x1000_mtcnn_n9", "best_epoch", "parameters"]
    nobody += ["images_seen", "valid_loss", "sharpness_x"]
    assert [direction(name) for name in (*lower, *higher, *nobody)] == [-1] * 4 + [1] * 9 + [0] * 8


def test_lines_for_a_terminal():
    lines = aligned(["", "a", "b"], [["x", "1*", "two\x1b[31m"], ["a name", "y" * 60, "3 "]])
    assert lines[1].startswith("x       ") and "\x1b" not in "".join(lines) and "two?[31m" in lines[1]
    assert len(set(map(len, (line.rstrip() for line in lines[:2])))) == 1 and max(map(len, lines)) < 60
