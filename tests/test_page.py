import html.parser
import re
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest

from facepipe.core.files import read_json, write_csv, write_facts, write_json
from facepipe.errors import InputError
from facepipe.metrics.edits import EditScores
from facepipe.report.config import RenderReports
from facepipe.report.page import templates
from facepipe.report.page.model_section import collapse, history_charts, progress
from facepipe.report.page.page import _edited
from facepipe.report.page.reading import Picture, Share, Table, read_history, read_scores
from facepipe.report.render import MODELS, render_reports
from tests.standins import make_reports, make_world

VOID = {"meta", "img", "br"}


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
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def make(folder, inverter):
    _, load = make_world(folder, inverter=inverter)
    make_reports(folder, load)
    return folder, load


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder, load = make(tmp_path_factory.mktemp("page"), inverter=True)
    index = folder / "shards" / "index.json"
    write_json(index, read_json(index) | {"dataset": "<b>faces</b>", "licence": "made & given"})
    return folder, load


@pytest.fixture(scope="module")
def without_inverter(tmp_path_factory):
    return make(tmp_path_factory.mktemp("no_inverter"), inverter=False)


def render(folder, load, wanted=MODELS):
    render_reports(
        RenderReports(columns=3, rows=2, interpolation_steps=3), folder / "models", folder / "latents",
        folder / "directions", folder / "edits", folder / "shards", folder / "reports", load=load, wanted=wanted,
    )  # fmt: skip
    return (folder / "reports" / "index.html").read_text()


def test_the_page_is_whole_and_needs_no_network(world):
    page = render(*world)
    parsed = Checker(page)
    assert not {tag for tag, _ in parsed.seen} & {"script", "link", "iframe", "object"}
    for tag, attributes in parsed.seen:
        for name in ("src", "href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:image/png;base64,", "#")), (tag, value)
    assert "url(" not in page and "@import" not in page
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)
    anchors = {a["href"][1:] for tag, a in parsed.seen if tag == "a"}
    assert anchors == {a["id"] for _, a in parsed.seen if "id" in a} and len(anchors) == 8
    assert "Faces: three models of one data set" in page
    assert page == render(*world), "equal input gives equal bytes"


def test_the_page_has_pictures_curves_and_numbers(world):
    folder, load = world
    page = render(folder, load)
    parsed = Checker(page)
    text = " ".join(parsed.text)
    images = sum(tag == "img" for tag, _ in parsed.seen)
    grids = [list((folder / "reports" / stage / "grids").iterdir()) for stage in ("preprocess", "render_reports")]
    assert images == sum(map(len, grids)) + 4 * 3
    # data, autoencoder, VAE, GAN, inverter, components, histograms of latents, side effects
    assert sum(tag == "svg" for tag, _ in parsed.seen) == 1 + (2 + 1) + (2 + 1 + 2) + (2 + 1) + 3 + 3 + 3 * 6 + 3 * 3
    assert text.count("All 6 components") == 3 and text.index("All 6 components") < text.index("All 6 dimensions")
    metrics = read_scores(folder / "reports" / "evaluate" / "scores.csv", ["ae", "gan"])
    assert f"{metrics['ae']['test_mse']:.5f}" in text
    assert f"{metrics['gan']['kid_x1000_random_conv_n20']:.2f} ±" in text
    assert f"{metrics['gan']['interpolation_evenness_random_conv_n20']:.3f}" in text and "Straightness and" in text
    assert "before training" in text and "epoch 5" in text and "Far_Right" in text and "12,345" in text
    assert "ae_net 0.2 million" in text and "155,648" in text and "8x8x16" in text
    assert text.count("All 6 dimensions") == 3 and text.count("Histograms of the 6 live ones") == 3
    assert "face score" not in text  # random_conv has none


def test_edits_as_they_are_decoded_and_as_they_are_added(tmp_path):
    rows = [
        EditScores("ae", "Blond_Hair", shown, 100, 0.67, before, 0.08, 0.84, None, None)
        for shown, before in (("decoded", 0.07), ("residual", 0.06))
    ]
    write_csv(tmp_path / "edits.csv", EditScores._fields, [*rows, rows[0]._replace(model="gan")])
    table = _edited(tmp_path / "edits.csv", ("ae",))
    assert table.header[:6] == ["", "added", "shown", "photographs", "success", "before"]
    assert [row[1:6] for row in table.rows] == [
        ["Blond Hair", "decoded", "100", "0.67", "0.07"],
        ["Blond Hair", "residual", "100", "0.67", "0.06"],
    ]
    assert "same person" not in table.header


def test_text_is_escaped(world):
    page = render(*world)
    assert "<b>faces</b>" not in page and "&lt;b&gt;faces&lt;/b&gt;" in page
    assert "made &amp; given" in page


