"""Labels of the user's own pictures: sub-folders, and the table, where it lies and what its errors name."""

import io
import json
import re
import tarfile
import zipfile

import numpy as np
import pytest

from facepipe.datasets.own import MAX_FOLDERS, read_folder
from facepipe.datasets.sets import get_source
from facepipe.download.pack import pack
from facepipe.errors import FieldError, InputError
from facepipe.tables.columns import OWN

NAN = float("nan")
PICTURES = ("smile/1.jpg", "smile/sub/2.jpg", "sad/1.jpg", "sad/Zoë.jpg", "5.jpg")


def items(*members):
    return [(get_source("folder").match(member)[0], member) for member in members]


def read(folder, text=None, members=PICTURES, split="auto"):
    if text is not None:
        (folder / "labels.csv").write_text(text, encoding="utf-8")
    return read_folder(folder, items(*members), split).completed()


def same(table, rows):
    return np.array_equal(table.to_numpy(), rows, equal_nan=True)


def test_sub_folders(tmp_path):
    labels = read(tmp_path)
    assert list(labels.attributes.columns) == ["sad", "smile"]
    assert same(labels.attributes, [[0, 1], [0, 1], [1, 0], [1, 0], [NAN, NAN]])
    assert labels.attributes.index.tolist() == [
        "smile~1.jpg", "smile~sub~2.jpg", "sad~1.jpg", "sad~Zoë.jpg", "5.jpg"
    ]  # fmt: skip
    assert set(labels.attributes.dtypes) == {np.dtype("float32")}
    assert labels.factors is None and labels.identities == {} and labels.splits is None


def test_sub_folders_are_below_what_all_pictures_have_in_common(tmp_path):
    for top in ("mine/", "./mine/2024/", "mine\\"):
        found = read(tmp_path, members=[f"{top}smile/1.jpg", f"{top}smile/3.jpg", f"{top}smart/1.jpg"]).attributes
        assert list(found.columns) == ["smart", "smile"] and same(found, [[0, 1], [0, 1], [1, 0]])
    for members in (["a/1.jpg", "a/2.jpg"], ["1.jpg", "2.jpg"], ["a/b/1.jpg"], []):
        assert read(tmp_path, members=members).attributes.shape == (len(members), 0)


def test_sub_folders_that_are_no_attributes(tmp_path, capsys):
    many = [f"album{number}/1.jpg" for number in range(MAX_FOLDERS + 1)]
    assert read(tmp_path, members=many[1:]).attributes.shape == (MAX_FOLDERS, MAX_FOLDERS)
    assert capsys.readouterr().out == ""
    labels = read(tmp_path, members=[*many, "ALBUM7/2.jpg", "3.jpg"])
    assert labels.attributes.shape == (MAX_FOLDERS + 3, 0)
    assert "33 sub-folders are more than 32" in capsys.readouterr().out
    # each is taken for a person's
    people = {f"album{number}~1.jpg": f"album{number}" for number in range(MAX_FOLDERS + 1)}
    assert labels.people == people | {"album7~1.jpg": "ALBUM7", "ALBUM7~2.jpg": "ALBUM7"} and labels.identities == {}
    assert read(tmp_path, "file,identity\nalbum1/1.jpg,Ann\n", many).people is None
    (tmp_path / "labels.csv").unlink()
    capsys.readouterr()
    assert read(tmp_path, members=["00000/1.jpg", "01000/1.jpg"]).attributes.shape == (2, 0)
    assert re.search("named by numbers .00000 and so on.* with the column identity", capsys.readouterr().out)
    assert read(tmp_path, members=["person_a/1.jpg", "person_b/1.jpg"]).attributes.shape == (2, 2)
    assert re.search("person_a/ and so on are taken for attributes; .* identity", capsys.readouterr().out)


