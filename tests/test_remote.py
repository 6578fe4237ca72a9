"""Downloads against a real server that fails in every way: what comes, what is asked for, what is kept."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import numpy as np
import pytest

from facepipe.download import remote
from facepipe.download.cache import Missing, cache_folder, obtain
from facepipe.download.registry import RemoteFile
from facepipe.errors import InputError
from tests.servers import Fault, FileServer

SIZE = 5_000_000
CONTENT = np.random.default_rng(0).bytes(SIZE)
OTHER = np.random.default_rng(1).bytes(SIZE)


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEPIPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server():
    with FileServer({"faces.zip": CONTENT}) as running:
        yield running


def faces(*servers, checksum=True, **more):
    urls = tuple(f"{server.url}/pub/faces.zip" for server in servers)
    return RemoteFile("faces.zip", "archive", urls, checksums={"sha256": sha256(CONTENT)} if checksum else {}, **more)


def get(file, **options):
    return obtain(file, **{"first_wait": 0.01} | options)


def partial(cache):
    """The partial file that is kept, or None."""
    return next(iter(cache.glob("*.part")), None)


def leave_partial(server, cache, cut=2_000_000, **options):
    """Cut every attempt of a run off, so that it ends with a partial file; its size."""
    server.fail("faces.zip", Fault(cut=cut), *[Fault(status=503)] * remote.ATTEMPTS)
    with pytest.raises(InputError, match="are kept"):
        get(faces(server, **options))
    server.requests.clear()
    return partial(cache).stat().st_size


def test_cold_then_cached(server, cache, capsys):
    path = get(faces(server))
    assert path.read_bytes() == CONTENT and path.parent == cache
    assert [(request.range, request.status) for request in server.requests] == [(None, 200)]
    assert sorted(item.suffix for item in cache.iterdir()) == [".json", ".lock", ".zip"]
    assert f"faces.zip: downloading 5.0 MB from {server.url}/pub/faces.zip" in capsys.readouterr().out
    assert get(faces(server)) == path and len(server.requests) == 1


def test_a_cut_connection_is_gone_on_with(server, capsys):
    server.fail("faces.zip", Fault(cut=2_000_000), Fault(cut=1_500_000))
    assert get(faces(server)).read_bytes() == CONTENT
    first, second, third = server.requests
    assert (first.range, second.status, third.status) == (None, 206, 206)
    start = int(second.range.removeprefix("bytes=").removesuffix("-"))
    assert 2_000_000 - remote.CHUNK <= start <= 2_000_000
    # the rest was sent, and nothing twice but what the cut lost
    assert sum(request.sent for request in server.requests) <= SIZE + 2 * remote.CHUNK
    assert third.sent < SIZE - 3_300_000
    out = capsys.readouterr().out
    assert "trying again in 0 s" in out and "going on at 2.0 MB of 5.0 MB" in out


def test_the_next_run_goes_on(server, cache):
    kept = leave_partial(server, cache)
    path = get(faces(server))
    assert path.read_bytes() == CONTENT and partial(cache) is None
    (request,) = server.requests
    assert request.range == f"bytes={kept}-" and request.sent == SIZE - kept


@pytest.mark.parametrize("versions", [{"tags": False}, {"tags": False, "dates": False}], ids=["date", "none"])
def test_servers_that_tell_less_of_the_version(cache, versions):
    with FileServer({"faces.zip": CONTENT}, **versions) as server:
        kept = leave_partial(server, cache)
        assert get(faces(server)).read_bytes() == CONTENT
        assert server.requests[0].sent == SIZE - kept


def test_without_version_and_checksum_it_starts_anew(cache):
    with FileServer({"faces.zip": CONTENT}, tags=False, dates=False) as server:
        leave_partial(server, cache, checksum=False)
        assert get(faces(server, checksum=False)).read_bytes() == CONTENT
        assert server.requests[0].range is None


@pytest.mark.parametrize("answer", ["bytes 1000-4999999/5000000", "bytes 0-4999999/5000000", "5 MB", "bytes */5000000"])
def test_another_part_than_asked_for(server, cache, answer):
    leave_partial(server, cache)
    server.fail("faces.zip", Fault(headers={"Content-Range": answer}))
    assert get(faces(server)).read_bytes() == CONTENT
    assert [request.status for request in server.requests] == [206, 200]


def test_a_range_of_unknown_total(server, cache):
    kept = leave_partial(server, cache)
    server.fail("faces.zip", Fault(headers={"Content-Range": f"bytes {kept}-{SIZE - 1}/*"}))
    assert get(faces(server)).read_bytes() == CONTENT
    assert [request.sent for request in server.requests] == [SIZE - kept]


@pytest.mark.parametrize("if_range", [True, False])
def test_a_changed_file_is_never_spliced(cache, if_range):
    # with a server that heeds If-Range (answers 200) and one that does not (answers 206 with another ETag)
    with FileServer({"faces.zip": OTHER}, if_range=if_range) as server:
        leave_partial(server, cache, checksum=False)
        server.files["faces.zip"] = CONTENT
        assert get(faces(server, checksum=False)).read_bytes() == CONTENT
        assert server.requests[0].if_range == f'"{hashlib.md5(OTHER).hexdigest()}"'
        assert [request.status for request in server.requests] == ([200] if if_range else [206, 200])


def test_a_changed_file_on_a_server_without_versions_is_found_by_its_checksum(cache, capsys):
    with FileServer({"faces.zip": OTHER}, tags=False, dates=False) as server:
        leave_partial(server, cache)
        server.files["faces.zip"] = CONTENT
        assert get(faces(server)).read_bytes() == CONTENT
        assert [request.status for request in server.requests] == [206, 200]
        assert "once more from the start" in capsys.readouterr().out


def test_a_server_without_ranges_starts_anew_and_gives_up(cache):
    with FileServer({"faces.zip": CONTENT}, ranges=False) as server:
        leave_partial(server, cache)
        server.fail("faces.zip", Fault(cut=3_500_000))
        assert get(faces(server)).read_bytes() == CONTENT
        assert [request.status for request in server.requests] == [200, 200]
        # the same start over and over is no progress
        server.requests.clear()
        server.fail("faces.zip", *[Fault(cut=3_500_000)] * 20)
        with pytest.raises(
            InputError, match=rf"the connection was lost \(tried {remote.ATTEMPTS} times; 3.5 MB are kept\)"
        ):
            get(faces(server, checksum=False))
        assert len(server.requests) == remote.ATTEMPTS + 1


def test_progress_earns_new_attempts(server):
    server.fail("faces.zip", *[Fault(cut=remote.PROGRESS + 2**17)] * 4, *[Fault(status=500)] * (remote.ATTEMPTS - 1))
    assert get(faces(server)).read_bytes() == CONTENT
    assert len(server.requests) == 4 + remote.ATTEMPTS


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_busy_servers_are_asked_again(server, status):
    server.fail("faces.zip", Fault(status=status), Fault(status=status))
    assert get(faces(server)).read_bytes() == CONTENT
    assert [request.status for request in server.requests] == [status, status, 200]


def test_retry_after_is_heeded_and_capped(server, monkeypatch):
    waits = []
    monkeypatch.setattr(remote.time, "sleep", waits.append)
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30))
    for value in ("7", "86400", later, "soon"):
        server.fail("faces.zip", Fault(status=429, headers={"Retry-After": value}))
    get(faces(server), first_wait=0.5)
    assert waits[:2] == [7, remote.MAX_WAIT] and 25 < waits[2] <= 30
    assert waits[3] == 0.5 * 2**3  # nothing that can be read: the usual wait, doubled


@pytest.mark.parametrize(("status", "words"), [(404, "404 Not Found"), (403, "403 Forbidden"), (410, "410 Gone")])
def test_refusals_are_not_asked_again(server, cache, status, words):
    server.fail("faces.zip", Fault(status=status))
    with pytest.raises(Missing, match=f"faces.zip: not downloaded: {server.url}/pub/faces.zip: {words}; ask Ann"):
        get(faces(server), advice="ask Ann")
    assert len(server.requests) == 1 and partial(cache) is None


def test_a_refusal_of_another_kind_is_not_missing(server):
    server.fail("faces.zip", Fault(status=401))
    with pytest.raises(InputError, match="401 Unauthorized") as caught:
        get(faces(server))
    assert not isinstance(caught.value, Missing)


def test_mirrors_are_tried_in_turn(server, cache):
    with FileServer({}) as without, FileServer({"faces.zip": OTHER}) as wrong:
        assert get(faces(without, wrong, server)).read_bytes() == CONTENT
        assert len(without.requests) == len(wrong.requests) == 1
        with pytest.raises(InputError) as caught:
            get(faces(wrong, without, checksum=True, bytes=SIZE - 1))
    message = str(caught.value)
    assert f"expected {SIZE - 1} bytes, the server offers {SIZE}" in message and "404 Not Found" in message
    assert "\n" not in message


def test_another_mirror_starts_anew(server, cache):
    leave_partial(server, cache)
    with FileServer({"faces.zip": CONTENT}) as second:
        server.fail("faces.zip", Fault(status=404))
        assert get(faces(server, second)).read_bytes() == CONTENT
        assert [request.range for request in second.requests] == [None]


def test_wrong_checksum(server, cache):
    server.files["faces.zip"] = OTHER
    with pytest.raises(InputError) as caught:
        get(faces(server))
    message = str(caught.value)
    for part in ("faces.zip", server.url, f"expected sha256 {sha256(CONTENT)}", f"came sha256 {sha256(OTHER)}"):
        assert part in message
    assert "removed" in message and "dataset.checksums" in message and "\n" not in message
    assert not [item for item in cache.iterdir() if item.suffix != ".lock"]
    server.files["faces.zip"] = CONTENT
    assert get(faces(server)).read_bytes() == CONTENT


def test_both_checksums_must_be_right(server):
    file = faces(server)
    file.checksums["md5"] = "0" * 32
    with pytest.raises(InputError, match="expected md5 000"):
        get(file)


def test_a_web_page_in_place_of_the_file(server):
    server.files["faces.zip"] = b"\n<!DOCTYPE html><html>Please log in</html>"
    with pytest.raises(InputError, match="it is a web page"):
        get(faces(server))
    with pytest.raises(InputError, match="it is a web page"):
        get(faces(server, checksum=False))
    server.files["faces.zip"] = b""
    with pytest.raises(InputError, match="it is empty"):
        get(faces(server, checksum=False))


def test_what_the_check_refuses_is_not_kept(server, cache):
    def check(path):
        if path.read_bytes() != CONTENT:
            raise InputError(f"{path}: broken zip archive")

    server.files["faces.zip"] = CONTENT[:-5]
    with pytest.raises(InputError, match=rf"{server.url}/pub/faces.zip: broken zip archive; the wrong file is removed"):
        get(faces(server, checksum=False), check=check)
    server.files["faces.zip"] = CONTENT
    assert get(faces(server, checksum=False), check=check).read_bytes() == CONTENT


@pytest.mark.parametrize("checksum", [True, False])
def test_a_damaged_cached_file_is_downloaded_again(server, capsys, checksum):
    path = get(faces(server, checksum=checksum))
    for damage in (CONTENT[:-1], OTHER):
        path.write_bytes(damage)
        assert get(faces(server, checksum=checksum)).read_bytes() == CONTENT
        assert f"{path}: damaged (" in capsys.readouterr().out
    assert len(server.requests) == 3


def test_files_without_checksum_are_kept_by_address(server):
    with FileServer({"faces.zip": OTHER}) as second:
        assert get(faces(server, checksum=False)).read_bytes() == CONTENT
        assert get(faces(second, checksum=False)).read_bytes() == OTHER
    # of files with one it does not matter where they came from
    get(faces(server))
    assert get(faces(second)).read_bytes() == CONTENT


def test_a_server_that_tells_no_length(cache):
    with FileServer({"faces.zip": CONTENT}, lengths=False) as server:
        server.fail("faces.zip", Fault(cut=2_000_000))
        # nothing says that the first answer is short, but the checksum does
        with pytest.raises(InputError, match="expected sha256"):
            get(faces(server))
        assert get(faces(server)).read_bytes() == CONTENT


def test_bytes_that_the_server_packs_are_refused(server):
    server.files["list.txt"] = b"x" * 1000
    server.fail("list.txt", Fault(headers={"Content-Encoding": "gzip"}))
    file = RemoteFile("list.txt", "labels", (f"{server.url}/list.txt",))
    with pytest.raises(InputError, match="packs it"):
        get(file)
    # of a .tgz old servers say so, and mean the file itself
    server.files["faces.tgz"] = CONTENT
    server.fail("faces.tgz", Fault(headers={"Content-Encoding": "x-gzip"}))
    assert get(RemoteFile("faces.tgz", "archive", (f"{server.url}/faces.tgz",))).read_bytes() == CONTENT


def test_nobody_there(cache, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/faces.zip"
        with pytest.raises(InputError, match=rf"{url}: connection refused \(tried {remote.ATTEMPTS} times\)"):
            get(RemoteFile("faces.zip", "archive", (url,)))
    with pytest.raises(InputError, match="host's name is not known"):
        get(RemoteFile("faces.zip", "archive", ("http://nowhere.invalid/faces.zip",)))


def test_a_silent_server(server, monkeypatch):
    monkeypatch.setattr(remote, "TIMEOUT", (5, 1))
    release = threading.Event()
    server.fail("faces.zip", Fault(cut=2_000_000, wait=release))
    try:
        assert get(faces(server)).read_bytes() == CONTENT
    finally:
        release.set()
    assert [request.status for request in server.requests] == [200, 206]


def test_google_drive_without_gdown(cache, monkeypatch):
    monkeypatch.setitem(sys.modules, "gdown", None)
    file = RemoteFile("faces.zip", "archive", gdrive="0Babc")
    with pytest.raises(InputError, match=r"https://drive.google.com/file/d/0Babc: needs gdown \(pip install") as caught:
        get(file, advice="or set dataset.archive")
    assert str(caught.value).endswith("; or set dataset.archive")


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ('<p class="uc-error-subcaption">Too many users have viewed or downloaded this file recently.</p>', "too many"),
        ('<p class="uc-error-subcaption">You need access.</p>', r"Google does not give it \(.*You need access"),
    ],
)
def test_google_drive_refuses(server, monkeypatch, page, words):
    # the real gdown against a page as Google sends it
    pytest.importorskip("gdown", reason="needs the extra download")
    import requests

    server.files["page"] = f"<html>{page}</html>".encode()
    server.fail("page", Fault(headers={"Content-Type": "text/html; charset=utf-8"}))
    real = requests.Session.get
    monkeypatch.setattr(requests.Session, "get", lambda self, url, **more: real(self, f"{server.url}/page", **more))
    monkeypatch.setenv("HOME", str(cache_folder()))
    with pytest.raises(Missing, match=words) as caught:
        get(RemoteFile("faces.zip", "archive", gdrive="0Babc"))
    assert "\n" not in str(caught.value)


@pytest.fixture
def drive(server, monkeypatch):
    """A function of faults that makes Google's answers those of `server`; returns the file."""
    pytest.importorskip("gdown", reason="needs the extra download")
    import requests

    real = requests.Session.get
    monkeypatch.setenv("HOME", str(cache_folder()))  # gdown keeps cookies there
    monkeypatch.setattr(
        requests.Session, "get", lambda self, url, **more: real(self, f"{server.url}/faces.zip", **more)
    )
    headers = {"Content-Disposition": 'attachment; filename="faces.zip"', "Content-Type": "application/zip"}

    def answer(*faults):
        for fault in faults:
            fault.headers |= headers
        server.fail("faces.zip", *faults)
        return RemoteFile("faces.zip", "archive", gdrive="0Babc", checksums={"sha256": sha256(CONTENT)})

    return answer


