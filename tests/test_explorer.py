"""reports/explorer.html in a real Chromium: the networks' numbers, and what a person does with the page."""

import json
import re
import shutil
import time

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facepipe.cli import main
from facepipe.core.pictures import save_png, to_uint8
from facepipe.directions.table import read_directions
from facepipe.errors import InputError
from facepipe.latents.table import read_latents
from facepipe.models.load import load_model
from facepipe.networks.store import save_model
from facepipe.report.config import RenderReports
from facepipe.report.explorer.page import write_explorer
from facepipe.report.explorer.weights import quantise
from facepipe.shards.shards import Shards
from tests.browser import Watched, chromium
from tests.material import write_shards

WIDE, PHONE = {"width": 1400, "height": 900}, {"width": 390, "height": 800}
HOSTILE = '</script><img src=x onerror=alert(1)> "q" \u202eRTL'


def write(folder, report, **options):
    """The page of a workspace's data folder; where it is."""
    params = RenderReports(**{"explorer": "float16"} | options.pop("params", {}))
    parts = {name: folder / name for name in ("models", "latents", "directions", "shards")}
    found = write_explorer(params, **parts, report=report, **options)
    assert found["bytes"] == (report / "explorer.html").stat().st_size
    return report / "explorer.html"


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def page_file(tiny_workspace, tmp_path_factory):
    return write(tiny_workspace, tmp_path_factory.mktemp("report"))


@pytest.fixture
def opened(browser):
    """Function that opens a page as a `Watched`; all are closed, and must have done nothing wrong."""
    found = []

    def open_page(path, hash="", viewport=WIDE, **options):
        found.append(Watched(browser, path, hash, viewport=viewport, **options))
        wait(found[-1].page, "typeof shown !== 'undefined' && shown !== null && !engine.busy")
        return found[-1].page

    yield open_page
    for each in found:
        each.close()


def wait(page, condition, seconds=20):
    """Until a JavaScript expression is true; Playwright's own way needs an eval that the page forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, f"{condition}: {page.inner_text('#message')}"
        time.sleep(0.02)


def settled(page):
    wait(page, "!engine.busy && !engine.next")


def latent(page):
    return np.float32(page.evaluate("Array.from(face.z)"))


def canvas(page, name="face"):
    """uint8 (h, w, 3) of a canvas."""
    settled(page)
    values = page.evaluate(
        f"(() => {{ const c = $('{name}'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height);"
        " return [c.height, c.width, Array.from(d.data)] })()"
    )
    return np.uint8(values[2]).reshape(values[0], values[1], 4)[..., :3]


def ask(page, task, **values):
    return page.evaluate(
        """async ([task, values]) => {
        for (const name of ["z", "pixels", "codes"]) if (values[name]) values[name] = Float32Array.from(values[name]);
        const answer = await engine.ask(task, values);
        const plain = (value) => (ArrayBuffer.isView(value) ? Array.from(value) : value);
        return Object.fromEntries(Object.entries(answer).map(([name, value]) => [name, plain(value)]));
        }""",
        [task, values],
    )


def agrees(page, model, images, tolerance=1.0):
    """Pixels of random latents within `tolerance` / 255 of the model's, and of encoded images within twice that."""
    z = model.sample_latents(3, 5)
    k = len(model.condition_on)
    for row, wanted in zip(z, model.decode(z, np.full((3, k), 1.0)) if k else model.decode(z), strict=True):
        got = ask(page, "decode", name=model.name, z=row.tolist(), codes=[1.0] * k)["pixels"]
        assert np.abs(np.float32(got).reshape(wanted.shape) - wanted).max() <= tolerance / 255
    if not model.has_encoder:
        return
    for image in images[:2]:
        found = ask(page, "encode", name=model.name, pixels=(image / np.float32(255)).ravel().tolist())["z"]
        theirs = model.encode(image[None])
        there, here = (model.decode(np.float32(each).reshape(1, -1)) for each in (theirs, found))
        assert np.abs(there - here).max() <= 2 * tolerance / 255