def test_sub_folders_of_the_second_level_are_named_as_not_used(tmp_path, capsys):
    cure = "are not used as attributes; name their folder as dataset.archive, or use labels.csv\n"
    members = [f"{a}/{b}/1.jpg" for a in ("men", "women") for b in ("smile", "sad")]
    assert read(tmp_path, members=members).attributes.columns.tolist() == ["men", "women"]
    assert capsys.readouterr().out == f"folder: sub-folders of the second level (sad, smile) {cure}"
    assert read(tmp_path, members=[f"{top}/{name}" for top in "xy" for name in members]).attributes.shape == (8, 2)
    assert capsys.readouterr().out == (f"folder: sub-folders of the second level (men, women) and those below {cure}")
    # those of the split are no level
    read(tmp_path, members=[f"{top}/{name}" for top in ("train", "test") for name in ("smile/1.jpg", "a/1.jpg")])
    assert "level" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "names",
    [
        ("train_set", "valid_set", "test_set"), ("train-data", "val-data", "test-data"),
        ("TrainImages", "ValImages", "TestImages"), ("train_imgs", "dev", "test imgs"), ("train", "Dev_Set", "test"),
    ],
)  # fmt: skip
def test_folders_of_the_split_may_be_called_sets(tmp_path, names):
    labels = read(tmp_path, members=[f"{name}/{a}/{a}.jpg" for name in names for a in "ab"])
    assert list(labels.splits.values()) == ["train"] * 2 + ["valid"] * 2 + ["test"] * 2
    assert labels.attributes.columns.tolist() == ["a", "b"]


def test_dev_is_a_split_beside_train_alone(tmp_path):
    for names in (("dev", "ops"), ("trainers", "boots"), ("dataset", "test_it")):
        labels = read(tmp_path, members=[f"{name}/{a}.jpg" for name in names for a in "ab"])
        assert labels.splits is None and labels.attributes.columns.tolist() == sorted(names)
    with pytest.raises(FieldError, match="test/ may be a split, but there is dev/, too"):
        read(tmp_path, members=["dev/1.jpg", "test/2.jpg"])


@pytest.mark.parametrize("name", ["z1", "PC 2", "Z000", "pc-3", "split", "ID", "Identity", "name", "file", "image"])
def test_names_that_no_attribute_can_have(tmp_path, name):
    with pytest.raises(
        InputError, match=f"^folder: sub-folders that cannot be attributes: {name}/: tables of .*; rename"
    ):
        read(tmp_path, members=[f"{name}/1.jpg", "sad/1.jpg"])
    if name.lower() not in OWN:
        text = f"photo,id,{name}\n,5.jpg,1\n"
        with pytest.raises(InputError, match=f"row 1, column {name}: cannot be an attribute: .*; rename it"):
            read(tmp_path, text)
        # numbers that are no attribute are in no table of latents
        assert read(tmp_path, text.replace(",1", ",7")).factors[name].dropna().tolist() == [7]


def test_sub_folders_that_differ_in_case_are_one_attribute(tmp_path, capsys):
    labels = read(tmp_path, members=["Smile/1.jpg", "smile/1.jpg", "smile /2.jpg", "sad/1.jpg"])
    assert list(labels.attributes.columns) == ["Smile", "sad"]
    assert same(labels.attributes, [[1, 0], [1, 0], [1, 0], [0, 1]])
    assert "folder: Smile/, smile/ and smile / are taken for one attribute, Smile" in capsys.readouterr().out
    # and so are a sub-folder and a column
    labels = read(tmp_path, "id,SAD\nsmile~1.jpg,1\n", members=["smile/1.jpg", "sad/1.jpg"])
    assert list(labels.attributes.columns) == ["SAD", "smile"] and same(labels.attributes, [[1, 1], [1, 0]])


def test_names_that_are_changed_are_told(tmp_path, capsys):
    labels = read(tmp_path, members=["@at/1.jpg", "@at/a?.jpg", "sad/1.jpg"])
    at = labels.attributes.columns[0]
    assert re.fullmatch(r"_at-[0-9a-f]{12}", at) and labels.attributes[at].tolist() == [1, 1, 0]
    pictures, attribute = capsys.readouterr().out.splitlines()
    assert pictures.startswith("folder: 2 pictures have an id that is not the name, ")
    assert re.search(r"; the first, @at/1.jpg: _at~1-[0-9a-f]{12}.jpg$", pictures)
    assert attribute.startswith(f"folder: @at/ is called {at} as an attribute: ")
    read(tmp_path, members=["Zoe\u0308/1.jpg", "sad /1 2.jpg"])
    assert capsys.readouterr().out == ""


