"""The page's section on directions."""

import re

import numpy as np
import pytest

from facepipe.core.pictures import save_png
from facepipe.directions.attribute_vectors import attribute_vectors
from facepipe.directions.config import AttributeVectors
from facepipe.errors import InputError
from facepipe.latents.table import write_latents
from facepipe.report.page.directions_section import directions_section
from facepipe.report.page.templates import render
from tests.material import write_shards
from tests.test_fitting import correlated

TITLES = {"ae": "Autoencoder", "vae": "VAE", "gan": "GAN"}


@pytest.fixture
def report(tmp_path):
    """What the stage makes of attributes that go together; for the autoencoder and the GAN, not for the VAE."""
    import pandas as pd

    ids, frames, images = {}, [], {}
    for seed, (split, count) in enumerate({"train": 800, "valid": 100, "test": 100}.items()):
        z, labels = correlated(count, seed)
        labels = np.column_stack([labels, z[:, 2] > 0])
        ids[split], images[split] = [f"{split}{i}" for i in range(count)], np.zeros((count, 8, 8, 1), np.uint8)
        frames.append(pd.DataFrame(labels, index=ids[split], columns=["Smiling", "Male", "<b>"]))
        for model in ("ae", "gan"):
            write_latents(tmp_path / model / f"{split}.csv", ids[split], split, z.astype(np.float32))
    write_shards(tmp_path / "shards", images, ids=ids, attributes=pd.concat(frames))
    attribute_vectors(AttributeVectors(), tmp_path / "shards", tmp_path, tmp_path / "directions", tmp_path / "report")
    return tmp_path / "report"


def show(report, grids):
    titles = {name: title for name, title in TITLES.items() if (report / "auc" / f"{name}.csv").exists()}
    return render("directions_section.html", judged=None, directions=directions_section(report, grids, titles))


def test_a_row_per_attribute_and_a_column_per_model_and_method(report, tmp_path):
    html = show(report, tmp_path)
    header = re.search(r"<thead>.*?</thead>", html).group()
    assert re.findall(r"<th [^>]*>(.*?)</th>", header)[:3] == [
        "attribute", "Autoencoder, orthogonalised", "Autoencoder, logistic"
    ]  # fmt: skip
    assert header.count("<th ") == 1 + 2 * 3 + 2 and "VAE" not in html
    rows = re.findall(r"<tr><th scope=.row.>(.*?)</th>", html)
    assert sorted(rows) == ["&lt;b&gt;", "Male", "Smiling"] and "<b>" not in html


def test_the_side_effects_of_every_method_are_drawn(report, tmp_path):
    html = show(report, tmp_path)
    figures = {re.search('aria-label="(.*?)"', svg).group(1): svg for svg in re.findall("<svg.*?</svg>", html)[:3]}
    assert list(figures) == ["orthogonalised", "logistic", "difference of means"]
    moved = {
        name: float(re.search(r"<title>Smiling moves Male by (.*?)</title>", svg).group(1))
        for name, svg in figures.items()
    }
    assert moved["difference of means"] < -0.3 and abs(moved["orthogonalised"]) < 0.2
    text = " ".join(html.split())
    said = re.search(r"Median size over all pairs: orthogonalised ([\d.]+), logistic ([\d.]+), difference of means "
                     r"([\d.]+)\. Orthogonalised instead of difference of means: (.*?)\. </p>", text)  # fmt: skip
    assert float(said.group(1)) <= float(said.group(3))
    named = re.sub("</?bdi>", "", said.group(4))
    assert f"Smiling moves Male by {moved['orthogonalised']:+.2f} instead of" in named


def test_an_effect_that_is_unknown_is_called_so(report, tmp_path):
    path = report / "side_effects" / "ae-logistic.csv"
    path.write_text(re.sub(r"(?m)^(Smiling,Male),.*$", r"\1,,", path.read_text()))
    html = show(report, tmp_path)
    assert html.count("<title>Smiling moves Male by an unknown amount</title>") == 1 and "nan" not in html


def test_the_scale_is_shown_where_there_is_one(report, tmp_path):
    assert "<h3>Scale</h3>" not in show(report, tmp_path)
    path = report / "auc" / "ae.csv"
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([f"{header},scale", *(f"{row},{1 + i / 4}" for i, row in enumerate(rows))]) + "\n")
    shown = show(report, tmp_path).split("<h3>Scale</h3>")[1].split("</table>")[0]
    assert re.findall(r"<th [^>]*>(.*?)</th>", shown)[1] == "Autoencoder, orthogonalised" and "GAN" not in shown
    assert re.findall(r"<tr><th[^>]*>(.*?)</th><td.*?>(.*?)</td>", shown)[-1] == ("Smiling", "1.00")


def test_edited_faces_are_shown_with_their_method(report, tmp_path):
    save_png(tmp_path / "grids" / "edits_gan.png", np.zeros((4, 4, 3), np.uint8))
    html = show(report, tmp_path / "grids")
    assert html.count("<img") == 1 and "moved along its direction (orthogonalised)" in html


def test_nothing_to_show(report, tmp_path):
    for path in (report / "auc").iterdir():
        path.write_text(path.read_text().splitlines()[0] + "\n")
    assert "No attribute has a direction" in show(report, tmp_path)
    with pytest.raises(InputError, match="no tables; run dvc repro attribute_vectors"):
        directions_section(tmp_path / "none", tmp_path, TITLES)
    (tmp_path / "some/auc").mkdir(parents=True)
    (tmp_path / "some/auc/ae.csv").write_text("attribute,method,direction,auc,n_pos,n_neg,norm\n")
    with pytest.raises(InputError, match=r"vae\.csv: not found"):
        directions_section(tmp_path / "some", tmp_path, {"ae": "AE", "vae": "VAE"})