def test_the_page_makes_the_pixels_of_decode(tiny_workspace, page_file, opened):
    page = opened(page_file)
    images = Shards(tiny_workspace / "shards").images("test")
    for name in ("ae", "vae", "gan"):
        agrees(page, load_model(tiny_workspace / "models" / name), images)
    assert page.inner_text("h1").startswith("Face explorer")


def random_weights(networks, seed):
    random = np.random.default_rng(seed)
    for network in networks.values():
        for weight in network.weights:
            value = weight.numpy()
            if "variance" in weight.path:
                value = 0.5 + random.random(value.shape)
            else:
                value = value + 0.05 * random.standard_normal(value.shape)
            weight.assign(value)


def test_any_architecture_is_run(tmp_path, opened):
    """Odd sides, gray, patches, linear paths of cells, spectral norm, activations, labels, residual blocks."""
    from facepipe.models.ae.model import Autoencoder
    from facepipe.models.gan.model import GAN
    from facepipe.models.vae.model import VAE

    cases = [
        (
            (37, 50, 1),
            {
                "ae": {"widths": [8, 12], "latent_activation": "relu", "patch_size": 2, "decoder_spectral_norm": True},
                "vae": {"widths": [5], "latent_activation": "linear", "patch_size": 4, "condition_on": ["A", "B"]},
                "gan": {"latent_activation": "sigmoid", "architecture": "residual", "patch_size": 1},
            },
        ),
        (
            (70, 131, 3),
            {
                "ae": {"widths": [4, 8, 8, 8], "latent_activation": "sigmoid", "linear_path": True},
                "gan": {"latent_activation": "linear", "linear_path": True, "patch_size": 2},
            },
        ),
    ]
    for shape, specs in cases:
        folder = tmp_path / f"{shape[0]}"
        images = np.random.default_rng(0).integers(0, 256, (4, *shape), np.uint8)
        write_shards(folder / "shards", {"train": images, "test": images})
        for name, spec in specs.items():
            spec = {"image_shape": list(shape), "latent_dim": 3} | spec
            if name == "gan":
                spec |= {"generator_widths": [12, 6], "discriminator_widths": [6, 12]}
            model = {"ae": Autoencoder, "vae": VAE, "gan": GAN}[name](spec, seed=1)
            random_weights(model.networks, 3)
            save_model(folder / "models" / name, model, spec, {})
        page = opened(write(folder, folder, wanted=tuple(specs)))
        for name in specs:
            agrees(page, load_model(folder / "models" / name), images)


def test_int8_is_half_the_size_and_close(tiny_workspace, page_file, tmp_path, opened):
    small = write(tiny_workspace, tmp_path, params={"explorer": "int8"})
    weights = [re.search(r'id="arrays">([^<]*)<', path.read_text())[1] for path in (small, page_file)]
    assert len(weights[0]) < 0.8 * len(weights[1])
    page = opened(small)
    agrees(page, load_model(tiny_workspace / "models" / "ae"), np.zeros((0,)), tolerance=6)
    page.click("text=Components")
    number(page, "PC 0", -3)
    assert page.locator(".row.changed").count() == 1 and float(page.input_value("#slide-c0")) == pytest.approx(-3)
    random = np.random.default_rng(0)
    array = (random.standard_normal((300, 40)) * np.geomspace(1, 100, 40)).astype(np.float32)
    array[:, 3] = 0
    for each, shape in ((array, (40,)), (array.T, (40, 1))):
        stored, scale = quantise(each, "int8")
        assert stored.dtype == np.int8 and scale.shape == shape
        assert (np.abs(stored * scale - each) <= 0.51 * scale).all()
    assert (quantise(array, "int8")[0][:, 3] == 0).all()