SPLIT = ("train/smile/1.jpg", "train/sad/1.jpg", "val/smile/sub/2.jpg", "test/sad/3.jpg", "test/4.jpg")


@pytest.mark.parametrize(
    "names", [("train", "val", "test"), ("Training", "VALID", "Testing"), ("TRAIN", "validation", "Test")]
)
@pytest.mark.parametrize("top", ["", "mine/2024/"])
def test_folders_that_are_the_split(tmp_path, names, top, capsys):
    members = SPLIT
    for old, new in zip(("train", "val", "test"), names, strict=True):
        members = [member.replace(f"{old}/", f"{new}/") for member in members]
    for order in ("split first", "class first"):
        if order == "class first":  # smile/train/1.jpg
            members = ["/".join([b, a, *rest]) for a, b, *rest in (member.split("/") for member in members[:-1])]
        for split in ("auto", "official", "hash"):
            labels = read(tmp_path, members=[top + member for member in members], split=split)
            assert list(labels.attributes.columns) == ["sad", "smile"], order
            expected = [[0, 1], [1, 0], [0, 1], [1, 0], [NAN, NAN]][: len(members)]
            assert same(labels.attributes, expected), order
            assert list(labels.splits.values()) == ["train", "train", "valid", "test", "test"][: len(members)]
        assert "folder: taken for the split: " in capsys.readouterr().out


def test_the_table_goes_before_folders_that_are_the_split(tmp_path):
    labels = read(tmp_path, "id,split,hat\ntrain/sad/1.jpg,test,1\ntest/sad/3.jpg,,0\n", members=SPLIT)
    assert list(labels.splits.values()) == ["train", "test", "valid", "test", "test"]
    assert labels.attributes["hat"].dropna().tolist() == [1, 0]


def test_folders_of_which_some_may_be_a_split(tmp_path):
    members = ["train/a/1.jpg", "train/b/1.jpg", "test/a/2.jpg", "car/3.jpg", "bus/4.jpg"]
    message = r"^split: test/ and train/ may be a split, but there is bus/ and car/, too; say official if .*hash if"
    with pytest.raises(FieldError, match=message):
        read(tmp_path, members=members)
    labels = read(tmp_path, members=members, split="official")
    assert list(labels.splits.values()) == ["train", "train", "test"] and list(labels.attributes.columns) == ["a", "b"]
    labels = read(tmp_path, members=members, split="hash")
    assert labels.splits is None and list(labels.attributes.columns) == ["bus", "car", "test", "train"]
    # one level down, one folder of such a name is a folder like others
    labels = read(tmp_path, members=["smile/test/1.jpg", "smile/2.jpg", "sad/other/3.jpg"])
    assert labels.splits is None and list(labels.attributes.columns) == ["sad", "smile"]


