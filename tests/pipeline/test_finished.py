"""A finished workspace, named by FACEPIPE_FINISHED: CI looks so at what the README's main command made.

FACEPIPE_AGAIN names another one, made with the same params in another folder.
"""

import csv
import os
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facepipe.core.files import read_json
from facepipe.core.pictures import to_uint8
from facepipe.latents.edited import read_edited
from facepipe.latents.folder import split_path
from facepipe.models.load import load_model
from facepipe.shards.shards import Shards
from tests.locks import differences


@pytest.fixture(scope="module")
def folder():
    if "FACEPIPE_FINISHED" not in os.environ:
        pytest.skip("FACEPIPE_FINISHED names no finished workspace")
    return Path(os.environ["FACEPIPE_FINISHED"])


def test_another_folder_has_the_same_lock(folder):
    if "FACEPIPE_AGAIN" not in os.environ:
        pytest.skip("FACEPIPE_AGAIN names no second finished workspace")
    again = Path(os.environ["FACEPIPE_AGAIN"])
    assert not again.samefile(folder)
    if told := differences(folder, again):
        pytest.fail("dvc.lock differs, the cause first:\n" + "\n".join(told), pytrace=False)


def test_shards_are_as_the_index_says(folder):
    shards = Shards(folder / "data/shards")
    shards.verify()
    assert min(shards.splits.values()) > 0


@pytest.mark.parametrize("name", ["ae", "vae"])
def test_the_model_tells_faces_apart(folder, name):
    scores = read_json(folder / "reports/evaluate/metrics.json")[name]
    assert set(scores) >= {"test_mse"} and len(scores) <= 5, "the few that runs are compared by"
    images = Shards(folder / "data/shards").images("test") / 255.0
    assert scores["test_mse"] < 0.5 * np.mean((images - images.mean(axis=0)) ** 2), "better than the mean face"


@pytest.mark.parametrize("name", ["ae", "vae", "gan"])
def test_every_exported_row_decodes_to_the_picture_of_the_model(folder, name):
    """Byte for byte from the latents; within one gray level from their principal components."""
    model = load_model(folder / "data/models" / name)
    shards, exported = Shards(folder / "data/shards"), folder / "data/latents" / name
    for split in shards.splits if model.has_encoder else ["sample"]:
        table, _ = read_edited(split_path(exported, split), exported, model.latent_dim)
        components, _ = read_edited(split_path(exported, f"{split}.pca"), exported, model.latent_dim)
        assert components.ids == table.ids and components.extra == table.extra
        if model.has_encoder:
            assert table.ids == shards.ids(split)
            z = model.encode(shards.images(split))
        else:
            z = model.sample_latents(len(table.ids), seed=0)
        direct = to_uint8(model.decode(z))
        np.testing.assert_array_equal(to_uint8(model.decode(table.z)), direct)
        assert np.abs(to_uint8(model.decode(components.z)).astype(int) - direct).max() <= 1


@pytest.mark.parametrize("name", ["ae", "vae", "gan", "inverter"])
def test_a_grid_an_epoch(folder, name):
    with open(folder / f"reports/train_{name}/history.csv", encoding="utf-8") as file:
        epochs = len(list(csv.DictReader(file)))
    grids = sorted((folder / f"reports/train_{name}/grids").iterdir())
    assert [path.name for path in grids] == [f"{epoch:06d}.png" for epoch in range(epochs + 1)]
    assert np.asarray(Image.open(grids[-1])).std() > 10


def test_the_page_needs_nothing_else(folder):
    page = (folder / "reports/index.html").read_text(encoding="utf-8")
    assert page.count("data:image/webp;base64,") >= 10
    assert len(page) < 10e6
    assert 'src="http' not in page and 'href="http' not in page


def test_both_pages_in_a_browser(folder):
    """Nothing asked for, no error; a click on a random face opens the explorer with that face."""
    from tests.browser import Watched, chromium

    name = "vae"
    model = load_model(folder / "data/models" / name)
    with chromium() as browser:
        for viewport in ({"width": 1600, "height": 900}, {"width": 390, "height": 800}):
            index = Watched(browser, folder / "reports/index.html", viewport=viewport)
            assert index.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            hrefs = index.page.eval_on_selector_all(
                "a[*|href*='m=vae']", "all => all.map((a) => a.getAttribute('href'))"
            )
            index.close()
        explorer = Watched(browser, folder / "reports/explorer.html", hrefs[0].removeprefix("explorer.html"))
        end = time.monotonic() + 60
        while not explorer.page.evaluate("typeof shown !== 'undefined' && shown !== null"):
            assert time.monotonic() < end
            time.sleep(0.05)
        z = np.float32(explorer.page.evaluate("Array.from(face.z)"))
        np.testing.assert_array_equal(z, model.sample_latents(1, seed=0)[0])
        explorer.close()