def number(page, name, value):
    """Type a number beside a slider."""
    box = page.get_by_label(f"{name}, as a number", exact=True)
    box.fill(str(value))
    box.press("Enter")


def test_equal_inputs_give_equal_bytes(tiny_workspace, page_file, tmp_path):
    assert write(tiny_workspace, tmp_path).read_bytes() == page_file.read_bytes()


def test_a_slider_moves_the_face_and_can_be_undone(tiny_workspace, page_file, opened):
    page = opened(page_file, "#" + link(tiny_workspace))
    page.click("text=Components")
    before, pixels = latent(page), canvas(page)
    slider = page.locator("#slide-c0")
    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 9, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    settled(page)
    moved = latent(page)
    pca = np.load(tiny_workspace / "latents" / "ae" / "pca.npz")
    steps = (moved - before) @ pca["components"].T / pca["sd"]
    assert abs(steps[0]) > 0.5 and np.abs(steps[1:]).max() < 1e-3
    assert page.locator(".row.changed").count() == 1
    assert (canvas(page) != pixels).any()
    wanted = to_uint8(load_model(tiny_workspace / "models" / "ae").decode(moved[None]))[0]
    assert np.abs(canvas(page).astype(int) - wanted).max() <= 1
    page.keyboard.press("Control+z")
    assert (latent(page) == before).all() and page.locator(".row.changed").count() == 0
    page.keyboard.press("Control+y")
    assert (latent(page) == moved).all()
    slider.dblclick()
    np.testing.assert_allclose(latent(page), before, atol=1e-3)
    assert page.locator(".row.changed").count() == 0
    for _ in range(5):
        slider.press("ArrowRight")
    assert page.inner_text("#face-name").endswith(", changed")
    slider.press("Delete")
    steps = page.evaluate("past.list.length")
    assert page.locator(".row.changed").count() == 0 and steps < 6


def test_a_face_comes_back_from_another_model_as_it_was(page_file, opened):
    page = opened(page_file)
    page.locator("#strip button").nth(2).click()
    wait(page, "face.name !== 'a random face'")
    first, name = latent(page), page.inner_text("#face-name")
    for key, model in (("2", "vae"), ("3", "gan"), ("1", "ae")):
        page.keyboard.press(key)
        wait(page, f"face.model === '{model}'")
    assert (latent(page) == first).all() and page.inner_text("#face-name") == name
    page.click("text=Dimensions")
    number(page, "z000", 1.5)
    page.keyboard.press("Escape")
    page.evaluate("carryTo('vae')")
    wait(page, "face.model === 'vae'")
    assert page.inner_text("#face-name") == f"{name}, changed"
    # an answer that comes too late is left alone
    page.evaluate("carryTo('ae'); document.querySelectorAll('#strip button')[5].click()")
    wait(page, "face.name === document.querySelectorAll('#strip button')[5].title")
    settled(page)
    assert page.evaluate("face.model") == "vae"


def link(folder, name="ae", row=0):
    """What stands behind the # for a held-out face."""
    import base64

    z = read_latents(folder / "latents" / name / "test.csv").z[row]
    return f"m={name}&z={base64.urlsafe_b64encode(z.astype('<f4').tobytes()).decode().rstrip('=')}"


def test_a_link_is_a_face(tiny_workspace, page_file, opened):
    page = opened(page_file, "#" + link(tiny_workspace, "vae", 3))
    assert (latent(page) == read_latents(tiny_workspace / "latents" / "vae" / "test.csv").z[3]).all()
    page.click("#random")
    wait(page, "location.hash === toHash(face)")
    again = opened(page_file, page.evaluate("location.hash"))
    assert (latent(again) == latent(page)).all()
    assert again.evaluate("face.model") == "vae"
    for rubbish in ("#m=vae&z=AAAA", "#m=no", f"#{link(tiny_workspace, 'vae', 3).replace('z=', 'z=//9/f/')}"):
        broken = opened(page_file, rubbish)
        assert "not of a face of these models" in broken.inner_text("#message")


