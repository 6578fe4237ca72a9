"""A local HTTP server that serves files under their names, with the faults that a test asks for."""

import contextlib
import hashlib
import http.server
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

DATE = "Wed, 21 Oct 2015 07:28:00 GMT"


@dataclass
class Fault:
    """What goes wrong with one answer.

    Attributes:
        status: this status and no file; None: the file.
        headers: more headers.
        cut: close the connection after this many bytes of the body; None: all of them.
        wait: `threading.Event` waited for after `cut` bytes, then the rest is sent.
        delay: seconds between any two pieces of 64 KiB.
    """

    status: int | None = None
    headers: dict = field(default_factory=dict)
    cut: int | None = None
    wait: threading.Event | None = None
    delay: float = 0.0


@dataclass
class Request:
    """One request: the file's name, the bytes asked for (or None), If-Range, the status and how much was sent."""

    name: str
    range: str | None
    if_range: str | None
    status: int = 0
    sent: int = 0


class FileServer:
    """Serves `files` ({name: bytes or Path}) at `url`/<name>; a context manager.

    Attributes:
        files: may be changed while it runs.
        faults: {name: list of `Fault`}; each request for the file takes the first.
        ranges, if_range: whether Range and If-Range are heeded.
        tags, dates, lengths: whether ETag, Last-Modified and Content-Length are sent.
        requests: list of `Request`, in order.
    """

    def __init__(self, files, ranges=True, if_range=True, tags=True, dates=True, lengths=True):
        self.files = dict(files)
        self.ranges, self.if_range, self.tags, self.dates, self.lengths = ranges, if_range, tags, dates, lengths
        self.faults, self.requests = {}, []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.owner = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @classmethod
    def of_folder(cls, folder, **options):
        """A server of all files of `folder`."""
        return cls({path.name: path for path in Path(folder).iterdir() if path.is_file()}, **options)

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *error):
        self._server.shutdown()
        self._server.server_close()

    def asked(self, name):
        """The requests for one file."""
        return [request for request in self.requests if request.name == name]

    def fail(self, name, *faults):
        """Let the next answers for `name` have these faults."""
        self.faults.setdefault(name, []).extend(faults)


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server.owner
        name = unquote(urlsplit(self.path).path.rsplit("/", 1)[-1])
        request = Request(name, self.headers.get("Range"), self.headers.get("If-Range"))
        server.requests.append(request)
        queue = server.faults.get(name)
        fault = queue.pop(0) if queue else Fault()
        if fault.status or name not in server.files:
            request.status = fault.status or 404
            self.send_response(request.status)
            self._send_headers(fault.headers | {"Content-Length": "0"})
            return
        content = server.files[name]
        content = content if isinstance(content, bytes) else content.read_bytes()
        # the version is that of the bytes, as it is of a real server's file
        tag = f'"{hashlib.md5(content).hexdigest()}"' if server.tags else None
        date = DATE if server.dates else None
        start = self._start(request, content, tag, date)
        headers = {"ETag": tag, "Last-Modified": date} | fault.headers
        if start is None:
            request.status, start = 200, 0
        elif start >= len(content):
            request.status = 416
            self.send_response(416)
            self._send_headers({"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"})
            return
        else:
            request.status = 206
            headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} | headers
        self.send_response(request.status)
        self._send_headers({"Content-Length": str(len(content) - start) if server.lengths else None} | headers)
        with contextlib.suppress(OSError):  # the other side may have been killed
            self._send(request, memoryview(content)[start:], fault)

    def _start(self, request, content, tag, date):
        """The first byte asked for, or None: the whole file."""
        server = self.server.owner
        found = re.fullmatch(r"bytes=(\d+)-", request.range or "")
        if not found or not server.ranges:
            return None
        if server.if_range and request.if_range not in (None, tag, date):
            return None
        return int(found[1])

    def _send_headers(self, headers):
        for key, value in headers.items():
            if value is not None:
                self.send_header(key, value)
        self.end_headers()

    def _send(self, request, body, fault):
        first = len(body) if fault.cut is None else min(fault.cut, len(body))
        self._send_pieces(request, body[:first], fault.delay)
        if fault.wait is not None:
            fault.wait.wait(60)
            self._send_pieces(request, body[first:], fault.delay)

    def _send_pieces(self, request, body, delay):
        for place in range(0, len(body), 2**16):
            self.wfile.write(body[place : place + 2**16])
            self.wfile.flush()
            request.sent += len(body[place : place + 2**16])
            if delay:
                threading.Event().wait(delay)

    def log_message(self, *arguments):
        pass
