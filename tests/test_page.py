import base64
import csv
import hashlib
import html.parser
import io
import itertools
import re
import shutil
import tomllib
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facepipe.config import Params, load_params
from facepipe.core.files import describe_files, read_json, write_csv, write_facts, write_sealed
from facepipe.core.pictures import save_png
from facepipe.errors import InputError
from facepipe.latents.table import write_latents
from facepipe.metrics.edits import EditScores
from facepipe.report.config import RenderReports
from facepipe.report.page import templates
from facepipe.report.page.model_section import collapse, history_charts
from facepipe.report.page.page import write_page
from facepipe.report.page.reading import Picture, Share, Table, read_history, read_scores
from facepipe.report.page.scores_section import best_of, edits_section
from facepipe.report.page.sheets import Link, Sheet
from facepipe.report.progress import MOST_FRAMES, frames, save_progress
from facepipe.report.render import MODELS, render_reports
from facepipe.report.settings import changed_settings
from facepipe.shards.shards import Shards
from tests.conftest import ROOT
from tests.standins import make_reports, make_world

VOID = {"meta", "img", "br", "wbr"}
RIGHT_TO_LEFT = "\u202eevil"


class Checker(html.parser.HTMLParser):
    """Collects tags, attributes and text, and fails where tags do not nest."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.text = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)


def make(folder, inverter):
    _, load = make_world(folder, inverter=inverter)
    make_reports(folder, load)
    return folder, load


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder, load = make(tmp_path_factory.mktemp("page"), inverter=True)
    index = folder / "shards" / "index.json"
    write_sealed(index, read_json(index) | {"dataset": "<b>faces</b>", "licence": "made & given </script>"})
    return folder, load


@pytest.fixture(scope="module")
def without_inverter(tmp_path_factory):
    return make(tmp_path_factory.mktemp("no_inverter"), inverter=False)


def render(folder, load, wanted=MODELS, changed=None):
    render_reports(
        RenderReports(columns=3, rows=2, interpolation_steps=3), folder / "models", folder / "latents",
        folder / "directions", folder / "edits", folder / "shards", folder / "reports", load=load, wanted=wanted,
        changed=changed,
    )  # fmt: skip
    return (folder / "reports" / "index.html").read_text()


def test_the_page_is_whole_and_needs_no_network(world):
    page = render(*world)
    parsed = Checker(page)
    assert not {tag for tag, _ in parsed.seen} & {"link", "iframe", "object"}
    for tag, attributes in parsed.seen:
        assert attributes.get("src", "data:image/webp;base64,").startswith("data:image/webp;base64,")
        target = attributes.get("href", "#")
        assert target.startswith("#") or (world[0] / "reports" / target).is_file(), (tag, target)
    assert "url(" not in page and "@import" not in page
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)
    assert len(links(parsed)) == 14
    assert "Faces: three models of one data set" in page
    assert page == render(*world), "equal input gives equal bytes"


def test_the_page_has_pictures_curves_and_numbers(world):
    folder, load = world
    page = render(folder, load)
    parsed = Checker(page)
    text = " ".join(parsed.text)
    images = sum(tag == "img" for tag, _ in parsed.seen)
    grids = [list((folder / "reports" / stage / "grids").iterdir()) for stage in ("preprocess", "render_reports")]
    # those of the models' own samplers stand at the top and beside those of the densities; of each training all
    assert images == sum(map(len, grids)) + 3 + 4 * 6
    # data, autoencoder, VAE, GAN, inverter, components, histograms of latents, side effects
    drawn = 1 + (2 + 1) + (2 + 1 + 2) + (2 + 1) + 3 + 3 + 3 * 6 + 3 * 3
    assert sum(tag == "svg" and "chart" in a.get("class", "") for tag, a in parsed.seen) == drawn
    assert text.count("All 6 components") == 3 and text.index("All 6 components") < text.index("All 6 dimensions")
    metrics = read_scores(folder / "reports" / "evaluate" / "scores.csv", ["ae", "gan"])
    assert f"{metrics['ae']['test_mse']:.5f}" in text
    assert f"{metrics['gan']['kid_x1000_random_conv_n20']:.2f} ±" in text
    assert f"{metrics['gan']['interpolation_evenness_random_conv_n20']:.3f}" in text and "Straightness and" in text
    assert "before training" in text and "epoch 5" in text and "Far_Right" in text and "12,345" in text
    assert "ae_net 0.2 million" in text and "155,648" in text and "8x8x16" in text
    assert text.count("All 6 dimensions") == 3 and text.count("Histograms of the 6 live ones") == 3
    assert "face score" not in text  # random_conv has none
    assert "500 Variational autoencoder 12,345 500 " in " ".join(text.split())
    assert "All on CPU, 2 threads, float32." in text


def test_the_policy_allows_the_page_alone(world):
    page = render(*world)
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', page).group(1)
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-") and "unsafe" not in policy
    for tag in ("style", "script"):
        (inside,) = re.findall(rf"(?s)<{tag}>(.*?)</{tag}>", page)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    # the policy would let none of these count
    assert not [a for _, a in Checker(page).seen if "style" in a or any(name.startswith("on") for name in a)]


def test_what_screen_readers_need(world):
    parsed = Checker(render(*world))
    assert all(a.get("alt") for tag, a in parsed.seen if tag == "img")
    assert all(a.get("scope") in ("col", "row") for tag, a in parsed.seen if tag == "th")
    assert all(a.get("aria-label") or "aria-hidden" in a for tag, a in parsed.seen if tag == "svg")
    levels = [int(tag[1]) for tag, _ in parsed.seen if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert all(a.get("aria-label") for tag, a in parsed.seen if a.get("role") == "region")


def test_the_best_of_a_row_is_marked(world):
    folder, load = world
    page = render(folder, load)
    scores = read_scores(folder / "reports" / "evaluate" / "scores.csv", MODELS)
    row = re.search(r'<th scope="row">precision</th>(.*?)</tr>', page).group(1)
    values = {f"{scores[name]['precision_random_conv_n20']:.3f}" for name in MODELS}
    marked = re.findall(r'class="best">([\d.]+)', row)
    assert set(marked) == ({max(values)} if len(values) > 1 else set())
    assert best_of([0.2, None, 0.1], -1) == 0.1 and best_of([0.2, 0.1], 1) == 0.2
    assert best_of([0.1, None], 1) is best_of([0.1, 0.1], 1) is best_of([float("nan"), 0.1], -1) is None


def test_params_that_differ_from_a_recipe(world, tmp_path):
    folder, load = world
    sections = {name: {} for name in Params.model_fields if name != "models"}
    sections |= {"train_ae": {"epochs": 3, "learning_rate": "1e-4"}, "train_vae": {"epochs": 1}}
    sections |= {"train_gan": {"images": 5}, "train_inverter": {"images": 7}}
    sections["dataset"] = {"name": "folder", "archive": str(tmp_path / "<i>pictures")}
    epochs = "".join(f"train_{name}: {{epochs: 2, flip: true}}\n" for name in ("ae", "vae", "gan"))
    (tmp_path / "plain.yaml").write_text(epochs + "train_inverter: {epochs: 2}\n")
    plain = load_params(tmp_path / "plain.yaml")
    page = render(folder, load, changed=changed_settings(Params.model_validate(sections), plain, "plain"))
    text = " ".join(" ".join(Checker(page).text).split())
    assert "train_ae. epochs 3 2 train_ae. learning_rate 0.0001 0.002 train_vae. epochs 1 2" in text
    assert "train_inverter. epochs null 2 train_inverter. images 7 null" in text and "train_ae. latent_dim" not in text
    assert ".../<i>pictures" in text and str(tmp_path) not in page
    params = Params.model_validate(sections | {"models": ["ae"]})
    page = render(folder, load, ("ae",), changed_settings(params, plain, "plain"))
    assert "train_ae.<wbr>epochs" in page and "train_gan" not in page and "train_vae" not in page
    assert "beside recipe <code>plain</code>" in page and "beside recipe" not in render(folder, load)


def test_the_shipped_params_are_the_recipe_demo():
    params = load_params(ROOT / "params.yaml")
    assert changed_settings(params, load_params(ROOT / "recipes/demo.yaml"), "demo").settings == []


def test_faces_and_the_top_can_lead_to_an_explorer(world):
    folder, load = world
    page = render(folder, load)
    assert "explore" not in re.sub(r"(?s)<style>.*?</style>", "", page).lower().replace(
        "facepipe.preprocess.explore", ""
    )
    report, records = folder / "reports", {name: {"images": 1, "device": "CPU"} for name in MODELS}
    records = {name: each | {"precision": "float32", "replicas": 1, "threads": 1} for name, each in records.items()}
    hrefs = [f"explorer.html#gan&face={i}" for i in range(6)]
    shards = Shards(folder / "shards")
    write_page(report, shards, folder / "latents", {}, {"ae", "vae"}, records, explorer="explorer.html",
               links={"samples_gan": hrefs})  # fmt: skip
    parsed = Checker((report / "index.html").read_text())
    found = [(a["href"], a.get("aria-label")) for tag, a in parsed.seen if tag == "a" and "explorer" in a["href"]]
    assert found[0] == ("explorer.html", None)
    # at the top, and beside the densities
    assert found[1:] == 2 * [(href, f"face {i}") for i, href in enumerate(hrefs, 1)]
    with Image.open(report / "render_reports" / "grids" / "samples_gan.png") as sheet:
        width, height = sheet.size
    boxes = [
        [int(a[name]) for name in ("x", "y", "width", "height")]
        for tag, a in parsed.seen
        if "x" in a and tag == "rect" and "fill" not in a
    ]
    assert boxes[:6] == [[2 + 66 * (i % 3), 2 + 66 * (i // 3), 64, 64] for i in range(6)]
    assert (width, height) == (200, 134)
    with pytest.raises(ValueError, match="7 links for 6 faces"):
        write_page(report, shards, folder / "latents", {}, {"ae", "vae"}, records, links={"samples_gan": [*hrefs, "#"]})


def test_edits_as_they_are_decoded_and_as_they_are_added(tmp_path):
    rows = [
        EditScores("ae", "Blond_Hair", shown, 100, 0.67, before, 0.08, 0.84, None, None)
        for shown, before in (("decoded", 0.07), ("residual", 0.06))
    ]
    write_csv(tmp_path / "edits.csv", EditScores._fields, [*rows, rows[0]._replace(model="gan")])
    section = edits_section(tmp_path / "edits.csv", ("ae",))
    table = section.table
    assert section.header == ["Autoencoder"] and section.rows[0].name == "Blond_Hair"
    assert [cell.text for cell in section.rows[0].cells] == ["0.67 (0.06)"]
    assert table.header[:6] == ["model", "added", "shown", "photographs", "success", "before"]
    assert [row[1:6] for row in table.rows] == [
        ["Blond Hair", "decoded", "100", "0.67", "0.07"],
        ["Blond Hair", "residual", "100", "0.67", "0.06"],
    ]
    assert "same person" not in table.header


def test_text_is_escaped(world):
    page = render(*world)
    assert "<b>faces</b>" not in page and "&lt;b&gt;faces&lt;/b&gt;" in page
    assert "made &amp; given &lt;/script&gt;" in page and page.count("</script>") == 1


HOSTILE = f'</script><img src=x onerror="x"> \'{RIGHT_TO_LEFT}\nnext, "line"'


def test_hostile_names_are_harmless_and_can_be_read(world, tmp_path):
    source, load = world
    folder = tmp_path / "w"
    shutil.copytree(source, folder)
    for path in [*folder.rglob("attribute_vectors/*/*.csv"), folder / "reports/preprocess/attributes.csv",
                 folder / "reports/preprocess/cooccurrence.csv", *(folder / "directions").iterdir()]:  # fmt: skip
        with open(path, encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        write_csv(path, header, [[HOSTILE if cell == "Right" else cell for cell in row] for row in rows])
    write_csv(folder / "reports/preprocess/rejected.csv", ["reason", "pictures", "example"], [[HOSTILE, 3, HOSTILE]])
    write_csv(folder / "reports/evaluate/edits.csv", EditScores._fields, [
        EditScores(name, HOSTILE, "residual", 5, 0.5, 0.1, 0.1, 0.9, None, None) for name in ("ae", "vae")
    ])  # fmt: skip
    attributes = folder / "shards" / "attributes.csv"
    attributes.write_text(attributes.read_text().replace(",Right", ',"' + HOSTILE.replace('"', '""') + '"'))
    index = folder / "shards" / "index.json"
    names = [HOSTILE if name == "Right" else name for name in read_json(index)["attributes"]]
    tables = read_json(index)["tables"] | describe_files(index.parent, ["attributes.csv"])
    write_sealed(index, read_json(index) | {"attributes": names, "dataset": HOSTILE, "tables": tables})
    edited = '"><b>\u202e # ?%41'
    write_latents(folder / "edits" / f"vae-{edited}.csv", ["a"], "", np.zeros((1, 6), np.float32))
    page = render(folder, load)
    parsed = Checker(page)
    (target,) = [a["href"] for tag, a in parsed.seen if tag == "a" and a["href"].startswith("edits/")]
    assert (folder / "reports" / urllib.parse.unquote(target)).is_file() and not re.search('["<> #?]', target)
    assert page.count("</script>") == 1 and "onerror=" not in str([a.keys() for _, a in parsed.seen])
    assert all(a["src"].startswith("data:") for tag, a in parsed.seen if tag == "img")
    assert sum("</script><img src=x" in each for each in parsed.text) > 10
    # where one stands in a line with other words, it is kept to itself
    for before in re.findall(rf"(.{{0,9}})&lt;/script&gt;[^<]*?{RIGHT_TO_LEFT}", page):
        assert before.endswith((">", '"', "\u2068")), before


@pytest.mark.parametrize(("call", "value"), [
    ("table(it)", Table(["<i>"], [["<i>"]])), ("bars(it)", [Share("<i>", 0.5)]), ("figure(it)", Picture("", '<i>"')),
    ("charts(it)", ["<i>"]), ("sheet(it)", Sheet("", 1, 1, '<i>"', '"<i>', "<i>", (Link('"<i>', '"<i>', 0, 0, 1, 1),))),
])  # fmt: skip
def test_every_piece_escapes_what_it_is_given(call, value):
    made = macro(call, value)
    assert "<i>" not in made.replace("<i><b", "") and "&lt;i&gt;" in made and '"<' not in made


def macro(call, it):
    return templates.TEMPLATES.from_string(f'{{% import "macros.html" as m %}}{{{{ m.{call} }}}}').render(it=it)


@pytest.mark.parametrize("missing", [
    "evaluate/scores.csv", "evaluate/samples.csv", "evaluate/edits.csv", "evaluate/amiss.csv", "train_vae/facts.csv",
    "train_gan/history.csv", "train_ae/summary.csv",
    "train_vae/kl.csv", "preprocess/splits.csv", "preprocess/grids/mean_face.png",
])  # fmt: skip
def test_a_missing_report_is_named(world, missing):
    folder, load = world
    path = folder / "reports" / missing
    content = path.read_bytes()
    path.unlink()
    try:
        with pytest.raises(InputError, match=path.name):
            render(folder, load)
    finally:
        path.write_bytes(content)


def test_charts_pair_columns_and_leave_none_out(tmp_path):
    header = "epoch,images,learning_rate,loss,valid_loss,new_term"
    (tmp_path / "history.csv").write_text(f"{header}\n1,5,.1,3,4,5\n2,9,.1,2,3,4\n")
    charts = history_charts(read_history(tmp_path / "history.csv"))
    assert len(charts) == 2
    assert "valid_loss" in charts[0] and "new term" in charts[1]


def test_a_term_stands_beside_its_held_out_values(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,images,ssim,valid_ssim,valid_x\n1,5,.1,3,4\n2,9,.1,2,3\n")
    charts = history_charts(read_history(tmp_path / "history.csv"))
    assert [("ssim" in svg, "valid_ssim" in svg) for svg in charts] == [(True, True), (False, False)]


def test_the_kl_of_the_epoch_that_was_kept(world):
    folder, load = world
    chart = re.search(r"<svg[^>]*KL of each dimension.*?</svg>", render(folder, load)).group()
    heights = [float(h) for h in re.findall(r'<rect[^>]* height="([\d.]+)"', chart)]
    assert np.allclose(np.array(heights) / heights[0], np.array([5.4, 4.4, 3.4, 2.4, 1.4, 0.4]) / 5.4, atol=0.01)


def test_a_collapse_is_marked_beside_the_curves():
    history = {"epoch": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "collapse": [0.0, 1.0, 0.0, 1.0, 1.0, 1.0]}
    assert collapse(history) == ("epochs 2, 4\u20136", 6)
    assert collapse({"epoch": [1.0, 2.0], "collapse": [0.0, 1.0]}) == ("epoch 2", 2)
    assert collapse({"epoch": [1.0], "collapse": [0.0]}) is collapse({"epoch": [1.0]}) is None
    assert not history_charts(history), "the marks are no curve"


def test_a_collapse_of_the_gan_reaches_the_page(world):
    folder, load = world
    report = folder / "reports" / "train_gan"
    paths = [report / "history.csv", report / "facts.csv"]
    before = [path.read_text() for path in paths]
    assert "Collapse?" not in render(folder, load)
    try:
        header, *rows = before[0].splitlines()
        marked = [f"{row},1,{0.1 * i:.1f}" for i, row in enumerate(rows)]
        paths[0].write_text("\n".join([f"{header},collapse,sample_diversity", *marked, ""]))
        facts = read_scores(paths[1], ["gan"])
        write_facts(paths[1], {"gan": facts["gan"] | {"real_diversity": 0.25}})
        page = render(folder, load)
    finally:
        for path, content in zip(paths, before, strict=True):
            path.write_text(content)
    assert f'<p class="warning">Collapse? In epochs 1\u2013{len(rows)} of {len(rows)} ' in page
    assert page.index("Collapse?") < page.index("Sample diversity") and ">real_diversity<" in page


def test_what_is_amiss_stands_in_a_box_at_the_top(world):
    folder, load = world
    path = folder / "reports" / "evaluate" / "amiss.csv"
    before = path.read_text()
    assert "What is amiss" not in render(folder, load)
    try:
        write_csv(path, ("model", "sign", "remedy"), [("vae", "0 of 64 <dimensions>", "lower train_vae.beta")])
        page = render(folder, load)
        alone = render(folder, load, wanted=("ae",))
    finally:
        path.write_text(before)
        render(folder, load)
    box = page.split('<section class="warning" aria-label="What is amiss">')[1].split("</section>")[0]
    assert "<b>Variational autoencoder: 0 of 64 &lt;dimensions&gt;.</b> To try: lower train_vae.beta." in box
    assert page.index("What is amiss") < page.index("The data</h2>")
    assert "What is amiss" not in alone
    Checker(page)


def test_the_frames_of_a_training_are_spread_evenly(tmp_path):
    for epoch in range(0, 202, 2):
        save_png(tmp_path / f"{epoch:06d}.png", np.full((8, 8 + 8 * (epoch > 0), 3), epoch, np.uint8))
    captions = [caption for _, caption in frames(tmp_path)]
    assert len(captions) == MOST_FRAMES and captions[0] == "before training" and captions[-1] == "epoch 200"
    epochs = np.array([0, *(int(caption.split()[1]) for caption in captions[1:])])
    assert set(np.diff(epochs)) <= {8, 10}
    save_progress(tmp_path, tmp_path / "a.webp")
    save_progress(tmp_path, tmp_path / "b.webp")
    assert (tmp_path / "a.webp").read_bytes() == (tmp_path / "b.webp").read_bytes()
    with Image.open(tmp_path / "a.webp") as made:
        # the first is of another size
        assert made.n_frames == MOST_FRAMES - 1 and made.size == (16, 8)
        made.seek(made.n_frames - 1)
        assert abs(np.asarray(made.convert("RGB")).astype(int) - 200).max() < 5
    with pytest.raises(InputError, match="no grids"):
        frames(tmp_path / "none")


def test_a_sheet_looks_like_its_file(world):
    page = render(*world)
    alt = "GAN: Latents from the model.s own sampler"
    data = re.search(rf'<img alt="{alt.replace(".s", "&#39;s")}" width="200" height="134" src="[^,]*,([^"]*)', page)
    with Image.open(io.BytesIO(base64.b64decode(data.group(1)))) as shown:
        shown = np.asarray(shown.convert("RGB")).astype(float)
    with Image.open(world[0] / "reports" / "render_reports" / "grids" / "samples_gan.png") as file:
        assert np.abs(shown - np.asarray(file.convert("RGB"))).mean() < 8


def test_every_training_has_its_animation(world, tmp_path):
    render(*world)
    made = sorted(path.name for path in (world[0] / "reports" / "render_reports" / "training").iterdir())
    assert made == ["train_ae.webp", "train_gan.webp", "train_inverter.webp", "train_vae.webp"]


def test_shares_are_drawn_to_scale():
    drawn = macro("bars(it)", [Share("a", 0.25), Share("b", 1)])
    assert np.allclose([float(w) for w in re.findall(r'<rect width="([\d.]+)"', drawn)], [25, 100])


def only(world, folder, names):
    """The world as it is where only some models were ever trained: the others' files are not there."""
    source, load = world
    shutil.copytree(source, folder)
    gone = set(MODELS) - set(names)
    for name in gone:
        shutil.rmtree(folder / "latents" / name)
        shutil.rmtree(folder / "reports" / f"train_{name}")
    for path in [*(folder / "directions").iterdir(), *(folder / "reports").rglob("*.csv")]:
        if re.split(r"[-.]", path.name)[0] in gone:
            path.unlink()
    if not load(folder / "models" / "gan").has_encoder or "gan" in gone:
        shutil.rmtree(folder / "reports" / "train_inverter")
    for name in ("scores", "samples", "edits"):
        path = folder / "reports" / "evaluate" / f"{name}.csv"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if line.split(",")[0] not in gone), encoding="utf-8")

    def load_wanted(path):
        assert path.name in names
        return load(path)

    return render(folder, load_wanted, names)