def test_what_is_locked_stays(page_file, opened):
    page = opened(page_file)
    page.click("text=Dimensions")
    page.get_by_label("Lock z001").click()
    before = latent(page)
    # a button that was clicked keeps the focus, but not the key
    page.keyboard.press("Space")
    settled(page)
    after = latent(page)
    assert after[1] == before[1] and (after != before).sum() == 3
    page.click("text=Components")
    page.get_by_label("Lock PC 0", exact=True).click()
    along = page.evaluate("space().coordinate(face.z, 0)")
    page.click("#around")
    assert page.evaluate("space().coordinate(face.z, 0)") == pytest.approx(along, abs=1e-4)
    assert latent(page)[1] == before[1] and (latent(page) != after).any()
    # what is typed holds, as what is locked does
    page.click("text=Dimensions")
    number(page, "z003", 0.25)
    assert latent(page)[3] == pytest.approx(0.25, abs=1e-5) and latent(page)[1] == before[1]
    assert page.evaluate("space().coordinate(face.z, 0)") == pytest.approx(along, abs=1e-4)
    page.evaluate("for (let i = 0; i < 4; i++) locks.add(`z${i}`)")
    now = latent(page)
    page.click("#random")
    assert (latent(page) == now).all() and "Everything is locked" in page.inner_text("#message")


def test_attributes_and_typed_numbers(tiny_workspace, page_file, opened):
    page = opened(page_file)
    page.click("text=Attributes")
    before = latent(page)
    number(page, "Left", 2)
    found = read_directions(tiny_workspace / "directions" / "ae.csv")
    np.testing.assert_allclose(latent(page) - before, 2 * found.vectors[found.find("Left")], atol=1e-5)
    assert f"AUC {found.auc[found.find('Left')]:.2f}" in page.inner_text("#panel")
    page.click("text=Dimensions")
    number(page, "z002", 0.5)
    assert latent(page)[2] == np.float32(0.5)
    page.click("#reset")
    assert (latent(page) == before).all()


def test_a_row_goes_to_the_command_line_and_back(tiny_workspace, page_file, opened, tmp_path, capsys):
    page = opened(page_file)
    for name in ("ae", "vae", "gan"):
        page.keyboard.press("123"[["ae", "vae", "gan"].index(name)])
        wait(page, f"face.model === '{name}' && !engine.busy")
        page.click("#copy")
        text = page.evaluate("navigator.clipboard.readText()")
        table = tmp_path / f"{name}-copied.csv"
        table.write_text(text)
        assert (read_latents(table).z[0] == latent(page)).all()
        model = str(tiny_workspace / "models" / name)
        assert main(["decode", str(table), "--model", model, "--out", str(tmp_path / name)]) == 0
        picture = next(path for path in (tmp_path / name).rglob("*.png") if path.stem.startswith(name + "-"))
        decoded = np.asarray(Image.open(picture).convert("RGB")).astype(int)
        assert np.abs(canvas(page).astype(int) - decoded).max() <= 1
        z = latent(page)
        page.click("#random")
        page.click("#paste")
        page.fill("#paste-text", text)
        page.click("#paste-use")
        assert (latent(page) == z).all()
    capsys.readouterr()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,2,3", "3 numbers, and this model has 4 a face"),
        ("id,split,z000,z001,z002\na,,1,2,3", "no column z003"),
        ("z000,z001,z002,z003,z004\n1,2,3,4,5", "a column z004: this model has 4"),
        ("z000,z001,z002,z003\n1,2,x,4", 'z002: "x" is not a number'),
        ("z000,z001,z002,z003", "a header without a row"),
        ("1e9,1,1,1", "too large"),
        (" ", "nothing to paste"),
    ],
)
def test_a_wrong_row_is_refused_in_a_line(shared_page, text, said):
    page, before = shared_page, latent(shared_page)
    page.click("#paste")
    page.fill("#paste-text", text)
    page.click("#paste-use")
    assert said in page.inner_text("#paste-error")
    page.click("#paste-close")
    assert (latent(page) == before).all()