def test_table(tmp_path, capsys):
    labels = read(
        tmp_path,
        "file,identity,Split,Glasses,Beard,Hat,age,empty\n"
        "smile/1.jpg,Ann,train,1,-1,yes,31,\n"
        "./smile/sub/2.jpg,Ann,,0,1,No,31.5,\n"
        "sad\\1.jpg,,TEST,,,TRUE,,\n"
        "Zoë.jpg,Zoë,valid,1.0,1,,-1e2,\n",
        members=PICTURES,
    )
    table = labels.attributes
    assert list(table.columns) == ["Glasses", "Beard", "Hat", "sad", "smile"]
    assert same(table[["Glasses", "Beard", "Hat"]], [[1, 0, 1], [0, 1, 0], [NAN, NAN, 1], [1, 1, NAN], [NAN] * 3])
    assert same(table[["sad", "smile"]], [[0, 1], [0, 1], [1, 0], [1, 0], [NAN, NAN]])
    assert set(table.dtypes) == {np.dtype("float32")}
    assert list(labels.factors.columns) == ["age"] and same(labels.factors, [[31], [31.5], [NAN], [-100], [NAN]])
    assert labels.identities == {"smile~1.jpg": "Ann", "smile~sub~2.jpg": "Ann", "sad~Zoë.jpg": "Zoë"}
    assert labels.splits == {"smile~1.jpg": "train", "sad~1.jpg": "test", "sad~Zoë.jpg": "valid"}
    _, *printed = capsys.readouterr().out.splitlines()
    assert printed == [
        f"{tmp_path}/labels.csv: 1 of 5 pictures have no row (5.jpg): nothing is known of them",
        f"{tmp_path}/labels.csv: words taken for 0 and 1: Hat (no, true, yes)",
    ]


def test_table_goes_before_sub_folders(tmp_path):
    labels = read(tmp_path, "image,smile\nsad/1.jpg,1\n5.jpg,0\n")
    assert same(labels.attributes[["smile", "sad"]], [[1, 0], [1, 0], [1, 1], [0, 1], [0, NAN]])


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffid;age;Laughs\r\n5.jpg;0,5;1\r\nsad~1.jpg;3;0\r\n;;\r\n",
        "ID\tage\tLaughs\t\t\nsad/1.jpg\t3\t0\t\t\n\n5.jpg\t0.5\t1\t\t\n",
        '"Image", "age", Laughs\r"5.jpg", "0.5",1\r"sad/1.jpg", 3 ,no\r',
    ],
)
def test_what_spreadsheets_write(tmp_path, text):
    labels = read(tmp_path, text)
    assert labels.factors["age"].dropna().to_dict() == {"5.jpg": 0.5, "sad~1.jpg": 3.0}
    assert labels.attributes["Laughs"].dropna().to_dict() == {"5.jpg": 1.0, "sad~1.jpg": 0.0}


def test_where_table_and_folders_contradict_the_table_wins_and_a_line_says_so(tmp_path, capsys):
    rows = "id,Smile,sad,split\ntrain/sad/1.jpg,1,1,test\ntrain/smile/1.jpg,0,,train\ntest/sad/3.jpg,,,\n"
    rows += "test/4.jpg,1,0,\nval/smile/sub/2.jpg,1,0,valid\n"
    for split in ("auto", "official", "hash"):
        labels = read(tmp_path, rows, SPLIT, split=split)
        assert labels.attributes["Smile"].tolist() == [0, 1, 1, 0, 1]
        assert labels.splits["train~sad~1.jpg"] == "test"
        said = [line for line in capsys.readouterr().out.splitlines() if "otherwise" in line]
        # a picture in sad/ alone is one without a smile
        by = "Smile 2, split 1" if split != "hash" else "Smile 2"
        ids = "(train~smile~1.jpg, train~sad~1.jpg)"
        assert said == [
            f"{tmp_path}/labels.csv: 2 of 5 pictures lie in folders that say otherwise {ids}, by column: {by}; the "
            "table wins"
        ]
    read(tmp_path, "id,Smile,split\ntrain/smile/1.jpg,1,train\n", SPLIT)
    assert "otherwise" not in capsys.readouterr().out


def test_names_in_another_unicode_form(tmp_path):
    members = ["a/Zoe\u0308.jpg", "b/x.jpg"]
    labels = read(tmp_path, "name,age\nZo\u00eb.jpg,7\nb/x.jpg,8\n", members)
    assert labels.factors["age"].tolist() == [7.0, 8.0] and labels.attributes.index[0] == "a~Zo\u00eb.jpg"


