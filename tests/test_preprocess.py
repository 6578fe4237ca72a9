"""The preprocess stage: splits that do not move, crops, gray and non-square sizes, bad pictures, same bytes."""

import io
import json
import os
import signal
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facepipe.datasets.sets import get_source
from facepipe.download.config import Dataset
from facepipe.download.fetch import fetch
from facepipe.errors import InputError
from facepipe.preprocess.align import Face
from facepipe.preprocess.config import Preprocess
from facepipe.preprocess.plan import NO_SPLIT
from facepipe.preprocess.preprocess import preprocess
from facepipe.preprocess.writer import ShardWriter
from facepipe.shards.shards import SPLITS, Shards

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("FACEPIPE_TEST_DATA", ROOT.parent / "shared" / "data"))


def picture(seed, size=(25, 25)):
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "png")  # the decoder goes by content, not by name
    return file.getvalue()


def people(count, pictures=3):
    return {
        f"lfw-deepfunneled/P{p}/P{p}_{i + 1:04d}.jpg": picture(100 * p + i)
        for p in range(count)
        for i in range(pictures)
    }


def write_raw(folder, name, contents, **labels):
    """A raw folder as the download stage leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = get_source(name).archive
    if archive.endswith(".zip"):
        with zipfile.ZipFile(folder / archive, "w") as file:
            for member, data in contents.items():
                file.writestr(member, data)
    else:
        with tarfile.open(folder / archive, "w:gz") as file:
            for member, data in contents.items():
                info = tarfile.TarInfo(member)
                info.size = len(data)
                file.addfile(info, io.BytesIO(data))
    for label, text in labels.items():
        (folder / f"{label}.txt").write_text(text)
    (folder / "dataset.json").write_text(
        json.dumps({"name": name, "archive": archive, "files": [], "licence": "free", "citation": "us"})
    )
    return folder


def celeba(folder, count=30, **contents):
    names = [f"{i + 1:06d}.jpg" for i in range(count)]
    return write_raw(
        folder,
        "celeba",
        {f"img_align_celeba/{name}": picture(i, (89, 109)) for i, name in enumerate(names)} | contents,
        list_attr_celeba=f"{count}\nSmiling Male\n" + "".join(f"{n} {(-1) ** i} 1\n" for i, n in enumerate(names)),
        list_eval_partition="".join(f"{n} {0 if i < 20 else 1 if i < 25 else 2}\n" for i, n in enumerate(names)),
    )


def params(**values):
    small = {"image_size": (16, 16), "workers": 1, "valid_fraction": 0.2, "test_fraction": 0.2, "max_rejected": 1.0}
    return Preprocess(**(small | values))


def split_of(folder):
    table = pd.read_csv(folder / "ids.csv", dtype=str, keep_default_na=False)
    return dict(zip(table["id"], table["split"], strict=True))


def test_lfw(tmp_path):
    raw = write_raw(tmp_path / "raw", "lfw", people(30), male_names="P0_0001.jpg\nP1_0002.jpg\n")
    metrics = preprocess(params(), raw, tmp_path / "shards")
    shards = Shards(tmp_path / "shards")
    shards.verify()
    assert metrics == {"images": shards.splits, "rejected": 0, "identities": 30}
    assert sum(shards.splits.values()) == 90 and shards.image_shape == (16, 16, 3)
    table = pd.concat([shards.table(split) for split in SPLITS])
    assert (table.groupby("identity")["split"].nunique() == 1).all()  # nobody is in two splits
    for split in SPLITS:
        assert shards.ids(split) == sorted(shards.ids(split))
        assert shards.table(split)["row"].tolist() == [str(row) for row in range(shards.count(split))]
    row = table.set_index("id").loc["P3_0002.jpg"]
    assert row["source"] == "lfw-deepfunneled/P3/P3_0002.jpg" and row["identity"] == "P3"
    assert row[["left", "top", "right", "bottom"]].tolist() == ["5", "3", "21", "19"]  # (45, 28, 207, 190) / 10
    attributes = pd.concat([shards.attributes(split) for split in SPLITS])["Male"]
    assert attributes.loc["P1_0002.jpg"] == 1.0 and attributes.notna().sum() == 2


def test_pixels_are_those_of_the_crop(tmp_path):
    raw = celeba(tmp_path / "raw")
    preprocess(params(image_size=(74, 74)), raw, tmp_path / "shards")
    shards = Shards(tmp_path / "shards")
    source = np.asarray(Image.open(io.BytesIO(picture(20, (89, 109)))))
    assert shards.ids("valid")[0] == "000021.jpg"
    assert np.array_equal(shards.images("valid", 0, 1)[0], source[18:92, 8:82])  # 74x74: cropped, not resized


def test_official_split(tmp_path):
    raw = celeba(tmp_path / "raw")
    for split in ("auto", "official"):
        metrics = preprocess(params(split=split), raw, tmp_path / split)
        assert metrics == {"images": {"train": 20, "valid": 5, "test": 5}, "rejected": 0}
    assert Shards(tmp_path / "auto").sha256 == Shards(tmp_path / "official").sha256
    shards = Shards(tmp_path / "auto")
    assert shards.ids("test") == [f"{n:06d}.jpg" for n in range(26, 31)]
    assert shards.attributes("test")["Smiling"].tolist() == [0.0, 1.0, 0.0, 1.0, 0.0]
    preprocess(params(split="hash"), raw, tmp_path / "hash")
    assert split_of(tmp_path / "hash") != split_of(tmp_path / "auto")
    with pytest.raises(InputError, match="split: lfw has no official split"):
        preprocess(params(split="official"), write_raw(tmp_path / "lfw", "lfw", people(3)), tmp_path / "x")


def test_picture_that_the_official_split_does_not_list(tmp_path, capsys):
    raw = celeba(tmp_path / "raw", **{"img_align_celeba/000031.jpg": picture(1000, (89, 109))})
    assert preprocess(params(), raw, tmp_path / "shards")["rejected"] == 1
    assert "000031.jpg,not in the official split" in (tmp_path / "shards" / "rejected.csv").read_text()
    assert capsys.readouterr().out.splitlines() == [
        "preprocess: the label files do not know 1 of 31 pictures (000031.jpg): their attributes stay unknown",
        "preprocess: 1 of 31 pictures are in no part of the official split (img_align_celeba/000031.jpg): left out; "
        "preprocess.split: hash divides all of them",
        f"preprocess: 1 of 31 pictures rejected: 1 x not in the official split's file; {tmp_path}/shards/rejected.csv "
        "lists them",
    ]


def test_labels_of_another_subset(tmp_path, capsys):
    raw = celeba(tmp_path / "raw")
    others = "".join(f"{i:06d}.jpg 1 1\n" for i in range(16, 46))
    (raw / "list_attr_celeba.txt").write_text(f"30\nSmiling Male\n{others}")
    (raw / "identity_CelebA.txt").write_text("000001.jpg 7\n")
    preprocess(params(), raw, tmp_path / "shards")
    assert capsys.readouterr().out.splitlines() == [
        "preprocess: the label files do not know 15 of 30 pictures (000001.jpg, 000002.jpg, 000003.jpg, ...): their "
        "attributes stay unknown",
        "preprocess: the label files know 15 pictures (000031.jpg, 000032.jpg, 000033.jpg, ...) that "
        "are none of img_align_celeba.zip",
        "preprocess: the label files do not say who is in 29 of 30 pictures (000002.jpg, 000003.jpg, 000004.jpg, "
        "...): each counts as a person of its own",
    ]


def test_empty_cells_of_split_in_a_table_of_ones_own(tmp_path, capsys):
    raw = write_raw(tmp_path / "raw", "folder", {f"{i:02d}.png": picture(i) for i in range(30)})
    rows = "".join(f"{i:02d}.png,{('train', 'valid', 'test', '')[i % 4]}\n" for i in range(30))
    (raw / "labels.csv").write_text("id,split\n" + rows)
    assert preprocess(params(), raw, tmp_path / "shards")["rejected"] == 7
    rejected = pd.read_csv(tmp_path / "shards" / "rejected.csv")
    assert rejected["source"].tolist() == [f"{i:02d}.png" for i in range(3, 30, 4)]
    assert rejected["reason"].str.contains("split").all()
    assert capsys.readouterr().out == (
        f"preprocess: 7 of 30 pictures rejected: 7 x {NO_SPLIT}; {tmp_path}/shards/rejected.csv lists them\n"
    )
    assert NO_SPLIT.endswith("use preprocess.split: official (leaves it out) or hash")
    # the one message of a stage that stops
    with pytest.raises(InputError, match=r"^max_rejected: 7 of 30 .*: 7 x its split .*: official \(leaves it out\) or"):
        preprocess(params(max_rejected=0.1), raw, tmp_path / "none")
    assert capsys.readouterr().out == ""
    for split, count in (("official", 23), ("hash", 30)):
        metrics = preprocess(params(max_rejected=0, split=split), raw, tmp_path / split)
        assert metrics["rejected"] == 0 and sum(metrics["images"].values()) == count


def test_celeba_identities_keep_persons_together_under_hash(tmp_path):
    raw = celeba(tmp_path / "raw")
    (raw / "identity_CelebA.txt").write_text("".join(f"{i + 1:06d}.jpg {i % 10}\n" for i in range(30)))
    assert preprocess(params(split="hash"), raw, tmp_path / "shards")["identities"] == 10
    table = pd.read_csv(tmp_path / "shards" / "ids.csv", dtype=str)
    assert table.groupby("identity")["split"].nunique().tolist() == [1] * 10


TWO_FACES = [
    Face((40.0, 50.0), (60.0, 50.0), (30, 30, 70, 80), 1.0),
    Face((80.0, 30.0), (95.0, 30.0), (75, 20, 99, 50), 1.0),
]


@pytest.mark.parametrize("split", ["auto", "hash"])
def test_all_faces_of_a_photograph_share_its_split(tmp_path, monkeypatch, split):
    monkeypatch.setattr("facepipe.preprocess.preprocess.detect_faces", lambda data, max_pixels: TWO_FACES)
    raw = celeba(tmp_path / "raw", count=30, **{"img_align_celeba/000031.jpg": picture(99, (89, 109))})
    (raw / "identity_CelebA.txt").write_text("".join(f"{i + 1:06d}.jpg {i % 10}\n" for i in range(30)))
    metrics = preprocess(params(split=split, crop="align", faces="all", max_rejected=0.05), raw, tmp_path / "all")
    table = pd.read_csv(tmp_path / "all" / "ids.csv", dtype=str, keep_default_na=False).set_index("id")
    photographs = [name for name in table.index if "~" not in name]
    for name in photographs:
        further = table.loc[f"{name}~2"]
        assert further["split"] == table.loc[name, "split"] and further["identity"] == ""
    if split == "hash":
        persons = table.loc[photographs].groupby("identity")["split"].nunique()
        assert len(photographs) == 31 and persons.drop("").tolist() == [1] * 10
    else:
        # the picture that is not in the partition is rejected once, its second face with it
        assert len(photographs) == 30 and metrics["rejected"] == 1
    preprocess(params(split=split, crop="align", faces="largest"), raw, tmp_path / "largest")
    assert split_of(tmp_path / "largest") == table.loc[photographs, "split"].to_dict()


def test_a_face_that_cannot_be_used_does_not_count_against_its_photograph(tmp_path, monkeypatch):
    close = Face((10.0, 30.0), (10.5, 30.0), (0, 20, 9, 50), 1.0)
    monkeypatch.setattr("facepipe.preprocess.preprocess.detect_faces", lambda data, max_pixels: [TWO_FACES[0], close])
    metrics = preprocess(
        params(crop="align", faces="all", max_rejected=0.0), celeba(tmp_path / "raw"), tmp_path / "all"
    )
    assert sum(metrics["images"].values()) == metrics["rejected"] == 30
    assert (tmp_path / "all/rejected.csv").read_text().count("the eyes are 0.5 pixels apart") == 30
    monkeypatch.setattr("facepipe.preprocess.preprocess.detect_faces", lambda data, max_pixels: [close, close])
    with pytest.raises(InputError, match="30 of 30 pictures were rejected"):
        preprocess(params(crop="align", faces="all", max_rejected=0.5), tmp_path / "raw", tmp_path / "none")


def test_splits_do_not_move(tmp_path):
    few = write_raw(tmp_path / "few", "lfw", people(30))
    many = write_raw(tmp_path / "many", "lfw", dict(reversed(people(60, pictures=4).items())))
    for name, raw, changes in (
        ("few", few, {}),
        ("many", many, {}),
        ("l30", many, {"limit": 30}),
        ("l80", many, {"limit": 80}),
        ("v", many, {"valid_fraction": 0.4}),
    ):
        preprocess(params(**changes), raw, tmp_path / "out" / name)
    splits = {name: split_of(tmp_path / "out" / name) for name in ("few", "many", "l30", "l80", "v")}
    assert splits["few"].items() < splits["many"].items()  # pictures and people were added
    assert len(splits["l30"]) == 30 and splits["l30"].items() < splits["l80"].items() < splits["many"].items()
    tests = [{name for name, split in splits[key].items() if split == "test"} for key in ("many", "v")]
    assert tests[0] == tests[1]
    assert all(splits["v"][name] == "valid" for name, split in splits["many"].items() if split == "valid")


@pytest.mark.parametrize("shape", [(16, 16, 1), (24, 16, 3), (10, 30, 1)])
def test_gray_and_non_square(tmp_path, shape):
    raw = celeba(tmp_path / "raw")
    preprocess(params(image_size=shape[:2], channels=shape[2], crop="center"), raw, tmp_path / "shards")
    shards = Shards(tmp_path / "shards")
    assert shards.image_shape == shape and shards.images("test").shape == (5, *shape)
    box = shards.table("test").iloc[0][["left", "top", "right", "bottom"]].astype(int).tolist()
    width, height = box[2] - box[0], box[3] - box[1]
    assert width / height == pytest.approx(shape[1] / shape[0], rel=0.03)  # no stretching
    assert (width == 89 or height == 109) and abs(box[0] + box[2] - 89) <= 1 and abs(box[1] + box[3] - 109) <= 1


def test_crop_in_fractions(tmp_path):
    raw = celeba(tmp_path / "raw")
    preprocess(params(crop=(0.0, 0.0, 0.5, 0.5), image_size=(16, 13)), raw, tmp_path / "shards")
    box = Shards(tmp_path / "shards").table("test").iloc[0][["left", "top", "right", "bottom"]].tolist()
    assert box == ["0", "0", "45", "55"]


def test_bad_pictures_are_rejected_with_a_reason(tmp_path):
    contents = people(30)
    broken, cut = "lfw-deepfunneled/P4/P4_0002.jpg", "lfw-deepfunneled/P5/P5_0001.jpg"
    contents |= {broken: b"<html>", cut: contents[cut][:200], "lfw-deepfunneled/readme.txt": b"x"}
    contents |= {"lfw-deepfunneled/stray.jpg": picture(0), "lfw_funneled/P6/P6_0001.jpg": picture(1)}
    metrics = preprocess(params(), write_raw(tmp_path / "raw", "lfw", contents), tmp_path / "shards")
    rejected = pd.read_csv(tmp_path / "shards" / "rejected.csv").set_index("source")["reason"]
    assert metrics["rejected"] == 4 and sum(metrics["images"].values()) == 88
    assert rejected[broken] == "not a picture that Pillow can read" and rejected[cut].startswith("damaged")
    assert "not of the form" in rejected["lfw-deepfunneled/stray.jpg"]
    assert "is that of lfw-deepfunneled/P6/P6_0001.jpg" in rejected["lfw_funneled/P6/P6_0001.jpg"]
    assert "P4_0002.jpg" not in split_of(tmp_path / "shards")


@pytest.mark.parametrize("name", ["lfw", "celeba"])
def test_same_bytes_whoever_does_the_work(tmp_path, name):
    if name == "lfw":
        contents = people(40)
        contents["lfw-deepfunneled/P4/P4_0002.jpg"] = b"broken"
        raw = write_raw(tmp_path / "raw", name, contents)
    else:
        raw = celeba(tmp_path / "raw")
    ways = {
        "1": {"workers": 1},
        "2": {"workers": 2},
        "8": {"workers": 8},
        "dask": {"workers": 2, "scheduler": "dask"},
    }
    for way, options in ways.items():
        preprocess(params(**options, shard_mb=0.008), raw, tmp_path / way)
    one, *others = ({p.name: p.read_bytes() for p in (tmp_path / way).iterdir()} for way in ways)
    assert all(other == one for other in others) and len([file for file in one if file.startswith("train")]) > 1


def test_a_cluster_worker_killed_on_the_way_changes_nothing(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    raw = write_raw(tmp_path / "raw", "lfw", people(40, pictures=10))
    preprocess(params(), raw, tmp_path / "undisturbed")
    monkeypatch.setattr("facepipe.preprocess.convert.BATCH_IMAGES", 4)  # a hundred tasks
    written = []
    put = ShardWriter.put

    def put_and_kill(self, *arguments):
        put(self, *arguments)
        written.append(None)
        if len(written) == 50:
            os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)

    monkeypatch.setattr(ShardWriter, "put", put_and_kill)
    with distributed.LocalCluster(2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        preprocess(params(scheduler=cluster.scheduler_address), raw, tmp_path / "disturbed")
    assert len(written) == 400
    one, other = (
        {p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("undisturbed", "disturbed")
    )
    assert one == other


def test_no_usable_picture(tmp_path):
    contents = {name: b"broken%d" % number for number, name in enumerate(people(10))}
    message = r"no usable picture in the archive; 30 rejected, the first, .*P0_0001.jpg: not a picture"
    with pytest.raises(InputError, match=message):
        preprocess(params(), write_raw(tmp_path / "raw", "lfw", contents), tmp_path / "shards")
    assert not (tmp_path / "shards").exists()


def test_too_many_rejected(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    contents = people(30)
    for number in range(1, 13):
        contents[f"lfw-deepfunneled/P{number}/P{number}_0001.jpg"] = b"broken%d" % number
    raw = write_raw(tmp_path / "raw", "lfw", contents)
    message = (
        r"max_rejected: 12 of 90 pictures were rejected, more than 0.1 of them: 12 x not a picture that Pillow can "
        r"read; .facepipe/rejected.csv lists them"
    )
    with pytest.raises(InputError, match=message):
        preprocess(params(max_rejected=0.1), raw, tmp_path / "shards")
    assert not (tmp_path / "shards").exists()
    assert len((tmp_path / ".facepipe" / "rejected.csv").read_text().splitlines()) == 13
    assert preprocess(params(max_rejected=0.14), raw, tmp_path / "shards")["rejected"] == 12
    # names that do not fit count as well, before anything is decoded
    raw = write_raw(tmp_path / "wrong", "lfw", people(2) | {f"{n}.jpg": picture(n) for n in range(6)})
    with pytest.raises(InputError, match=r"6 of 12 pictures were rejected, .*: 6 x the name is not of the form"):
        preprocess(params(max_rejected=0.4), raw, tmp_path / "shards")


def test_rejected_pictures_are_counted_in_one_line(tmp_path, capsys):
    contents = {f"{i:03d}.png": picture(i) for i in range(200)}
    contents |= {f"x{i:02d}.jpg": b"broken %d" % i for i in range(20)}
    raw = write_raw(tmp_path / "raw", "folder", contents)
    preprocess(params(max_rejected=0.1), raw, tmp_path / "shards")
    said = "20 of 220 pictures rejected: 20 x not a picture that Pillow can read"
    listed = tmp_path / "shards" / "rejected.csv"
    assert capsys.readouterr().out == f"preprocess: {said}; {listed} lists them\n"
    # names that do not fit are among them; the rarer reasons are summed up
    cut = picture(900, (200, 200))[:-9000]
    contents = people(20) | {f"{n}.jpg": picture(n) for n in range(3)}
    contents |= {f"lfw-deepfunneled/X/X_{n:04d}.jpg": b"broken %d" % n for n in range(2)}
    contents |= {"lfw-deepfunneled/Y/Y_0001.jpg": cut, "lfw-deepfunneled/Z/Z_0001.jpg": picture(901, (1, 1))}
    contents |= {"lfw/P1/P1_0001.jpg": picture(7)}
    preprocess(params(), write_raw(tmp_path / "lfw", "lfw", contents), tmp_path / "other")
    line = capsys.readouterr().out
    listed = tmp_path / "other" / "rejected.csv"
    rejected = len(listed.read_text().splitlines()) - 1
    assert line.startswith(
        f"preprocess: {rejected} of {len(contents)} pictures rejected: 3 x the name is not of the form"
    )
    assert line.count("\n") == 1 and ", 2 x not a picture that Pillow can read, " in line
    assert line.endswith(f", {rejected - 6} x other reasons; {listed} lists them\n")


def test_copies_are_in_one_split_only(tmp_path, capsys):
    contents = people(30, pictures=2)
    names = list(contents)
    for number in range(0, 40, 2):  # the second picture of a person becomes a copy of the first
        contents[names[number + 1]] = contents[names[number]]
    raw = write_raw(tmp_path / "raw", "lfw", contents)
    metrics = preprocess(params(max_rejected=0), raw, tmp_path / "shards")
    shards = Shards(tmp_path / "shards")
    said = "preprocess: 20 byte-identical copies are left out; the first, lfw-deepfunneled/P0/P0_0002.jpg: a copy of"
    assert said in capsys.readouterr().out
    assert metrics["rejected"] == 0 and metrics["copies"] == 20 and sum(shards.splits.values()) == 40
    pixels = np.concatenate([shards.images(split) for split in SPLITS])
    assert len({image.tobytes() for image in pixels}) == 40
    rejected = pd.read_csv(tmp_path / "shards" / "rejected.csv")
    assert (rejected["reason"].str.match(r"a copy of lfw-deepfunneled/P\d+/P\d+_0001.jpg$")).all()


def test_a_picture_in_several_sub_folders_has_the_attributes_of_each(tmp_path, capsys):
    contents = {
        f"{name}/{n}.png": picture(1000 * i + n) for i, name in enumerate(("smile", "glasses")) for n in range(40)
    }
    contents |= {f"glasses/copy-{n}.png": contents[f"smile/{n}.png"] for n in range(10)}
    metrics = preprocess(params(max_rejected=0), write_raw(tmp_path / "raw", "folder", contents), tmp_path / "shards")
    assert metrics["rejected"] == 0 and metrics["copies"] == 10 and sum(metrics["images"].values()) == 80
    table = pd.read_csv(tmp_path / "shards" / "attributes.csv", index_col="id")
    assert table.sum().to_dict() == {"glasses": 50, "smile": 40}
    assert table.loc["glasses~copy-3.png"].tolist() == [1, 1] and "smile~3.png" not in table.index
    assert "10 pictures lie in several sub-folders and have the attributes of each" in capsys.readouterr().out


def test_the_table_of_attributes_is_a_table_of_labels(tmp_path):
    names = [f"{top}/IMG_{n}.{end}" for top in ("Smile", "smile", "sad") for n in range(15) for end in ("JPG", "png")]
    raw = write_raw(tmp_path / "raw", "folder", {name: picture(n) for n, name in enumerate(names)})
    preprocess(params(max_rejected=0), raw, tmp_path / "shards")
    path = tmp_path / "shards" / "attributes.csv"
    assert pd.read_csv(path, index_col="id").sum().to_dict() == {"Smile": 60, "sad": 30}
    # read back, the table goes before the folders
    text = path.read_text().replace(",1,0\n", ",0,0\n")
    (raw / "labels.csv").write_text(text)
    preprocess(params(max_rejected=0), raw, tmp_path / "again")
    assert (tmp_path / "again" / "attributes.csv").read_text() == text


def test_folders_that_are_the_split_without_a_valid_one(tmp_path, capsys):
    contents = {
        f"{split}/{name}/{n}.png": picture(1000 * i + n)
        for i, (split, name) in enumerate((s, c) for s in ("Train", "test") for c in ("smile", "sad"))
        for n in range(30)
    }
    contents["test/sad/copy.png"] = contents["Train/sad/0.png"]  # is trained on nowhere
    raw = write_raw(tmp_path / "raw", "folder", contents)
    counts = preprocess(params(), raw, tmp_path / "shards")["images"]
    assert counts["test"] == 61 and counts["train"] + counts["valid"] == 59 and 3 <= counts["valid"] <= 20
    assert "the official split has no valid: taken from train by hash" in capsys.readouterr().out
    splits = split_of(tmp_path / "shards")
    assert splits["test~sad~copy.png"] == "test" and "Train~sad~0.png" not in splits
    assert all(id.startswith("test~") == (split == "test") for id, split in splits.items())
    assert Shards(tmp_path / "shards").attribute_names == ["sad", "smile"]
    # more pictures move none of the others
    contents |= {f"Train/sad/{n}.png": picture(9000 + n) for n in range(100, 120)}
    preprocess(params(), write_raw(tmp_path / "more", "folder", contents), tmp_path / "larger")
    larger = split_of(tmp_path / "larger")
    assert {id: larger[id] for id in splits} == splits
    # divided anew, they keep the attributes
    preprocess(params(split="hash"), raw, tmp_path / "hash")
    assert len({split for id, split in split_of(tmp_path / "hash").items() if id.startswith("Train~")}) == 3
    assert Shards(tmp_path / "hash").attribute_names == ["sad", "smile"]
    with pytest.raises(InputError, match=r"^valid_fraction: the valid split has none of the 120 pictures; raise it"):
        preprocess(params(valid_fraction=0), raw, tmp_path / "none")


@pytest.mark.parametrize("by", ["folders", "table"])
def test_people_in_more_than_one_split_are_counted(tmp_path, capsys, by):
    names = [f"{top}/{n:02d}.png" for top in ("train", "valid", "test") for n in range(20)]
    names = names if by == "folders" else [name.replace("/", "_") for name in names]
    raw = write_raw(tmp_path / "raw", "folder", {name: picture(n) for n, name in enumerate(names)})
    # 16 people in all parts, others in one; of some pictures nobody knows who it is
    person = {name: "" if n % 20 == 19 else f"p{n % 20:02d}" for n, name in enumerate(names)}
    person |= {name: f"q{n}" for n, name in enumerate(names) if n % 20 < 3 and n > 2}
    splits = {name: f",{name.partition('_')[0]}" if by == "table" else "" for name in names}
    rows = "".join(f"{name},{person[name]}{splits[name]}\n" for name in names)
    (raw / "labels.csv").write_text(f"id,identity{',split' if by == 'table' else ''}\n{rows}")
    said = (
        "preprocess: 16 people have pictures in more than one split, as the folders or the labels say (p03, p04, p05, "
        "...); preprocess.split: hash keeps each in one"
    )
    preprocess(params(), raw, tmp_path / "shards")
    assert [line for line in capsys.readouterr().out.splitlines() if "more than one" in line] == [said]
    preprocess(params(split="hash"), raw, tmp_path / "hash")
    assert "more than one" not in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "hash" / "ids.csv", dtype=str)
    assert set(table.groupby("identity")["split"].nunique()) == {1}


def test_pictures_beside_folders_that_are_the_split(tmp_path, capsys):
    names = [f"{top}/smile/{n}.png" for top in ("train", "valid", "test") for n in range(10)] + ["cover.png"]
    raw = write_raw(tmp_path / "raw", "folder", {name: picture(n) for n, name in enumerate(names)})
    metrics = preprocess(params(), raw, tmp_path / "auto")
    assert metrics == {"images": {"train": 10, "valid": 10, "test": 10}, "rejected": 1}
    with pytest.raises(InputError, match=r"1 of 31 pictures were rejected, .*: 1 x its split is not known"):
        preprocess(params(max_rejected=0), raw, tmp_path / "none")
    # who asks for the official split knows
    metrics = preprocess(params(max_rejected=0, split="official"), raw, tmp_path / "official")
    assert metrics == {"images": {"train": 10, "valid": 10, "test": 10}, "rejected": 0}
    assert "1 of 31 pictures are in no part of the official split (cover.png): left out" in capsys.readouterr().out
    rejected = (tmp_path / "official" / "rejected.csv").read_text()
    assert rejected.startswith("source,reason\ncover.png,") and "its split is not known: no folder tells" in rejected


def test_folders_that_are_the_split_without_a_train_one(tmp_path):
    contents = {f"{split}/{n}.png": picture(1000 * i + n) for i, split in enumerate(("val", "test")) for n in range(30)}
    with pytest.raises(InputError, match=r"^split: the train split has none of the 60 pictures; use hash"):
        preprocess(params(), write_raw(tmp_path / "raw", "folder", contents), tmp_path / "shards")


def test_empty_split(tmp_path):
    raw = write_raw(tmp_path / "raw", "lfw", people(10))
    message = r"^valid_fraction: the valid split has none of the 30 pictures; raise it$"
    with pytest.raises(InputError, match=message):
        preprocess(params(valid_fraction=0), raw, tmp_path / "shards")
    with pytest.raises(InputError, match=r"_fraction: .*, or raise limit$"):
        preprocess(params(limit=1), raw, tmp_path / "shards")
    with pytest.raises(InputError, match=r"^split: .*; use hash, or raise limit"):
        preprocess(params(limit=2), celeba(tmp_path / "celeba"), tmp_path / "shards")


def test_labels_of_another_archive(tmp_path):
    raw = write_raw(tmp_path / "raw", "lfw", people(10), male_names="Somebody_0001.jpg\n")
    with pytest.raises(InputError, match=r"know none of the pictures .* but Somebody_0001.jpg; are they of this"):
        preprocess(params(), raw, tmp_path / "shards")


def test_raw_folder_missing(tmp_path):
    with pytest.raises(InputError, match=r"dataset.json: not found; run the download stage"):
        preprocess(params(), tmp_path / "raw", tmp_path / "shards")


def test_a_raw_folder_that_is_not_as_it_was_downloaded(tmp_path):
    given, raw = Dataset(name="synthetic", synthetic={"count": 24, "size": 16}), tmp_path / "raw"
    fetch(given, ROOT / "data" / "sources.yaml", raw)
    described = json.loads((raw / "dataset.json").read_text())
    for file in described["files"]:
        path = raw / file["name"]
        data = path.read_bytes()
        for changed in (data[:-1] + bytes([data[-1] ^ 1]), data[:-1], None):
            path.unlink() if changed is None else path.write_bytes(changed)
            with pytest.raises(InputError, match=f"^{path}: (damaged|missing).*or `dvc repro -f download` brings it"):
                preprocess(params(), raw, tmp_path / "shards")
        path.write_bytes(data)
    (raw / "dataset.json").write_text(json.dumps(described | {"licence": "none"}))
    with pytest.raises(InputError, match=r"dataset.json: damaged: its sha256 does not fit"):
        preprocess(params(), raw, tmp_path / "shards")
    assert os.listdir(tmp_path) == ["raw"]
    # of an earlier facepipe
    del described["sha256"]
    (raw / "dataset.json").write_text(json.dumps(described))
    preprocess(params(), raw, tmp_path / "shards")


def test_synthetic(tmp_path):
    given = Dataset(name="synthetic", synthetic={"count": 24, "size": 16})
    fetch(given, ROOT / "data" / "sources.yaml", tmp_path / "raw")
    preprocess(params(), tmp_path / "raw", tmp_path / "shards")
    shards = Shards(tmp_path / "shards")
    assert sum(shards.splits.values()) == 24 and "Smiling" in shards.attribute_names
    factors = shards.factors("train")
    assert factors.index.tolist() == shards.ids("train") and np.isfinite(factors.to_numpy()).all()
    assert shards.attributes("train").notna().all(axis=None)


def real(name, tmp_path):
    archive = DATA / name / get_source(name).archive
    if not archive.exists():
        pytest.skip(f"needs the real data set at {archive}")
    fetch(Dataset(name=name, archive=str(archive), checksums="none"), ROOT / "data" / "sources.yaml", tmp_path / "raw")
    return tmp_path / "raw"


def test_real_lfw(tmp_path):
    metrics = preprocess(params(limit=150), real("lfw", tmp_path), tmp_path / "shards")
    shards = Shards(tmp_path / "shards")
    assert sum(metrics["images"].values()) == 150 and metrics["rejected"] == 0
    assert shards.attribute_names == ["Male", "Smiling", "Eyeglasses", "Wearing_Hat"]
    table = pd.concat([shards.table(split) for split in SPLITS])
    assert (table.groupby("identity")["split"].nunique() == 1).all()
    assert set(table["left"]) == {"45"} and set(table["bottom"]) == {"190"}


def test_real_celeba(tmp_path):
    metrics = preprocess(params(limit=200, image_size=(24, 24)), real("celeba", tmp_path), tmp_path / "shards")
    shards = Shards(tmp_path / "shards")
    assert sum(metrics["images"].values()) == 200 and metrics["images"]["train"] > 150
    assert len(shards.attribute_names) == 40 and shards.attributes("train").notna().all(axis=None)
    # aligned faces: brighter in the middle than at the sides
    mean = shards.images("train").mean(axis=(0, 3))
    assert mean[10:16, 9:15].mean() > mean[10:16, :3].mean() + 20