@pytest.fixture(scope="module")
def shared_page(browser, page_file):
    watched = Watched(browser, page_file, viewport=WIDE)
    wait(watched.page, "typeof shown !== 'undefined' && shown !== null")
    yield watched.page
    watched.close()


@pytest.mark.parametrize("text", ["1;2,5;-3;4", "1\t2.5\t\u22123\t4", "1 2.5 -3 4", "face,test,1,2.5,-3,4"])
def test_a_row_in_any_spreadsheets_manner(shared_page, text):
    shared_page.evaluate("text => useText(text)", text)
    assert (latent(shared_page) == np.float32([1, 2.5, -3, 4])).all()


def test_drawing_is_followed(tiny_workspace, page_file, opened):
    page = opened(page_file)
    page.click("text=Draw")
    settled(page)
    before = canvas(page, "paper")
    box = page.locator("#paper").bounding_box()
    page.fill("#colour", "#ff0000")
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.5, steps=6)
    page.mouse.up()
    paper = canvas(page, "paper")
    assert (paper[8, 8] == [255, 0, 0]).all() and (paper[0] == before[0]).all()
    model = load_model(tiny_workspace / "models" / "ae")
    wanted = to_uint8(model.decode(model.encode(paper[None])))[0].astype(int)
    assert np.abs(canvas(page).astype(int) - wanted).max() <= 2
    page.click("#eraser")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.up()
    assert (canvas(page, "paper")[8, 8] == before[8, 8]).all()
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    assert (canvas(page, "paper") == before).all()
    page.click("#pick")
    page.mouse.click(box["x"] + 3, box["y"] + 3)
    assert page.input_value("#colour") == "#" + bytes(before[0, 0].tolist()).hex()
    page.locator("#paper").focus()
    page.keyboard.press("c")
    assert (canvas(page, "paper") == 255).all()
    page.keyboard.press("Enter")
    assert (canvas(page, "paper") != 255).any()
    # the drawing's face is the face at hand, by whatever way it is taken along
    drawn = model.encode(canvas(page, "paper")[None])[0]
    np.testing.assert_allclose(latent(page), drawn, atol=0.02)
    page.click("text=To the sliders >> visible=true")
    assert page.inner_text("#face-name") == "your drawing"
    page.click("#copy")
    assert read_row(page)[1].startswith("ae-your-drawing,")
    page.keyboard.press("2")
    wait(page, "face.model === 'vae'")
    vae = load_model(tiny_workspace / "models" / "vae")
    np.testing.assert_allclose(latent(page), vae.encode(canvas(page, "paper")[None])[0], atol=0.02)


def read_row(page):
    """[header, row] that were copied."""
    return page.evaluate("navigator.clipboard.readText()").splitlines()


