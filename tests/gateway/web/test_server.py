"""What the page's addresses answer to people and to those who try their luck: real connections to a real server."""

import asyncio
import csv
import http.client
import io
import json
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace

from gateway.__main__ import main
from gateway.app import Gateway
from gateway.control.door import Door
from gateway.export import Wish
from gateway.faults import SiteError
from gateway.messages import set_language
from gateway.site.config import load
from gateway.store import Store
from gateway.web import download, guard
from gateway.web.command import opened
from gateway.web.guesses import FREE
from gateway.web.order import told
from gateway.web.server import Server
from hw_sim.clock import run_virtual
from hw_sim.station import free_ports
from tests.gateway.doubles import RIVER, HandClock, sensor, site
from tests.gateway.test_app import Room
from tests.gateway.web.station import DAY_MS, PASSWORD, Obedient, World, gateway, page, troubled

JSON = {"Content-Type": "application/json"}
ALARM = {"rule": "oxygen", "verb": "acknowledge"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("world"))
    world.status = troubled(world.site, world.clock.unix)
    return world


@pytest.fixture(scope="module")
def obedient(world: World) -> Iterator[Obedient]:
    """A gateway, and what it was asked."""
    with gateway(world) as obedient:
        yield obedient


@pytest.fixture
def port(world: World, obedient: Obedient) -> Iterator[int]:
    """A page of its own for each story, with nobody logged in and nothing guessed."""
    world.status = troubled(world.site, world.clock.unix)
    with page(world, head_s=0.3) as port:
        yield port


class Answer:
    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.read()

    @property
    def plain(self) -> Any:
        return json.loads(self.body)