@pytest.mark.parametrize(
    ("members", "cell", "both"),
    [
        (("a/a/x.jpg", "a/x.jpg"), "a/x.jpg", "a/x.jpg, x.jpg"),  # below the top folder a, or with it
        (("a/b.jpg", "a~b.jpg"), "a~b.jpg", "a/b.jpg, a~b.jpg"),  # an id and a path
        (("Zoe\u0308.jpg", "Zo\u00eb.jpg"), "Zo\u00eb.jpg", "Zo\u00eb.jpg, Zo\u00eb.jpg"),
    ],
)
def test_a_name_of_two_pictures_is_not_that_of_the_first(tmp_path, members, cell, both):
    with pytest.raises(
        InputError, match=f"row 2, column name: several pictures are called {cell} .{both}.; rename one"
    ):
        read(tmp_path, f"name,age\n{cell},7\n", members)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (("0", "1", ""), "attribute"),
        (("-1", "1", "1"), "attribute"),
        (("1", "1", "1"), "attribute"),
        (("no", "FALSE", ""), "attribute"),
        (("yes", "-1", ""), "attribute"),
        (("0", "1", "2"), "factor"),
        (("0", "1", "-1"), "factor"),
        (("1905", "", ""), "factor"),
        (("", "", ""), None),
    ],
)
def test_kinds_of_columns(tmp_path, values, kind):
    rows = "".join(f"{name},{value}\n" for name, value in zip(("5.jpg", "sad/1.jpg", "2.jpg"), values, strict=True))
    labels = read(tmp_path, f"id,x\n{rows}")
    assert ("x" in labels.attributes) == (kind == "attribute")
    assert (labels.factors is not None) == (kind == "factor")


def test_rows_without_a_picture(tmp_path, capsys):
    labels = read(tmp_path, "id,age\n5.jpg,7\ngone.jpg,8\nsmile/5.jpg,9\n")
    assert labels.factors["age"].dropna().to_dict() == {"5.jpg": 7.0}
    _, rows, pictures = capsys.readouterr().out.splitlines()
    assert "2 rows name no picture, the first, row 3: 'gone.jpg'" in rows
    assert "labels.csv: 4 of 5 pictures have no row (smile/1.jpg, smile/sub/2.jpg, sad/1.jpg, ...)" in pictures
    with pytest.raises(InputError, match=r"names none of the pictures \(the first, row 2: 'x.jpg'\); they are 'smile/"):
        read(tmp_path, "id,age\nx.jpg,7\n")


@pytest.mark.parametrize("text", [",file,age\n0,5.jpg,7\n", "Unnamed: 0,file,age\n0,5.jpg,7\n"])
def test_the_index_of_pandas_is_not_read_and_a_line_says_so(tmp_path, capsys, text):
    labels = read(tmp_path, text)
    assert labels.factors["age"].dropna().tolist() == [7] and list(labels.factors) == ["age"]
    *_, said = capsys.readouterr().out.splitlines()
    assert re.search(r"(column 1, which has no name,|Unnamed: 0) is taken for pandas' index, and not read$", said)
    # an index that names the pictures does so
    assert read(tmp_path, ",age\n5.jpg,7\n").factors["age"].dropna().tolist() == [7]
    assert f"{tmp_path}/labels.csv: column 1 is taken to name the pictures\n" in capsys.readouterr().out


def test_cells_that_say_that_they_are_empty(tmp_path, capsys):
    labels = read(tmp_path, "id,age,Hat,split\n5.jpg,NaN,1,test\n2.jpg,7,None,nan\nsad/1.jpg,N/A,0,train\n")
    assert labels.factors["age"].dropna().tolist() == [7] and labels.attributes["Hat"].dropna().tolist() == [0, 1]
    assert list(labels.splits.values()) == ["test", "train"]
    assert "labels.csv: 3 cells say NaN, NA, None or null, and count as empty, in columns (age, Hat)\n" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    "column",
    ["filename", "File_Name", "file name", "img", "image_id", "ImagePath", "path", "picture", "Datei", "Bild", "foto"],
)
def test_other_names_of_the_column_that_names_the_picture(tmp_path, capsys, column):
    labels = read(tmp_path, f"age,{column}\n7,5.jpg\n8,smile/1.jpg\n")
    assert labels.factors["age"].tolist()[:1] == [8] and labels.factors["age"].tolist()[4:] == [7]
    assert f"labels.csv: column {column} is taken to name the pictures\n" in capsys.readouterr().out


