"""CSV as spreadsheets write it, in rows of texts: any separator, UTF-8, UTF-16 or Windows text, empty tails."""

import codecs
import contextlib
import csv
from typing import NamedTuple

from facepipe.errors import InputError

SEPARATORS = ",;\t"
_BLOCK = 2**20
# a byte order mark and the encoding that it names; that of UTF-32 begins with that of UTF-16
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TEXT = frozenset(map(chr, range(32))) - set("\t\n\r\f")


class Sheet(NamedTuple):
    """encoding: str; first: str, the first line; header: list of str; separator: str; rows: iterator.

    `rows` yields (row, cells): row as a spreadsheet counts, the header being 1; cells as many as the header's, empty
    ones added or cut off at the end. Rows without content are left out at the end of the file and refused elsewhere.
    """

    encoding: str
    first: str
    header: list
    separator: str
    rows: object


@contextlib.contextmanager
def open_sheet(path):
    """The `Sheet` in a text file.

    Args:
        path: Path of the file.

    Raises:
        InputError: one line with file and row, while it is opened or its rows are read.
    """
    try:
        encoding, quoted = _survey(path)
        with open(path, encoding=encoding, newline="") as file:
            first = file.readline()
            if not first:
                raise InputError(f"{path}: empty file; expected a header row")
            separator = max(SEPARATORS, key=first.count)
            file.seek(0)
            lines = _quoted(path, file, separator) if quoted else _plain(file, separator)
            header = next(lines)
            yield Sheet(encoding, first.strip(), header, separator, _rows(path, len(header), lines))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; expected a CSV file") from None


def _survey(path):
    """(encoding, whether a cell may be in quotes), from all of the file's bytes."""
    with open(path, "rb") as file:
        start = file.read(4)
    marked = next((encoding for mark, encoding in _MARKS if start.startswith(mark)), None)
    for encoding in [marked] if marked else ["utf-8", "cp1252"]:  # the second is what Excel means by "CSV"
        quoted = False
        try:
            with open(path, encoding=encoding, newline="") as file:
                while block := file.read(_BLOCK):
                    quoted = quoted or '"' in block
                    if "\0" in block or (encoding == "cp1252" and not _NO_TEXT.isdisjoint(block)):
                        break  # bytes, not letters
                else:
                    return encoding, quoted
        except UnicodeError:
            pass
    kind = "an Excel workbook" if start.startswith(b"PK") else "not UTF-8 text"
    raise InputError(f"{path}: row {_undecodable_row(path, marked or 'utf-8')}: {kind}; save it as 'CSV UTF-8'")


def _undecodable_row(path, encoding):
    decoder, row = codecs.getincrementaldecoder(encoding)(), 1
    with open(path, "rb") as file:
        for byte in iter(lambda: file.read(1), b""):
            try:
                letter = decoder.decode(byte)
            except UnicodeError:
                break
            if letter == "\0":
                break
            row += letter == "\n"
    return row


def _plain(file, separator):
    # twice as fast as csv.reader
    for line in file:
        yield line.rstrip("\r\n").split(separator)


def _quoted(path, file, separator):
    row = 0
    try:
        for cells in csv.reader(file, delimiter=separator, strict=True):
            row += 1
            yield cells
    except csv.Error as error:
        message = str(error).replace("\t", "tab")
        raise InputError(f"{path}: row {row + 1}: not valid CSV: {message}") from None


def _rows(path, width, lines):
    blank = None
    for row, cells in enumerate(lines, 2):
        if len(cells) != width:
            if any(cells[width:]):
                raise InputError(f"{path}: row {row}: {len(cells)} cells, the header has {width}")
            cells = cells[:width] + [""] * (width - len(cells))
        # most rows begin with a name
        if not cells[0].strip() and not any(cell.strip() for cell in cells):
            blank = blank or row
            continue
        if blank:
            raise InputError(f"{path}: row {blank}: blank, with more rows below; remove it")
        yield row, cells
