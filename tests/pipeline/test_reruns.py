"""What `dvc repro` and `dvc exp` do after a change, for real, in copies of one repository: two of them at a time."""

import csv
import io
import json
import re
import shutil
import zipfile

import pandas as pd
import pytest
import yaml

from facepipe.core.files import read_json, write_sealed
from tests.conftest import ROOT


def what_a_change_reruns(copy):
    copy.set_params({"attribute_vectors.min_examples": 25})
    ran, _ = copy.repro()
    assert ran[0] == "attribute_vectors" and set(ran) <= {"attribute_vectors", "evaluate", "render_reports"}
    copy.set_params({"train_gan.generator_learning_rate": 3e-4})
    ran, _ = copy.repro()
    # the latents of the other models stay
    assert ran == [
        "train_gan", "train_inverter", "export_latents@gan", "attribute_vectors", "evaluate", "render_reports",
    ]  # fmt: skip
    # back to the params of before: nothing is computed again
    copy.set_params({"attribute_vectors.min_examples": 20, "train_gan.generator_learning_rate": "1e-3"})
    ran, cached = copy.repro()
    assert ran == []
    assert {"train_gan", "attribute_vectors", "evaluate"} <= set(cached)
    assert copy.run("git", "status", "--porcelain", "dvc.lock").stdout == ""


def add_comment(copy, *names):
    for name in names:
        path = copy.folder / name
        path.write_text(f"{path.read_text(encoding='utf-8')}\n# a comment\n", encoding="utf-8")


def what_an_edit_of_the_code_reruns(copy, *dry):
    loose = sorted(path.name for path in (copy.folder / "facepipe").glob("*.py"))
    assert {"errors.py", "stage.py", "cli.py", "config.py"} <= set(loose)
    add_comment(copy, *(f"facepipe/{name}" for name in loose))
    assert copy.repro() == ([], [])
    # another stage's section is no dependency
    add_comment(copy, "facepipe/report/config.py")
    assert copy.repro()[0] == ["render_reports"]
    add_comment(copy, "facepipe/models/gan/schedules.py")
    ran, _ = copy.repro(*dry)
    assert ran[:2] == ["train_gan", "train_inverter"] and set(ran[2:]) <= {
        "export_latents@ae", "export_latents@vae", "export_latents@gan", "attribute_vectors", "evaluate",
        "render_reports",
    }  # fmt: skip
    add_comment(copy, "facepipe/core/files.py")
    assert len(copy.repro(*dry)[0]) == 12


def what_an_edit_of_the_code_would_rerun(copy):
    what_an_edit_of_the_code_reruns(copy, "--dry")


def one_model_only(copy):
    pages = copy.folder / "reports/index.html"
    assert "Variational autoencoder" in pages.read_text(encoding="utf-8")
    copy.set_params({"models": ["ae"], "train_ae.latent_dim": 5})
    ran, _ = copy.repro("render_reports")
    assert ran == ["train_ae", "export_latents@ae", "attribute_vectors", "evaluate", "render_reports"]
    page = re.sub(r"data:image/webp;base64,[^\"]*", "", pages.read_text(encoding="utf-8"))
    assert "Autoencoder" in page and "Variational" not in page and "GAN" not in page
    for name in ("evaluate/scores.csv", "attribute_vectors/facts.csv"):
        text = (copy.folder / f"reports/{name}").read_text(encoding="utf-8")
        assert "\nae," in text and "\nvae," not in text and "\ngan," not in text
    assert json.loads((copy.folder / "reports/evaluate/metrics.json").read_text()).keys() == {"ae"}
    # a training that nobody asked for does not run, and what it made before stays
    copy.set_params({"train_vae.beta": 1.0})
    page = pages.read_bytes()
    assert copy.repro("render_reports")[0] == ["render_reports"] and pages.read_bytes() == page
    done = copy.run("dvc", "repro", "train_vae", check=False)
    assert done.returncode and "train_vae: params.yaml: models: ['ae']: vae is not asked for" in done.stderr
    assert (copy.folder / "data/models/vae/model.json").exists()


def a_replaced_file_is_seen(copy):
    """An archive and a model to start from, under the names that they had."""
    saved = copy.folder / "saved"
    shutil.copytree(copy.folder / "data/models/ae", saved)
    copy.set_params({"train_ae.init_from": "saved"})
    assert copy.repro("train_ae")[0] == ["train_ae"]
    assert copy.repro("train_ae") == ([], [])
    info = read_json(saved / "model.json")
    write_sealed(saved / "model.json", info | {"training": info["training"] | {"seed": 7}})
    assert copy.repro("train_ae")[0] == ["train_ae"]
    pictures = copy.folder / "pictures.zip"
    shutil.copy(copy.folder / "data/raw/synthetic.zip", pictures)
    copy.set_params({"dataset.name": "folder", "dataset.archive": "pictures.zip"})
    assert copy.repro("download")[0] == ["download"]
    with zipfile.ZipFile(pictures) as old, zipfile.ZipFile(copy.folder / "fewer.zip", "w") as new:
        for name in old.namelist()[:100]:
            new.writestr(name, old.read(name))
    (copy.folder / "fewer.zip").replace(pictures)
    assert copy.repro("download")[0] == ["download"]