def links(parsed):
    """The sections that links of the page lead to."""
    return [a["href"][1:] for tag, a in parsed.seen if tag == "a" and a["href"].startswith("#")]


def said(page):
    """(the text, the parsed page), whose links lead to the sections that there are, and to all of them."""
    parsed = Checker(page)
    anchors = links(parsed)
    assert anchors == [a["id"] for tag, a in parsed.seen if "id" in a and tag == "h2" and "the-" not in a["id"]]
    titles = re.findall(r"<(h\d)[^>]*>(.*?)</h\d>", page)
    for (kind, _), (after, _) in zip(titles, [*titles[1:], ("h2", "")], strict=True):
        assert kind == "h3" or after in ("h2", "h3")
    empty = r"</h[123]>\s*(<h[12]|</main>)|<p[^>]*>\s*</p>|<tbody>\s*</tbody>|<div class=.sheets[^>]*>\s*</div>"
    assert not re.search(empty, page.split("</h1>")[1])
    return " ".join(" ".join(parsed.text).split()), anchors


def sections(*trainings):
    """The sections of a page on models that all have an encoder."""
    first = ["faces", "scores", "reconstructions", "samplers", "interpolations", "components", "attributes", "edits"]
    return [*first, "nearest", *trainings, "data"]


def test_a_page_of_the_autoencoder_alone(world, tmp_path):
    text, anchors = said(only(world, tmp_path / "w", ("ae",)))
    assert anchors == sections("ae")
    assert text.startswith("facepipe report facepipe report Faces Numbers Reconstructions Samplers ")
    assert "Data Faces: an autoencoder " in text
    assert "20 of the model against 20" in text and "KID, density" in text and "Training images 0" not in text
    assert "Autoencoder: side effects" in text and "Held-out AUC" in text
    assert "Copy rows of data/latents/ae/test.csv to data/edits/ae.csv" in text
    assert not re.search("GAN|[Vv]ariational|VAE|three models|[Ii]nverter", text)


