"""Label files: values, and the row that an error names."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from facepipe.datasets import labels
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
    assert set(table.dtypes) == {np.dtype("float32")} and table.index.name == "id"
    path.write_bytes(b"\xef\xbb\xbf2\r\nSmiling Male\r\n000001.jpg -1  1\r\n000002.jpg  1 -1\r\n\r\n\n")
    assert labels.read_attribute_list(path).equals(table)  # byte order mark, Windows' line ends, empty lines at the end


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "row 1: expected the number"),
        ("id,Smiling\na,1\n", "row 1: expected the number"),
        ("1\nSmiling Smiling\na 1 1\n", "row 2: attributes need different names"),
        (
            "1\nid\na 1\n",
            "row 2: no attribute can be called id: tables of labels and latents have a column of this name",
        ),
        ("2\nSmiling Male\na 1 1\nb 1\n", "row 4: 2 columns, expected 3"),
        ("2\nSmiling Male\na 1 1 1\nb 1 1\n", "row 3: 4 columns, expected 3"),
        ("2\nSmiling Male\na 1 1\nb 1 0\n", "row 4, column Male: should be -1 or 1, found '0'"),
        ("2\nSmiling Male\na 1 1\na 1 1\n", "row 4: a is there twice"),
        ("2\nSmiling Male\na 1 1\n\nb 1 1\n", "row 4: 0 columns, expected 3"),
        ("2\nSmiling Male\na 1 1\nb 1 -", "row 4, column Male: should be -1 or 1, found '-'"),
        ("3\nSmiling Male\na 1 1\nb 1 1\n", "says 3 images, found 2 rows"),
    ],
)
def test_broken_attribute_list(tmp_path, text, message):
    with pytest.raises(InputError, match=f"list.txt: .*{message}"):
        labels.read_attribute_list(write(tmp_path / "list.txt", text))


def test_partition(tmp_path):
    path = write(tmp_path / "part.txt", "a.jpg 0\nb.jpg 1\nc.jpg 2\n")
    assert labels.read_partition(path) == {"a.jpg": "train", "b.jpg": "valid", "c.jpg": "test"}
    with pytest.raises(InputError, match="row 2: should be 0, 1 or 2, found '3'"):
        labels.read_partition(write(path, "a.jpg 0\nb.jpg 3\n"))
    with pytest.raises(InputError, match="no such file"):
        labels.read_partition(tmp_path / "absent.txt")
    path.write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(InputError, match="not UTF-8"):
        labels.read_partition(path)


def test_identities(tmp_path):
    path = write(tmp_path / "identity.txt", "a.jpg 2880\nb.jpg 17\nc.jpg 2880\n")
    assert labels.read_identities(path) == {"a.jpg": "2880", "b.jpg": "17", "c.jpg": "2880"}
    with pytest.raises(InputError, match=r"identity.txt: row 2: 3 columns, expected 2"):
        labels.read_identities(write(path, "a.jpg 2880\nb.jpg 17 18\n"))
    with pytest.raises(InputError, match=r"identity.txt: row 2: a.jpg is there twice"):
        labels.read_identities(write(path, "a.jpg 2880\na.jpg 17\n"))


def celeba(folder, count):
    """Label files in CelebA's format; returns what they say, and the items of the archive."""
    random = np.random.default_rng(0)
    values, ids = random.integers(0, 2, (count, 40)), [f"{i + 1:06d}.jpg" for i in range(count)]
    codes = np.array(["-1", " 1"])
    rows = (f"{id} {' '.join(codes[row])}\n" for id, row in zip(ids, values, strict=True))
    write(folder / "list_attr_celeba.txt", f"{count}\n{' '.join(f'A{i}' for i in range(40))}\n{''.join(rows)}")
    write(folder / "list_eval_partition.txt", "".join(f"{id} {i % 3}\n" for i, id in enumerate(ids)))
    write(folder / "identity_CelebA.txt", "".join(f"{id} {i % 10177}\n" for i, id in enumerate(ids)))
    return values, [(id, f"img_align_celeba/{id}") for id in ids]


