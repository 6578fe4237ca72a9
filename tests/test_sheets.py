import pytest

from facepipe.errors import InputError
from facepipe.tables.sheets import open_sheet


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


def test_quotes_may_hold_separators_and_line_ends(tmp_path):
    _, header, rows = read(tmp_path / "t", 'id,"a ""b"", c"\n"x\ny",1\nz,2\n')
    assert header == ["id", 'a "b", c'] and rows == [(2, ["x\ny", "1"]), (3, ["z", "2"])]


def test_rows_get_the_length_of_the_header(tmp_path):
    assert read(tmp_path / "t", "a,b,\n1\n1,2,,,\n,,\n\n")[2] == [(2, ["1", "", ""]), (3, ["1", "2", ""])]
    for content, message in (
        ("a,b\n1,2,3\n", "row 2: 3 cells, the header has 2"),
        ("a,b\n\n1,2\n", "row 2: blank, with more rows below"),
        ('a,b\n"1,2\n', "row 2: not valid CSV"),
        (b"a,b\n1,\x81\n", "row 2: not UTF-8 text"),
        (b"a,b\n1,\0\n", "row 2: not UTF-8 text"),
        (b"PK\x03\x04\xff", "an Excel workbook"),
        ("", "empty file"),
    ):
        with pytest.raises(InputError, match=message):
            read(tmp_path / "t", content)
    with pytest.raises(InputError, match="No such file"), open_sheet(tmp_path / "none"):
        pass