def test_google_drive_gives_in_two_pieces(server, drive):
    assert get(drive(Fault(cut=2_000_000), Fault())).read_bytes() == CONTENT
    assert [request.status for request in server.requests] == [200, 206]


@pytest.mark.parametrize("kept", [CONTENT[:2_000_000], OTHER[:2_000_000], CONTENT], ids=["start", "other", "all"])
def test_google_drive_goes_on_with_what_an_earlier_run_left(server, drive, cache, kept):
    file = drive(*[Fault() for _ in range(6)])
    cache.mkdir()
    (cache / f"{sha256(CONTENT)[:12]}-faces.zip.partabcd1234.part").write_bytes(kept)
    assert get(file).read_bytes() == CONTENT
    assert server.requests[1].range == f"bytes={len(kept)}-"
    assert not list(cache.glob("*.part"))


def test_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FACEPIPE_CACHE", "~/own")
    assert cache_folder() == tmp_path / "own"
    monkeypatch.setenv("FACEPIPE_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "facepipe"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == tmp_path / ".cache" / "facepipe"


def test_a_cache_that_cannot_be_used(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("FACEPIPE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InputError, match=r"cannot be used as cache: .*set FACEPIPE_CACHE"):
        get(faces(server))


def test_missing_certificates(monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/certificates.pem")
    with pytest.raises(InputError, match=r"faces.zip: not downloaded: .*/nowhere/certificates.pem"):
        get(RemoteFile("faces.zip", "archive", ("https://127.0.0.1:1/faces.zip",)))


def test_not_enough_room_is_said_before_the_download(server, cache, monkeypatch):
    usage = os.statvfs("/")
    too_many = usage.f_frsize * usage.f_blocks * 1000
    server.fail("faces.zip", Fault(headers={"Content-Length": str(too_many)}))
    with pytest.raises(InputError, match=r"not enough disk space: .* MB more are needed, .*FACEPIPE_CACHE"):
        get(faces(server))
    assert get(faces(server)).read_bytes() == CONTENT


GET = """
import sys
from facepipe.download.cache import obtain
from facepipe.download.registry import RemoteFile
obtain(RemoteFile("faces.zip", "archive", (sys.argv[1],), checksums={"sha256": sys.argv[2]}))
print("done", flush=True)
"""


def start(server):
    command = [sys.executable, "-c", GET, f"{server.url}/pub/faces.zip", sha256(CONTENT)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_download_once(server):
    release = threading.Event()
    server.fail("faces.zip", Fault(cut=1_000_000, wait=release))
    first = start(server)
    assert first.stdout.readline().startswith("faces.zip: downloading")
    second = start(server)
    assert "another process is downloading it; waiting" in second.stdout.readline()
    release.set()
    for process in (first, second):
        out, err = process.communicate(timeout=60)
        assert (out, err, process.returncode) == ("done\n", "", 0)
    assert len(server.requests) == 1


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_download_is_gone_on_with(server, cache, how):
    release = threading.Event()
    server.fail("faces.zip", Fault(cut=3_000_000, wait=release))
    process = start(server)
    assert process.stdout.readline().startswith("faces.zip: downloading")
    for _ in range(1000):
        if partial(cache).stat().st_size >= 3_000_000 - remote.CHUNK:
            break
        threading.Event().wait(0.01)
    process.send_signal(how)
    process.communicate()
    release.set()
    assert process.returncode != 0
    kept = partial(cache).stat().st_size
    assert kept >= 3_000_000 - remote.CHUNK
    assert get(faces(server)).read_bytes() == CONTENT
    assert server.requests[-1].range == f"bytes={kept}-" and server.requests[-1].sent == SIZE - kept
