"""`dvc repro` for real: complete, idempotent, minimal reruns, run cache, the same hashes twice."""

import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from facepipe.data.pictures import to_uint8
from facepipe.data.shards import Shards
from facepipe.latents.table import read_latents
from facepipe.models.load import load_model
from tests.conftest import ROOT
from tests.pipeline.conftest import make_repository


def test_all_outputs_are_there(finished):
    folder = finished.folder
    for split in ("train", "valid", "test"):
        assert (folder / f"data/latents/vae/{split}.csv").exists()
        assert (folder / f"data/latents/gan/{split}.csv").exists()
    names = {path.name for path in (folder / "reports/render_reports/grids").iterdir()}
    assert {
        "reconstructions_ae.png",
        "samples_gan.png",
        "interpolations_vae.png",
        "edits_ae.png",
        "reconstructions_gan.png",
    } <= names
    page = (folder / "reports/index.html").read_text(encoding="utf-8")
    assert "data:image/png;base64," in page and "http://" not in page.replace("http://www.w3.org", "")
    assert finished.run("git", "status", "--porcelain").stdout == ""
    tracked = finished.run("git", "ls-files").stdout.splitlines()
    assert "reports/evaluate/metrics.json" in tracked and "dvc.lock" in tracked
    assert not [path for path in tracked if path.endswith((".png", ".npy", ".h5", ".zip"))]


def test_a_second_repro_runs_nothing(copy):
    assert copy.repro() == ([], [])


def test_what_a_change_reruns(copy):
    copy.set_params({"attribute_vectors.min_examples": 25})
    ran, _ = copy.repro()
    assert ran[0] == "attribute_vectors" and set(ran) <= {"attribute_vectors", "render_reports"}
    copy.set_params({"train_gan.generator_learning_rate": 3e-4})
    ran, _ = copy.repro()
    assert ran == ["train_gan", "train_inverter", "export_latents", "attribute_vectors", "evaluate", "render_reports"]
    # back to the params of before: nothing is computed again
    copy.set_params({"attribute_vectors.min_examples": 20, "train_gan.generator_learning_rate": "1e-3"})
    ran, cached = copy.repro()
    assert ran == []
    assert {"train_gan", "attribute_vectors", "evaluate"} <= set(cached)
    assert copy.run("git", "status", "--porcelain", "dvc.lock").stdout == ""


def test_two_clones_give_the_same_hashes(finished, other):
    assert other.hashes() == finished.hashes()


def test_bad_params_stop_before_anything_is_touched(copy):
    copy.set_params({"train_ae.latent_dim": 0})
    done = copy.run("dvc", "repro", check=False)
    assert done.returncode != 0
    assert "train_ae: params.yaml: train_ae.latent_dim: should be greater than or equal to 1 (got 0)" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["ae", "vae", "gan"])
def test_exported_latents_decode_to_the_pictures_of_the_model(finished, tmp_path, name):
    table = finished.folder / "data/latents" / name / ("sample.csv" if name == "gan" else "test.csv")
    rows = pd.read_csv(table, dtype=str, keep_default_na=False)
    rows.loc[3, "z002"] = "1.5"
    rows.to_csv(tmp_path / "edited.csv", index=False)
    out, edited = tmp_path / "faces", tmp_path / "edited"
    decode = ("python", "-m", "facepipe", "decode", "--model", name)
    with ThreadPoolExecutor() as pool:
        decodings = [(table, out), (tmp_path / "edited.csv", edited)]
        list(pool.map(lambda paths: finished.run(*decode, str(paths[0]), "-o", str(paths[1])), decodings))
    model = load_model(finished.folder / "data/models" / name)
    shards = Shards(finished.folder / "data/shards")
    if name == "gan":
        ids, images = read_latents(table).ids, model.decode(model.sample_latents(20, seed=0))
    else:
        ids, images = shards.ids("test"), model.decode(model.encode(shards.images("test")))
    for id_, expected in zip(ids, to_uint8(images), strict=True):
        picture = np.asarray(Image.open(out / f"{id_.removesuffix('.png')}.png"))
        np.testing.assert_array_equal(picture, expected)
    # one edited number changes only that row
    changed = [id_ for id_ in ids if bytes_of(edited, id_) != bytes_of(out, id_)]
    assert changed == [ids[3]]


def bytes_of(folder, id_):
    return (folder / f"{id_.removesuffix('.png')}.png").read_bytes()


def test_a_gan_that_starts_from_the_vae_depends_on_it(copy):
    def deps():
        lock = yaml.safe_load((copy.folder / "dvc.lock").read_text(encoding="utf-8"))
        return {dep["path"] for dep in lock["stages"]["train_gan"]["deps"]}

    assert "data/models/vae" not in deps()
    copy.set_params({"train_gan.init_from": "data/models/vae"})
    assert copy.repro("train_gan")[0] == ["train_gan"]
    assert "data/models/vae" in deps()
    copy.set_params({"train_vae.beta": 1.0})
    assert copy.repro("train_gan")[0] == ["train_vae", "train_gan"]


def test_the_examples_of_the_readme(copy):
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
    made += [path for name in ("edits", "render_reports") for path in (folder / "reports" / name).rglob("*.png")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in made}


def test_edits_are_decoded_by_the_next_repro_and_a_bad_one_leaves_the_reports_as_they_were(copy):
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


def test_without_git(finished, tmp_path):
    plain = make_repository(tmp_path / "plain")
    plain.run("rm", "-rf", ".git")
    assert "no git repository here" in plain.run("python", "-m", "facepipe.workspace").stdout
    assert plain.repro("preprocess")[0] == ["download", "preprocess"]
    assert plain.repro("preprocess") == ([], [])