def ask(port: int, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Answer:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        sent = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        connection.request(method, path, sent, {**(JSON if body is not None else {}), **(headers or {})})
        return Answer(connection.getresponse())


def logged_in(port: int) -> dict[str, str]:
    """The headers of a browser with a session."""
    answer = ask(port, "POST", "/login", {"password": PASSWORD})
    assert answer.status == 200
    cookie = answer.headers["Set-Cookie"].split(";")[0]
    return {"Cookie": cookie, guard.TOKEN: answer.plain["token"]}


def first_state(port: int) -> Any:
    """What the stream says once the gateway has been heard."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", "/live")
        answer = connection.getresponse()
        assert answer.headers["Content-Type"] == "text/event-stream"
        while True:
            line = answer.readline()
            if line.startswith(b"data: ") and json.loads(line[6:])["status"]:
                return json.loads(line[6:])


# --- reading --------------------------------------------------------------------------------------------------------


def test_everybody_in_reach_may_read_and_no_secret_is_among_it(port: int, world: World) -> None:
    state = first_state(port)
    assert state["status"]["station"] == "bench"
    assert [one["key"] for one in state["conditions"]][:2] == ["clock", "sensor cod"]
    seen = b"".join(ask(port, "GET", path).body for path in ("/", "/history", "/events", "/session"))
    for secret in [*(node.key for node in world.site.nodes), world.password.hash()]:
        assert secret is not None
        assert secret.encode() not in seen
    assert ask(port, "GET", "/session").plain == {"token": None, "has_password": True, "is_private": True}


def test_every_answer_forbids_a_browser_what_the_page_does_not_need(port: int) -> None:
    for path in ("/", "/files/page.js", "/history", "/nothing", "/files/nothing.js"):
        headers = ask(port, "GET", path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_file_that_is_known_is_not_sent_again(port: int) -> None:
    tag = ask(port, "GET", "/files/page.css").headers["ETag"]
    again = ask(port, "GET", "/files/page.css", headers={"If-None-Match": tag})
    assert (again.status, again.body) == (304, b"")


def test_a_period_leaves_as_csv_and_only_that_period(port: int, world: World) -> None:
    now_ms = world.clock.unix
    query = f"from_ms={now_ms - 3_600_000}&to_ms={now_ms + 1}&channel=do.temperature"
    answer = ask(port, "GET", f"/download?{query}")
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="bench.csv"'
    assert len(rows) == 13
    assert {row["channel"] for row in rows} == {"do.temperature"}
    assert rows[-1]["time"] == "2026-01-31T00:00:00.000Z"
    whole = ask(port, "GET", f"/download?from_ms={now_ms - 2 * DAY_MS}&to_ms={now_ms + 1}").body
    assert whole.count(b"\n") > 5000


@pytest.mark.parametrize(
    "query",
    [
        "", "from_ms=5&to_ms=5", "from_ms=1&to_ms=99999999999999", "from_ms=-1&to_ms=5", "from_ms=x&to_ms=5",
        "from_ms=1&to_ms=5&channel=../../etc/passwd", "from_ms=1&to_ms=9999999999999999999", "from_ms=%D9%A1&to_ms=5",
    ],
)  # fmt: skip
def test_a_period_that_is_none_is_refused(port: int, query: str) -> None:
    assert ask(port, "GET", f"/download?{query}").status == 400


def test_events_are_paged_by_their_ids(port: int) -> None:
    newest, oldest = ask(port, "GET", "/events").plain
    assert (newest["kind"], oldest["kind"]) == ("clock_trusted", "sensor_silent")
    assert ask(port, "GET", f"/events?before={newest['id']}").plain == [oldest]
    assert ask(port, "GET", "/events?before=1;DROP").status == 400


# --- those who try their luck ---------------------------------------------------------------------------------------

PATHS = (
    "/../site.toml",
    "/files/../site.toml",
    "/files/..%2f..%2fsite.toml",
    "/files/%2e%2e/%2e%2e/site.toml",
    "/files/....//site.toml",
    "/files//etc/passwd",
    "/files/%2fetc%2fpasswd",
    "/files/page.html",
    "/files/..\\..\\site.toml",
    "/files/page.js%00.css",
    "/web.password",
    "/store.db",
    "//etc/passwd",
)


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_out_of_the_page(port: int, path: str) -> None:
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        said = b"".join(iter(lambda: line.recv(65536), b""))
    assert said.split(b" ")[1] in (b"404", b"400")
    assert b"root:" not in said
    assert b"argon2" not in said
    assert b"[station]" not in said


def changing() -> list[str]:
    """The addresses of everything that changes something, whoever adds one."""

    async def routes(folder: Path) -> list[str]:
        world = World(folder)
        return [
            str(route.resource.canonical)
            for route in Server(world.site, world.clock).app.router.routes()
            if route.method not in ("GET", "HEAD") and route.resource is not None
        ]

    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(routes(Path(folder)))


CHANGING = changing()


def test_what_changes_is_known_to_these_tests() -> None:
    assert sorted(CHANGING) == ["/alarm", "/login", "/logout", "/service"]


@pytest.mark.parametrize("path", [path for path in CHANGING if path != "/login"])
def test_nothing_changes_without_a_login_or_without_its_token(port: int, path: str) -> None:
    assert ask(port, "POST", path, ALARM).status == 401
    assert ask(port, "POST", path, ALARM, {"Cookie": f"{guard.COOKIE}=guessed", guard.TOKEN: "guessed"}).status == 401
    headers = logged_in(port)
    for token in ("", "guessed", headers["Cookie"].partition("=")[2], "ü"):
        assert ask(port, "POST", path, ALARM, {**headers, guard.TOKEN: token}).status == 403
    assert ask(port, "POST", path, ALARM, {"Cookie": headers["Cookie"]}).status == 403
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert ask(port, method, path, ALARM, headers).status == 405
    assert ask(port, "GET", path, headers=headers).status == 405


@pytest.mark.parametrize("path", CHANGING)
def test_another_sites_page_can_send_nothing(port: int, path: str) -> None:
    headers = logged_in(port)
    body = {"password": PASSWORD, **ALARM}
    assert ask(port, "POST", path, body, {**headers, "Origin": "http://evil.example"}).status == 403
    assert ask(port, "POST", path, body, {**headers, "Origin": "null"}).status == 403
    assert ask(port, "POST", path, body, {**headers, "Sec-Fetch-Site": "cross-site"}).status == 403
    for form in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert ask(port, "POST", path, body, {**headers, "Content-Type": form}).status == 415


def test_the_cookie_is_for_this_site_and_for_no_script(port: int) -> None:
    cookie = ask(port, "POST", "/login", {"password": PASSWORD}).headers["Set-Cookie"]
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= parts


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"x" * 5000, 413), (b"[" * 4000, 400), (b"{", 400), (b"[]", 400), (b"\xff", 400), (b"{}", 400),
        (b'{"password": 1}', 400),
        (b'{"password": "\\ud800"}', 403), (b'{"password": "' + b"x" * 3000 + b'"}', 403),
    ],
)  # fmt: skip
def test_a_body_that_is_too_large_or_no_object_is_refused(port: int, body: bytes, status: int) -> None:
    assert ask(port, "POST", "/login", body).status == status


def test_a_body_without_an_end_is_cut_off(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.sendall(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        line.sendall(
            b"Transfer-Encoding: chunked\r\n\r\n" + b"1000\r\n" + b"x" * 4096 + b"\r\n" + b"1000\r\n" + b"x" * 4096
        )
        assert line.recv(65536).split(b" ")[1] == b"413"


def test_who_does_not_end_his_question_is_hung_up(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert line.recv(100) == b"" or pytest.fail("it waits")


def test_a_body_that_does_not_come_is_waited_for_ten_seconds() -> None:
    class Dripping:
        async def read(self) -> bytes:
            await asyncio.Event().wait()
            return b""

    async def story() -> float:
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        with pytest.raises(web.HTTPRequestTimeout):
            await guard.body(Dripping())  # type: ignore[arg-type]
        return loop.time() - begun_s

    assert run_virtual(story()) == 10


def test_who_does_not_take_what_a_stream_says_is_hung_up(tmp_path: Path) -> None:
    """He asks for the stream and reads nothing; the state is large, so that no buffer hides it."""

    async def story() -> None:
        world = World(tmp_path)
        server = Server(world.site, world.clock, slow_s=0.2)
        event = replace(world.status.events[0], detail="x" * 1_000_000)
        async with opened(server, "127.0.0.1", 0) as port:
            line = socket.create_connection(("127.0.0.1", port), 10)
            line.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
            for number in range(60):
                server.pulse.tell(replace(world.status, unix_ms=number, events=(event,)))
                await asyncio.sleep(0.05)
                if number and not server.streams:
                    break
            line.close()
            assert not server.streams

    asyncio.run(story())


def test_one_who_takes_all_connections_gets_32_and_of_these_12_streams(port: int) -> None:
    lines = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(40)]
    try:
        head = b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n"
        answered = refused = 0
        for line in lines:
            try:
                line.sendall(head)
                said = line.recv(100)
                answered += said.startswith(b"HTTP/1.1 200")
                refused += said.startswith(b"HTTP/1.1 503")
            except OSError:
                pass
        assert (answered, refused) == (12, 20)
    finally:
        for line in lines:
            line.close()


def test_of_those_who_come_from_many_addresses_24_are_told_what_happens(port: int) -> None:
    lines = [
        socket.create_connection(("127.0.0.1", port), 10, source_address=(f"127.0.0.{2 + number // 10}", 0))
        for number in range(50)
    ]
    try:
        for line in lines:
            line.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
        said = [line.recv(12) for line in lines]
        assert (said.count(b"HTTP/1.1 200"), said.count(b"HTTP/1.1 503")) == (24, 26)
    finally:
        for line in lines:
            line.close()


def test_no_more_than_96_are_connected_wherever_they_come_from(port: int) -> None:
    lines = []
    try:
        for number in range(110):
            source = (f"127.0.0.{2 + number // 10}", 0)
            lines.append(socket.create_connection(("127.0.0.1", port), 10, source_address=source))
            with suppress(OSError):
                lines[-1].sendall(b"GET /session HTTP/1.1\r\nHost: x\r\n\r\n")
        answered = 0
        for line in lines:
            with suppress(OSError):
                answered += line.recv(12) == b"HTTP/1.1 200"
        assert answered == 96
    finally:
        for line in lines:
            line.close()


def test_the_name_of_a_download_can_add_no_header(tmp_path: Path) -> None:
    world = World(tmp_path)
    text = world.file.read_text("utf-8")
    for nasty in ("a\\r\\nX-Evil: 1", 'a\\"; filename=x.exe', "../../x", "a/b"):
        world.file.write_text(text.replace('id = "bench"', f'id = "{nasty}"'), "utf-8")
        with pytest.raises(SiteError):
            load(world.file)


def test_a_long_period_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    world = World(tmp_path)
    wanted = [one for one in world.site.channels if one.sensor == "do"]
    store = Store(Path(world.site.store.path), HandClock(world.clock.unix))
    series = store.series("sensor do", wanted)
    for number in range(8_000):
        store.add_poll(series, world.clock.unix - 40 * DAY_MS + 60_000 * number, [(number, 0)] * len(wanted))
        if number % 5000 == 4999:
            store.commit()
    store.close()
    wish = Wish(world.clock.unix - 50 * DAY_MS, world.clock.unix + 1, [])
    tracemalloc.start()
    try:
        size = sum(len(part) for part in download._parts(Path(world.site.store.path), wish))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 1_500_000
    assert peak < 1_400_000  # two parts and the rows that they are made of


def test_guessed_passwords_must_wait_and_the_right_one_too(port: int, world: World) -> None:
    for number in range(FREE):
        assert ask(port, "POST", "/login", {"password": f"guess {number}"}).status == 403
    answer = ask(port, "POST", "/login", {"password": PASSWORD})
    assert (answer.status, answer.plain) == (429, {"wait_s": 30})
    world.clock.unix += 30_000
    assert ask(port, "POST", "/login", {"password": PASSWORD}).status == 200


def test_a_new_password_ends_every_session(port: int, world: World) -> None:
    headers = logged_in(port)
    assert ask(port, "POST", "/alarm", ALARM, headers).status == 200
    world.password.keep("another password")
    try:
        assert ask(port, "POST", "/alarm", ALARM, headers).status == 401
    finally:
        world.password.keep(PASSWORD)


def test_a_session_ends_with_the_working_day_and_by_word(port: int, world: World) -> None:
    headers = logged_in(port)
    assert ask(port, "POST", "/logout", {}, headers).status == 200
    assert ask(port, "POST", "/logout", {}, headers).status == 401
    headers = logged_in(port)
    world.clock.unix += 8 * 3_600_000
    try:
        assert ask(port, "POST", "/logout", {}, headers).status == 401
    finally:
        world.clock.unix -= 8 * 3_600_000


# --- what changes ---------------------------------------------------------------------------------------------------


def test_an_alarm_is_acknowledged_shelved_and_taken_from_the_shelf_by_the_gateway(
    port: int, world: World, obedient: Obedient
) -> None:
    headers = logged_in(port)

    def say(verb: str, **more: object) -> int:
        return ask(port, "POST", "/alarm", {"rule": "oxygen", "verb": verb, **more}, headers).status

    def state() -> Any:
        return first_state(port)["status"]["alarms"][0]

    assert say("acknowledge") == 200
    assert state()["state"] == "acknowledged"
    assert obedient.asked[-1] == ("alarm", {"rule": "oxygen", "verb": "acknowledge", "minutes": 60})
    assert say("shelve", minutes=480) == 200
    assert state()["shelf_ms"] - world.status.unix_ms == 8 * 3_600_000
    assert say("unshelve") == 200
    assert state()["state"] == "normal"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/alarm", {"rule": "oxygen"}),
        ("/alarm", {"rule": "oxygen", "verb": "burn"}),
        ("/alarm", {"rule": "oxygen", "verb": "shelve", "minutes": 0}),
        ("/alarm", {"rule": "oxygen", "verb": "shelve", "minutes": 1441}),
        ("/alarm", {"rule": "oxygen", "verb": "shelve", "minutes": True}),
        ("/alarm", {"rule": 1, "verb": "shelve"}),
        ("/alarm", {"rule": "oxygen", "verb": "acknowledge", "command": "restart"}),
        ("/service", {}),
        ("/service", {"state": "rest", "minutes": 5}),
        ("/service", {"state": "maintenance", "minutes": 0}),
        ("/service", {"state": "maintenance", "minutes": 721}),
        ("/service", {"state": "maintenance", "sensor": ["do"]}),
    ],
)
def test_what_is_no_order_never_gets_to_the_gateway(
    port: int, obedient: Obedient, path: str, body: dict[str, object]
) -> None:
    before = len(obedient.asked)
    assert ask(port, "POST", path, body, logged_in(port)).status == 400
    assert len(obedient.asked) == before


def test_what_the_gateway_refuses_is_said_with_its_reason(port: int) -> None:
    answer = ask(port, "POST", "/alarm", {"rule": "nothing", "verb": "acknowledge"}, logged_in(port))
    assert (answer.status, answer.plain["detail"]) == (409, "no rule nothing")


def test_who_works_at_a_sensor_says_so_and_when_he_has_done(port: int, world: World) -> None:
    headers = logged_in(port)
    work = {"state": "calibration", "sensor": "acid", "minutes": 30}
    assert ask(port, "POST", "/service", work, headers).status == 200
    until_ms = world.status.unix_ms + 30 * 60_000
    found = first_state(port)["status"]["services"]
    assert found == [{"sensor": "acid", "state": "calibration", "until_ms": until_ms}]
    assert ask(port, "POST", "/service", {"state": "end"}, headers).status == 200
    assert first_state(port)["status"]["services"] == []


def test_without_a_gateway_nothing_is_promised(tmp_path: Path) -> None:
    with page(World(tmp_path)) as port:
        assert ask(port, "POST", "/alarm", ALARM, logged_in(port)).status == 503


def test_a_real_gateway_is_told_and_its_next_row_says_so(tmp_path: Path) -> None:
    """Door, desk, store and rules as they are; only nobody polls."""

    async def story() -> list[Any]:
        rule = '\n[[rule]]\nid = "high"\nlevel = "red"\nwhen = "level.pressure > 30"\n'
        gateway = Gateway(site(tmp_path, RIVER, sensor("level", 1), rule), Room())
        path = tmp_path / "door.sock"
        door = asyncio.create_task(Door(path, gateway._asked, gateway.status).run())
        while not path.exists():
            await asyncio.sleep(0)
        channels = [one for one in gateway._site.channels if one.name == "level.pressure"]
        series = gateway.store.series("sensor level", channels)
        gateway.store.add_poll(series, gateway._clock.unix_ms(), [(40 * 10 ** channels[0].decimals, 0)])
        gateway.store.commit()
        found: list[Any] = [gateway.status().alarms[0].state]
        for verb in ("acknowledge", "shelve"):
            done = await told(path, "alarm", {"rule": "high", "verb": verb, "minutes": 60})
            found += [done.answer["result"], done.status.alarms[0].state]
        found.append(done.status.alarms[0].shelf_ms is not None)
        done = await told(path, "service", {"state": "maintenance", "minutes": 20})
        found += [(one.sensor, one.state) for one in done.status.services]
        done = await told(path, "service", {"state": "end", "sensor": "level"})
        found.append(done.status.services)
        door.cancel()
        await asyncio.gather(door, return_exceptions=True)
        gateway.store.close()
        return found

    assert asyncio.run(story()) == [
        "unacknowledged", "done", "acknowledged", "done", "shelved", True, ("level", "maintenance"), (),
    ]  # fmt: skip


# --- the command ----------------------------------------------------------------------------------------------------


def test_beyond_this_machine_it_does_not_open_without_a_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(tmp_path)
    world.password.path.unlink()
    set_language("en")
    try:
        for place in ("0.0.0.0:0", "192.0.2.1:8080", "station.local:8080"):
            place = place.replace(":0", ":8081") if place.endswith(":0") else place
            assert main(["web", str(world.file), "--listen", place]) == 2
            assert "--set-password" in capsys.readouterr().err
    finally:
        set_language(None)


def test_the_command_keeps_a_password_opens_and_ends(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.password.path.unlink()
    run = [sys.executable, "-m", "gateway", "web", str(world.file), "--lang", "en"]
    short = subprocess.run([*run, "--set-password"], input="short\n", capture_output=True, text=True, timeout=20)
    assert (short.returncode, world.password.hash()) == (1, None)
    kept = subprocess.run([*run, "--set-password"], input="long enough\n", capture_output=True, text=True, timeout=20)
    assert kept.returncode == 0
    assert world.password.fits("long enough")
    (place,) = free_ports(1)
    command = [*run, "--listen", f"0.0.0.0:{place}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert str(place) in process.stdout.readline()
        assert b"Bench station" in ask(place, "GET", "/?lang=en").body
        again = subprocess.run(command, capture_output=True, text=True, timeout=20)
        assert (again.returncode, str(place) in again.stderr) == (1, True)
        process.terminate()
        assert process.wait(10) == 0
