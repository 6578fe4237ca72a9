"""Reading what the stages wrote, for the page."""

import math
import re

import numpy as np
import pytest

from facepipe.core.files import write_facts
from facepipe.core.pictures import save_png
from facepipe.errors import InputError
from facepipe.report.page.reading import (
    Table,
    count,
    fixed,
    percent,
    read_history,
    read_rgb,
    read_scores,
    read_table,
    signed,
    text,
)


def test_history_round_trip(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("epoch,loss,kl\n1,0.5,\n2,2.5e-1,3\n")
    history = read_history(path)
    assert history["epoch"] == [1, 2] and history["loss"] == [0.5, 0.25]
    assert math.isnan(history["kl"][0]) and history["kl"][1] == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "not found"),
        ("", "empty"),
        ("epoch,loss\n1\n", "row 2: 1 cells, the header has 2"),
        ("epoch,loss\n1,2\n2,x\n", "row 3, column loss: 'x' is not a number"),
    ],
)
def test_bad_history_is_named(tmp_path, text, message):
    path = tmp_path / "history.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_history(path)


def test_facts_round_trip_and_those_that_say_nothing_of_a_model_are_named(tmp_path):
    path, facts = tmp_path / "facts.csv", {"ae": {"images_seen": 384, "mse": 0.1 + 0.2, "gone": -1}}
    write_facts(path, facts | {"gan": {"finished_valid_mse": None}})
    found = read_scores(path, ["ae"], "train_ae")
    assert found == facts and type(found["ae"]["images_seen"]) is int
    with pytest.raises(InputError, match=r"facts\.csv: nothing about vae; run dvc repro"):
        read_scores(path, ["ae", "vae"], "train_ae")
    path.write_text("model,metric,value\nae,mse,\n")
    with pytest.raises(InputError, match=r"facts\.csv: row 2: not model, metric and a number; run dvc repro train_ae"):
        read_scores(path, [], "train_ae")
    path.unlink()
    with pytest.raises(InputError, match=r"facts\.csv: not found; run the train_ae stage again"):
        read_scores(path, [], "train_ae")


def test_whole_numbers_stay_exact_and_others_are_short():
    assert text(1234567) == count("1234567") == "1,234,567" and text(123456.7) == "123,500"
    assert text("relu") == "relu" and count("") == percent("", 1) == fixed(None, 2) == ""
    assert percent("0.125", 1) == "12.5 %" and fixed(0.125, 2) == "0.12"
    assert (signed(0.5), signed(-0.5), signed(math.nan)) == ("+0.50", "-0.50", "unknown")


def test_columns_without_anything_go():
    assert Table(["a", "b"], [["1", ""], ["", ""]]).without_empty() == Table(["a"], [["1"], [""]])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"split,images\ntrain,1\xff3\n", "not a table"),
        (b"split,images\ntrain\n", "row 2: 1 cells, the header has 2"),
        (b"split,images\ntrain,1.5\n", "row 2, column images: '1.5' cannot be there"),
        (b"split,images\ntrain,x\n", "row 2, column images: 'x' cannot be there"),
        (b"split,images\ntr\x00in,3\n", "column split"),
        (b"split,share\ntrain,inf\n", "row 2, column share"),
        (b"split,imagez\ntrain,3\n", "no column images"),
    ],
)
def test_a_damaged_table_names_itself_and_the_remedy(tmp_path, data, message):
    (tmp_path / "splits.csv").write_bytes(data)
    with pytest.raises(InputError, match=re.escape(message)) as refused:
        read_table(tmp_path / "splits.csv", "preprocess")[0]["images"]
    assert str(refused.value).startswith(f"{tmp_path}/splits.csv: ") and "`dvc repro -f preprocess`" in str(
        refused.value
    )


def test_damaged_pictures(tmp_path):
    path = tmp_path / "reports/train_ae/grids/000001.png"
    save_png(path, np.zeros((8, 8, 3), np.uint8))
    assert read_rgb(path).size == (8, 8)
    data = path.read_bytes()
    for place in range(0, len(data) - 16, 7):
        path.write_bytes(data[:place] + bytes([data[place] ^ 255]) + data[place + 1 :])
        try:
            assert read_rgb(path).size == (8, 8)
        except InputError as error:
            assert str(error).startswith(f"{path}: damaged") and "`dvc repro -f train_ae`" in str(error)
    path.unlink()
    with pytest.raises(InputError, match=r"000001\.png: missing; `dvc checkout`"):
        read_rgb(path)