def test_a_photograph_is_framed_encoded_and_refined(tiny_workspace, page_file, opened, tmp_path):
    image = Shards(tiny_workspace / "shards").images("test")[0]
    save_png(tmp_path / "photo.png", image.repeat(8, axis=0).repeat(8, axis=1))
    page = opened(page_file)
    page.click("text=Photo")
    page.set_input_files("#file", tmp_path / "photo.png")
    wait(page, "face.name === 'your photograph'")
    settled(page)
    framed = np.float32(page.evaluate("Array.from(photoPixels)")).reshape(image.shape) * 255
    assert np.abs(framed - image).max() <= 1  # as large as the frame, so each 8 x 8 pixels are one
    assert "nowhere" in page.inner_text("#stage")
    page.click("#refine")
    wait(page, "$('message').textContent.startsWith('Refined')")
    before, after = map(float, re.findall(r"\d\.\d+", page.inner_text("#message")))
    assert after <= before
    refined = latent(page)
    page.evaluate("$('guide').value = 0.6; $('guide').oninput()")
    settled(page)
    assert (latent(page) == refined).all()
    page.evaluate("$('zoom').value = 0.3; $('zoom').oninput()")
    page.locator("#frame").focus()
    page.keyboard.press("ArrowLeft")
    moved = np.float32(page.evaluate("Array.from(photoPixels)")).reshape(image.shape) * 255
    assert np.abs(moved - image).max() > 20
    settled(page)
    page.click("text=To the sliders >> visible=true")
    assert page.inner_text("#face-name") == "your photograph"
    page.keyboard.press("2")
    wait(page, "face.model === 'vae'")
    vae = load_model(tiny_workspace / "models" / "vae")
    np.testing.assert_allclose(latent(page), vae.encode(moved[None].astype(np.float32) / 255)[0], atol=0.02)
    (tmp_path / "no.png").write_text("no picture")
    page.click("text=Photo")
    page.set_input_files("#file", tmp_path / "no.png")
    wait(page, "$('message').textContent.includes('not a picture')")


def test_two_faces_and_those_kept(page_file, opened, tmp_path):
    page = opened(page_file)
    page.locator("#strip button").nth(0).click()
    wait(page, "face.name !== 'a random face' && !engine.busy")
    first = latent(page)
    page.click("#set-a")
    page.click("#keep")
    page.locator("#strip button").nth(1).click()
    wait(page, "history.length && past.list.length === 3 && !engine.busy")
    page.click("#set-b")
    second = latent(page)
    wait(page, "ends.b !== null && !$('blend').disabled")
    page.evaluate("$('blend').value = 0.5; $('blend').oninput()")
    np.testing.assert_allclose(latent(page), (first + second) / 2, atol=1e-5)
    page.click("#keep")
    wait(page, "kept.length === 2")
    with page.expect_download() as download:
        page.click("#kept-csv")
    table = read_latents(saved(download, tmp_path / "ae-kept.csv"))
    assert table.ids == ["ae-1", "ae-2"] and (table.z[0] == first).all()
    with page.expect_download() as download:
        page.click("#kept-png")
    assert Image.open(saved(download, tmp_path / "faces.png")).size == (32, 16)
    with page.expect_download() as download:
        page.click("#png")
    assert (np.asarray(Image.open(saved(download, tmp_path / "face.png")).convert("RGB")) == canvas(page)).all()
    page.get_by_label("Forget ae-1").click()
    assert page.locator("#kept-faces li").count() == 1


def saved(download, path):
    download.value.save_as(path)
    return path


def test_with_the_keyboard_alone(page_file, opened):
    page = opened(page_file)
    before = latent(page)
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "slide-a0":
            break
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert (latent(page) != before).any()
    page.keyboard.press("r")
    assert (latent(page) == before).all()
    page.keyboard.press("k")
    wait(page, "kept.length === 1")
    page.keyboard.press("a")
    assert (latent(page) != before).any()


def test_labels_of_a_conditioned_model(conditioned_models, tiny_shards, tmp_path, opened):
    (tmp_path / "models").symlink_to(conditioned_models)
    (tmp_path / "shards").symlink_to(tiny_shards)
    page = opened(write(tmp_path, tmp_path, wanted=("vae", "gan")))
    model = load_model(conditioned_models / "vae")
    page.click("text=Labels")
    page.get_by_role("group", name="Bright").get_by_text("with", exact=True).click()
    wanted = to_uint8(model.decode(latent(page)[None], np.float32([[np.nan, 1]])))[0].astype(int)
    assert np.abs(canvas(page).astype(int) - wanted).max() <= 1
    page.click("#copy")
    header, row = read_row(page)
    assert header.startswith("id,split,Left,Bright,z000") and row.split(",")[2:4] == ["", "1"]
    # the GAN has no encoder
    page.click("text=Draw")
    page.keyboard.press("2")
    wait(page, "face.model === 'gan'")
    assert "has no encoder" in page.inner_text("#message") and not page.locator("#paper").is_visible()
    assert page.locator("[data-mode=draw]").is_disabled() and not page.locator("#held-out").is_visible()
    page.keyboard.press("1")
    wait(page, "face.model === 'vae'")
    assert page.locator("[data-mode=draw]").is_enabled()