@pytest.mark.parametrize(("call", "value"), [
    ("table(it)", Table(["<i>"], [["<i>"]])), ("bars(it)", [Share("<i>", 0.5)]), ("figure(it)", Picture("", '<i>"')),
    ("charts(it)", ["<i>"]),
])  # fmt: skip
def test_every_piece_escapes_what_it_is_given(call, value):
    made = macro(call, value)
    assert "<i>" not in made.replace("<i><b", "") and "&lt;i&gt;" in made and '"<' not in made


def macro(call, it):
    return templates.TEMPLATES.from_string(f'{{% import "macros.html" as m %}}{{{{ m.{call} }}}}').render(it=it)


@pytest.mark.parametrize("missing", [
    "evaluate/scores.csv", "evaluate/samples.csv", "evaluate/edits.csv", "train_vae/facts.csv",
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


def test_progress_shows_first_middle_and_last(tmp_path):
    for epoch in (0, 2, 4, 6, 8):
        (tmp_path / f"{epoch:06d}.png").write_bytes(b"")
    assert [caption for _, caption in progress(tmp_path)] == ["before training", "epoch 4", "epoch 8"]
    with pytest.raises(InputError, match="no grids"):
        progress(tmp_path / "none")


def test_shares_are_drawn_to_scale():
    drawn = macro("bars(it)", [Share("a", 0.25), Share("b", 1)])
    assert np.allclose([float(w) for w in re.findall(r"width:([\d.]+)%", drawn)], [25, 100])


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


def said(page):
    """(the text, the parsed page), whose links lead to the sections that there are, and to all of them."""
    parsed = Checker(page)
    anchors = [a["href"][1:] for tag, a in parsed.seen if tag == "a"]
    assert anchors == [a["id"] for tag, a in parsed.seen if "id" in a]
    titles = re.findall(r"<(h\d)[^>]*>(.*?)</h\d>", page)
    for (kind, _), (after, _) in zip(titles, [*titles[1:], ("h2", "")], strict=True):
        assert kind == "h3" or after in ("h2", "h3")
    assert not re.search(r"</h[123]>\s*(<h[12]|</main>)|<p[^>]*>\s*</p>|<tbody>\s*</tbody>", page.split("</h1>")[1])
    return " ".join(" ".join(parsed.text).split()), anchors


def test_a_page_of_the_autoencoder_alone(world, tmp_path):
    text, anchors = said(only(world, tmp_path / "w", ("ae",)))
    assert anchors == ["models", "data", "ae", "attributes", "edits"]
    assert text.startswith("facepipe report Scores Data Autoencoder Attributes Your edits Faces: an autoencoder ")
    assert "20 of the model against 20" in text and "KID, density" in text and "Training images 0" not in text
    assert "Autoencoder: side effects" in text and "Held-out AUC" in text
    assert "Copy rows of data/latents/ae/test.csv to data/edits/ae.csv" in text
    assert not re.search("GAN|[Vv]ariational|VAE|three models|[Ii]nverter", text)


def test_a_page_of_the_gan_alone(without_inverter, tmp_path):
    text, anchors = said(only(without_inverter, tmp_path / "w", ("gan",)))
    assert anchors == ["models", "data", "gan", "edits"]
    assert "Faces: a GAN " in text and "samples of the prior" in text and "Precision: share of samples" in text
    assert "Copy rows of data/latents/gan/sample.csv to data/edits/gan.csv" in text
    gone = "[Aa]utoencoder|PCA|Reconstruct|KID, density|AUC|[Ii]nverter|Latent dimensions|components"
    assert not re.search(gone, text)


def test_what_an_inverter_left_behind_is_not_shown(without_inverter):
    assert (without_inverter[0] / "reports" / "train_inverter").exists()
    text, anchors = said(render(*without_inverter))
    assert anchors == ["models", "data", "ae", "vae", "gan", "attributes", "edits"] and "nverter" not in text


def test_a_page_of_the_gan_and_its_inverter(world, tmp_path):
    text, anchors = said(only(world, tmp_path / "w", ("gan",)))
    assert anchors == ["models", "data", "gan", "inverter", "attributes", "edits"]
    assert "Reconstruction is judged" in text and "GAN: side effects" in text
    assert "Copy rows of data/latents/gan/test.csv" in text and not re.search("[Aa]utoencoder", text)


def test_a_page_of_two_models(world, tmp_path):
    text, anchors = said(only(world, tmp_path / "w", ("vae", "ae")))
    assert anchors == ["models", "data", "ae", "vae", "attributes", "edits"]
    assert "Faces: two models of one data set" in text and "20 of each model" in text
    assert "KL to the prior" in text and "GAN" not in text and "nverter" not in text


def test_what_other_models_left_behind_is_not_shown(world):
    text, anchors = said(render(*world, wanted=("ae",)))
    assert anchors == ["models", "data", "ae", "attributes", "edits"] and not re.search("GAN|ariational", text)
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
