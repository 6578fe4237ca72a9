"""The page's section on the data, from what explore wrote."""

import numpy as np
import pandas as pd
import pytest

from facepipe.errors import InputError
from facepipe.preprocess.explore import explore
from facepipe.report.page.data_section import data_section
from facepipe.report.page.templates import render
from tests.material import write_shards
from tests.test_page import Checker


def make(folder, labels=None, channels=3, sizes=None, rejected="", identities=None):
    """The reports of 10 training and 2 test images; labels: {attribute: 12 values}."""
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 8, channels), dtype=np.uint8)
    ids = {"train": [f"{i}.png" for i in range(10)], "test": ["10.png", "11.png"]}
    table = None if labels is None else pd.DataFrame(labels, index=[f"{i}.png" for i in range(12)], dtype=float)
    write_shards(folder / "shards", {"train": images[:10], "test": images[10:]}, ids=ids, attributes=table)
    path = folder / "shards" / "ids.csv"
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    if sizes:
        rows["width"], rows["height"] = zip(*sizes, strict=True)
        rows["left"] = rows["top"] = 0
        rows["right"], rows["bottom"] = rows["width"], rows["height"]
    if identities:
        rows["identity"] = identities
    rows.to_csv(path, index=False)
    (folder / "shards" / "rejected.csv").write_text(f"source,reason\n{rejected}")
    explore(folder / "shards", folder / "reports")
    return folder / "reports"


def read(report):
    """(text of the section, the parsed HTML)."""
    parsed = Checker(render("data_section.html", data=data_section(report)))
    return " ".join(" ".join(parsed.text).split()), parsed


def charts(parsed):
    """The drawings that are no bars."""
    return [a for tag, a in parsed.seen if tag == "svg" and "class" in a]


def test_numbers_are_those_of_the_tables(tmp_path):
    half = [1, 0] * 6
    labels = {"Hat": half, "<b>": [0, *half[1:]], "Odd": [1, 1, 1, 0, 0, 0] * 2, "None": [np.nan] * 12, "All": [1] * 12}
    report = make(
        tmp_path, labels, sizes=[(6, 9)] * 3 + [(20, 30)] * 9, identities=["A", "B"] * 6,
        rejected='a.jpg,"damaged: x"\nb.jpg,"damaged: y"\nc<i>.jpg,no face found\n',
    )  # fmt: skip
    text, parsed = read(report)
    assert "split images people enlarged train 10 2 3 valid 0 test 2 2 0 Enlarged" in text
    assert "Hat 50.0 %" in text and "Odd 50.0 %" in text and "All 100.0 %" in text and "None 0" in text
    assert "20x30 75.0 % 6x9 25.0 %" in text and "other" not in text
    assert "damaged 2 a.jpg no face found 1 c<i>.jpg" in text and "damaged 66.7 % no face found 33.3 %" in text
    # eleven of twelve agree
    assert "Strongest: Hat and <b> +0.85, " in text
    assert "<b>, Hat: +0.85; 41.7 % of 12 have both" in text
    # those that never vary are not drawn: three squares for three attributes, and the chart
    assert len(charts(parsed)) == 2
    assert sum(tag == "rect" and "fill" in a for tag, a in parsed.seen) == 3
    channels = pd.read_csv(report / "channels.csv")
    assert f"train red {channels['mean'][0]:.3f} {channels['sd'][0]:.3f}" in text


def test_a_set_without_labels(tmp_path):
    text, parsed = read(make(tmp_path, channels=1))
    assert "Attributes" not in text and "Difference" not in text and "Source pictures" not in text
    assert "split images train 10 valid 0 test 2 Training images" in text
    assert "train gray" in text and text.endswith("Pictures left out None.")
    assert len(charts(parsed)) == 1
    assert sum(tag == "img" for tag, _ in parsed.seen) == 2


def test_few_attributes(tmp_path):
    half = [1, 0] * 6
    text, parsed = read(make(tmp_path / "one", {"Hat": half}))
    assert "Hat 50.0 %" in text and "go together" not in text
    text, parsed = read(make(tmp_path / "two", {"Hat": half, "Cap": half[::-1]}))
    assert "Strongest: Cap and Hat −1.00." in text and not any("fill" in a for tag, a in parsed.seen if tag == "rect")
    text, parsed = read(make(tmp_path / "none", {"Hat": half, "Cap": [1, 1, 0, 0] * 3}))
    assert "go together" in text and "Strongest" not in text


def test_many_sizes(tmp_path):
    text, _ = read(make(tmp_path, sizes=[(100 + i, 100) for i in range(12)]))
    assert "111x100 8.3 %" in text and "other" not in text
    report = make(tmp_path / "more", sizes=[(100 + i, 100) for i in range(12)])
    lines = (report / "sizes.csv").read_text() + "200x100,200,100,6\nother,,,6\n"
    (report / "sizes.csv").write_text(lines)
    text, _ = read(report)
    assert "111x100 4.2 % other 50.0 %" in text


@pytest.mark.parametrize("name", [
    "splits.csv", "attributes.csv", "cooccurrence.csv", "sizes.csv", "channels.csv", "histogram.csv", "rejected.csv",
    "grids/samples.png",
])  # fmt: skip
def test_what_is_missing_is_named(tmp_path, name):
    report = make(tmp_path, {"Hat": [1, 0] * 6})
    (report / name).unlink()
    with pytest.raises(InputError, match=rf"{name}: not found; run the preprocess stage again"):
        data_section(report)
