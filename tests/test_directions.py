"""Files of directions."""

from dataclasses import replace

import numpy as np
import pytest

from facepipe.directions.table import Directions, read_directions, write_directions
from facepipe.errors import InputError


def some():
    vectors = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    names, methods = ["Smiling", "Smiling", "a, b", "Male"], ["logistic", "mean_difference", "logistic", "logistic"]
    return Directions(names, methods, np.arange(4), np.arange(4) + 10, np.array([0.9, 0.8, 0.7, 0.65]), vectors)


def test_file_round_trip(tmp_path):
    directions = some()
    write_directions(tmp_path / "vae.csv", directions)
    read = read_directions(tmp_path / "vae.csv", 6, "vae")
    assert read.names == directions.names and read.methods == directions.methods
    np.testing.assert_array_equal(read.vectors, directions.vectors)
    np.testing.assert_array_equal(read.n_pos, directions.n_pos)
    np.testing.assert_allclose(read.auc, directions.auc, atol=1e-6)
    header = (tmp_path / "vae.csv").read_text().splitlines()[0]
    assert header == "attribute,method,n_pos,n_neg,auc,norm,z000,z001,z002,z003,z004,z005"


def test_directions_that_were_scaled_say_by_how_much(tmp_path):
    directions = replace(some(), scale=np.array([0.25, 1, 1.2345678, 2.8]))
    write_directions(tmp_path / "vae.csv", directions)
    assert (tmp_path / "vae.csv").read_text().startswith("attribute,method,n_pos,n_neg,auc,norm,scale,z000,")
    read = read_directions(tmp_path / "vae.csv", 6, "vae")
    np.testing.assert_allclose(read.scale, directions.scale, rtol=1e-5)
    np.testing.assert_array_equal(read.vectors, directions.vectors)
    assert read.preferred().scale.tolist() == pytest.approx([0.25, 1.23457, 2.8])
    write_directions(tmp_path / "vae.csv", some())
    assert read_directions(tmp_path / "vae.csv").scale is None
    (tmp_path / "vae.csv").write_text("attribute,method,n_pos,n_neg,auc,norm,scale,z000\na,logistic,5,5,0.9,1,-1,1\n")
    with pytest.raises(InputError, match="row 2, column scale: '-1' is not a number from 0 to 1000"):
        read_directions(tmp_path / "vae.csv")


def test_a_file_that_a_spreadsheet_saved_with_decimal_commas(tmp_path):
    write_directions(tmp_path / "vae.csv", directions := some())
    text = (tmp_path / "vae.csv").read_text().replace('"a, b"', "a b").replace(",", ";").replace(".", ",")
    (tmp_path / "excel.csv").write_bytes(text.encode("cp1252"))
    read = read_directions(tmp_path / "excel.csv", 6, "vae")
    np.testing.assert_array_equal(read.vectors, directions.vectors)
    np.testing.assert_array_equal(read.auc, directions.auc)
    np.testing.assert_array_equal(read.n_neg, directions.n_neg)


def test_the_first_of_an_attribute_is_preferred():
    directions = some()
    preferred = directions.preferred()
    assert preferred.names == ["Smiling", "a, b", "Male"] and preferred.methods == ["logistic"] * 3
    np.testing.assert_array_equal(preferred.vectors, directions.vectors[[0, 2, 3]])
    assert directions.take([]).names == [] and directions.take([]).vectors.shape == (0, 6)


def test_find_by_attribute_and_method():
    directions = some()
    assert directions.find("Smiling") == 0 and directions.find("Smiling", "mean_difference") == 1
    for name, method, message in (
        ("Smilling", None, "no direction for 'Smilling'; did you mean Smiling"),
        ("Xyz", None, "there are Smiling, a, b, Male"),
        ("Male", "logitsic", "did you mean logistic"),
        ("Male", "mean_difference", "there are logistic"),
    ):
        with pytest.raises(InputError, match=message):
            directions.find(name, method)


@pytest.mark.parametrize(
    "content, message",
    [
        ("attribute,z000\nSmiling,1\n", "row 1: no column named method"),
        ("a,mean_difference,5,5,0.9,1,2\na,mean_difference,5,5,0.9,1,2\n", "row 3, column attribute: 'a'"),
        (",logistic,5,5,0.9,1,2\n", "row 2, column attribute: ''"),
        ("a,mean_difference,5,5,1.9,1,2\n", "row 2, column auc: '1.9'"),
        ("a,mean_difference,5,5,nan,1,2\n", "row 2, column auc: 'nan'"),
        ("a,mean_difference,5.5,5,0.9,1,2\n", "row 2, column n_pos: '5.5' is not a whole number from 0 on"),
        ("a,mean_difference,5,-5,0.9,1,2\n", "row 2, column n_neg: '-5'"),
        (f"a,mean_difference,{10**18},5,0.9,1,2\n", "is not a whole number from 0 on, of 18 digits at most"),
        ("a,mean_difference,5,5,0.9,1,x\n", "row 2, column z000: 'x'"),
    ],
)
def test_damaged_file(tmp_path, content, message):
    header = "" if content.startswith("attribute") else "attribute,method,n_pos,n_neg,auc,norm,z000\n"
    (tmp_path / "vae.csv").write_text(header + content)
    with pytest.raises(InputError, match=r"vae\.csv: ") as caught:
        read_directions(tmp_path / "vae.csv")
    assert message in str(caught.value)
