import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facepipe.download.synthetic.factors import (
    ATTRIBUTES,
    FACTORS,
    attributes,
    continuous,
    render,
    sample_factors,
    write_archive,
)

SAMPLES = 2000


@pytest.fixture(scope="module")
def sampled():
    return [sample_factors(0, index) for index in range(SAMPLES)]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("synthetic")
    write_archive(folder, count=40, size=32, seed=3, workers=1)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_factors_depend_on_seed_and_index_alone(sampled):
    assert sample_factors(0, 7) == sampled[7]
    assert sample_factors(1, 7) != sampled[7] != sampled[8]
    assert {type(value) for value in sampled[7].values()} == {str, int, float}


def test_attribute_rates(sampled):
    rates = pd.DataFrame([attributes(factors) for factors in sampled]).mean()
    assert tuple(rates.index) == ATTRIBUTES
    assert rates.drop(["No_Beard", "Young"]).between(0.05, 0.52).all(), rates
    assert rates[["No_Beard", "Young"]].between(0.5, 0.72).all()
    main = ["Smiling", "Eyeglasses", "Wearing_Hat", "Bangs", "Male", "Mouth_Slightly_Open", "Mustache", "Gray_Hair",
            "Black_Hair", "Blond_Hair", "Brown_Hair", "Pale_Skin", "Rosy_Cheeks", "Narrow_Eyes"]  # fmt: skip
    assert rates[main].min() > 0.08


def test_what_goes_together(sampled):
    table = pd.DataFrame([attributes(factors) for factors in sampled])
    male, female = table[table.Male == 1], table[table.Male == 0]
    assert female.No_Beard.all() and not female.Bald.any() and not male.Wearing_Lipstick.any()
    assert table[table.Young == 0].Gray_Hair.mean() > 5 * table[table.Young == 1].Gray_Hair.mean()
    assert not (table.Wearing_Hat & table.Bald).any() and not (table.Wearing_Hat & table.Bangs).any()
    assert (table[["Black_Hair", "Brown_Hair", "Blond_Hair", "Gray_Hair"]].sum(axis=1) <= 1).all()
    correlation = table[["Smiling", "Eyeglasses", "Wearing_Hat", "Pale_Skin", "Mouth_Slightly_Open", "Male"]].corr()
    assert np.abs(correlation.to_numpy() - np.eye(6)).max() < 0.1  # these are independent


@pytest.mark.parametrize(
    ("attribute", "factor"),
    [("Smiling", "smile"), ("Mouth_Slightly_Open", "mouth_open"), ("Young", "age"), ("Pale_Skin", "skin_tone"),
     ("Narrow_Eyes", "eye_openness"), ("Big_Nose", "nose_size"), ("Rosy_Cheeks", "blush"), ("Chubby", "head_width"),
     ("Bushy_Eyebrows", "brow_thickness"), ("Big_Lips", "lip_fullness"), ("Arched_Eyebrows", "brow_arch")],
)  # fmt: skip
def test_a_gap_parts_the_classes(sampled, attribute, factor):
    values = {True: [], False: []}
    for factors in sampled:
        values[bool(attributes(factors)[attribute])].append(factors[factor])
    low, high = sorted(values.values(), key=np.mean)
    spread = max(high) - min(low)
    assert min(high) - max(low) > 0.09 * spread


def test_archive_bytes_do_not_depend_on_workers(archive, tmp_path):
    write_archive(tmp_path, count=40, size=32, seed=3, workers=2)
    assert contents(tmp_path) == contents(archive)
    assert set(contents(archive)) == {"synthetic.zip", "list_attr_synthetic.txt", "factors.csv"}


def test_a_larger_count_only_adds(archive, tmp_path):
    write_archive(tmp_path, count=5, size=32, seed=3, workers=1)
    with zipfile.ZipFile(archive / "synthetic.zip") as many, zipfile.ZipFile(tmp_path / "synthetic.zip") as few:
        assert few.namelist() == [f"synthetic/{index:06d}.png" for index in range(1, 6)] == many.namelist()[:5]
        assert all(few.read(name) == many.read(name) for name in few.namelist())
    for name, head in (("list_attr_synthetic.txt", 1), ("factors.csv", 0)):
        few, many = ((folder / name).read_text().splitlines()[head:] for folder in (tmp_path, archive))
        assert few == many[: len(few)]


def test_members_are_the_rendered_faces(archive):
    with zipfile.ZipFile(archive / "synthetic.zip") as zipped:
        info = zipped.getinfo("synthetic/000012.png")
        assert info.compress_type == zipfile.ZIP_STORED and info.date_time == (1980, 1, 1, 0, 0, 0)
        with zipped.open(info) as file:
            image = np.asarray(Image.open(file))
    assert (image == render(sample_factors(3, 11), 32)).all()


def test_attribute_list_has_celebas_format(archive):
    count, names, *rows = (archive / "list_attr_synthetic.txt").read_text().splitlines()
    assert int(count) == len(rows) == 40
    assert tuple(names.split()) == ATTRIBUTES
    for index, row in enumerate(rows):
        name, *values = row.split()
        assert name == f"{index + 1:06d}.png"
        assert [int(value) for value in values] == [2 * v - 1 for v in attributes(sample_factors(3, index)).values()]


def test_factors_read_back_exactly(archive):
    table = pd.read_csv(archive / "factors.csv", index_col="id")
    assert tuple(table.columns) == FACTORS and len(table) == 40
    assert table.loc["000040.png"].to_dict() == continuous(sample_factors(3, 39))


def test_a_failed_run_leaves_the_old_archive(archive, tmp_path, monkeypatch):
    write_archive(tmp_path, count=2, size=16, seed=0, workers=1)
    before = contents(tmp_path)

    def full_disk(*_):
        raise OSError("no space left")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full_disk)
    with pytest.raises(OSError, match="no space left"):
        write_archive(tmp_path, count=2, size=24, seed=0, workers=1)
    assert contents(tmp_path) == before
