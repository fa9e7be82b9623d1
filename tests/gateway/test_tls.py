"""A real mosquitto: TLS with certificates of our own, passwords, MQTT 5, fail-over; what is refused sends nothing."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.ports import LinkDown, Said
from gateway.site.config import MqttUplink, Tls
from gateway.uplink.paho import PahoPublisher

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
MOSQUITTO, OPENSSL = shutil.which("mosquitto", path=PATH), shutil.which("openssl", path=PATH)
pytestmark = pytest.mark.skipif(MOSQUITTO is None or OPENSSL is None, reason="needs mosquitto and openssl")
WILL = Said("watertower/demo/status", b'{"online":false}', retain=True)
PASSWORD = "correct horse"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def openssl(*words: str) -> None:
    assert OPENSSL is not None
    subprocess.run([OPENSSL, *words], check=True, capture_output=True)


def certificate(folder: Path, name: str, ca: str, days: int = 2, subject: str = "localhost") -> None:
    """A key and a certificate of the authority `ca`."""
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr",
            "-subj", f"/CN={subject}")  # fmt: skip
    (folder / f"{name}.ext").write_text(f"subjectAltName=DNS:{subject}\n")
    openssl("x509", "-req", "-in", f"{folder}/{name}.csr", "-CA", f"{folder}/{ca}.pem", "-CAkey", f"{folder}/{ca}.key",
            "-CAcreateserial", "-days", str(days), "-out", f"{folder}/{name}.pem", "-extfile",
            f"{folder}/{name}.ext")  # fmt: skip


class Mosquitto:
    """Brokers with the certificates of one folder. `log` is what they say."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[subprocess.Popen[bytes]] = []
        for ca in ("ca", "other"):
            openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{folder}/{ca}.key", "-out",
                    f"{folder}/{ca}.pem", "-days", "2", "-subj", f"/CN={ca}")  # fmt: skip
        certificate(folder, "broker", "ca")
        certificate(folder, "expired", "ca", days=-1)
        certificate(folder, "elsewhere", "ca", subject="elsewhere")
        certificate(folder, "gateway", "ca", subject="gateway")
        certificate(folder, "stranger", "other", subject="gateway")
        words = [str(Path(MOSQUITTO or "").parent.parent / "bin" / "mosquitto_passwd"), "-b", "-c"]
        passwords = folder / "passwords"
        subprocess.run([*words, str(passwords), "river", PASSWORD], check=True, capture_output=True)
        passwords.chmod(0o644)
        folder.chmod(0o755)
        for one in folder.iterdir():
            one.chmod(0o644)
        (folder / "password").write_text(PASSWORD + "\n")

    async def start(self, *lines: str, certificate: str | None = "broker", clients: bool = False) -> int:
        port = free_port()
        text = [f"listener {port} 127.0.0.1", "user root", f"log_dest file {self.folder}/log", "log_type all", *lines]
        if certificate is not None:
            text += [f"certfile {self.folder}/{certificate}.pem", f"keyfile {self.folder}/{certificate}.key"]
        if clients:
            text += [f"cafile {self.folder}/ca.pem", "require_certificate true"]
        path = self.folder / f"{port}.conf"
        path.write_text("\n".join(text) + "\n")
        assert MOSQUITTO is not None
        self._running.append(subprocess.Popen([MOSQUITTO, "-c", str(path)], stderr=subprocess.DEVNULL))
        while True:
            try:
                (await asyncio.open_connection("127.0.0.1", port))[1].close()
                return port
            except OSError:
                await asyncio.sleep(0.01)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def stop(self) -> None:
        for one in self._running:
            one.terminate()
            one.wait()


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    made = Mosquitto(tmp_path_factory.mktemp("tls"))
    yield made
    made.stop()


def publisher(port: int, **more: Any) -> PahoPublisher:
    return PahoPublisher(MqttUplink(id="platform", host="localhost", port=port, **more), "watertower-demo-p")


def tls(brokers: Mosquitto, client: str | None = None, ca: str = "ca") -> Tls:
    folder = brokers.folder
    names = {} if client is None else {"cert": f"{folder}/{client}.pem", "key": f"{folder}/{client}.key"}
    return Tls(ca=f"{folder}/{ca}.pem", **names)