def test_names_from_the_data_stay_text(tiny_workspace, tmp_path, opened):
    for name in ("models", "latents", "directions"):
        shutil.copytree((tiny_workspace / name).resolve(), tmp_path / name)
    shards = Shards(tiny_workspace / "shards")
    images = {split: shards.images(split) for split in ("train", "test")}
    ids = {split: [f"{HOSTILE} {split} {i}" for i in range(len(rows))] for split, rows in images.items()}
    labels = pd.DataFrame({HOSTILE: 1.0}, index=[name for names in ids.values() for name in names])
    write_shards(tmp_path / "shards", images, dataset=HOSTILE, ids=ids, attributes=labels)
    table = (tmp_path / "directions" / "ae.csv").read_text()
    quoted = '"' + HOSTILE.replace('"', '""') + '"'
    (tmp_path / "directions" / "ae.csv").write_text(table.replace("Left", quoted))
    page = opened(write(tmp_path, tmp_path))
    assert HOSTILE in page.inner_text("h1")
    page.click("text=Attributes")
    assert HOSTILE in page.inner_text("#panel")
    page.locator("#strip button").first.click()
    wait(page, "face.name !== 'a random face'")
    assert page.inner_text("#face-name").startswith(HOSTILE) and not page.locator("img").count()


@pytest.mark.parametrize(
    ("viewport", "scheme"),
    [(WIDE, "light"), (WIDE, "dark"), (PHONE, "light"), (PHONE, "dark"), ({"width": 820, "height": 1180}, "light")],
    ids=lambda value: value if isinstance(value, str) else str(value["width"]),
)
def test_looks_right_and_is_accessible(page_file, opened, viewport, scheme):
    axe = pytest.importorskip("axe_core_python.sync_playwright", reason="axe-core is not installed")
    page = opened(page_file, viewport=viewport, color_scheme=scheme)
    for tab in ("Components", "Attributes", "Dimensions", "Statistics", "Draw", "Photo"):
        page.click(f"text={tab}")
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab
        found = axe.Axe().run(page)["violations"] if tab in ("Attributes", "Draw", "Photo") else []
        wrong = [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in ("serious", "critical")]
        assert not wrong, (tab, wrong)


def test_a_missing_part_is_named(tiny_workspace, tmp_path):
    for name in ("models", "latents", "directions", "shards"):
        (tmp_path / name).symlink_to((tiny_workspace / name).resolve())
    (tmp_path / "latents").unlink()
    shutil.copytree(tiny_workspace / "latents", tmp_path / "latents")
    (tmp_path / "latents" / "vae" / "pca.npz").write_text("not a PCA")
    with pytest.raises(InputError, match=r"pca.npz: not a stored PCA"):
        write(tmp_path, tmp_path)
    assert not (tmp_path / "explorer.html").exists()


def test_measured_success_stands_beside_an_attribute(tiny_workspace, tmp_path):
    (tmp_path / "evaluate").mkdir()
    rows = ["edit,model,attribute,shown,success", "a,ae,Left,residual,0.2", "b,ae,Left,decoded,0.85"]
    (tmp_path / "evaluate" / "edits.csv").write_text("\n".join(rows) + "\n")
    text = write(tiny_workspace, tmp_path).read_text()
    data = json.loads(re.search(r'id="data">(.*?)</script>', text)[1])
    left = next(each for each in data["models"][0]["directions"] if each["name"] == "Left")
    assert left["success"] == 0.85