def a_gan_that_starts_from_the_vae_depends_on_it(copy):
    def deps():
        lock = yaml.safe_load((copy.folder / "dvc.lock").read_text(encoding="utf-8"))
        return {dep["path"] for dep in lock["stages"]["train_gan"]["deps"]}

    assert "data/models/vae" not in deps()
    copy.set_params({"train_gan.init_from": "data/models/vae"})
    assert copy.repro("train_gan")[0] == ["train_gan"]
    assert "data/models/vae" in deps()
    copy.set_params({"train_vae.beta": 1.0})
    assert copy.repro("train_gan")[0] == ["train_vae", "train_gan"]


def the_examples_of_the_readme(copy):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        copy.run("python", "-c", example)
    copy.run("sh", "-c", re.search(r"^\(head .*$", readme, re.MULTILINE).group())
    assert copy.repro()[0] == ["render_reports"]
    ids = pd.read_csv(copy.folder / "data/latents/vae/test.csv")["id"].head(3)
    page = (copy.folder / "reports/index.html").read_text(encoding="utf-8")
    for name in ("vae-smile", "vae-three"):
        assert name in page
        for id_ in ids:
            assert (copy.folder / "reports/edits" / name / id_).exists()


def reports(folder):
    """The bytes of all that render_reports makes."""
    made = [folder / "reports/index.html"]
    made += [path for name in ("edits", "render_reports") for path in (folder / "reports" / name).rglob("*.[pw]*")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in made}


def edits_are_decoded_by_the_next_repro_and_a_bad_one_leaves_the_reports_as_they_were(copy):
    rows = pd.read_csv(copy.folder / "data/latents/vae/test.csv", dtype=str, keep_default_na=False).head(3)
    rows.to_csv(copy.folder / "data/edits/vae-mine.csv", index=False)
    assert copy.repro()[0] == ["render_reports"]
    made = sorted(path.name for path in (copy.folder / "reports/edits/vae-mine").iterdir())
    assert made == sorted([*rows["id"], "compare.png", "grid.png"])
    good = reports(copy.folder)
    rows.loc[1, "z001"] = "lots"
    rows.to_csv(copy.folder / "data/edits/vae-mine.csv", index=False)
    done = copy.run("dvc", "repro", check=False)
    assert done.returncode != 0
    message = [line for line in done.stderr.splitlines() if line.startswith("render_reports: ")]
    assert len(message) == 1 and "vae-mine.csv" in message[0] and "z001" in message[0] and "lots" in message[0]
    assert "exited with 2" in done.stderr and "Traceback" not in done.stderr
    assert reports(copy.folder) == good
    # numbers too large are found only when they are decoded
    rows.loc[1, "z001"] = "3e38"
    rows.to_csv(copy.folder / "data/edits/vae-mine.csv", index=False)
    done = copy.run("dvc", "repro", check=False)
    assert "decodes to NaN" in done.stderr and "Traceback" not in done.stderr
    assert reports(copy.folder) == good
    # going back needs nothing to run
    rows.loc[1, "z001"] = pd.read_csv(copy.folder / "data/latents/vae/test.csv", dtype=str)["z001"][1]
    rows.to_csv(copy.folder / "data/edits/vae-mine.csv", index=False)
    assert copy.repro() == ([], [])
    assert reports(copy.folder) == good


def experiments(repository):
    table = repository.run("dvc", "exp", "show", "--csv", "--hide-workspace").stdout
    return list(csv.DictReader(io.StringIO(table)))


def an_experiment(copy):
    copy.run("dvc", "exp", "run", "-S", "train_vae.latent_dim=6", "--name", "wider")
    lock = yaml.safe_load((copy.folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    assert lock["train_vae"]["params"]["params.yaml"]["train_vae"]["latent_dim"] == 6
    header = (copy.folder / "data/latents/vae/test.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header.startswith("id,split,") and header.endswith(",z000,z001,z002,z003,z004,z005")
    (row,) = [row for row in experiments(copy) if row["Experiment"] == "wider"]
    # every number says whose it is, what it is and what it was measured with
    for name in (
        "vae.test_mse",
        "vae.kid_x1000_mtcnn_n40",
        "ae.test_mse_to_pca",
        "gan.recall_mtcnn_n40",
    ):
        assert name in row, sorted(row)
    compared = [name for name in row if name.startswith(("ae.", "vae.", "gan.", "real.", "inverter.", "data."))]
    assert len(compared) == 12, compared
    assert not [name for name in row if ":" in name], "no metric needs its file's name to be told apart"


def a_queued_sweep(copy):
    copy.run("dvc", "exp", "run", "--queue", "-S", "train_vae.beta=0.5,2.0")
    copy.run("dvc", "exp", "run", "--run-all")
    rows = {row["train_vae.beta"]: row for row in experiments(copy)}
    assert {"0.5", "2.0"} <= set(rows)
    assert rows["0.5"]["vae.test_mse"] != rows["2.0"]["vae.test_mse"]
    assert rows["0.5"]["ae.test_mse"] == rows["2.0"]["ae.test_mse"]


# those that take longest first
IN_COPIES = (
    what_a_change_reruns,
    one_model_only,
    a_replaced_file_is_seen,
    an_experiment,
    a_gan_that_starts_from_the_vae_depends_on_it,
    edits_are_decoded_by_the_next_repro_and_a_bad_one_leaves_the_reports_as_they_were,
    what_an_edit_of_the_code_would_rerun,
    the_examples_of_the_readme,
    pytest.param(what_an_edit_of_the_code_reruns, marks=pytest.mark.slow),
    pytest.param(a_queued_sweep, marks=pytest.mark.slow),
)


@pytest.mark.parametrize("act", IN_COPIES, ids=lambda act: act.__name__)
def test_in_a_copy(act, runs):
    runs[act].result()
