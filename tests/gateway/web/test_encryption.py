"""What others may read along and what not: a page that is reached by others, plainly and by TLS, at one port."""

import http.client
import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.faults import SiteError, check_text
from gateway.messages import set_language
from gateway.site.config import load
from gateway.web import certificate, guard
from tests.gateway.web.station import PASSWORD, World, gateway, page, troubled

ALARM = {"rule": "oxygen", "verb": "acknowledge"}
ANYBODY = ssl._create_unverified_context()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    with gateway(world):
        yield world


@pytest.fixture
def port(world: World) -> Iterator[int]:
    world.status = troubled(world.site, world.clock.unix)
    with page(world, head_s=0.5, tls=certificate.ready(world.site, "0.0.0.0")) as port:
        yield port


class Answer:
    def __init__(self, port: int, path: str, body: object = None, *, tls: bool = True, **headers: str) -> None:
        line = (
            http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=ANYBODY)
            if tls
            else http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        )
        with closing(line):
            sent = None if body is None else json.dumps(body)
            kind = {} if body is None else {"Content-Type": "application/json"}
            line.request("GET" if body is None else "POST", path, sent, {**kind, **headers})
            answer = line.getresponse()
            self.status, self.headers, self.body = answer.status, answer.headers, answer.read()


def logged_in(port: int) -> dict[str, str]:
    answer = Answer(port, "/login", {"password": PASSWORD})
    assert answer.status == 200
    return {"Cookie": answer.headers["Set-Cookie"].split(";")[0], guard.TOKEN: json.loads(answer.body)["token"]}


def test_one_port_is_for_both_and_who_is_not_encrypted_reads_only(port: int) -> None:
    for tls in (False, True):
        assert b"Bench station" in Answer(port, "/?lang=en", tls=tls).body
        assert json.loads(Answer(port, "/session", tls=tls).body)["is_private"] is tls
    assert Answer(port, "/login", {"password": PASSWORD}, tls=False).status == 403
    headers = logged_in(port)
    assert Answer(port, "/alarm", ALARM, tls=False, **headers).status == 403
    assert Answer(port, "/alarm", ALARM, **headers).status == 200


def test_the_cookie_of_an_encrypted_page_is_never_told_nor_taken_plainly(port: int) -> None:
    cookie = Answer(port, "/login", {"password": PASSWORD}).headers["Set-Cookie"]
    assert cookie.startswith("__Host-watertower=")
    assert {"secure", "httponly", "samesite=strict", "path=/"} <= {one.strip().lower() for one in cookie.split(";")}
    secret = cookie.split(";")[0].partition("=")[2]
    assert json.loads(Answer(port, "/session", Cookie=f"__Host-watertower={secret}").body)["token"]
    for name in ("watertower", "__Host-watertower"):
        assert json.loads(Answer(port, "/session", tls=False, Cookie=f"{name}={secret}").body)["token"] is None
    assert json.loads(Answer(port, "/session", Cookie=f"watertower={secret}").body)["token"] is None


def test_a_page_that_somebody_changed_on_its_way_can_send_nothing(port: int) -> None:
    """Its origin is this station's, but for the s."""
    headers = logged_in(port)
    place = f"127.0.0.1:{port}"
    assert Answer(port, "/alarm", ALARM, **headers, Origin=f"http://{place}").status == 403
    assert Answer(port, "/alarm", ALARM, **headers, Origin=f"https://{place}").status == 200


def test_no_answer_forbids_to_go_past_an_unknown_certificate(port: int) -> None:
    assert "Strict-Transport-Security" not in Answer(port, "/").headers


@pytest.mark.parametrize("said", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01", b"GET / HT"])
def test_who_begins_and_says_no_more_is_hung_up_and_makes_room(port: int, said: bytes) -> None:
    lines = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(40)]  # of one address 32 are let in
    try:
        for line in lines:
            try:
                line.sendall(said)
                while line.recv(1000):
                    pass
            except ConnectionError:
                pass
    finally:
        for line in lines:
            line.close()
    assert Answer(port, "/session").status == 200


