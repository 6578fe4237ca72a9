import numpy as np
import pytest

from facepipe.errors import InputError
from facepipe.latents.pca import fit_pca
from facepipe.latents.table import Latents, picture_names, read_latents, write_latents, write_table

IDS = ["000001.jpg", "Ann Lee_0002", 'a "b", c', "naïve"]
Z = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
GOOD = "id,split,z000,z001,z002\na,test,1,2,3\nb,test,4,5,6\n"


@pytest.fixture
def table(tmp_path):
    def write(content, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def one_line(path, *arguments):
    """The message of the InputError that reading `path` gives."""
    with pytest.raises(InputError) as caught:
        read_latents(path, *arguments)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and len(message.splitlines()) == 1
    return message.removeprefix(f"{path}: ")


def test_round_trip_is_exact(tmp_path):
    write_latents(tmp_path / "t.csv", IDS, "valid", Z)
    read = read_latents(tmp_path / "t.csv", 3, "vae")
    assert read.ids == IDS and read.splits == ["valid"] * 4 and read.z.dtype == np.float32
    np.testing.assert_array_equal(read.z.view(np.uint32), Z.view(np.uint32))
    assert (tmp_path / "t.csv").read_text().splitlines()[0] == "id,split,z000,z001,z002"


def test_chunks_give_the_same_file(tmp_path):
    write_latents(tmp_path / "a.csv", IDS, "valid", Z)
    write_latents(tmp_path / "b.csv", IDS, "valid", (Z[i : i + 3] for i in (0, 3)))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_pandas_round_trip_is_exact(tmp_path):
    import pandas as pd

    write_latents(tmp_path / "a.csv", IDS, "valid", Z)
    frame = pd.read_csv(tmp_path / "a.csv")
    frame.loc[1, "z001"] = 0.5
    frame.to_csv(tmp_path / "b.csv")  # with pandas' own index column, which has no name
    read = read_latents(tmp_path / "b.csv")
    expected = Z.copy()
    expected[1, 1] = 0.5
    np.testing.assert_array_equal(read.z, expected)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_a_table_keeps_its_other_columns(tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    extra = {"Smiling": ["1", "", "0", "1"], "note": ["a,b", "two\nlines", "", "tab\there"]}
    path = tmp_path / f"t{suffix}"
    write_table(path, Latents(IDS, ["train", "", "valid", "test"], Z, extra))
    read = read_latents(path, 3, "vae")
    assert read[:2] == (IDS, ["train", "", "valid", "test"])
    assert read.extra == extra and list(read.extra) == ["Smiling", "note"]
    np.testing.assert_array_equal(read.z.view(np.uint32), Z.view(np.uint32))
    assert read_latents(path, only={IDS[2]}).ids == [IDS[2]]
    first = path.read_bytes()
    write_table(path, read)
    assert path.read_bytes() == first
    with pytest.raises(InputError, match=r"t.xls: cannot write '.xls' files; use .csv, .tsv, .parquet"):
        write_table(tmp_path / "t.xls", read)


@pytest.mark.parametrize("name", ["id", "split", "z001", "Z 7", "pc000", ""])
def test_columns_that_mean_something_cannot_be_attributes(tmp_path, name):
    with pytest.raises(InputError, match="no column can be named"):
        write_latents(tmp_path / "t.csv", IDS, "x", Z, extra={name: ["1"] * 4})


def as_excel(text, separator=";", encoding="utf-8-sig"):
    """GOOD's rows with halves, as a German Excel saves them."""
    return text.replace(",", separator).replace(".", ",").replace("\n", "\r\n").encode(encoding)


HALVES = GOOD.replace("1,2,3", "1.5,-2,3E-05").replace("b,", "Zoë Müller,")


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_what_a_german_excel_writes(table, separator, encoding):
    read = read_latents(table(as_excel(HALVES, separator, encoding)), 3, "vae")
    assert read.ids == ["a", "Zoë Müller"] and read.splits == ["test", "test"]
    np.testing.assert_array_equal(read.z, np.array([[1.5, -2, 3e-5], [4, 5, 6]], np.float32))


def test_a_declared_separator_a_minus_sign_and_spaces_that_do_not_break(table):
    text = "sep=;\r\n" + as_excel(HALVES).decode("utf-8-sig").replace("-2", "\u22122").replace(";5;", ";5\u00a0;")
    read = read_latents(table(text.encode("utf-8-sig")), 3, "vae")
    np.testing.assert_array_equal(read.z, np.array([[1.5, -2, 3e-5], [4, 5, 6]], np.float32))


@pytest.mark.parametrize(
    "cell, message",
    [
        ("1.234,5", "'1.234,5' has a thousands separator; write it without"),
        ("1.234.567", "'1.234.567' has a thousands separator"),
        ("1'234", '"1\'234" has a thousands separator'),
        ("1 234,5", "'1 234,5' has a thousands separator"),
        ("1.5", "'1.5' has a decimal point, the numbers before it a comma; write all of them one way"),
        ("1,5,5", "'1,5,5' is not a number"),
    ],
)
def test_numbers_that_a_decimal_comma_makes_doubtful(table, cell, message):
    text = as_excel(HALVES).decode("utf-8-sig").replace(";5;", f";{cell};")
    assert f"row 3, column z001: {message}" in one_line(table(text))


def test_points_then_a_comma(table):
    message = one_line(table(GOOD.replace("a,test,1", "a,test,1.5").replace(",", ";").replace("5;6", "5,5;6")))
    assert message.startswith("row 3, column z001: '5,5' has a decimal comma, the numbers before it a point")
    message = one_line(table(GOOD.replace("5", '"1,234.5"')))
    assert "'1,234.5' has a thousands separator" in message


def test_columns_in_any_order_with_empty_ones_and_cells_left_out_at_the_end(table):
    read = read_latents(table("z002,z000,id,z001,Smiling,note,,\n3,1,a,2,1,,,\n6,4,b,5\n,,,,,,,\n\n"), 3, "vae")
    assert read.ids == ["a", "b"] and read.extra == {"Smiling": ["1", ""], "note": ["", ""]}
    np.testing.assert_array_equal(read.z, np.array([[1, 2, 3], [4, 5, 6]], np.float32))
    assert "2 columns named 'note'" in one_line(table("id,note,note,z000\na,,,1\n"))


def test_missing_columns_from_a_base(table):
    base = np.array([7, 8, 9], np.float32)
    read = read_latents(table("id,z001\na,1\nb,2\n"), 3, "vae", base=base)
    np.testing.assert_array_equal(read.z, np.array([[7, 1, 9], [7, 2, 9]], np.float32))
    with pytest.raises(InputError, match=r"no column z000; `facepipe decode --base ID`"):
        read_latents(table("id,z001,z002\na,1,2\n"), 3, "vae")
    with pytest.raises(InputError, match="has 4 latent columns, model vae has 3"):
        read_latents(table("id,z003\na,1\n"), 3, "vae", base=base)


def test_principal_components(table, tmp_path):
    pca = fit_pca(np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32) * [3, 2, 1] + 1)
    write_latents(tmp_path / "t.csv", IDS, "test", pca.project(Z), form="pc")
    np.testing.assert_allclose(read_latents(tmp_path / "t.csv", 3, "vae", pca=lambda: pca).z, Z, atol=1e-6)
    assert "columns of principal components, where latent columns are expected" in one_line(tmp_path / "t.csv")
    assert "both latent columns and columns of principal components" in one_line(table("id,z000,pc000\na,1,2\n"))
    read = read_latents(table("id,pc001\na,1\n"), 3, "vae", base=Z[0], pca=lambda: pca)
    np.testing.assert_allclose(
        pca.project(read.z)[0], [pca.project(Z[:1])[0, 0], 1, pca.project(Z[:1])[0, 2]], atol=1e-5
    )
    with pytest.raises(InputError, match="has 4 columns of principal components, the model has 3"):
        read_latents(table("id,pc000,pc001,pc002,pc003\na,1,2,3,4\n"), pca=lambda: pca)


def test_no_rows_write_a_header(tmp_path):
    write_latents(tmp_path / "t.csv", [], "valid", iter([]), latent_dim=2)
    assert (tmp_path / "t.csv").read_text() == "id,split,z000,z001\n"


def test_writing_checks_what_it_writes(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("old")
    bad = Z.copy()
    bad[2, 0] = np.inf
    for ids, z, error in (
        (IDS, bad, InputError),
        (["a", "b", "../c", "d"], Z, InputError),
        (["a", "b", "a", "d"], Z, InputError),
        (["a", "b", "c"], Z, ValueError),
        (["a", "b", "c", "d", "e"], Z, ValueError),
    ):
        with pytest.raises(error):
            write_latents(path, ids, "test", z)
        assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        GOOD.rstrip("\n"),
        GOOD + "\n\n \n,,,,\n",
        GOOD.replace("split,", "").replace("test,", ""),
        "Smiling,z000,id,z001,zoom,z002\n1,1,a,2,x,3\n0,4,b,5,,6\n",
        "id,z000,z001,z002\n a,1,2,3\nb, 4,5.0,6e0\n".replace(" a", "a"),
        '"id","split","z000","z001","z002"\n"a","test","1","2","3"\n"b","test","4","5","6"\n',
    ],
    ids=["plain", "bom", "crlf", "cr", "no-end", "blank-tail", "no-split", "extra-columns", "spaces", "quoted"],
)
def test_accepted_forms(table, content):
    read = read_latents(table(content), 3, "vae")
    assert read.ids == ["a", "b"]
    np.testing.assert_array_equal(read.z, np.array([[1, 2, 3], [4, 5, 6]], np.float32))


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "empty file"),
        ("\n", "row 1: no column named id"),
        ("id,split,z000\n", "a header but no rows"),
        ("split,z000\nx,1\n", "row 1: no column named id"),
        ("id,id,z000\na,a,1\n", "row 1: 2 columns named id"),
        ("id,split\na,x\n", "row 1: no latent columns"),
        ("id,z000,z002\na,1,2\n", "row 1: no column z001; `facepipe decode --base ID`"),
        ("id,z001,z002\na,1,2\n", "row 1: no column z000;"),
        ("id,z000,z001,z001\na,1,2,3\n", "row 1: 2 columns named z001"),
        ("id,z000,Z001\na,1,2\n", "row 1, column 'Z001': not the name of a latent column; did you mean z001?"),
        ("id,z000, z001\na,1,2\n", "row 1, column ' z001': not the name of a latent column"),
        ("id,z000,z1\na,1,2\n", "row 1, column 'z1': not the name of a latent column; did you mean z001?"),
        ("id,z000,z001.1\na,1,2\n", "row 1, column 'z001.1': not the name of a latent column"),
        (GOOD.replace("5", "abc"), "row 3, column z001: 'abc' is not a number"),
        (GOOD.replace("5", "0x10"), "row 3, column z001: '0x10' is not a number"),
        (GOOD.replace("5", "1_0"), "row 3, column z001: '1_0' is not a number"),
        (GOOD.replace("5", "٣"), "row 3, column z001: '٣' is not a number"),
        (GOOD.replace("5", '"0,5"'), "row 3, column z001: '0,5' is not a number; write decimals with a point"),
        (GOOD.replace("5", "#VALUE!"), "row 3, column z001: '#VALUE!' is not a number"),
        (GOOD.replace("5", "nan"), "row 3, column z001: 'nan' is not a finite number"),
        (GOOD.replace("5", "-inf"), "row 3, column z001: '-inf' is not a finite number"),
        (GOOD.replace("5", "1e39"), "row 3, column z001: '1e39' is too large for float32"),
        (GOOD.replace("5", "-1e999"), "row 3, column z001: '-1e999' is too large for float32"),
        (GOOD.replace("5", ""), "row 3, column z001: empty cell"),
        (GOOD.replace("5", "  "), "row 3, column z001: empty cell"),
        (GOOD.replace(",6", ""), "row 3, column z002: empty cell"),
        (GOOD.replace("6", "6,7"), "row 3: 6 cells, the header has 5"),
        (GOOD.replace("b,", "\nb,"), "row 3: blank, with more rows below"),
        (GOOD.replace("b,", "a,"), "row 3, column id: 'a' is already in row 2; ids must differ"),
        (GOOD.replace("b,", "A,"), "row 3, column id: 'A' is already in row 2 as 'a'"),
        (GOOD.replace("b,", "é,").replace("a,", "e\u0301,"), "is already in row 2 as"),
        (GOOD.replace("b,", ","), "row 3, column id: '' is empty"),
        (GOOD.replace("b,", "../b,"), "row 3, column id: '../b' looks like a path"),
        (GOOD.replace("b,", "..,"), "row 3, column id: '..' looks like a path"),
        (GOOD.replace("b,", "/etc/b,"), "row 3, column id: '/etc/b' looks like a path"),
        (GOOD.replace("b,", "c\\b,"), "looks like a path"),
        (GOOD.replace("b,", ".b,"), "row 3, column id: '.b' looks like a path"),
        (GOOD.replace("b,", "b\0,"), "row 3: not UTF-8 text"),
        (GOOD.replace("b,", '"b\nc",'), r"row 3, column id: 'b\nc' has a control character"),
        (GOOD.replace("b,", "b\u202e,"), "has a control character"),
        (GOOD.replace("b,", " b,"), "row 3, column id: ' b' has a control character in it or a space at an end"),
        (GOOD.replace("b,", "é" * 101 + ","), "is longer than the 200 bytes"),
        (GOOD.replace("b,", '"b,'), "row 3: not valid CSV"),
        (GOOD.replace("b,", '"b"x,'), "row 3: not valid CSV"),
        (GOOD.replace("b,", '"b",'.replace("b", "b" * 200_000)), "row 3: not valid CSV"),
        (GOOD.replace("b,", "é\x81,").encode("latin-1"), "row 3: not UTF-8 text"),
        (GOOD.encode("utf-16")[:-1], "row 3: not UTF-8 text"),
        (GOOD.encode("utf-16-le"), "row 1: not UTF-8 text; save it as 'CSV UTF-8'"),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00\xff\xfe", "row 1: an Excel workbook; save it as 'CSV UTF-8'"),
    ],
)
def test_refused(table, content, message):
    assert message in one_line(table(content))


