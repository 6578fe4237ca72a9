"""Reading what the stages wrote, for the page."""

import math

import pytest

from facepipe.core.files import write_json
from facepipe.errors import InputError
from facepipe.report.page.reading import Table, count, fixed, percent, read_history, read_metrics, signed, text


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


def test_metrics_that_say_nothing_of_a_model_are_named(tmp_path):
    path = tmp_path / "metrics.json"
    write_json(path, {"ae": {}})
    assert read_metrics(path, ["ae"]) == {"ae": {}}
    with pytest.raises(InputError, match=r"metrics\.json: nothing about vae; run dvc repro"):
        read_metrics(path, ["ae", "vae"])
    path.write_text("{")
    with pytest.raises(InputError, match=r"metrics\.json: missing or not JSON"):
        read_metrics(path, [])


def test_whole_numbers_stay_exact_and_others_are_short():
    assert text(1234567) == count("1234567") == "1,234,567" and text(123456.7) == "123,500"
    assert text("relu") == "relu" and count("") == percent("", 1) == fixed(None, 2) == ""
    assert percent("0.125", 1) == "12.5 %" and fixed(0.125, 2) == "0.12"
    assert (signed(0.5), signed(-0.5), signed(math.nan)) == ("+0.50", "-0.50", "unknown")


def test_columns_without_anything_go():
    assert Table(["a", "b"], [["1", ""], ["", ""]]).without_empty() == Table(["a"], [["1"], [""]])
