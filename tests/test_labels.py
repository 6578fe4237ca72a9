"""Label files: values, and the line that an error names."""

import numpy as np
import pytest

from facepipe.data import labels
from facepipe.errors import InputError


def write(path, text):
    path.write_text(text)
    return path


def test_attribute_list(tmp_path):
    path = write(tmp_path / "list.txt", "2\nSmiling Male\n000001.jpg -1  1\n000002.jpg  1 -1\n")
    table = labels.read_attribute_list(path)
    assert table.to_dict("index") == {
        "000001.jpg": {"Smiling": 0.0, "Male": 1.0},
        "000002.jpg": {"Smiling": 1.0, "Male": 0.0},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected the number"),
        ("id,Smiling\na,1\n", "line 1: expected the number"),
        ("1\nSmiling Smiling\na 1 1\n", "line 2: attributes need names of their own"),
        ("1\nid\na 1\n", "line 2: attributes need names of their own"),
        ("2\nSmiling Male\na 1 1\nb 1\n", "line 4: 2 columns, expected 3"),
        ("2\nSmiling Male\na 1 1 1\nb 1 1\n", "line 3: 4 columns, expected 3"),
        ("2\nSmiling Male\na 1 1\nb 1 0\n", "line 4: Male: should be -1 or 1, found '0'"),
        ("2\nSmiling Male\na 1 1\na 1 1\n", "line 4: a is there twice"),
        ("3\nSmiling Male\na 1 1\nb 1 1\n", "says 3 images, found 2 rows"),
    ],
)
def test_broken_attribute_list(tmp_path, text, message):
    with pytest.raises(InputError, match=f"list.txt: .*{message}"):
        labels.read_attribute_list(write(tmp_path / "list.txt", text))


def test_partition(tmp_path):
    path = write(tmp_path / "part.txt", "a.jpg 0\nb.jpg 1\nc.jpg 2\n")
    assert labels.read_partition(path) == {"a.jpg": "train", "b.jpg": "valid", "c.jpg": "test"}
    with pytest.raises(InputError, match="line 2: should be 0, 1 or 2, found '3'"):
        labels.read_partition(write(path, "a.jpg 0\nb.jpg 3\n"))
    with pytest.raises(InputError, match="no such file"):
        labels.read_partition(tmp_path / "absent.txt")
    path.write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(InputError, match="not UTF-8"):
        labels.read_partition(path)


def test_factors(tmp_path):
    table = labels.read_factors(write(tmp_path / "f.csv", "id,yaw,age\n000001.png,-0.25,1e-3\n"))
    assert table.loc["000001.png"].tolist() == [-0.25, 0.001]
    for cell in ("much", "", "nan", "inf"):
        with pytest.raises(InputError, match="line 3: age: should be a finite number"):
            labels.read_factors(write(tmp_path / "f.csv", f"id,yaw,age\na,0,0\nb,0,{cell}\n"))


def test_lfw(tmp_path):
    write(tmp_path / "male_names.txt", "A_0001.jpg\r\nBoth_0001.jpg\r\nAlso_0001.jpg\r\n")
    write(tmp_path / "female_names.txt", "B_0001.jpg\r\nBoth_0001.jpg\r\nAlso_0001.jpg\r\n")
    table = labels.read_lfw(tmp_path)
    assert table["Male"].to_dict() == {"A_0001.jpg": 1.0, "B_0001.jpg": 0.0}  # in both lists: unknown
    write(tmp_path / "SMILE_list.txt", "A_0001.jpg\n")
    write(
        tmp_path / "attributes_predicted.csv",
        "name,Smiling,Male,Eyeglasses\nA_0001.jpg,0.1,0.2,0.5\nB_0001.jpg,0.7,0.9,0.49\nBoth_0001.jpg,0,1,1\n",
    )
    table = labels.read_lfw(tmp_path)
    assert list(table.columns) == ["Male", "Smiling", "Eyeglasses"]
    assert table.loc["A_0001.jpg"].tolist() == [1.0, 1.0, 1.0]  # the lists win over the predictions
    assert table.loc["B_0001.jpg"].tolist() == [0.0, 1.0, 0.0]
    assert table.loc["Both_0001.jpg"].tolist() == [1.0, 0.0, 1.0]
    assert "Also_0001.jpg" not in table.index
    write(tmp_path / "attributes_predicted.csv", "name,Smiling\nA_0001.jpg,1.5\n")
    with pytest.raises(InputError, match=r"line 2: Smiling: should be a probability in \[0, 1\], found '1.5'"):
        labels.read_lfw(tmp_path)


def test_lfw_without_any_label_file(tmp_path):
    table = labels.read_lfw(tmp_path)
    assert table.shape == (0, 0) and not np.size(table)