def test_a_page_of_the_gan_alone(without_inverter, tmp_path):
    text, anchors = said(only(without_inverter, tmp_path / "w", ("gan",)))
    assert anchors == [each for each in sections("gan") if each not in ("reconstructions", "components", "attributes")]
    assert "Faces: a GAN " in text and "samples of the prior" in text and "Precision: share of samples" in text
    assert "Copy rows of data/latents/gan/sample.csv to data/edits/gan.csv" in text
    gone = "[Aa]utoencoder|PCA|Reconstruct|KID, density|AUC|[Ii]nverter|Latent dimensions|components"
    assert not re.search(gone, text)


def test_what_an_inverter_left_behind_is_not_shown(without_inverter):
    assert (without_inverter[0] / "reports" / "train_inverter").exists()
    text, anchors = said(render(*without_inverter))
    assert anchors == sections("ae", "vae", "gan") and "nverter" not in text


def test_a_page_of_the_gan_and_its_inverter(world, tmp_path):
    text, anchors = said(only(world, tmp_path / "w", ("gan",)))
    assert anchors == sections("gan", "inverter")
    assert "Reconstruction is judged" in text and "GAN: side effects" in text
    assert "Copy rows of data/latents/gan/test.csv" in text and not re.search("[Aa]utoencoder", text)


def test_a_page_of_two_models(world, tmp_path):
    text, anchors = said(only(world, tmp_path / "w", ("vae", "ae")))
    assert anchors == sections("ae", "vae")
    assert "Faces: two models of one data set" in text and "20 of each model" in text
    assert "KL to the prior" in text and "GAN" not in text and "nverter" not in text


def test_what_other_models_left_behind_is_not_shown(world):
    text, anchors = said(render(*world, wanted=("ae",)))
    assert anchors == sections("ae") and not re.search("GAN|ariational", text)
    said(render(*world))


def test_templates_are_installed_with_the_modules():
    """Every file of the package that is no module is named as package data."""
    root = Path(templates.__file__).parents[3]
    named = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    found = {
        path
        for package, globs in named.items()
        for glob in globs
        for path in root.glob(f"{package.replace('.', '/')}/{glob}")
    }
    others = {path for path in (root / "facepipe").rglob("*.*") if path.suffix not in (".py", ".pyc")}
    assert found == others and found
