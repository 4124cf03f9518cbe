"""What downloads promise, against a server on the loopback interface that misbehaves on request."""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from inspect import signature
from pathlib import Path
from urllib.request import HTTPSHandler, Request

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modalities.download import http as transfer
from modalities.download.fetch import download, verify
from modalities.errors import BadInput

CONTENT = random.Random(0).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


@dataclass
class Site:
    """The server's files and faults, and what it was asked and has sent."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=lambda: {"/file.bin": CONTENT})
    redirects: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, list[int]] = field(default_factory=dict)  # answered once each, before anything else
    cuts: list[int] = field(default_factory=list)  # bytes after which each of the next answers breaks off
    ranges: bool = True
    wrong_range: bool = False
    etag: str | None = None
    announce: bool = True  # the length
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path and Range of each request
    if_range: list[str | None] = field(default_factory=list)
    bytes_sent: int = 0


def handler_of(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            wanted = self.headers["Range"]
            site.asked.append((self.path, wanted))
            site.if_range.append(self.headers["If-Range"])
            if site.statuses.get(self.path):
                return self.send_error(site.statuses[self.path].pop(0))
            if self.path in site.redirects:
                self.send_response(302)
                self.send_header("Location", site.redirects[self.path])
                self.send_header("Content-Length", "0")
                return self.end_headers()
            if self.path not in site.files:
                return self.send_error(404)
            return self.send_file(site.files[self.path], wanted)

        def send_file(self, content: bytes, wanted: str | None) -> None:
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and site.ranges else 0
            if wanted and self.headers["If-Range"] not in (None, site.etag):
                start = 0
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = content[start:]
            self.send_response(206 if start else 200)
            if start:
                first = start - 1 if site.wrong_range else start
                self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
            if site.etag:
                self.send_header("ETag", site.etag)
            if site.announce:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if site.cuts:
                body = body[: site.cuts.pop(0)]
            site.bytes_sent += len(body)
            self.wfile.write(body)
            self.close_connection = True

    return Handler


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "BENCHMARK_MIRROR", "BENCHMARK_DOWNLOADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(transfer, "WAITS", (0.0, 0.0, 0.0))
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(site))
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "file.bin"


def nothing_but(path: Path) -> bool:
    """Whether the folder holds this file and no part."""
    return names_in(path.parent) == {path.name}


def names_in(folder: Path) -> set[str]:
    """What is there, apart from the hidden, empty locks."""
    found = (entry for entry in folder.iterdir() if not (entry.name.startswith(".") and entry.suffix == ".lock"))
    return {entry.name for entry in found}


# --- the plain case --------------------------------------------------------------------------------------------


def test_the_file_arrives_whole_and_alone(site: Site, path: Path) -> None:
    assert download(f"{site.url}/file.bin", path, sha256=SHA256, md5=MD5, size=len(CONTENT)) == path
    assert path.read_bytes() == CONTENT
    assert nothing_but(path)


def test_a_file_that_matches_is_not_fetched_again(site: Site, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    download(f"{site.url}/file.bin", path, sha256=SHA256.upper())
    assert site.asked == []


def test_a_file_that_does_not_match_is_replaced(site: Site, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"<html>please log in</html>")
    download(f"{site.url}/file.bin", path, md5=MD5)
    assert path.read_bytes() == CONTENT


def test_a_file_that_does_not_match_stays_while_no_better_one_is_had(site: Site, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"old")
    with pytest.raises(BadInput):
        download(f"{site.url}/absent", path, md5=MD5)
    assert path.read_bytes() == b"old"


def test_progress_rises_to_the_size(site: Site, path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    download(f"{site.url}/file.bin", path, progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (len(CONTENT), len(CONTENT))


# --- going on after a cut --------------------------------------------------------------------------------------


def test_after_a_cut_only_the_rest_is_asked_for(site: Site, path: Path) -> None:
    site.cuts = [100_000, 50_000]
    download(f"{site.url}/file.bin", path, sha256=SHA256)
    assert path.read_bytes() == CONTENT
    assert [wanted for _, wanted in site.asked] == [None, "bytes=100000-", "bytes=150000-"]
    assert site.bytes_sent == len(CONTENT)


def test_a_killed_download_goes_on_in_the_next_call(site: Site, path: Path) -> None:
    path.parent.mkdir()
    path.with_name("file.bin.part").write_bytes(CONTENT[:200_000])
    download(f"{site.url}/file.bin", path, sha256=SHA256)
    assert path.read_bytes() == CONTENT
    assert site.bytes_sent == len(CONTENT) - 200_000


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(right=st.integers(0, len(CONTENT)), extra=st.binary(max_size=50), ranges=st.booleans())
def test_whatever_part_was_left_the_result_is_the_file(
    site: Site, path: Path, right: int, extra: bytes, ranges: bool
) -> None:
    site.ranges = ranges
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    path.with_name("file.bin.part").write_bytes(CONTENT[:right] + extra)
    download(f"{site.url}/file.bin", path, sha256=SHA256)
    assert path.read_bytes() == CONTENT
    assert nothing_but(path)


def test_a_server_that_ignores_ranges_is_read_from_the_start(site: Site, path: Path) -> None:
    site.ranges, site.cuts = False, [100_000]
    download(f"{site.url}/file.bin", path, sha256=SHA256)
    assert site.asked[1] == ("/file.bin", "bytes=100000-")
    assert path.read_bytes() == CONTENT
    assert site.bytes_sent == 100_000 + len(CONTENT)


def test_a_server_that_gives_another_range_is_not_believed(site: Site, path: Path) -> None:
    site.wrong_range, site.cuts = True, [100_000]
    download(f"{site.url}/file.bin", path, sha256=SHA256)
    assert [wanted for _, wanted in site.asked] == [None, "bytes=100000-", None]
    assert path.read_bytes() == CONTENT


def test_without_a_checksum_a_left_part_is_not_trusted(site: Site, path: Path) -> None:
    path.parent.mkdir()
    path.with_name("file.bin.part").write_bytes(b"of another file")
    download(f"{site.url}/file.bin", path)
    assert path.read_bytes() == CONTENT


def test_without_a_checksum_the_rest_must_be_of_the_same_version(site: Site, path: Path) -> None:
    site.etag, site.cuts = '"one"', [100_000]

    def change(done: int, total: int | None) -> None:
        if done == 100_000:
            site.etag, site.files["/file.bin"] = '"two"', CONTENT[::-1]

    download(f"{site.url}/file.bin", path, progress=change)
    assert site.if_range[1] == '"one"'
    assert path.read_bytes() == CONTENT[::-1]


def test_without_checksum_or_version_a_cut_starts_over(site: Site, path: Path) -> None:
    site.cuts = [100_000]
    download(f"{site.url}/file.bin", path)
    assert [wanted for _, wanted in site.asked] == [None, None]
    assert path.read_bytes() == CONTENT


def test_more_cuts_than_attempts_do_no_harm_as_long_as_each_gets_further(site: Site, path: Path) -> None:
    site.cuts = [10_000] * 20
    download(f"{site.url}/file.bin", path, sha256=SHA256)
    assert path.read_bytes() == CONTENT


def test_a_connection_that_never_gets_further_ends_in_a_sentence_and_keeps_the_part(site: Site, path: Path) -> None:
    site.cuts = [1000] + [0] * 50
    with pytest.raises(BadInput, match=r"breaks off again and again .*1,000 of 300,000"):
        download(f"{site.url}/file.bin", path, sha256=SHA256)
    assert len(site.asked) == 1 + len(transfer.WAITS)  # the first gets further, and is followed by one per wait
    assert not path.exists()
    assert path.with_name("file.bin.part").read_bytes() == CONTENT[:1000]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(site: Site, path: Path, status: int) -> None:
    site.statuses["/file.bin"] = [status, status]
    download(f"{site.url}/file.bin", path, sha256=SHA256)
    assert len(site.asked) == 3
    assert path.read_bytes() == CONTENT


# --- refusals --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_a_wrong_checksum_names_both_and_leaves_nothing(site: Site, path: Path, kind: str) -> None:
    expected = "0" * 64 if kind == "sha256" else "0" * 32
    with pytest.raises(BadInput) as caught:
        download(f"{site.url}/file.bin", path, **{kind: expected})
    assert expected in str(caught.value)
    assert (SHA256 if kind == "sha256" else MD5) in str(caught.value)
    assert names_in(path.parent) == set()


def test_a_file_of_another_size_is_refused_before_it_is_read(site: Site, path: Path) -> None:
    with pytest.raises(BadInput, match=r"300,000 bytes instead of 299,999"):
        download(f"{site.url}/file.bin", path, size=299_999)
    assert names_in(path.parent) == set()


def test_of_an_endless_answer_no_more_than_the_size_is_taken(site: Site, path: Path) -> None:
    site.announce = False
    with pytest.raises(BadInput, match="gives more than the expected 100 bytes"):
        download(f"{site.url}/file.bin", path, size=100)
    assert names_in(path.parent) == set()


def test_of_an_endless_answer_no_more_than_the_bound_is_taken_where_no_size_is_known(site: Site, path: Path) -> None:
    site.announce = False
    with pytest.raises(BadInput, match=r"gives more than the allowed 1,000 bytes; .*put it at"):
        download(f"{site.url}/file.bin", path, md5=MD5, at_most=1000)
    assert names_in(path.parent) == set()
    download(f"{site.url}/file.bin", path, at_most=len(CONTENT))


def test_where_nothing_is_known_four_gibibytes_are_the_bound() -> None:
    assert signature(download).parameters["at_most"].default == 4 << 30


def test_an_announced_length_above_the_bound_is_refused_before_it_is_read(site: Site, path: Path) -> None:
    with pytest.raises(BadInput, match=r"offers 300,000 bytes, more than the allowed 299,999; .*put it at"):
        download(f"{site.url}/file.bin", path, md5=MD5, at_most=299_999)
    assert names_in(path.parent) == set()


def test_an_answer_of_unannounced_length_is_proved_by_its_size(site: Site, path: Path) -> None:
    site.announce, site.cuts = False, [1000]
    with pytest.raises(BadInput, match="has 1,000 bytes instead of 300,000"):
        download(f"{site.url}/file.bin", path, size=len(CONTENT))
    download(f"{site.url}/file.bin", path, size=len(CONTENT))
    assert path.read_bytes() == CONTENT


def test_a_redirect_is_followed(site: Site, path: Path) -> None:
    site.redirects["/old"] = "/file.bin"
    download(f"{site.url}/old", path, sha256=SHA256)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("where", ["file://{secret}", "ftp://127.0.0.1/file.bin", "data:text/plain,hello"])
def test_a_redirect_out_of_http_is_refused(site: Site, path: Path, tmp_path: Path, where: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    site.redirects["/file.bin"] = where.format(secret=secret)
    with pytest.raises(BadInput, match=r"answers 302 .* not allowed"):
        download(f"{site.url}/file.bin", path)
    assert not path.exists()


class _NotReallyEncrypted(HTTPSHandler):
    """Asks the loopback server for https addresses too."""

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(HTTPConnection, req)


def test_a_redirect_from_https_to_http_is_followed_only_with_a_checksum(
    site: Site, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = transfer.build_opener
    monkeypatch.setattr(transfer, "build_opener", lambda *handlers: real(*handlers, _NotReallyEncrypted()))
    secure = site.url.replace("http:", "https:")
    site.redirects |= {"/old": f"{site.url}/file.bin", "/moved": f"{secure}/file.bin"}
    for known in ({}, {"size": len(CONTENT)}):
        with pytest.raises(BadInput, match=r"answers 302 .*from https to 'http://.* not allowed without a checksum"):
            download(f"{secure}/old", path, **known)
    assert names_in(path.parent) == set()
    download(f"{secure}/moved", path)
    download(f"{site.url}/old", path.with_name("other"))
    download(f"{secure}/old", path.with_name("proved"), md5=MD5)
    assert names_in(path.parent) == {"file.bin", "other", "proved"}


def test_redirects_in_a_circle_end(site: Site, path: Path) -> None:
    site.redirects["/file.bin"] = "/file.bin"
    with pytest.raises(BadInput, match="302"):
        download(f"{site.url}/file.bin", path)


@pytest.mark.parametrize("url", ["file:///etc/hosts", "ftp://host/file", "data:,x", "file.bin", "http://[", ""])
def test_only_http_addresses_are_opened(path: Path, url: str) -> None:
    with pytest.raises(BadInput, match="is not an http or https address"):
        download(url, path)
    assert not path.exists()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/a b", "http://127.0.0.1:port/", "http:///file", "http://127.0.0.1:1/\u00e4"]
)
def test_an_unusable_address_ends_in_a_sentence(site: Site, path: Path, url: str) -> None:
    with pytest.raises(BadInput, match=re.escape(url)):
        download(url, path)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_an_absent_file_says_where_to_put_it_by_hand(site: Site, path: Path, status: int) -> None:
    site.statuses["/file.bin"] = [status]
    with pytest.raises(BadInput) as caught:
        download(f"{site.url}/file.bin", path)
    message = str(caught.value)
    assert f"{site.url}/file.bin answers {status}" in message
    assert f"put it at {path}" in message
    assert len(site.asked) == 1


def test_a_refused_connection_says_where_to_put_it_by_hand(site: Site, path: Path) -> None:
    with socket.socket() as taken:  # bound but not listening, so that no other process gets the port
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/file.bin"
        with pytest.raises(BadInput) as caught:
            download(url, path)
    assert f"{url} cannot be reached" in str(caught.value)
    assert f"put it at {path}" in str(caught.value)


# --- the disk --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_full_disk_ends_in_a_sentence(site: Site, path: Path) -> None:
    path.parent.mkdir()
    path.with_name("file.bin.part").symlink_to("/dev/full")
    with pytest.raises(BadInput, match=r"the disk is full while .*file\.bin"):
        download(f"{site.url}/file.bin", path, sha256=SHA256)
    assert not path.exists()
    assert len(site.asked) == 1


def test_a_file_larger_than_the_free_space_is_refused_before_it_is_read(
    site: Site, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda where: usage._replace(free=len(CONTENT) - 1))
    with pytest.raises(BadInput, match="the disk is full"):
        download(f"{site.url}/file.bin", path)
    assert not path.with_name("file.bin.part").exists()
    monkeypatch.setattr(shutil, "disk_usage", lambda where: usage._replace(free=len(CONTENT)))
    download(f"{site.url}/file.bin", path)


def test_a_folder_that_is_a_file_ends_in_a_sentence(site: Site, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(BadInput, match="cannot be written"):
        download(f"{site.url}/file.bin", tmp_path / "data" / "file.bin")


# --- mirror and kept downloads ---------------------------------------------------------------------------------


def test_the_mirror_is_asked_first_for_the_name_of_the_file(
    site: Site, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.files = {"/mirror/file.bin": CONTENT}
    monkeypatch.setenv("BENCHMARK_MIRROR", f"{site.url}/mirror/")
    download(f"{site.url}/download?id=7", path, sha256=SHA256)
    assert [asked for asked, _ in site.asked] == ["/mirror/file.bin"]
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("mirrored", [None, b"something else"])
def test_a_mirror_without_the_right_file_is_passed_over(
    site: Site, path: Path, monkeypatch: pytest.MonkeyPatch, mirrored: bytes | None
) -> None:
    if mirrored is not None:
        site.files["/mirror/file.bin"] = mirrored
    monkeypatch.setenv("BENCHMARK_MIRROR", f"{site.url}/mirror")
    download(f"{site.url}/file.bin", path, sha256=SHA256)
    assert [asked for asked, _ in site.asked] == ["/mirror/file.bin", "/file.bin"]
    assert path.read_bytes() == CONTENT


def test_when_both_fail_the_sentence_names_both(site: Site, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHMARK_MIRROR", f"{site.url}/mirror")
    with pytest.raises(BadInput, match=r"/mirror/absent\.bin answers 404 .* and .*/elsewhere answers 404"):
        download(f"{site.url}/elsewhere", path.with_name("absent.bin"))


def test_a_mirror_that_is_no_http_address_is_refused(site: Site, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHMARK_MIRROR", "/srv/mirror")
    with pytest.raises(BadInput, match="BENCHMARK_MIRROR is '/srv/mirror'"):
        download(f"{site.url}/file.bin", path)


def test_a_kept_download_is_used_without_the_network(
    site: Site, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file.bin").write_bytes(CONTENT)
    monkeypatch.setenv("BENCHMARK_DOWNLOADS", str(kept))
    download(f"{site.url}/file.bin", path, sha256=SHA256)
    assert site.asked == []
    assert path.read_bytes() == CONTENT


def test_a_new_download_is_kept(site: Site, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHMARK_DOWNLOADS", str(tmp_path / "kept"))
    download(f"{site.url}/file.bin", path, sha256=SHA256)
    path.unlink()
    download(f"{site.url}/file.bin", path, sha256=SHA256)
    assert path.read_bytes() == CONTENT
    assert len(site.asked) == 1
    assert nothing_but(path)
    assert nothing_but(tmp_path / "kept" / "file.bin")


def test_a_kept_file_of_the_same_name_but_other_content_is_left_alone(
    site: Site, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept" / "file.bin"
    kept.parent.mkdir()
    kept.write_bytes(b"images.tar.gz of another dataset")
    monkeypatch.setenv("BENCHMARK_DOWNLOADS", str(kept.parent))
    download(f"{site.url}/file.bin", path, sha256=SHA256)
    assert path.read_bytes() == CONTENT
    assert kept.read_bytes() == b"images.tar.gz of another dataset"


def test_the_folder_of_downloads_may_be_where_the_file_goes(
    site: Site, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCHMARK_DOWNLOADS", str(path.parent))
    download(f"{site.url}/file.bin", path, sha256=SHA256)
    assert path.read_bytes() == CONTENT


def test_two_at_once_fetch_one_file_once(site: Site, path: Path) -> None:
    threads = [
        threading.Thread(target=download, args=(f"{site.url}/file.bin", path), kwargs={"sha256": SHA256})
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() == CONTENT
    assert len(site.asked) == 1


# --- verify ----------------------------------------------------------------------------------------------------


def test_verify_accepts_the_right_file_and_names_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    with pytest.raises(BadInput, match="is not there"):
        verify(path, sha256=SHA256)
    path.write_bytes(CONTENT)
    verify(path, sha256=SHA256, md5=MD5, size=len(CONTENT))
    path.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    with pytest.raises(BadInput, match=f"file.bin has the sha256 .* instead of {SHA256}"):
        verify(path, sha256=SHA256)
    with pytest.raises(BadInput, match=f"file.bin has the md5 .* instead of {MD5}"):
        verify(path, md5=MD5)
    with pytest.raises(BadInput, match="has 300,000 bytes instead of 1"):
        verify(path, size=1)
