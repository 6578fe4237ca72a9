"""`dvc repro` for real: complete, idempotent, the same hashes twice, what its latents decode to."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facepipe.core.pictures import to_uint8
from facepipe.latents.table import read_latents
from facepipe.models.load import load_model
from facepipe.shards.shards import Shards
from tests.locks import differences
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
    animations = {path.name for path in (folder / "reports/render_reports/training").iterdir()}
    assert animations == {f"train_{name}.webp" for name in ("ae", "vae", "gan", "inverter")}
    page = (folder / "reports/index.html").read_text(encoding="utf-8")
    assert "data:image/webp;base64," in page and "http://" not in page.replace("http://www.w3.org", "")
    assert finished.run("git", "status", "--porcelain").stdout == ""
    tracked = finished.run("git", "ls-files").stdout.splitlines()
    assert "reports/evaluate/metrics.json" in tracked and "dvc.lock" in tracked
    assert not [path for path in tracked if path.endswith((".png", ".npy", ".h5", ".zip"))]


def test_no_more_metrics_than_a_person_compares(finished):
    """All that `dvc exp show` has columns for; the rest is in tables, which `dvc plots` draws."""
    (revision,) = json.loads(finished.run("dvc", "metrics", "show", "--json").stdout).values()
    found = {
        f"{path} {model} {name}"
        for path, content in revision["data"].items()
        for model, values in content["data"].items()
        for name in values
    }
    names = ("test_mse", "test_mse_to_pca", "kid_x1000_mtcnn_n40", "recall_mtcnn_n40")
    models = ("ae", "vae", "gan")
    assert found == {f"reports/evaluate/metrics.json {model} {name}" for model in models for name in names}
    tables = finished.run("git", "ls-files", "reports/*facts.csv", "reports/export_latents").stdout.split()
    assert len(tables) == 9
    shown = json.loads(finished.run("dvc", "plots", "show", "--json", *tables).stdout)["data"]
    drawn = {path: json.dumps(plots) for path, plots in shown.items()}
    assert set(tables) <= set(drawn)
    assert all('"mark": "text"' in text.replace("\\", "") for text in drawn.values())


def test_a_second_repro_runs_nothing(copy):
    assert copy.repro() == ([], [])


def test_two_clones_give_the_same_hashes(finished, other):
    assert differences(finished.folder, other.folder) == []


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


def test_without_git(finished, tmp_path):
    plain = make_repository(tmp_path / "plain")
    plain.run("rm", "-rf", ".git")
    assert "no git repository here" in plain.run("python", "-m", "facepipe.workspace").stdout
    assert plain.repro("preprocess")[0] == ["download", "preprocess"]
    assert plain.repro("preprocess") == ([], [])