def test_of_several_columns_that_may_name_the_picture_its_cells_tell(tmp_path, capsys):
    labels = read(tmp_path, "id,name,file_name,photo\n2,Ann,5.jpg,1\n5,Bob,2.jpg,0\n")
    assert labels.attributes["photo"].dropna().to_dict() == {"smile~sub~2.jpg": 0, "5.jpg": 1}
    said = "labels.csv: column file_name is taken to name the pictures; not read: id, name\n"
    assert labels.factors is None and said in capsys.readouterr().out
    # both do: the exact one, else either
    assert read(tmp_path, "file,path,a\n1.jpg,sad/1.jpg,3\n").factors["a"].dropna().to_dict() == {"sad~1.jpg": 3}
    assert read(tmp_path, "file,path,a\n2.jpg,smile/sub/2.jpg,3\n").factors["a"].count() == 1


@pytest.mark.parametrize(
    ("cell", "picture"),
    [
        ("5", "5.jpg"), ("sad/1", "sad/1.jpg"), ("zoë", "sad/Zoë.jpg"), ("SMILE/1.JPG", "smile/1.jpg"),
        ("/home/me/faces/smile/sub/2.jpg", "smile/sub/2.jpg"), ("C:\\faces\\2.jpg", "smile/sub/2.jpg"),
    ],
)  # fmt: skip
def test_pictures_called_otherwise_than_their_files(tmp_path, capsys, cell, picture):
    labels = read(tmp_path, f"id,age\n{cell},7\n")
    assert labels.factors["age"].dropna().to_dict() == {picture.replace("/", "~"): 7}
    said = f"1 row calls its picture otherwise than the files are called; the first, row 2, column id: {cell!r} is "
    assert f"labels.csv: {said}taken for {picture}\n" in capsys.readouterr().out


def test_what_is_called_otherwise_is_not_guessed_where_it_is_not_told(tmp_path):
    rest = r"; give path and suffix as the files have them"
    with pytest.raises(InputError, match=rf"row 2, column id: several .* called 1 \(smile/1.jpg, sad/1.jpg\){rest}"):
        read(tmp_path, "id,age\n1,7\n")
    members = ["a/5.jpg", "a/5.png", "b/x.jpg"]
    with pytest.raises(InputError, match=rf"called a/5 \(a/5.jpg, a/5.png\){rest}"):
        read(tmp_path, "id,age\na/5,7\n", members)
    for cell in ("b/5", "5.gif", "x/b/5.jpg", "15.jpg"):  # another folder, another format, another name
        with pytest.raises(InputError, match="names none of the pictures"):
            read(tmp_path, f"id,age\n{cell},7\n", members)


@pytest.mark.parametrize(
    ("cells", "splits"),
    [
        (("training", "Validation", "testing"), ("train", "valid", "test")),
        (("train", "dev", "test"), ("train", "valid", "test")),
        (("Train", "eval", "test_set"), ("train", "valid", "test")),
        (("train", "dev", "eval"), ("train", "valid", "test")),
        (("0", "1", "2"), ("train", "valid", "test")),
        (("2.0", "1.0", "0.0"), ("test", "valid", "train")),
        (("train", "", "eval"), ("train", "valid")),
    ],
)
@pytest.mark.parametrize("column", ["split", "Partition"])
def test_words_for_the_parts_of_a_split(tmp_path, capsys, cells, splits, column):
    names = ("5.jpg", "2.jpg", "sad/1.jpg")
    rows = "".join(f"{name},{cell}\n" for name, cell in zip(names, cells, strict=True))
    assert tuple(read(tmp_path, f"id,{column}\n{rows}").splits.values()) == splits
    *_, said = capsys.readouterr().out.splitlines()
    assert f"labels.csv: column {column}: " in said and f" is {splits[0]} (1)" in said