def test_celeba(tmp_path):
    values, items = celeba(tmp_path, 300)
    found = labels.read_celeba(tmp_path, items)
    assert np.array_equal(found.attributes.to_numpy(), values) and found.factors is None
    assert found.attributes.index.tolist() == list(found.splits) == list(found.identities) == [id for id, _ in items]
    assert found.splits["000002.jpg"] == "valid" and found.identities["000300.jpg"] == "299"
    (tmp_path / "identity_CelebA.txt").unlink()
    assert labels.read_celeba(tmp_path, items).identities == {}
    assert len(labels.read_celeba(tmp_path, items[:3]).attributes) == 300


def test_celebas_labels_as_the_tables_of_a_mirror(tmp_path):
    _, items = celeba(tmp_path, 300)
    lists = labels.read_celeba(tmp_path, items)
    for name, table in labels.CELEBA_TABLES.items():
        rows = [line.split() for line in (tmp_path / name).read_text().splitlines()]
        if name == "list_attr_celeba.txt":
            header, rows = rows[1], rows[2:]
        else:
            header = ["value"]
        write(tmp_path / table, "".join(",".join(row) + "\n" for row in [["image_id", *header], *rows]))
        (tmp_path / name).unlink()
    tables = labels.read_celeba(tmp_path, items)
    assert tables.attributes.equals(lists.attributes) and tables.attributes.index.name == "id"
    assert (tables.splits, tables.identities) == (lists.splits, lists.identities)


def test_attribute_table(tmp_path):
    right = {"a.jpg": {"5_o_Clock_Shadow": 0.0, "Male": 1.0}, "b.jpg": {"5_o_Clock_Shadow": 1.0, "Male": 0.0}}
    for text in (
        "image_id,5_o_Clock_Shadow,Male\na.jpg,-1,1\nb.jpg,1,-1\n",
        "image_id,5_o_Clock_Shadow,Male\na.jpg,0,1\nb.jpg,1,0\n",
        "\ufeffimage_id;5_o_Clock_Shadow;Male\r\na.jpg;-1;1\r\nb.jpg;1;-1\r\n;;\r\n",
    ):
        table = labels.read_attribute_table(write(tmp_path / "t.csv", text))
        assert table.to_dict("index") == right and set(table.dtypes) == {np.dtype("float32")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("202599\n5_o_Clock_Shadow Male\na.jpg 1 1\n", "row 1: expected image_id, then the names of attributes"),
        ("image_id,Male\na.jpg,yes\n", "row 2, column Male: should be -1 or 1, found 'yes'"),
        ("image_id,Male\na.jpg,-1\nb.jpg,0\n", "row 3: both 0 and -1 up to here; write all of those without one way"),
        ("image_id,Male\na.jpg,-1\na.jpg,1\n", "row 3: a.jpg is there twice"),
        ("image_id,Male\na.jpg,-1,1\n", "row 2: 3 cells, the header has 2"),
    ],
)
def test_broken_attribute_table(tmp_path, text, message):
    with pytest.raises(InputError, match=f"t.csv: {message}"):
        labels.read_attribute_table(write(tmp_path / "t.csv", text))


def test_partition_table(tmp_path):
    path = write(tmp_path / "part.csv", "image_id,partition\na.jpg,0\nb.jpg,1\nc.jpg,2\n")
    assert labels.read_partition(path) == {"a.jpg": "train", "b.jpg": "valid", "c.jpg": "test"}
    for text, message in (
        ("image_id,partition\na.jpg,3\n", "row 2: should be 0, 1 or 2, found '3'"),
        ("image_id,partition,x\na.jpg,0,1\n", "row 1: 3 columns, expected 2: image_id and its value"),
        ("image_id,partition\na.jpg,0\na.jpg,1\n", "row 3: a.jpg is there twice"),
    ):
        with pytest.raises(InputError, match=message):
            labels.read_partition(write(path, text))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux' /proc")
def test_celebas_size_costs_little_memory(tmp_path):
    celeba(tmp_path, 202_599)
    # getrusage would start from what this process has: exec carries its maximum over
    code = """
import sys
from facepipe.datasets import labels

def peak():
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))

items = [(f"{i + 1:06d}.jpg", f"img_align_celeba/{i + 1:06d}.jpg") for i in range(202_599)]
before = peak()
found = labels.read_celeba(sys.argv[1], items)
assert found.attributes.shape == (202_599, 40) and len(found.splits) == len(found.identities) == 202_599
print(peak() - before)
"""
    ran = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert float(ran.stdout) < 120  # megabytes; 88 measured, of which what it returns are 50


