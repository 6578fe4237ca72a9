"""Labels as columns of a table."""

import numpy as np
import pytest

from facepipe.api.edit import parse_change
from facepipe.errors import InputError
from facepipe.latents.label_columns import check_label, labels_of, mixed_labels
from facepipe.latents.table import Latents

Z = np.zeros((2, 3), np.float32)


def table(**extra):
    return Latents(["a", "b"], ["", ""], Z, extra)


def test_labels_of_a_conditioned_model():
    labels = labels_of(
        table(note=["x", "y"], Young=["1.0", " "], Smiling=["0", "0.25"]), ["Smiling", "Male", "Young"], "t.csv"
    )
    np.testing.assert_array_equal(labels, [[0, np.nan, 1], [0.25, np.nan, np.nan]])
    np.testing.assert_array_equal(labels_of(table(Young=["0,5", "0.25"]), ["Young"], "t.csv"), [[0.5], [0.25]])
    assert labels_of(table(note=["x", "y"]), [], "t.csv") is None
    assert labels_of(table(Young=["1", "0"]), ["Male"], "t.csv") is None


@pytest.mark.parametrize("text", ["perhaps", "1.5", "nan", "-0.5", "-2", "inf"])
def test_what_is_no_label(text):
    with pytest.raises(InputError, match=f"t.csv: row 3, column Smiling: '{text}' is not a label; expected 0"):
        labels_of(table(Smiling=["1", text]), ["Smiling"], "t.csv")


def test_labels_are_read_as_in_a_table_of_ones_own():
    texts = ["TRUE", "no", "WAHR", "Falsch", "VRAI", "1,0", "0.5", "", "\u00a0"]
    read = labels_of(Latents(list("abcdefghi"), [""] * 9, np.zeros((9, 3)), {"Hat": texts}), ["Hat"], "t.csv")
    np.testing.assert_array_equal(read[:, 0], [1, 0, 1, 0, 1, 1, 0.5, np.nan, np.nan])


def test_minus_one_is_without_unless_other_numbers_make_it_doubtful():
    for texts, right in ((["-1", "1"], [0, 1]), (["\u22121", ""], [0, np.nan]), (["-1", "yes"], [0, 1])):
        np.testing.assert_array_equal(labels_of(table(Hat=texts), ["Hat"], "t.csv")[:, 0], right)
    for texts in (["0", "-1"], ["0.5", "-1"]):
        with pytest.raises(InputError, match=r"row 3, column Hat: '-1' is not a label; .*\(or -1, 1 and nothing"):
            labels_of(table(Hat=texts), ["Hat"], "t.csv")


def test_strengths_that_are_no_label():
    for text in ("A=0", "A=1", "A=0:1:3"):
        check_label(parse_change(text), "--add", "vae")
    for text in ("A=1.5", "A=-1:1:3"):
        with pytest.raises(InputError, match=r"--add A=(1\.5|-1): model vae was conditioned on it; use 1"):
            check_label(parse_change(text), "--add", "vae")


def test_weighted_sums_of_labels():
    faces = table(Smiling=["1", "0"], Male=["", "1"], note=["x", "y"])
    way = [[1, 0], [0.75, 0.25], [0, 1]]
    mixed = mixed_labels(faces, ("Male", "Smiling", "Hat"), way, "t.csv")
    assert mixed == {"Male": ["0.5", "0.625", "1"], "Smiling": ["1", "0.75", "0"]}
    assert mixed_labels(faces, ("Smiling",), [[1, -1], [-1, 1]], "t.csv") == {"Smiling": ["1", "0"]}
    assert mixed_labels(faces, ("Hat",), way, "t.csv") == {}