def test_the_column_partition_is_one_like_others_beside_split(tmp_path):
    labels = read(tmp_path, "id,split,partition\n5.jpg,test,3\n")
    assert labels.splits == {"5.jpg": "test"} and labels.factors["partition"].dropna().tolist() == [3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty file; expected a header row"),
        ("\n", "row 1: column 1 has no name"),
        ("age,Laughs\n1,1\n", "row 1: one column should name the picture: file, image, name or id; found age, Laughs"),
        ("File,id\n5.jpg,4\n4.jpg,5.jpg\n", "row 1: one column should .* found File and id"),
        ("id,,age\n5.jpg,1,2\n", "row 1: column 2 has no name"),
        ("id,age,Age\n5.jpg,1,2\n", "row 1: 'age' is there twice; rename one of the columns"),
        ('id,"a\nge"\n5.jpg,1\n', r"row 1: 'a\\nge': column names should be printable"),
        ("id,age\n5.jpg,1,2\n", "row 2: 3 cells, the header has 2"),
        ("id,age,\n5.jpg,1,2\n", "row 2: a cell beyond the 2 columns that have a name"),
        ("id,age\n5.jpg,much\n", "row 2, column age: 'much' is not a number, .* empty; for texts make a column of 0"),
        ("id,age\n5.jpg,inf\n", "row 2, column age: 'inf' is not a finite number"),
        ("id,age\n5.jpg,\"0,5\"\n", "row 2, column age: '0,5' is not a number, .*; write decimals with a point"),
        ("id;age\n5.jpg;0,5\n2.jpg;1.5\n", "row 3, column age: '1.5' has a decimal point"),
        ("id;age\n5.jpg;1.234,5\n", "row 2, column age: '1.234,5' has a thousands separator"),
        ("id,age\n5.jpg,yes\n2.jpg,7\n", "row 2, column age: should be a number as in other rows, found 'yes'"),
        ("id,age\n5.jpg,7\n\n5.jpg,7\n", "row 4, column id: '5.jpg' is the picture of row 2, too"),
        ("id,age\n1.jpg,7\n", r"row 2, column id: several pictures are called 1.jpg \(smile/1.jpg, sad/1.jpg\)"),
        ("id,split\n5.jpg,all\n", "row 2, column split: should be train, valid, test, a word .* found 'all'"),
        ("id,split\n5.jpg,0\n2.jpg,1\n", "row 2, column split: should be .* 0, 1, 2 .* that has all three, found '0'"),
        ("id,split\n5.jpg,test\n2.jpg,2\n", "row 3, column split: should be .* found '2'"),
        ('id,identity\n5.jpg,"A\nB"\n', r"row 2, column identity: should be printable text, found 'A\\nB'"),
        ('id,age\n"5.jpg,7\n', "row 2: not valid CSV: unexpected end of data"),
    ],
)  # fmt: skip
def test_broken_table(tmp_path, text, message):
    with pytest.raises(InputError, match=f"labels.csv: {message}") as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\r\nname;age;Glasses\r\n5.jpg;0,5\u00a0;WAHR\r\nsad/1.jpg;\u00a03;FALSCH\r\n",
        "name;age;Glasses\n5.jpg;0,5;1,0\nsad/1.jpg;3,0;\u22121,0\n",
        "name\tage\tGlasses\n5.jpg\t0,5\tVRAI\nsad/1.jpg\t3\tnon\n",
    ],
)
def test_what_spreadsheets_of_other_languages_write(tmp_path, text):
    labels = read(tmp_path, text)
    assert labels.factors["age"].dropna().to_dict() == {"5.jpg": 0.5, "sad~1.jpg": 3.0}
    assert labels.attributes["Glasses"].dropna().to_dict() == {"5.jpg": 1.0, "sad~1.jpg": 0.0}


def test_rows_may_end_early(tmp_path):
    labels = read(tmp_path, "id,age,Laughs\n5.jpg,7\n2.jpg,8,1\nsad/1.jpg\n")
    assert labels.factors["age"].dropna().to_dict() == {"5.jpg": 7.0, "smile~sub~2.jpg": 8.0}
    assert labels.attributes["Laughs"].dropna().to_dict() == {"smile~sub~2.jpg": 1.0}


