"""CSV as spreadsheets write it, in rows of texts: any separator, UTF-8, UTF-16 or Windows text, empty tails."""

import codecs
import contextlib
import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from facepipe.errors import InputError
from facepipe.tables.cells import short
from facepipe.tables.text import MAX_LINE, bounded_lines

# spreadsheets write ; where the comma is the decimal mark; of equally many the comma is more likely text
SEPARATORS = "\t;,"
MAX_COLUMNS = 20_000
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
_QUOTED = re.compile('"[^"]*"?')
# a first line that is for spreadsheets alone: they do not show it
_DECLARED = re.compile('"?sep=(.*?)"?[\r\n]*', re.IGNORECASE)


class Sheet(NamedTuple):
    """A table of texts that is being read.

    Attributes:
        path: of the file, for messages.
        encoding: str.
        first: str, the first line; that a file may begin with to name its separator (sep=;) is not one.
        header: list of str, "" where a column has no name.
        separator: str, the character between the cells.
        rows: yields (row, cells): row as a spreadsheet counts, the header being 1; cells as many as the header's, empty
            ones added or cut off at the end. Rows without content are left out.
    """

    path: object
    encoding: str
    first: str
    header: list
    separator: str
    rows: Iterator


@contextlib.contextmanager
def open_sheet(path, data=None, trim=False):
    """The `Sheet` in a text file.

    Args:
        path: Path of the file; with `data` only its name for messages.
        data: bytes, the file's content where it does not lie on the disk (but in an archive), or None.
        trim: whether spaces around a cell, also those before its opening quote, are no part of it.

    Raises:
        InputError: one line with file and row, while it is opened or its rows are read.
    """

    def opened(encoding=None, errors="strict"):
        file = io.FileIO(path) if data is None else io.BytesIO(data)
        file = io.BufferedReader(file)
        return io.TextIOWrapper(file, encoding, errors, newline="") if encoding else file

    try:
        encoding, quoted = _survey(path, opened)
        with opened(encoding) as file:
            first = next(bounded_lines(file, path), "")
            if declared := _DECLARED.fullmatch(first):
                if declared[1] not in SEPARATORS or not declared[1]:
                    raise InputError(f"{path}: {short(first.strip())}: the separator should be a comma, ; or a tab")
                first = next(bounded_lines(file, path), "")
            if not first:
                raise InputError(f"{path}: empty file; expected a header row")
            separator = declared[1] if declared else _separator(first)
            file.seek(0)
            if declared:
                file.readline()
            lines = _quoted(path, file, separator, trim) if quoted else _plain(path, file, separator)
            if trim:
                lines = ([cell.strip() for cell in cells] for cells in lines)
            header = next(lines)
            if len(header) > MAX_COLUMNS:
                raise InputError(f"{path}: row 1: {len(header)} columns, more than {MAX_COLUMNS}")
            yield Sheet(path, encoding, first.strip(), header, separator, _rows(path, len(header), lines))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; expected a CSV file") from None


def named_columns(sheet):
    """A `Sheet` whose columns all have names, different by more than upper and lower case.

    Args:
        sheet: `Sheet`; nameless columns at its end are left out, where they are empty.

    Raises:
        InputError: other nameless columns, names that cannot be printed, two that are the same; while the rows are
            read, a cell of a column that is left out.
    """
    path, names = sheet.path, list(sheet.header)
    while names and not names[-1]:
        names.pop()
    if "" in names or not names:
        raise InputError(f"{path}: row 1: column {names.index('') + 1 if names else 1} has no name")
    if odd := next((name for name in names if not name.isprintable()), None):
        raise InputError(f"{path}: row 1: {short(odd)}: column names should be printable")
    lower = [name.lower() for name in names]
    counts = Counter(lower)
    if twice := next((name for name in names if counts[name.lower()] > 1), None):
        raise InputError(f"{path}: row 1: {short(twice)} is there twice; rename one of the columns")
    return sheet._replace(header=names, rows=_of_named(path, len(names), sheet.rows))


def _of_named(path, count, rows):
    for row, cells in rows:
        if any(cells[count:]):
            raise InputError(f"{path}: row {row}: a cell beyond the {count} columns that have a name")
        yield row, cells[:count]


def _separator(first):
    """What separates the cells, by the first line: the one that stands there most often, not counting quoted text."""
    return max(SEPARATORS, key=_QUOTED.sub("", first).count)


def _survey(path, opened):
    """(encoding, whether a cell may be in quotes), from all of the file's bytes."""
    with opened() as file:
        start = file.read(4)
    marked = next((encoding for mark, encoding in _MARKS if start.startswith(mark)), None)
    for encoding in [marked] if marked else ["utf-8", "cp1252"]:  # the second is what Excel means by "CSV"
        quoted = False
        try:
            with opened(encoding) as file:
                while block := file.read(_BLOCK):
                    quoted = quoted or '"' in block
                    if "\0" in block or (encoding == "cp1252" and not _NO_TEXT.isdisjoint(block)):
                        break  # bytes, not letters
                else:
                    return encoding, quoted
        except UnicodeError:
            pass
    kind = "an Excel workbook" if start.startswith(b"PK") else "not UTF-8 text"
    with opened(marked or "utf-8", errors="replace") as file:
        raise InputError(f"{path}: row {_undecodable_row(path, file)}: {kind}; save it as 'CSV UTF-8'")


def _undecodable_row(path, file):
    """The row of the first letter that stands for bytes which are no text."""

    def readable():
        for line in bounded_lines(file, path):
            before, *rest = re.split("[\0\ufffd]", line, maxsplit=1)
            if rest:
                yield before + "?"  # any letter: the row that it stands in has begun
                return
            yield line

    lines = readable()
    first = next(lines)
    if not _DECLARED.fullmatch(first):
        lines = itertools.chain([first], lines)
    reader, row = csv.reader(lines, delimiter=_separator(first)), 0
    try:
        for _ in reader:
            row += 1
    except csv.Error:
        row += 1
    return row


def _plain(path, file, separator):
    # twice as fast as csv.reader
    for line in bounded_lines(file, path):
        yield line.rstrip("\r\n").split(separator)


def _quoted(path, file, separator, trim):
    row, length = 0, 0

    def lines():
        nonlocal length
        for line in bounded_lines(file, path):
            length += len(line)
            if length > MAX_LINE:
                raise InputError(f"{path}: row {row + 1}: cells of more than {MAX_LINE} characters")
            yield line

    try:
        for cells in csv.reader(lines(), delimiter=separator, strict=True, skipinitialspace=trim):
            row, length = row + 1, 0
            yield cells
    except csv.Error as error:
        message = str(error).replace("\t", "tab")
        raise InputError(f"{path}: row {row + 1}: not valid CSV: {message}") from None


def _rows(path, width, lines):
    for row, cells in enumerate(lines, 2):
        if len(cells) != width:
            if any(cells[width:]):
                raise InputError(f"{path}: row {row}: {len(cells)} cells, the header has {width}")
            cells = cells[:width] + [""] * (width - len(cells))
        # most rows begin with a name
        if cells[0].strip() or any(cell.strip() for cell in cells):
            yield row, cells
