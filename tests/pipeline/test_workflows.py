"""What three earlier projects do with latents, step by step as their users would, at tiny size.

Stages run as `python -m stages.NAME` does, commands as `facepipe NAME` does, but in this process.
"""

import re
import runpy
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facepipe.cli import main
from facepipe.config import load_params
from facepipe.core.files import read_json
from facepipe.core.pictures import to_uint8
from facepipe.models.load import load_model
from facepipe.report.page.reading import read_scores
from facepipe.shards.shards import Shards
from tests.browser import Watched, chromium
from tests.conftest import ROOT
from tests.pipeline.conftest import TINY, Repository

PAD = 2  # pixels between the pictures of a grid
STAGES = ("download", "preprocess", "train_ae", "train_vae", "train_gan", "train_inverter", "export_latents")
REPORTS = ("attribute_vectors", "evaluate", "render_reports")


def start(folder, changes):
    """A project in `folder` with tiny params and these changes to them."""
    for name in ("params.yaml", "dvc.yaml", "data/sources.yaml", "recipes/demo.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    set_params(folder, TINY | changes)


def set_params(folder, changes):
    Repository(folder).set_params(changes)


def run_stages(*names):
    for name in names:
        for words in [[model] for model in load_params().models] if name == "export_latents" else [[]]:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("sys.argv", [name, *words])
                runpy.run_module(f"stages.{name}", run_name="__main__")


def facepipe(*words):
    assert main([str(word) for word in words]) == 0, words


def picture(path):
    with Image.open(path) as image:
        return np.asarray(image)


def cells(path, shape):
    """The pictures of an unlabelled grid, uint8 (rows, columns, h, w, 3)."""
    height, width = shape[0] + PAD, shape[1] + PAD
    grid = picture(path)[PAD:, PAD:]
    grid = grid.reshape(len(grid) // height, height, -1, width, 3).swapaxes(1, 2)
    return grid[:, :, : shape[0], : shape[1]]


def numbers(frame):
    """The latents in a table, float32 (n, d)."""
    return frame.filter(regex=r"^z\d+$").to_numpy(np.float32)


def test_s0_a_face_as_a_text_file_of_numbers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shape = (28, 22, 3)
    start(tmp_path, {
        "dataset.synthetic.size": 32, "preprocess.image_size": list(shape[:2]), "train_ae.latent_dim": 8,
        "train_ae.dropout": 0.12, "train_ae.images_per_epoch": 64, "train_ae.epochs": 6, "train_ae.linear_path": False,
    })  # fmt: skip
    run_stages("download", "preprocess", "train_ae")
    history, shards = pd.read_csv("reports/train_ae/history.csv"), Shards("data/shards")
    assert history["images"].tolist() == [64 * epoch for epoch in range(1, 7)] and shards.count("train") > 2 * 64
    originals = shards.images("valid", 0, 10)
    first, last = (cells(f"reports/train_ae/grids/00000{epoch}.png", shape) for epoch in (0, 6))
    assert first.shape == (3, 10, *shape), "originals, reconstructions, decoded random latents"
    np.testing.assert_array_equal(last[0], originals)
    gray, sharper = (grid[1].astype(float).std() for grid in (first, last))
    assert gray < 0.5 * sharper, "starts gray"
    facepipe("sample", "--model", "ae", "-n", 4, "-o", "random.png")
    assert len(np.unique(cells("random.png", (28 * 4, 22 * 4)).reshape(4, -1), axis=0)) == 4

    # one face's raw latent: as many lines as dimensions, a number each, no header
    Image.fromarray(originals[0]).save("me.png")
    facepipe("encode", "me.png", "--model", "ae", "--crop", "none", "-o", "face-1.txt")
    model, lines = load_model("data/models/ae"), Path("face-1.txt").read_text().splitlines()
    z = model.encode(originals[:1])
    np.testing.assert_array_equal(np.array(lines, np.float32), z[0])
    lines[3] = "2.5"
    Path("face-2.txt").write_text("\r\n".join(lines) + "\r\n")
    z[0, 3] = 2.5
    for name, latent in (("face-1", model.encode(originals[:1])), ("face-2", z)):
        facepipe("decode", f"{name}.txt", "--model", "ae", "-o", "faces")
        np.testing.assert_array_equal(picture(f"faces/{name}.png"), to_uint8(model.decode(latent))[0])
    assert (picture("faces/face-1.png") != picture("faces/face-2.png")).any()

    # goes on from the weights that were saved
    shutil.copytree("data/models/ae", "saved")
    set_params(tmp_path, {"train_ae.init_from": "saved", "train_ae.epochs": 1})
    run_stages("train_ae")
    again = cells("reports/train_ae/grids/000000.png", shape)[1].astype(int)
    assert np.abs(again - to_uint8(model.decode(model.encode(originals)))).max() <= 1
    assert read_json("data/models/ae/model.json")["training"]["init_from"]["folder"] == "saved"
    assert pd.read_csv("reports/train_ae/history.csv")["valid_mse"][0] < history["valid_mse"][0]


@pytest.fixture(scope="module")
def explorer(tmp_path_factory):
    """S4's project, all of it: gray portraits, an autoencoder with ReLU latents (S1's mse variant has them, too)."""
    folder = tmp_path_factory.mktemp("explorer")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        start(folder, {
            "preprocess.channels": 1, "train_ae.latent_dim": 24, "train_ae.latent_activation": "relu",
            "train_ae.epochs": 8, "train_ae.learning_rate": 1e-2, "evaluate.extractor": "random_conv",
        })  # fmt: skip
        run_stages(*STAGES, *REPORTS)
    return folder


@pytest.fixture
def here(explorer, tmp_path, monkeypatch):
    """A folder in which commands find `explorer`'s data and reports."""
    for name in ("data", "reports"):
        (tmp_path / name).symlink_to(explorer / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_s4_looking_at_faces_and_reconstructions(here):
    faces = picture("reports/preprocess/grids/samples.png")
    assert faces.std() > 20 and (faces[..., :1] == faces).all(), "gray"
    facepipe("decode", "data/latents/ae/test.csv", "--model", "ae", "-o", "decoded", "--compare")
    model, shards = load_model("data/models/ae"), Shards("data/shards")
    decoded = to_uint8(model.decode(model.encode(shards.images("test"))))
    for name, face in zip(shards.ids("test"), decoded, strict=True):
        np.testing.assert_array_equal(picture(f"decoded/{Path(name).stem}.png"), face[..., 0])
    assert picture("decoded/compare.png").std() > 20
    assert picture("reports/render_reports/grids/reconstructions_ae.png").std() > 20


def test_s4_statistics_of_the_latent_dimensions(here):
    z = numbers(pd.read_csv("data/latents/ae/train.csv")).astype(np.float64)
    stats, model = pd.read_csv("data/latents/ae/ae.stats.csv"), load_model("data/models/ae")
    for column, expected in {
        "max": z.max(0), "min": z.min(0), "mean": z.mean(0), "sd": z.std(0), "total_activation": z.sum(0),
        "zero_share": (z == 0).mean(0),
    }.items():  # fmt: skip
        np.testing.assert_allclose(stats[column], expected, rtol=1e-6, atol=1e-8)
    assert z.min() == 0 and stats["zero_share"].max() > 0.05, "ReLU"
    dead = z.std(0) <= 1e-4 * z.std(0).max()
    assert ((stats["active"] == "dead") == dead).all()
    # ranked by what a dimension does to the picture, not by its activation
    pairs = [
        [model.decode(np.float32(z.mean(0) + sign * sd * axis)[None]) for sign in (-1, 1)]
        for sd, axis in zip(z.std(0), np.eye(24), strict=True)
    ]
    influence = np.array([np.sqrt(((b.astype(float) - a) ** 2).mean()) for a, b in pairs])
    np.testing.assert_allclose(stats["influence"], influence, rtol=1e-4, atol=1e-7)
    order = stats.sort_values("rank")["dimension"].to_numpy()
    assert (np.diff(influence[order]) <= 1e-6).all() and influence[order[0]] > 0
    page = Path("reports/index.html").read_text(encoding="utf-8")
    page = page[page.index("Autoencoder") :]
    assert f"{24 - dead.sum()} of 24 dimensions are alive, {dead.sum()} dead" in page
    drawn = re.findall(r'aria-label="z(\d{3}), rank (\d+)"', page)[: 24 - dead.sum()]
    assert drawn == [(f"{i:03d}", str(rank)) for rank, i in enumerate(order, 1) if not dead[i]]


def test_s4_training_continues(here, explorer):
    shutil.copytree("data/models/ae", "saved")
    (here / "data").unlink()
    (here / "reports").unlink()
    (here / "data").mkdir()
    (here / "data" / "shards").symlink_to(explorer / "data" / "shards")
    shutil.copy(explorer / "params.yaml", here)
    set_params(here, {"train_ae.init_from": str(here / "saved"), "train_ae.epochs": 1, "train_ae.learning_rate": 1e-4})
    run_stages("train_ae")
    before, after = (read_scores(f / "reports/train_ae/facts.csv", ["ae"])["ae"]["valid_mse"] for f in (explorer, here))
    assert after < 1.05 * before < 0.5 * pd.read_csv(explorer / "reports/train_ae/history.csv")["valid_mse"][0]


def test_s1_a_smile_from_two_folders(here, capsys):
    shards, train = Shards("data/shards"), pd.read_csv("data/latents/ae/train.csv").set_index("id")
    smiles = shards.attributes("train")["Smiling"]
    folders = {"smile": smiles.index[smiles == 1][:12], "sad": smiles.index[smiles == 0][:12]}
    for folder, names in folders.items():
        Path(folder).mkdir()
        for image, name in zip(shards.gather("train", smiles.index.get_indexer(names)), names, strict=True):
            Image.fromarray(image[..., 0]).save(Path(folder, name).with_suffix(".png"))
    facepipe("directions", "--model", "ae", "--with", "smile", "--without", "sad", "--name", "Smile",
             "--method", "mean_difference", "--crop", "none", "-o", "my.csv")  # fmt: skip
    assert "Smile, mean_difference: 12 with, 12 without" in capsys.readouterr().out
    plain = numbers(train.loc[folders["smile"]]).mean(0) - numbers(train.loc[folders["sad"]]).mean(0)
    np.testing.assert_allclose(numbers(pd.read_csv("my.csv"))[0], plain, rtol=1e-4, atol=1e-4)
    facepipe("edit", "data/latents/ae/test.csv", "--model", "ae", "--directions", "my.csv", "--add", "Smile=1",
             "--first", 3, "-o", "smiling.csv", "--strip", "strip.png")  # fmt: skip
    test, edited = pd.read_csv("data/latents/ae/test.csv")[:3], pd.read_csv("smiling.csv")
    np.testing.assert_allclose(numbers(edited), numbers(test) + plain, rtol=1e-4, atol=1e-4)
    facepipe("decode", "smiling.csv", "--model", "ae", "-o", "faces", "--compare")
    model, compared = load_model("data/models/ae"), picture("faces/compare.png")
    rows = [shards.images("test")[:3], *(to_uint8(model.decode(numbers(t))) for t in (test, edited))]
    for row in range(3):
        for column, images in enumerate(rows[::-1]):  # original | reconstruction | edited, from the right
            bottom, right = len(compared) - (2 - row) * 66, compared.shape[1] - column * 66
            cell = compared[bottom - 66 : bottom - 2, right - 66 : right - 2, 0]
            np.testing.assert_array_equal(cell[::4, ::4], images[row][..., 0])


def test_s1_best_weights_are_kept(here):
    history = pd.read_csv("reports/train_ae/history.csv")
    facts = read_scores(Path("reports/train_ae/facts.csv"), ["ae"])["ae"]
    assert facts["best_epoch"] == history["valid_loss"].idxmin() + 1
    assert facts["valid_mse"] == pytest.approx(history["valid_mse"].min(), rel=1e-6)
    model, images = load_model("data/models/ae"), Shards("data/shards").images("valid")
    mse = np.mean((model.decode(model.encode(images)) - images / 255.0) ** 2)
    assert mse == pytest.approx(facts["valid_mse"], rel=1e-3)


def test_s1_the_sigmoid_variant_decodes_random_vectors(here, explorer):
    (here / "data").unlink()
    (here / "reports").unlink()
    (here / "data").mkdir()
    (here / "data" / "shards").symlink_to(explorer / "data" / "shards")
    shutil.copy(explorer / "params.yaml", here)
    set_params(here, {"train_ae.loss": "bce", "train_ae.latent_activation": "sigmoid"})
    run_stages("train_ae")
    model, images = load_model("data/models/ae"), Shards("data/shards").images("test")
    z = model.encode(images)
    assert 0 <= z.min() < z.max() <= 1 and ((z > 0.02) & (z < 0.98)).mean() > 0.9
    assert np.mean((model.decode(z) - images / 255.0) ** 2) < np.var(images / 255.0, axis=0).mean()
    vectors = np.random.default_rng(0).random((6, 24), np.float32)
    table = pd.DataFrame(vectors, columns=[f"z{i:03d}" for i in range(24)])
    table.insert(0, "id", [f"random-{i}" for i in range(6)])
    table.to_csv("random.csv", index=False)
    facepipe("decode", "random.csv", "--model", "ae", "-o", "faces")
    faces = np.stack([picture(f"faces/random-{i}.png") for i in range(6)])
    np.testing.assert_array_equal(faces, to_uint8(model.decode(vectors))[..., 0])
    assert faces.std(0).mean() > 2, "no two alike"


def test_hostile_names_are_text_in_both_pages(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    labels = ["</script><img src=x onerror=alert(1)>", "\"quoted' & more", "שלום חיוך", "${x} `y` {{z}}"]
    files = ["<img src=x onerror=alert(2)>.png", "\"q'.png", "new\nline.png", "\u202ebent.png", "a,b;c.png"]
    generator = np.random.default_rng(0)
    Path("photos").mkdir()
    table = pd.DataFrame(generator.integers(0, 2, (80, len(labels))), columns=labels)
    table.insert(0, "id", [*files, *(f"{i}.png" for i in range(len(files), 80))])
    for name in table["id"]:
        colours = generator.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(colours).resize((16, 16)).save(Path("photos", name))
    Path("photos", "<b>broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    start(tmp_path, {
        "models": ["ae"], "dataset.name": "folder", "dataset.archive": "photos", "dataset.labels": "labels.csv",
        "preprocess.crop": "none",
    })  # fmt: skip
    for unprintable in ("new\nline", "\u202ebent"):
        table.rename(columns={labels[0]: unprintable}).to_csv("labels.csv", index=False)
        with pytest.raises(SystemExit, match="2"):
            run_stages("download", "preprocess")
        error = capsys.readouterr().err
        assert "labels.csv: row 1" in error and repr(unprintable) in error and "printable" in error
    table.to_csv("labels.csv", index=False)
    run_stages("download", "preprocess", "train_ae", "export_latents", *REPORTS)
    sources = set(pd.read_csv("data/shards/ids.csv")["source"])
    assert sources == {name.replace("\n", "%0A") for name in table["id"]}
    with chromium() as browser:
        for name, clicked in (("index", None), ("explorer", "text=Attributes")):
            watched = Watched(browser, Path(f"reports/{name}.html"))
            page = watched.page
            if clicked:
                page.click(clicked)
            for label in labels:
                page.get_by_text(label).first.wait_for(state="attached")
            assert not page.locator("img[onerror]").count()
            if name == "index":
                assert page.get_by_text("<b>broken.png").count()
            watched.close()
