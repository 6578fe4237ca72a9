import pytest

from facepipe.errors import InputError
from facepipe.tables.sheets import named_columns, open_sheet


def read(path, content, encoding="utf-8"):
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    with open_sheet(path) as sheet:
        return sheet.separator, sheet.header, list(sheet.rows)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_writing_gives_the_same_rows(tmp_path, encoding, separator, end):
    text = end.join(separator.join(cells) for cells in (["id", "naïve", "z"], ["a", "é", "1"], ["b", "", "2"]))
    expected = separator, ["id", "naïve", "z"], [(2, ["a", "é", "1"]), (3, ["b", "", "2"])]
    assert read(tmp_path / "t", text + end, encoding) == expected
    assert read(tmp_path / "t", text.replace("a", '"a"', 1), encoding)[2][0][0] == 2
    with open_sheet("its name", text.encode(encoding)) as sheet:
        assert (sheet.separator, sheet.header, list(sheet.rows)) == expected


def test_quotes_may_hold_separators_and_line_ends(tmp_path):
    _, header, rows = read(tmp_path / "t", 'id,"a ""b"", c"\n"x\ny",1\nz,2\n')
    assert header == ["id", 'a "b", c'] and rows == [(2, ["x\ny", "1"]), (3, ["z", "2"])]


def test_rows_get_the_length_of_the_header(tmp_path):
    assert read(tmp_path / "t", "a,b,\n1\n\n1,2,,,\n,,\n\n")[2] == [(2, ["1", "", ""]), (4, ["1", "2", ""])]
    for content, message in (
        ("a,b\n1,2,3\n", "row 2: 3 cells, the header has 2"),
        ('a,b\n"1,2\n', "row 2: not valid CSV"),
        (b"a,b\n1,\x81\n", "row 2: not UTF-8 text"),
        (b"a,b\n1,\0\n", "row 2: not UTF-8 text"),
        (b'a,"b\nb"\n"1\n\n1",2\n1,\x81\n', "row 3: not UTF-8 text"),
        (b'a,"b\rb"\r"1",\x81\r', "row 2: not UTF-8 text"),
        (b"PK\x03\x04\xff", "an Excel workbook"),
        ("", "empty file"),
    ):
        with pytest.raises(InputError, match=message):
            read(tmp_path / "t", content)
    with pytest.raises(InputError, match="No such file"), open_sheet(tmp_path / "none"):
        pass


def test_separators_within_quotes_do_not_count(tmp_path):
    assert read(tmp_path / "t", '"a;b;c",d\n1,2\n')[:2] == (",", ["a;b;c", "d"])


def test_equally_many_of_both(tmp_path):
    assert read(tmp_path / "t", "id;age, years\na;0,5\n") == (";", ["id", "age, years"], [(2, ["a", "0,5"])])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("first", ["sep=;\r\n", "SEP=;\r", '"sep=;"\n'])
def test_a_first_line_that_names_the_separator(tmp_path, first, encoding):
    # a spreadsheet does not show it, and counts rows without it
    right = ";", ["id", "a,b,c"], [(2, ["x", "0,5"])]
    assert read(tmp_path / "t", f"{first}id;a,b,c\nx;0,5\n", encoding) == right
    assert read(tmp_path / "t", f'{first}id;"a,b,c"\nx;"0,5"\n', encoding) == right


def test_a_first_line_that_names_none(tmp_path):
    for content, message in (
        ("sep=|\nid|a\n", "t: 'sep=|': the separator should be a comma, ; or a tab"),
        ("sep=;\n", "t: empty file; expected a header row"),
        (b"sep=;\nid;a\nx;\x81\n", "t: row 2: not UTF-8 text"),
    ):
        with pytest.raises(InputError, match=message.replace("|", "[|]")):
            read(tmp_path / "t", content)


def test_spaces_around_cells(tmp_path):
    text = 'a, "b, c", d\n 1 , "2", 3\n , , \n'
    (tmp_path / "t").write_text(text.replace('"b, c"', "b").replace('"', ""))
    with open_sheet(tmp_path / "t", trim=True) as sheet:
        assert (sheet.header, list(sheet.rows)) == (["a", "b", "d"], [(2, ["1", "2", "3"])])
    with open_sheet("quoted", text.encode(), trim=True) as sheet:
        assert (sheet.header, list(sheet.rows)) == (["a", "b, c", "d"], [(2, ["1", "2", "3"])])
    assert read(tmp_path / "t", "a, b\n1, 2\n")[1:] == (["a", " b"], [(2, ["1", " 2"])])


def test_named_columns():
    with open_sheet("t", b"a,b,,\n1,2,\n3,,,\n4,5,6\n") as sheet:
        named = named_columns(sheet)
        rows = named.rows
        assert named.header == ["a", "b"] and [next(rows), next(rows)] == [(2, ["1", "2"]), (3, ["3", ""])]
        with pytest.raises(InputError, match="t: row 4: a cell beyond the 2 columns that have a name"):
            next(rows)
    for header, message in (
        ("a,,b", "column 2 has no name"),
        (",,", "column 1 has no name"),
        ("a,b,A", "'a' is there twice"),
        ('a,"b\nc"', r"'b\\nc': column names should be printable"),
    ):
        with open_sheet("t", header.encode()) as sheet, pytest.raises(InputError, match=f"t: row 1: {message}"):
            named_columns(sheet)
