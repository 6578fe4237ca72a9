"""The lists that come with data sets: whitespace-separated columns in UTF-8, with errors that name the row."""

import contextlib

from facepipe.errors import InputError

MAX_LINE = 2**22  # characters, of a list or table


@contextlib.contextmanager
def open_text(path):
    """Open a UTF-8 file, with or without a byte order mark, for reading.

    Raises:
        InputError: it cannot be opened, or is not UTF-8 (also where that turns out in the middle of the block).
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            yield file
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}") from None


def bounded_lines(file, path, start=1):
    """The lines of an open text file; InputError at one of more than `MAX_LINE` characters, which is not read."""
    row = start
    while line := file.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise InputError(f"{path}: row {row}: a line of more than {MAX_LINE} characters")
        yield line
        row += 1


def column_rows(file, path, width, start=1):
    """Rows of whitespace-separated columns, the first of them unique; empty lines are allowed at the end only.

    Args:
        file: open text file.
        path: for messages.
        width: int, number of columns.
        start: int, number of the file's next row.

    Yields:
        (row, list of `width` str).

    Raises:
        InputError: another number of columns, or a first column that is there twice.
    """
    seen, empty = set(), None
    for row, line in enumerate(bounded_lines(file, path, start), start):
        cells = line.split()
        if not cells:
            empty = empty or row
            continue
        if empty or len(cells) != width:
            found = 0 if empty else len(cells)
            raise InputError(f"{path}: row {empty or row}: {found} columns, expected {width}")
        if cells[0] in seen:
            raise InputError(f"{path}: row {row}: {cells[0]} is there twice")
        seen.add(cells[0])
        yield row, cells
