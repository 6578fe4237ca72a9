"""Download over HTTP into a partial file: resumed by range requests, tried again after faults."""

import contextlib
import email.utils
import errno
import re
import shutil
import socket
import ssl
import time
from datetime import UTC, datetime

import requests
import urllib3

from facepipe.core.files import read_json, write_json
from facepipe.core.progress import Progress
from facepipe.errors import InputError

ATTEMPTS = 5  # in a row that bring less than PROGRESS bytes each
PROGRESS = 2**20
FIRST_WAIT, MAX_WAIT = 1.0, 60.0  # seconds
TIMEOUT = (20, 60)  # seconds to connect, seconds without a byte
CHUNK = 2**16  # a cut connection loses less than that
TRUST = "if you trust it, set dataset.checksums to what it has, or to none"


class Unavailable(Exception):
    """This address does not give the file. `gone`: the server says so, and there is no point in asking again."""

    def __init__(self, reason, gone=False):
        super().__init__(reason)
        self.gone = gone


class _Fault(Exception):
    """Something that another attempt may mend; `wait`: seconds that the server asks for."""

    def __init__(self, reason, wait=None):
        super().__init__(reason)
        self.wait = wait


def receive(url, part, name, size=None, verified=False, first_wait=FIRST_WAIT):
    """Download `url` into the file `part`, going on with what an earlier attempt or run left there.

    Beside `part` lies <part>.json: the address, the version (ETag or Last-Modified) and the size of what is being
    downloaded. The rest is asked for only of the same address and version, so two versions never end up in one file.

    Args:
        url: http(s) address.
        part: `Path`, in a folder that exists.
        name: the file's name, for messages.
        size: bytes that the whole file must have, or None: not known.
        verified: bool, whether a checksum will be compared afterwards: then a server that tells no version is
            trusted to go on, too.
        first_wait: seconds before the second attempt; doubled with each more.

    Returns:
        bool: whether the file was put together from several answers.

    Raises:
        Unavailable: the server has no such file, refuses it, or failed `ATTEMPTS` times. What came is kept.
        InputError: the disk is full. What came is kept.
    """
    most, failures = bytes_of(part), 0
    while True:
        try:
            return _attempt(url, part, name, size, verified)
        except _Fault as fault:
            # a server that always begins anew makes no progress by sending the same start again
            failures = 0 if bytes_of(part) >= most + PROGRESS else failures + 1
            most = max(most, bytes_of(part))
            if failures >= ATTEMPTS:
                kept = f"; {in_mb(bytes_of(part))} are kept" if bytes_of(part) else ""
                raise Unavailable(f"{fault} (tried {ATTEMPTS} times{kept})") from None
            wait = min(fault.wait if fault.wait is not None else first_wait * 2 ** max(0, failures - 1), MAX_WAIT)
            print(f"{name}: {fault}; trying again in {wait:.0f} s", flush=True)
            time.sleep(wait)


def discard(part):
    """Remove a partial file and what is noted of it."""
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def bytes_of(path):
    """int: the size of a file, 0 where there is none."""
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def in_mb(count):
    """A number of bytes for people: '26.1 MB'."""
    return f"{count / 1e6:.1f} MB"


def _note(part):
    return part.with_name(part.name + ".json")


