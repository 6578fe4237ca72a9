"""Zip files that may come from anybody: their directory, and what is stored in them, take no more than they say."""

import tokenize
import zipfile
import zlib

MAX_DIRECTORY = 2**30  # bytes of the list of members; zipfile makes ten times as much of it
# what zipfile raises on damaged files: NotImplementedError (an unknown compression method) is a RuntimeError, and so is
# a wrong password
BROKEN = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, LookupError, OverflowError,
    MemoryError,
)  # fmt: skip
# what NumPy raises on damaged .npz and .npy files, whose headers are Python
BROKEN_ARRAYS = (*BROKEN, TypeError, SyntaxError, tokenize.TokenError)


def open_zip(path):
    """A `zipfile.ZipFile` for reading; zipfile.BadZipFile, too, where its directory is too large (see `BROKEN`)."""
    with open(path, "rb") as file:
        end = zipfile._EndRecData(file)  # what zipfile itself goes by; nothing public tells it beforehand
    if end and end[zipfile._ECD_SIZE] > MAX_DIRECTORY:
        raise zipfile.BadZipFile(f"its list of members has more than {MAX_DIRECTORY} bytes")
    return zipfile.ZipFile(path)


def open_stored(path):
    """As `open_zip`, for files that facepipe writes: nothing in them is compressed.

    Raises:
        zipfile.BadZipFile: its members are larger than the file, as those of a zip bomb are.
    """
    archive = open_zip(path)
    if sum(info.file_size for info in archive.filelist) > archive.fp.seek(0, 2):
        archive.close()
        raise zipfile.BadZipFile("its members are larger than the file; facepipe writes them uncompressed")
    return archive


def reason(error):
    """One of `BROKEN` as a line of some 150 characters."""
    return " ".join(str(error).split())[:150] or type(error).__name__
