"""Download a file from Google Drive, by gdown: the one host that needs more than a plain request."""

import re
import sys

import requests

from facepipe.download.remote import Unavailable

RETRIES = 4
TIMEOUT = 60  # seconds without a byte


def receive_from_drive(file_id, part):
    """Download the file with id `file_id` to the path `part`; gdown keeps what came of it beside `part` and goes on.

    Returns:
        bool: whether the file was put together from several answers.

    Raises:
        Unavailable: gdown is not installed, Google refuses the file (quota, permission), or the network fails.
    """
    try:
        import gdown
    except ImportError:
        raise Unavailable("needs gdown (pip install 'facepipe[download]')") from None
    pieced = bool(_parts(part))
    print(f"{part.name.removesuffix('.part')}: downloading from Google Drive, id {file_id}", flush=True)
    try:
        _download(gdown, file_id, part)
    except gdown.exceptions.FileURLRetrievalError as error:
        text = " ".join(str(error).split())
        if re.search("too many|quota", text, re.IGNORECASE):
            text = "too many have downloaded it lately; Google lets nobody have it for up to a day"
        else:
            text = f"Google does not give it ({text[:200]})"
        raise Unavailable(text, gone=True) from None
    except (gdown.exceptions.DownloadError, requests.RequestException) as error:
        raise Unavailable(" ".join(str(error).split())[:200]) from None
    return pieced


def _download(gdown, file_id, part):
    options = {"quiet": not sys.stderr.isatty(), "resume": True, "retries": RETRIES, "timeout": TIMEOUT}
    try:
        gdown.download(id=file_id, output=str(part), **options)
    except gdown.exceptions.DownloadError as error:
        if "byte range" not in str(error):
            raise
        # what is kept does not fit the file; gdown would stumble over it for ever
        discard_drive_parts(part)
        gdown.download(id=file_id, output=str(part), **options)


def discard_drive_parts(part):
    """Remove what gdown kept of an earlier attempt."""
    for kept in _parts(part):
        kept.unlink(missing_ok=True)


def _parts(part):
    return list(part.parent.glob(f"{part.name}????????.part"))