def test_rows_are_counted_as_in_a_spreadsheet(tmp_path):
    with pytest.raises(InputError, match="row 3, column age: 'x' is not a number"):
        read(tmp_path, 'id,Laughs,age\n5.jpg,"\n0\n",7\n2.jpg,1,x\n')


ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("separator", ";\t")
def test_table_in_every_encoding(tmp_path, encoding, separator):
    text = "id;age;Laughs\r\nZoë.jpg;7,5;1\r\n5.jpg;;0\r\n".replace(";", separator)
    (tmp_path / "labels.csv").write_bytes(text.encode(encoding))
    labels = read(tmp_path)
    assert labels.factors["age"].dropna().to_dict() == {"sad~Zoë.jpg": 7.5}
    assert labels.attributes["Laughs"].dropna().to_dict() == {"sad~Zoë.jpg": 1.0, "5.jpg": 0.0}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_table_in_the_archive_in_every_encoding(tmp_path, encoding):
    with zipfile.ZipFile(tmp_path / "folder.zip", "w") as file:
        file.writestr("labels.csv", "id;age\nZoë.jpg;7,5\n".encode(encoding))
    (tmp_path / "dataset.json").write_text(json.dumps({"archive": "folder.zip"}))
    assert read(tmp_path).factors["age"].dropna().to_dict() == {"sad~Zoë.jpg": 7.5}


def test_table_that_is_no_text(tmp_path):
    (tmp_path / "labels.csv").write_bytes(b'id,note,age\n5.jpg,"two\nlines",7\nZo\x81.jpg,,7\n')
    with pytest.raises(InputError, match=r"labels.csv: row 3: not UTF-8 text; save it as 'CSV UTF-8'"):
        read(tmp_path)


@pytest.mark.parametrize("kind", ["zip", "tar", "packed"])
def test_table_in_the_archive(tmp_path, kind):
    contents = {"mine/a/1.jpg": b"x", "mine/labels.csv": b"\xef\xbb\xbfid,age\na/1.jpg,7\n", "mine/2.jpg": b"y"}
    raw = tmp_path / "raw"
    raw.mkdir()
    archive = raw / ("folder.tar" if kind == "tar" else "folder.zip")
    if kind == "tar":
        with tarfile.open(archive, "w") as file:
            for name, data in contents.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                file.addfile(info, io.BytesIO(data))
    elif kind == "zip":
        with zipfile.ZipFile(archive, "w") as file:
            for name, data in contents.items():
                file.writestr(name, data)
    else:
        for name, data in contents.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(data)
        assert pack(tmp_path / "mine", archive) == []
    (raw / "dataset.json").write_text(json.dumps({"archive": archive.name}))
    members = [name.removeprefix("mine/" if kind == "packed" else "") for name in contents if name.endswith("jpg")]
    labels = read(raw, members=members)
    assert labels.factors["age"].dropna().tolist() == [7.0] and labels.attributes.columns.tolist() == ["a"]
    (raw / "labels.csv").write_text("id,age\n2.jpg,8\n")  # the one that the user names goes before
    assert read(raw, members=members).factors["age"].dropna().tolist() == [8.0]


def test_broken_table_in_the_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "folder.zip", "w") as file:
        file.writestr("labels.csv", b"id,age\n\x81,7\n")
    (tmp_path / "dataset.json").write_text(json.dumps({"archive": "folder.zip"}))
    with pytest.raises(InputError, match=r"folder.zip: labels.csv: row 2: not UTF-8 text"):
        read(tmp_path)
    data = bytearray((tmp_path / "folder.zip").read_bytes())
    data[data.index(b"\x81,7")] = 0
    (tmp_path / "folder.zip").write_bytes(data)
    with pytest.raises(InputError, match=r"folder.zip: labels.csv: cannot be read from the zip: its checksum is wrong"):
        read(tmp_path)