def _read_note(part, url):
    """What is noted of the partial file, if it came from `url`; else {}."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        note = read_json(_note(part))
        if note["url"] == url:
            return note
    return {}


def _attempt(url, part, name, size, verified):
    note, start = _read_note(part, url), bytes_of(part)
    if not (note.get("version") or (note and verified)):
        start = 0
    if start and start == note["size"]:
        return note["pieces"] > 1  # stopped between the last byte and the check
    # the archive's own bytes are wanted, not a packed form for the way
    headers = {"Accept-Encoding": "identity", "User-Agent": "facepipe"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if note["version"]:
            headers["If-Range"] = note["version"]
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            _check_status(response, part)
            resumed = response.status_code == 206
            total = _check_range(response, start, note, part) if resumed else _length(response)
            if None not in (size, total) and size != total:
                if start:
                    discard(part)
                raise Unavailable(f"expected {size} bytes, the server offers {total}; {TRUST}")
            if response.headers.get("Content-Encoding", "identity") != "identity" and not name.endswith("gz"):
                raise Unavailable("the server packs it for the way, although asked not to")
            start = start if resumed else 0
            if not resumed:
                part.write_bytes(b"")  # before the new note: never old bytes under a new version
            note = {
                "url": url,
                "version": _version(response),
                "size": total,
                "pieces": note["pieces"] + 1 if resumed else 1,
            }
            write_json(_note(part), note)
            _check_room(part, (total or size or 0) - start)
            print(f"{name}: {_says(start, total)} from {url}", flush=True)
            _copy(response, part, name, start, total)
    except (requests.exceptions.SSLError, urllib3.exceptions.SSLError, ssl.SSLError) as error:
        raise Unavailable(f"no secure connection: {_plain(error)}") from None
    except (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
        urllib3.exceptions.HTTPError,
    ) as error:
        if f"[Errno {socket.EAI_NONAME}]" in str(error):  # there is no such host, says somebody who knows
            raise Unavailable(_plain(error)) from None
        raise _Fault(_plain(error)) from None
    except requests.RequestException as error:
        raise Unavailable(_plain(error)) from None
    came = bytes_of(part)
    if total is not None and came != total:
        if came > total:
            discard(part)
        raise _Fault(f"ended at {came} of {total} bytes")
    return note["pieces"] > 1


def _says(start, total):
    size = "" if total is None else f" {in_mb(total)}"
    return f"going on at {in_mb(start)} of{size}" if start else f"downloading{size}"


def _check_status(response, part):
    status = response.status_code
    if status in (200, 206):
        return
    reason = response.reason or "(no reason given)"
    if status == 416:
        discard(part)
        raise _Fault("the server has not the rest of it")
    if status in (408, 429) or status >= 500:
        raise _Fault(f"{status} {reason}", _retry_after(response))
    raise Unavailable(f"{status} {reason}", gone=status in (403, 404, 410))


def _retry_after(response):
    """Seconds, or None: the server does not say."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    with contextlib.suppress(ValueError):
        date = email.utils.parsedate_to_datetime(value)
        return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
    return None


def _check_range(response, start, note, part):
    """The whole file's size, after a look whether the answer is the rest of the file that we have the start of."""
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    first, last = map(int, found.groups()[:2]) if found else (None, None)
    total = int(found[3]) if found and found[3] != "*" else note.get("size")
    # some servers heed Range and not If-Range
    same = note.get("version") == _version(response) and note.get("size") in (None, total)
    if not found or not start or first != start or total not in (None, last + 1) or not same:
        discard(part)
        raise _Fault("the file has changed on the server, or it sends another part than asked for")
    return total


def _version(response):
    """What If-Range takes: a strong ETag, else the date of the last change, else None."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified")


def _length(response):
    value = response.headers.get("Content-Length", "")
    return int(value) if value.isdecimal() else None


def _check_room(part, missing):
    free = shutil.disk_usage(part.parent).free
    if missing > free:
        raise disk_full(part.parent, f"{in_mb(missing)} more are needed, {in_mb(free)} are free")


def disk_full(folder, detail="nothing is left of it"):
    """The `InputError` for a cache that cannot grow."""
    return InputError(
        f"{folder}: not enough disk space: {detail}; free some and run again (what came is kept), "
        "or set FACEPIPE_CACHE to a folder with more room"
    )


def _copy(response, part, name, start, total):
    with Progress(name, total, "B", start) as progress, open(part, "ab", buffering=0) as file:
        for chunk in response.raw.stream(CHUNK, decode_content=False):
            rest = memoryview(chunk)
            while rest:
                try:
                    rest = rest[file.write(rest) :]
                except OSError as error:
                    if error.errno in (errno.ENOSPC, errno.EDQUOT):
                        raise disk_full(part.parent) from None
                    raise
            progress.update(len(chunk))


def _plain(error):
    """A network error in a few words."""
    text = str(error)
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError) or "timed out" in text:
        return "no answer in time"
    if "NameResolutionError" in text or "getaddrinfo" in text:
        return "the host's name is not known (is there a network?)"
    found = re.search(r"\[Errno -?\d+\] ([^'\")\]]+)", text) or re.search(r"IncompleteRead", text)
    if found and found.groups():
        return found[1].strip().lower()
    return "the connection was lost" if found else " ".join(text.split())[:200]
