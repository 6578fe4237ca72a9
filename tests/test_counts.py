"""Counts over the tables of the shards, against numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from facepipe.errors import InputError
from facepipe.preprocess import counts
from facepipe.preprocess.counts import attribute_table, count_ids, pair_counts, pair_table, rejected_table
from facepipe.preprocess.rejected import count_reasons
from facepipe.shards.shards import Shards
from tests.material import write_shards

NAN = np.nan
LABELS = {
    "train": pd.DataFrame({"Hat": [1, 1, 0, 0.0], "Beard": [1, NAN, 0, 1], "None": [NAN] * 4, "Nose": [1.0] * 4}),
    "valid": pd.DataFrame({"Hat": [1.0], "Beard": [0.0], "None": [NAN], "Nose": [1.0]}),
    "test": pd.DataFrame({"Hat": [], "Beard": [], "None": [], "Nose": []}, dtype=float),
}


def make(folder, counts, columns, shape=(4, 6, 3)):
    """Shards of black images whose ids.csv has `columns` ({name: list over all splits})."""
    write_shards(folder, {split: np.zeros((n, *shape), np.uint8) for split, n in counts.items()})
    path = folder / "ids.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.assign(**{name: list(map(str, values)) for name, values in columns.items()}).to_csv(path, index=False)
    return Shards(folder)


def test_people_splits_and_sizes(tmp_path, monkeypatch):
    monkeypatch.setattr(counts, "ROWS_AT_ONCE", 2)
    boxes = [(0, 0, 6, 4), (0, 0, 5, 4), (10, 10, 16, 13), (-3, -2, 9, 6), (0, 0, 60, 40), (1, 1, 7, 5)]
    columns = {
        "identity": ["Ann", "Bob", "Ann", "", "NA", "Bob"],
        "width": [250, 250, 96, 250, 1000, 96],
        "height": [250, 250, 112, 250, 99, 112],
        "angle": ["", "1.5", "", "", "", ""],
    } | {name: [box[i] for box in boxes] for i, name in enumerate(("left", "top", "right", "bottom"))}
    shards = make(tmp_path / "s", {"train": 3, "valid": 1, "test": 2}, columns)
    splits, sizes = count_ids(shards)
    assert splits.columns.tolist() == ["split", "images", "people", "enlarged"]
    rows = splits.astype(object).fillna("").to_numpy().tolist()
    assert rows == [["train", 3, 2, 2], ["valid", 1, "", 0], ["test", 2, 2, 0]]
    assert sizes.to_numpy().tolist() == [
        ["250x250", 250, 250, 3], ["96x112", 96, 112, 2], ["1000x99", 1000, 99, 1],
    ]  # fmt: skip


def test_many_sizes_are_summed_up(tmp_path):
    widths = [*range(100, 160), 100, 159]
    shards = make(tmp_path / "s", {"train": 62}, {"width": widths, "height": [7] * 62})
    _, sizes = count_ids(shards)
    rows = sizes.astype(object).fillna("").to_numpy().tolist()
    assert rows[:3] == [["100x7", 100, 7, 2], ["159x7", 159, 7, 2], ["101x7", 101, 7, 1]] and len(rows) == 51
    assert rows[-1] == ["other", "", "", 10]


def test_what_is_not_known_of_sources(tmp_path):
    splits, sizes = count_ids(make(tmp_path / "s", {"train": 2}, {}))
    assert splits["images"].tolist() == [2, 0, 0] and splits[["people", "enlarged"]].isna().all(axis=None)
    assert len(sizes) == 0 and sizes.columns.tolist() == ["size", "width", "height", "images"]


def test_attributes():
    table = attribute_table(LABELS)
    assert table["attribute"].tolist() == ["Nose", "Hat", "Beard", "None"]
    assert table["known"].tolist() == [5, 5, 4, 0] and table["positive"].tolist() == [5, 3, 2, 0]
    assert table["share"].tolist()[:3] == [1.0, 0.6, 0.5] and np.isnan(table["share"][3])
    assert table["train_positive"].tolist() == [4, 2, 2, 0]
    assert table["valid_positive"].tolist() == [1, 1, 0, 0] and not table["test_positive"].any()
    assert attribute_table({split: part[[]] for split, part in LABELS.items()}).empty


@pytest.mark.parametrize("rows_at_once", [1, 8192])
def test_pairs(monkeypatch, rows_at_once):
    monkeypatch.setattr(counts, "ROWS_AT_ONCE", rows_at_once)
    table = pair_table(LABELS, ["Hat", "Beard", "None", "Nose"]).set_index(["attribute", "other"])
    assert len(table) == 16
    # both are known of four images: (1, 1), (0, 0), (0, 1), (1, 0)
    assert table.loc[("Hat", "Beard")].tolist() == [4, 1, 0.25, 0.0]
    assert table.loc[("Hat", "Hat")].tolist() == [5, 3, 0.6, 1.0]
    assert table.loc[("Beard", "Nose")].tolist()[:3] == [4, 2, 0.5]
    assert np.isnan(table.loc[("Beard", "Nose"), "correlation"])  # every nose is a nose
    assert table.loc[("Hat", "None")].tolist()[:2] == [0, 0] and np.isnan(table.loc[("Hat", "None"), "share"])
    assert pair_table(LABELS, []).empty


def test_correlation_is_pearsons():
    random = np.random.default_rng(0)
    labels = (random.random((500, 5)) < [0.1, 0.3, 0.5, 0.7, 0.9]).astype(float)
    labels[:, 1] = np.where(random.random(500) < 0.7, labels[:, 2], labels[:, 1])
    known, both, correlation = pair_counts([labels[:123], labels[123:]])
    assert (known == 500).all() and (both == labels.T @ labels).all()
    np.testing.assert_allclose(correlation, np.corrcoef(labels.T), atol=1e-12)
    labels[random.random(labels.shape) < 0.3] = NAN
    known, _, correlation = pair_counts([labels])
    here = ~np.isnan(labels[:, [1, 2]]).any(axis=1)
    assert known[1, 2] == here.sum()
    np.testing.assert_allclose(correlation[1, 2], np.corrcoef(labels[here][:, [1, 2]].T)[0, 1])


def test_at_most_so_many_pairs():
    names = [f"A{i:03d}" for i in range(200)]
    table = pair_table({"train": pd.DataFrame(np.eye(200), columns=names)}, names)
    assert len(table) == 3600 and table["other"].max() == "A059"


REJECTED = [
    ("b.jpg", "damaged: cannot identify it"),
    ("a.jpg", "damaged: image file is truncated (3 bytes)"),
    ("c 1.jpg", "a copy of a with another.jpg"),
    ("c 2.jpg", "a copy of x y.jpg with another Hat"),
    ("c 3.jpg", "a copy of z.jpg with another Hat"),
    ("d.jpg", "5 faces (preprocess.faces: reject)"),
    ("e.jpg", "3 faces (preprocess.faces: reject)"),
    ("f.jpg", "no face found"),
    ("g.jpg", "more than 50 pixels (preprocess.max_pixels)"),
    ("h.jpg", "more than 50 pixels (preprocess.max_pixels)"),
    ("i.jpg", "its id A.jpg is that of x/a.jpg"),
    ("j.jpg", "its id B.jpg is that of x/b.jpg"),
]


def test_alike_reasons_are_counted_as_one():
    assert count_reasons(REJECTED) == [
        ("... faces (preprocess.faces: reject)", 2, "d.jpg"),
        ("a copy of another picture with another Hat", 2, "c 2.jpg"),
        ("damaged", 2, "b.jpg"),
        ("its id is that of another picture", 2, "i.jpg"),
        ("more than 50 pixels (preprocess.max_pixels)", 2, "g.jpg"),
        ("a copy of a with another.jpg", 1, "c 1.jpg"),
        ("no face found", 1, "f.jpg"),
    ]
    assert count_reasons([]) == []


def test_reasons_that_differ_by_a_number_are_counted_as_one():
    few = "16-bit pixels, none above {} of 65535: nearly black, or numbers of 8 to 12 bits; save it with 8 bits"
    rows = count_reasons([("a", few.format(255)), ("b", few.format(4095)), ("c", "7 faces"), ("d", "8 faces")])
    assert rows == [("... faces", 2, "c"), (few.format("..."), 2, "a")]


def test_rejected_pictures(tmp_path):
    shards = make(tmp_path / "s", {"train": 1}, {})
    assert rejected_table(shards).empty
    lines = ["source,reason"] + [f'{i}.jpg,"reason, {chr(97 + i % 26)}{chr(97 + i // 26)}"' for i in range(60)]
    (shards.folder / "rejected.csv").write_text("\n".join([*lines, 'x,"reason, aa"']))
    table = rejected_table(shards)
    assert table.iloc[0].tolist() == ["reason, aa", 2, "0.jpg"]
    assert len(table) == 51 and table["pictures"].sum() == 61 and table["reason"].iloc[-1] == "other reasons"


@pytest.mark.parametrize("count, name", [(count_ids, "ids.csv"), (rejected_table, "rejected.csv")])
def test_a_missing_table_is_named(tmp_path, count, name):
    shards = make(tmp_path / "s", {"train": 1}, {})
    (shards.folder / name).unlink()
    with pytest.raises(InputError, match=f"{name}: not found; run the preprocess stage"):
        count(shards)