def test_synthetic(tmp_path):
    write(tmp_path / "list_attr_synthetic.txt", "2\nSmiling\n000001.png -1\n000002.png 1\n")
    write(tmp_path / "factors.csv", "id,yaw\n000001.png,0.5\n000002.png,-0.5\n")
    found = labels.read_synthetic(tmp_path, [])
    assert found.attributes["Smiling"].tolist() == [0.0, 1.0] and found.factors["yaw"].tolist() == [0.5, -0.5]
    assert found.identities == {} and found.splits is None


def test_factors(tmp_path):
    table = labels.read_factors(write(tmp_path / "f.csv", "id,yaw,age\n000001.png,-0.25,1e-3\n"))
    assert table.loc["000001.png"].tolist() == [-0.25, 0.001]
    assert table.index.tolist() == ["000001.png"] and list(table.columns) == ["yaw", "age"]
    for cell, problem in (
        ("much", "'much' is not a number"),
        ("", "empty cell; expected a number"),
        ("nan", "'nan' is not a finite number"),
        ("inf", "'inf' is not a finite number"),
    ):
        with pytest.raises(InputError, match=f"row 3, column age: {problem}"):
            labels.read_factors(write(tmp_path / "f.csv", f"id,yaw,age\na,0,0\nb,0,{cell}\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty file; expected a header row"),
        ("\n", "row 1: column 1 has no name"),
        ("yaw,pitch\n", "row 1: no column id"),
        ("id,,yaw\n", "row 1: column 2 has no name"),
        ("id,yaw,Yaw\n", "row 1: 'yaw' is there twice"),
        ("id,yaw\na,1\nb\n", "row 3, column yaw: empty cell; expected a number"),
        ("id,yaw\na,1,2\n", "row 2: 3 cells, the header has 2"),
        ("id,yaw\na,1\na,2\n", "row 3, column id: a is there twice"),
        ('id,yaw\n"a,1\n', "row 2: not valid CSV: unexpected end of data"),
    ],
)
def test_broken_csv(tmp_path, text, message):
    with pytest.raises(InputError, match=f"f.csv: {message}"):
        labels.read_factors(write(tmp_path / "f.csv", text))


def test_lfw(tmp_path):
    write(tmp_path / "male_names.txt", "A_0001.jpg\r\nBoth_0001.jpg\r\nAlso_0001.jpg\r\n")
    write(tmp_path / "female_names.txt", "B_0001.jpg\r\nBoth_0001.jpg\r\nAlso_0001.jpg\r\n")
    table = labels.read_lfw(tmp_path, []).attributes
    assert table["Male"].to_dict() == {"A_0001.jpg": 1.0, "B_0001.jpg": 0.0}  # in both lists: unknown
    write(tmp_path / "SMILE_list.txt", "A_0001.jpg\n")
    write(
        tmp_path / "attributes_predicted.csv",
        "name,Smiling,Male,Eyeglasses\nA_0001.jpg,0.1,0.2,0.5\nB_0001.jpg,0.7,0.9,0.49\nBoth_0001.jpg,0,1,1\n",
    )
    table = labels.read_lfw(tmp_path, []).attributes
    assert list(table.columns) == ["Male", "Smiling", "Eyeglasses"]
    assert table.loc["A_0001.jpg"].tolist() == [1.0, 1.0, 1.0]  # the lists win over the predictions
    assert table.loc["B_0001.jpg"].tolist() == [0.0, 1.0, 0.0]
    assert table.loc["Both_0001.jpg"].tolist() == [1.0, 0.0, 1.0]
    assert "Also_0001.jpg" not in table.index
    write(tmp_path / "attributes_predicted.csv", "name,Smiling\nA_0001.jpg,1.5\n")
    with pytest.raises(InputError, match=r"row 2, column Smiling: '1.5' is not a probability in \[0, 1\]"):
        labels.read_lfw(tmp_path, [])


def test_lfw_without_any_label_file(tmp_path):
    table = labels.read_lfw(tmp_path, []).attributes
    assert table.shape == (0, 0) and not np.size(table)


def test_unreadable_label_file(tmp_path):
    with pytest.raises(InputError, match=r"list_attr_celeba.txt: no such file"):
        labels.read_celeba(tmp_path, [])
    (tmp_path / "list_attr_celeba.txt").mkdir()
    with pytest.raises(InputError, match=r"list_attr_celeba.txt: is a directory"):
        labels.read_celeba(tmp_path, [])
