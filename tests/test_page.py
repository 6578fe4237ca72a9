import html.parser
import re

import numpy as np
import pytest

from facepipe.core.files import read_json, write_json
from facepipe.draw.charts import read_history
from facepipe.draw.html import document, heading, paragraph, shares, table
from facepipe.errors import InputError
from facepipe.report.config import RenderReports
from facepipe.report.page.page import _progress, collapse_warning, history_charts
from facepipe.report.render import render_reports
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


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    _, load = make_world(folder)
    make_reports(folder, load)
    index = folder / "shards" / "index.json"
    write_json(index, read_json(index) | {"dataset": "<b>faces</b>", "licence": "made & given"})
    return folder, load


def render(folder, load):
    render_reports(
        RenderReports(columns=3, rows=2, interpolation_steps=3), folder / "models", folder / "latents",
        folder / "directions", folder / "edits", folder / "shards", folder / "reports", load=load,
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
    assert anchors <= {a["id"] for _, a in parsed.seen if "id" in a} and len(anchors) == 8


def test_the_page_has_pictures_curves_and_numbers(world):
    folder, load = world
    page = render(folder, load)
    parsed = Checker(page)
    text = " ".join(parsed.text)
    images = sum(tag == "img" for tag, _ in parsed.seen)
    grids = [list((folder / "reports" / stage / "grids").iterdir()) for stage in ("preprocess", "render_reports")]
    assert images == sum(map(len, grids)) + 4 * 3
    assert sum(tag == "svg" for tag, _ in parsed.seen) == 1 + (2 + 1) + (2 + 1 + 2) + 2 + 3 + 3 * 6 + 2 * 3
    metrics = read_json(folder / "reports" / "evaluate" / "metrics.json")
    assert f"{metrics['ae']['test_mse']:.5f}" in text
    assert f"{metrics['gan']['kid_x1000_random_conv_n20']:.2f} ±" in text
    assert "before training" in text and "epoch 5" in text and "Far_Right" in text and "12,345" in text
    assert "ae_net 0.2 million" in text and "155,648" in text and "8x8x16" in text
    assert text.count("All 6 dimensions") == 3 and text.count("Histograms of the 6 live ones") == 3
    assert "face score" not in text  # random_conv has none


def test_text_is_escaped(world):
    page = render(*world)
    assert "<b>faces</b>" not in page and "&lt;b&gt;faces&lt;/b&gt;" in page
    assert "made &amp; given" in page
    for made in (heading(1, "<i>"), paragraph("<i>"), table(["<i>"], [["<i>"]]), shares([("<i>", 0.5)])):
        assert "<i>" not in made.replace("<i><b", "") and "&lt;i&gt;" in made
    assert "<i>" not in document("<i>", [("<i>", "<i>")], "")


@pytest.mark.parametrize("missing", [
    "evaluate/metrics.json", "train_vae/metrics.json", "train_gan/history.csv", "train_ae/summary.csv",
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


def test_a_collapse_is_marked_beside_the_curves(tmp_path):
    history = {"epoch": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "collapse": [0.0, 1.0, 0.0, 1.0, 1.0, 1.0]}
    said = collapse_warning(history)
    assert said.startswith('<p class="warning">Collapse? In epochs 2, 4\u20136 of 6 ')
    assert "In epoch 2 of 2" in collapse_warning({"epoch": [1.0, 2.0], "collapse": [0.0, 1.0]})
    assert collapse_warning({"epoch": [1.0], "collapse": [0.0]}) == collapse_warning({"epoch": [1.0]}) == ""
    assert not history_charts(history), "the marks are no curve"


def test_a_collapse_of_the_gan_reaches_the_page(world):
    folder, load = world
    report = folder / "reports" / "train_gan"
    paths = [report / "history.csv", report / "metrics.json"]
    before = [path.read_text() for path in paths]
    assert "Collapse?" not in render(folder, load)
    try:
        header, *rows = before[0].splitlines()
        marked = [f"{row},1,{0.1 * i:.1f}" for i, row in enumerate(rows)]
        paths[0].write_text("\n".join([f"{header},collapse,sample_diversity", *marked, ""]))
        facts = read_json(paths[1])
        write_json(paths[1], {"gan": facts["gan"] | {"real_diversity": 0.25}})
        page = render(folder, load)
    finally:
        for path, content in zip(paths, before, strict=True):
            path.write_text(content)
    assert f"Collapse? In epochs 1\u2013{len(rows)} of {len(rows)} " in page
    assert page.index("Collapse?") < page.index("Sample diversity") and ">real_diversity<" in page


def test_progress_shows_first_middle_and_last(tmp_path):
    for epoch in (0, 2, 4, 6, 8):
        (tmp_path / f"{epoch:06d}.png").write_bytes(b"")
    assert [caption for _, caption in _progress(tmp_path)] == ["before training", "epoch 4", "epoch 8"]
    with pytest.raises(InputError, match="no grids"):
        _progress(tmp_path / "none")


def test_shares_are_drawn_to_scale():
    assert np.allclose([float(w) for w in re.findall(r"width:([\d.]+)%", shares([("a", 0.25), ("b", 1)]))], [25, 100])