def test_rubbish_in_place_of_a_handshake_ends_one_connection_alone(port: int) -> None:
    for said in (b"\x16" + b"\x00" * 2000, b"\x00" * 2000, b"\x80\x2e\x01\x00\x02", b"\xff" * 100):
        with socket.create_connection(("127.0.0.1", port), 10) as line:
            line.sendall(said)
            try:
                while line.recv(1000):
                    pass
            except ConnectionError:
                pass
    assert Answer(port, "/session").status == 200


def test_what_is_older_than_tls_1_2_is_refused(world: World) -> None:
    assert certificate.ready(world.site, "0.0.0.0").minimum_version >= ssl.TLSVersion.TLSv1_2


# --- its certificate --------------------------------------------------------------------------------------------------


def test_its_own_is_made_once_for_its_owner_alone_and_lasts(tmp_path: Path) -> None:
    world = World(tmp_path)
    certificate.ready(world.site, "192.168.4.1")
    path, key = certificate.files(world.site)
    assert (path, key) == (tmp_path / "web.pem", tmp_path / "web.pem")
    assert path.stat().st_mode & 0o777 == 0o600
    known = certificate.fingerprint(world.site)
    certificate.ready(world.site, "192.168.4.1")
    assert certificate.fingerprint(world.site) == known
    said = subprocess.run(
        ["openssl", "x509", "-in", path, "-noout", "-fingerprint", "-sha256", "-text"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert f"={known}\n" in said
    assert "IP Address:192.168.4.1" in said
    assert "Not After : Dec 31 23:59:59 9999 GMT" in said
    assert "CN = watertower bench" in said or "CN=watertower bench" in said


def test_a_given_certificate_is_used_with_its_key(tmp_path: Path) -> None:
    world = World(tmp_path)
    text = world.file.read_text("utf-8")
    own = certificate.made("elsewhere", ["station.example"]).decode()
    secret, _, public = own.partition("-----BEGIN CERTIFICATE")
    (tmp_path / "public.crt").write_text("-----BEGIN CERTIFICATE" + public)
    (tmp_path / "secret.key").write_text(secret)
    world.file.write_text(text + '\n[web]\ncertificate = "public.crt"\nkey = "secret.key"\n', "utf-8")
    world.site = load(world.file)
    with page(world, tls=certificate.ready(world.site, "0.0.0.0")) as port:
        found = ssl.get_server_certificate(("127.0.0.1", port))
    assert found.strip() == ("-----BEGIN CERTIFICATE" + public).strip()
    assert not (tmp_path / "web.pem").exists()


@pytest.mark.parametrize(
    "content", [None, "", "rubbish", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_certificate_that_is_none_is_said_and_nothing_opens(
    tmp_path: Path, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(tmp_path)
    world.file.write_text(world.file.read_text("utf-8") + '\n[web]\ncertificate = "public.crt"\n', "utf-8")
    if content is not None:
        (tmp_path / "public.crt").write_text(content)
    set_language("en")
    try:
        assert main(["web", str(world.file), "--listen", "127.0.0.1:1"]) == 1
    finally:
        set_language(None)
    assert "public.crt: no certificate can be had" in capsys.readouterr().err


def test_a_key_alone_is_a_fault_of_the_site_file(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.file.write_text(world.file.read_text("utf-8") + '\n[web]\nkey = "secret.key"\n', "utf-8")
    with pytest.raises(SiteError) as found:
        load(world.file)
    assert "web.key" in "\n".join(check_text(found.value, world.file))


def test_the_fingerprint_is_told_with_the_password(tmp_path: Path) -> None:
    world = World(tmp_path)
    command = [sys.executable, "-m", "gateway", "web", str(world.file), "--set-password"]
    said = subprocess.run(command, input="long enough\n", capture_output=True, text=True, timeout=20)
    assert said.returncode == 0
    assert certificate.fingerprint(world.site) in said.stdout