def story(steps: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(20):
            await steps

    asyncio.run(limited())


async def refused(one: PahoPublisher) -> str:
    """Why, and that it needs a person."""
    with pytest.raises(LinkDown) as caught:
        await one.connect(WILL)
    assert caught.value.is_refusal and PASSWORD not in str(caught.value)
    with pytest.raises(LinkDown):
        one.publish(WILL[0], b"{}")
    await one.close()
    return str(caught.value)


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_our_authority_certificate_and_password_get_a_message_through(brokers: Mosquitto, version: str) -> None:
    async def steps() -> None:
        port = await brokers.start(f"password_file {brokers.folder}/passwords", clients=True)
        one = publisher(port, version=version, tls=tls(brokers, "gateway"), username="river",
                        password_file=str(brokers.folder / "password"))  # fmt: skip
        await one.connect(WILL)
        heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        assert await one.subscribe("watertower/demo/command/+", lambda *said: heard.put_nowait(said))
        assert await one.publish("watertower/demo/command/li", b"x")
        assert await heard.get() == ("watertower/demo/command/li", b"x")
        await one.close()

    story(steps())


@pytest.mark.parametrize(
    ("certificate", "ours", "ca", "said"),
    [
        ("expired", "gateway", "ca", "certificate has expired"),
        ("elsewhere", "gateway", "ca", "Hostname mismatch"),
        ("broker", "gateway", "other", "certificate verify failed"),
        ("broker", None, "ca", "tls.cert"),
        ("broker", "stranger", "ca", "tls.cert"),
    ],
)
def test_a_certificate_that_does_not_fit_is_told_with_what_to_do(
    brokers: Mosquitto, certificate: str, ours: str | None, ca: str, said: str
) -> None:
    async def steps() -> None:
        port = await brokers.start("allow_anonymous true", certificate=certificate, clients=True)
        why = await refused(publisher(port, tls=tls(brokers, ours, ca)))
        assert (said in why or "self" in why or "issuer" in why) and "check" in why

    story(steps())


def test_a_broker_without_tls_is_never_spoken_to_in_plain(brokers: Mosquitto) -> None:
    async def steps() -> None:
        got: list[bytes] = []

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            got.append(await reader.read(1000))
            writer.write(b"\x20\x02\x00\x00\xd0\x00")  # a CONNACK, as if nothing were missing
            await reader.read(1000)
            writer.close()

        server = await asyncio.start_server(listen, "127.0.0.1", 0)
        one = publisher(server.sockets[0].getsockname()[1], tls=tls(brokers), username="river",
                        password_file=str(brokers.folder / "password"))  # fmt: skip
        assert "nothing is sent without encryption" in await refused(one)
        assert got and all(said[:1] == b"\x16" and b"river" not in said for said in got)  # a TLS handshake, RFC 8446
        server.close()
        await server.wait_closed()

    story(steps())


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_a_wrong_password_is_told_with_what_to_do(
    brokers: Mosquitto, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps() -> None:
        port = await brokers.start(f"password_file {brokers.folder}/passwords", certificate=None)
        one = publisher(port, version=version, username="river", password_env="RIVER_PASSWORD")
        assert "RIVER_PASSWORD" in await refused(one)
        monkeypatch.setenv("RIVER_PASSWORD", "wrong")
        assert "check username and password" in await refused(one)
        monkeypatch.setenv("RIVER_PASSWORD", PASSWORD)
        await one.connect(WILL)
        await one.close()

    story(steps())


def test_files_that_are_not_there_are_told(brokers: Mosquitto) -> None:
    async def steps() -> None:
        assert "tls.ca" in await refused(publisher(1, tls=Tls(ca=str(brokers.folder / "nothing.pem"))))
        missing = publisher(1, username="river", password_file=str(brokers.folder / "nothing"))
        assert "password_file" in await refused(missing)

    story(steps())


def test_mqtt_5_tells_that_nobody_listens(brokers: Mosquitto) -> None:
    async def steps() -> None:
        port = await brokers.start("allow_anonymous true", certificate=None)
        one = publisher(port, version="5")
        await one.connect(WILL)
        assert await one.publish("watertower/demo/data", b"{}") is False
        await one.subscribe("watertower/demo/#", lambda topic, payload: None)
        assert await one.publish("watertower/demo/data", b"{}") is True
        await one.close()

    story(steps())


def test_the_next_broker_is_taken_when_the_first_can_not_be_had(brokers: Mosquitto) -> None:
    async def steps() -> None:
        port = await brokers.start("allow_anonymous true", certificate=None)
        one = publisher(free_port(), hosts=(f"127.0.0.1:{free_port()}", f"127.0.0.1:{port}"))
        await one.connect(WILL)
        await one.publish(WILL[0], b"{}")
        await one.close()
        with pytest.raises(LinkDown, match=r"no broker at .*; no broker at "):
            await publisher(free_port(), hosts=(f"127.0.0.1:{free_port()}",)).connect()

    story(steps())
