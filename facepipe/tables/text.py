"""Label files as text: whitespace-separated columns and CSV, row by row, with errors that name the line."""

import contextlib
import csv
import itertools

from facepipe.errors import InputError

DELIMITERS = ",;\t"  # spreadsheets write ; where the comma is the decimal point


@contextlib.contextmanager
def open_text(path, newline=None):
    """Open a UTF-8 file, with or without a byte order mark, for reading.

    Args:
        path: the file.
        newline: as for `open`; "" for CSV.

    Raises:
        InputError: it cannot be opened, or is not UTF-8 (also where that turns out in the middle of the block).
    """
    try:
        with open(path, encoding="utf-8-sig", newline=newline) as file:
            yield file
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}") from None


def column_rows(file, path, width, start=1):
    """Rows of whitespace-separated columns, the first of them unique; empty lines are allowed at the end only.

    Args:
        file: open text file.
        path: for messages.
        width: int, number of columns.
        start: int, number of the file's next line.

    Yields:
        (line number, list of `width` str).

    Raises:
        InputError: another number of columns, or a first column that is there twice.
    """
    seen, empty = set(), None
    for number, line in enumerate(file, start):
        cells = line.split()
        if not cells:
            empty = empty or number
            continue
        if empty or len(cells) != width:
            found = 0 if empty else len(cells)
            raise InputError(f"{path}: line {empty or number}: {found} columns, expected {width}")
        if cells[0] in seen:
            raise InputError(f"{path}: line {number}: {cells[0]} is there twice")
        seen.add(cells[0])
        yield number, cells


def csv_table(file, path):
    """A CSV table with a line of column names; separated by comma, semicolon or tab, whichever the first line has most.

    Args:
        file: text file opened with newline="".
        path: for messages.

    Returns:
        (columns, rows, delimiter): list of str; an iterator of (line number, list of str, stripped), as many cells as
        columns, rows without any text left out; a character.

    Raises:
        InputError: no columns, a column without a name or with another's, a row of another length, not CSV.
    """
    head = file.readline()
    delimiter = max(DELIMITERS, key=head.count)
    rows = _csv_rows(itertools.chain([head], file), path, delimiter)
    _, columns = next(rows, (1, []))
    while columns and not columns[-1]:
        columns.pop()
    if "" in columns or not columns:
        raise InputError(f"{path}: line 1: column {columns.index('') + 1 if columns else 1} has no name")
    if odd := next((name for name in columns if not name.isprintable()), None):
        raise InputError(f"{path}: line 1: {odd!r}: column names should be printable")
    lower = [name.lower() for name in columns]
    if twice := next((name for name in columns if lower.count(name.lower()) > 1), None):
        raise InputError(f"{path}: line 1: {twice} is there twice; columns need names of their own")
    return columns, _checked(rows, path, len(columns)), delimiter


def _checked(rows, path, width):
    for line, cells in rows:
        if len(cells) < width or any(cells[width:]):
            raise InputError(f"{path}: line {line}: {len(cells)} columns, expected {width}")
        yield line, cells[:width]


def _csv_rows(lines, path, delimiter):
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num}: {error}") from None
