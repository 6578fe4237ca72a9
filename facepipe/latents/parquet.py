"""Tables of latents as Parquet, for large sets: smaller and quicker to read than CSV; needs the extra `parquet`."""

from pathlib import Path

import numpy as np

from facepipe.errors import InputError
from facepipe.tables.cells import short

_MAGIC = b"PAR1"
MAX_CELLS = 2**26  # of a file that has less than a byte a cell: 256 MiB as float32
_ROWS = 2**14  # of a row group, and read at once: small ones are slow


def is_parquet(path):
    """Whether a file is Parquet, by its first bytes, or by its name where it does not exist."""
    try:
        with open(path, "rb") as file:
            return file.read(4) == _MAGIC
    except OSError:
        return Path(path).suffix.lower() == ".parquet"


def import_pyarrow(path):
    """The modules (pyarrow, pyarrow.parquet); InputError for `path` where they are not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError(f"{path}: Parquet needs pyarrow; pip install 'facepipe[parquet]'") from None
    return pyarrow, pyarrow.parquet


def read_header(path):
    """The names of a file's columns."""
    _, parquet = import_pyarrow(path)
    return _checked(path, lambda: parquet.read_schema(path).names)


def read_columns(path, vector, others, key, only=None):
    """Read some columns.

    Args:
        path: the file.
        vector: names of the columns with the numbers of the vector.
        others: names of columns of texts, among them `key`; empty cells become "", whole numbers lose their point.
        key, only: as in `facepipe.latents.vectors.read_parts`.

    Returns:
        (z float32 (n, len(vector)), {column: list of n str}).

    Raises:
        InputError: not Parquet, or a cell that is not a finite number; rows are counted from 2, as under a header.
    """
    pyarrow, parquet = import_pyarrow(path)
    parts, cells = [], {name: [] for name in others}

    def read():
        row = 2
        # of pages that have a checksum, as ours
        with parquet.ParquetFile(path, page_checksum_verification=True) as file:
            count = file.metadata.num_rows * (len(vector) + len(others))
            if count > max(MAX_CELLS, Path(path).stat().st_size):
                raise InputError(f"{path}: says {count} cells, more than {MAX_CELLS} and than the file has bytes")
            for batch in file.iter_batches(_ROWS, columns=[*vector, *others]):
                texts = {name: _texts(pyarrow, batch.column(name)) for name in others}
                z = np.stack([_numbers(path, row, name, batch.column(name)) for name in vector], axis=1)
                row += len(z)
                chosen = [i for i, text in enumerate(texts[key]) if only is None or text in only]
                parts.append(z if only is None else z[chosen])
                for name in others:
                    cells[name] += texts[name] if only is None else [texts[name][i] for i in chosen]

    _checked(path, read)
    return np.concatenate(parts) if parts else np.empty((0, len(vector)), np.float32), cells


class Writer:
    """Writes rows to an open binary file: `write` for each part, then `close`. Latents are float32, the rest text."""

    def __init__(self, path, file, texts, vector):
        self._pyarrow, parquet = import_pyarrow(path)
        self._texts, self._vector = texts, vector
        fields = [(name, self._pyarrow.string()) for name in texts]
        fields += [(name, self._pyarrow.float32()) for name in vector]
        self._schema = self._pyarrow.schema(fields)
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd", write_page_checksum=True)
        self._waiting, self._count = [], 0

    def write(self, columns, z):
        """columns: lists of n str, one for each name in `texts`; z: float32 (n, d)."""
        arrays = [self._pyarrow.array(column, self._pyarrow.string()) for column in columns]
        arrays += [self._pyarrow.array(np.ascontiguousarray(column)) for column in z.T]
        self._waiting.append(self._pyarrow.Table.from_arrays(arrays, schema=self._schema))
        self._count += len(z)
        if self._count >= _ROWS:
            self._flush()

    def close(self):
        self._flush()
        self._writer.close()

    def _flush(self):
        if self._waiting:
            self._writer.write_table(self._pyarrow.concat_tables(self._waiting).combine_chunks())
        self._waiting, self._count = [], 0


def _numbers(path, row, name, column):
    where = f"{path}: column {name}"
    try:
        values = np.asarray(column.to_numpy(zero_copy_only=False), np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{where}: holds {column.type}, expected numbers") from None
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    if not np.isfinite(numbers).all():
        i = int(np.argmin(np.isfinite(numbers)))
        raise InputError(f"{path}: row {row + i}, column {name}: {short(str(column[i]))} is not a finite float32")
    return numbers


def _texts(pyarrow, column):
    """A column as list of str: nothing is "", whole numbers have no point, True and False are 1 and 0."""
    if pyarrow.types.is_binary(column.type):  # some programs do not say that bytes are text
        column = column.cast(pyarrow.string())
    if pyarrow.types.is_string(column.type):
        return column.fill_null("").to_pylist()
    return [_text(value) for value in column.to_pylist()]


def _text(value):
    if value is None or value != value:
        return ""
    return str(int(value)) if isinstance(value, bool | float) and float(value).is_integer() else str(value)


def _checked(path, read):
    """What `read()` gives; pyarrow's many complaints about a broken file as InputError."""
    pyarrow, _ = import_pyarrow(path)
    try:
        return read()
    except InputError:
        raise
    except (pyarrow.ArrowException, OSError, EOFError, MemoryError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as Parquet: {' '.join(str(error).split())[:150]}") from None