def test_rows_are_counted_as_in_a_spreadsheet(table):
    content = GOOD.replace("a,test", '"a note\nof two lines",test').replace("id,", "note,").replace("z002", "z002,id")
    content = content.replace("3\n", "3,a\n").replace("6\n", "x,b\n")
    assert "row 3, column z002: 'x'" in one_line(table(content))


def test_another_models_latents(table):
    message = one_line(table(GOOD), 64, "vae")
    assert message == (
        "has 3 latent columns, model vae has 64; `facepipe decode --base ID` takes missing ones from another face"
    )


def test_no_such_file(tmp_path):
    assert "No such file" in one_line(tmp_path / "no.csv")
    assert "Is a directory" in one_line(tmp_path)


def test_plain_numbers_are_one_latent(table):
    read = read_latents(table("0.5\n-1e-3\r\n 2 \n\n", "my face.txt"), 3, "ae")
    assert read.ids == ["my face"] and read.splits == [""]
    np.testing.assert_array_equal(read.z, np.array([[0.5, -1e-3, 2]], np.float32))


@pytest.mark.parametrize(
    "content, message",
    [
        ("1\n2\n", "has 2 latent columns, model ae has 3"),
        ("1\nx\n3\n", "row 2: 'x' is not a number"),
        ("1\n\n3\n", "row 2: empty cell"),
        ("1\n2\nnan\n", "row 3: 'nan' is not a finite number"),
        ("1\n2\n1e40\n", "row 3: '1e40' is too large"),
    ],
)
def test_plain_numbers_refused(table, content, message):
    assert message in one_line(table(content, "face.txt"), 3, "ae")


def test_plain_numbers_in_a_file_whose_name_is_no_id(table):
    assert "row 2, column id: '.face' looks like a path" in one_line(table("1\n2\n3\n", ".face"), 3, "ae")


def test_picture_names():
    assert picture_names(["000001.jpg", "b", "c.PNG", "d.tar.gz", "e.jpeg"]) == [
        "000001.png", "b.png", "c.png", "d.tar.gz.png", "e.png",
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"row 4, column id: 'A.jpg' would be written to 'A.png', as 'a' of row 2"):
        picture_names(["a", "b", "A.jpg"], "t.csv")
