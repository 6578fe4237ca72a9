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


@pytest.mark.parametrize("text", ["yes", "1.5", "nan", "-1", "inf"])
def test_what_is_no_label(text):
    with pytest.raises(InputError, match=f"t.csv: row 3, column Smiling: '{text}' is not a label; expected 0"):
        labels_of(table(Smiling=["1", text]), ["Smiling"], "t.csv")


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
