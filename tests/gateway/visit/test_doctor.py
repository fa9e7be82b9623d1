"""Each thing that may be wrong with an installation is planted, and named for what it is."""

import json
import os
import pty
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway import messages
from gateway.__main__ import main
from gateway.machine import usb
from gateway.machine.doctor import belongings, machine, network, ports
from gateway.machine.doctor.complaint import Complaint
from gateway.machine.doctor.eyes import Eyes
from gateway.machine.doctor.network import Way
from gateway.messages import say
from gateway.ports import SystemClock
from gateway.site import config
from gateway.site.config import Site, Tls
from gateway.store import Store
from tests.gateway.stations import UPPER, write

ROOT = Path(__file__).parents[3]
BUS = """
[[bus]]
id = "river"
port = "{port}"
[[sensor]]
id = "level"
profile = "keller_acculevel"
bus = "river"
unit_id = 1
period_s = 60
"""


class TreeEyes(Eyes):
    """Looks at a tree of files, and hears programs say what they are told to say."""

    def __init__(self, root: Path, words: dict[str, str] | None = None) -> None:
        super().__init__(root)
        self._words = words or {}

    def said(self, command: Sequence[str]) -> str | None:
        return self._words.get(" ".join(command))

    def ports(self) -> list[usb.Port]:
        return []


def plant(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def site(folder: Path, text: str = "") -> Site:
    return config.load(write(folder, UPPER, text))


def keys(found: Iterator[Complaint]) -> list[tuple[str, str]]:
    """(severity, the entry of the catalogue) of each: told by its advice, which has no two alike beginnings."""
    entries = {name: entry for name, entry in messages.catalogue().items() if name.startswith("doctor.")}

    def key(one: Complaint) -> str:
        fits = [name for name, entry in entries.items() if _begins(entry["en"], one.seen["en"])]
        return max(fits, key=lambda name: len(entries[name]["en"])).removeprefix("doctor.")

    return [(one.severity, key(one)) for one in found]


def _begins(pattern: str, text: str) -> bool:
    parts = [part.partition("}")[2] for part in ("}" + pattern).split("{")]
    at = 0
    for part in parts:
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


# --- the machine ---


@pytest.mark.parametrize(
    ("bits", "found"),
    [
        (0x0, []),
        (0x50005, [("wrong", "undervoltage_now")]),
        (0x50000, [("wrong", "undervoltage_was")]),
        (0x80008, [("look", "hot_now"), ("look", "hot_was")]),
    ],
)
def test_what_the_pi_says_of_its_supply(bits: int, found: list[tuple[str, str]], tmp_path: Path) -> None:
    eyes = TreeEyes(tmp_path, {"vcgencmd get_throttled": f"throttled={bits:#x}"})
    assert keys(machine.power(eyes)) == found
    assert keys(machine.power(TreeEyes(tmp_path))) == [], "no Raspberry Pi"


def test_a_unit_that_is_missing_disabled_dead_or_starts_nothing(tmp_path: Path) -> None:
    assert keys(machine.service(TreeEyes(tmp_path))) == [("wrong", "no_unit")]
    plant(tmp_path, {"etc/systemd/system/watertower.service": "[Service]\nExecStart=/opt/w/watertower run x\n"})
    dead = TreeEyes(tmp_path, {"systemctl is-active watertower.service": "failed"})
    assert keys(machine.service(dead)) == [
        ("wrong", "not_enabled"), ("wrong", "not_active"), ("wrong", "no_program"),
    ]  # fmt: skip
    wants = tmp_path / "etc/systemd/system/multi-user.target.wants/watertower.service"
    wants.parent.mkdir()
    wants.symlink_to("/etc/systemd/system/watertower.service")
    plant(tmp_path, {"opt/w/watertower": "#!/bin/sh\n"})
    (tmp_path / "opt/w/watertower").chmod(0o755)
    well = TreeEyes(tmp_path, {"systemctl is-active watertower.service": "active"})
    assert keys(machine.service(well)) == []


def test_a_clock_that_nobody_vouches_for() -> None:
    now_ms = 1_795_000_000_000
    assert keys(machine.clock(0, False, False, False)) == [("wrong", "no_time")]
    assert keys(machine.clock(now_ms, False, False, False)) == [("wrong", "untrusted")]
    assert keys(machine.clock(now_ms, False, True, False)) == [("wrong", "chip_differs")]
    assert keys(machine.clock(now_ms, True, False, False)) == [("look", "no_chip")]
    assert keys(machine.clock(now_ms, False, True, True)) == []


def test_a_card_that_is_worn_faulty_or_written_all_day(tmp_path: Path) -> None:
    plant(tmp_path, {
        "sys/fs/ext4/mmcblk0p2/errors_count": "3\n",
        "sys/block/mmcblk0/device/life_time": "0x02 0x09\n",
        "sys/block/mmcblk0/stat": "1 2 3 4 5 6 90000000 8 9 10 11\n",
        "proc/uptime": "172800.5 1.0\n",
    })  # fmt: skip
    found = keys(machine.wear(TreeEyes(tmp_path)))
    assert found == [("wrong", "disk_errors"), ("look", "worn"), ("look", "writes")]
    plant(tmp_path, {
        "sys/fs/ext4/mmcblk0p2/errors_count": "0\n",
        "sys/block/mmcblk0/device/life_time": "0x01 0x01\n",
        "sys/block/mmcblk0/stat": "1 2 3 4 5 6 900000 8 9 10 11\n",
    })  # fmt: skip
    assert keys(machine.wear(TreeEyes(tmp_path))) == []


def test_a_full_disk_is_told_before_it_stops_the_gateway(tmp_path: Path) -> None:
    assert keys(machine.disk(site(tmp_path), TreeEyes(tmp_path / "none"))) == []
    full = site(tmp_path, "[store]\ndisk_reserve_mib = 100000\npath = 'store.db'\n")
    assert keys(machine.disk(full, TreeEyes(tmp_path / "none"))) == [("wrong", "disk_full")]
    gone = site(tmp_path, "[store]\npath = 'usb/store.db'\n")
    assert keys(machine.disk(gone, TreeEyes(tmp_path / "none"))) == [("wrong", "no_folder")]


# --- ports ---

HOLDER = "import os, sys, time; f = os.open(sys.argv[-1], os.O_RDWR | os.O_NOCTTY); print(flush=True); sys.stdin.read()"


@contextmanager
def holder(device: str, *words: str) -> Iterator[int]:
    """A program that has the port open."""
    command = [sys.executable, "-c", HOLDER, *words, device]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None and program.stdin is not None
        program.stdout.readline()
        yield program.pid
        program.stdin.close()


@pytest.fixture
def device() -> Iterator[str]:
    inside, outside = pty.openpty()
    yield os.ttyname(outside)
    os.close(inside)
    os.close(outside)


class NoSelf(Eyes):
    """This process holds the pty too: it is the cable."""

    def holders(self, device: Path):  # type: ignore[no-untyped-def]
        return [one for one in super().holders(device) if one.pid != os.getpid()]


def test_a_port_that_is_missing_or_no_port(tmp_path: Path) -> None:
    def found(port: str) -> list[tuple[str, str]]:
        return keys(ports.complaints(site(tmp_path, BUS.format(port=port)), TreeEyes(tmp_path)))

    assert found("/dev/ttyNOWHERE") == [("wrong", "missing_port")]
    assert found("usb:0403:6001")[0][0] == "wrong"
    (tmp_path / "file").touch()
    assert found("file") == [("wrong", "no_device")]


def test_who_holds_a_port_is_named(tmp_path: Path, device: str) -> None:
    where = site(tmp_path, BUS.format(port=device))
    assert keys(ports.complaints(where, NoSelf())) == []
    with holder(device, "watertower", "run"):
        assert keys(ports.complaints(where, NoSelf())) == [], "the gateway may"
        with holder(device) as pid:
            (one,) = ports.complaints(where, NoSelf())
            assert keys(iter([one])) == [("wrong", "shared_port")] and str(pid) in one.seen["zh"]
        with holder(device, "watertower", "run"):
            assert keys(ports.complaints(where, NoSelf())) == [("wrong", "two_gateways")]
    with holder(device):
        assert keys(ports.complaints(where, NoSelf())) == [("wrong", "busy_port")]


# --- store and keys ---


def test_a_store_that_is_damaged_empty_or_not_there(tmp_path: Path) -> None:
    where = site(tmp_path)
    assert keys(belongings.store(where)) == [("look", "no_store")]
    Store(tmp_path / "store.db", SystemClock()).close()
    assert keys(belongings.store(where)) == [("look", "store_empty")]
    whole = (tmp_path / "store.db").read_bytes()
    (tmp_path / "store.db").write_bytes(b"\xff" * 4096 + whole[4096:])
    assert keys(belongings.store(where)) == [("wrong", "store_damaged")]


def test_secrets_are_for_the_gateway_alone(tmp_path: Path) -> None:
    where = site(tmp_path, "[[operator]]\nname = 'wu'\nrole = 'admin'\nkey = '" + "ab" * 32 + "'\n")
    path = tmp_path / "site.toml"
    assert keys(belongings.keys(where, path)) == []
    path.chmod(0o644)
    assert keys(belongings.keys(where, path)) == [("wrong", "open_key")]
    path.chmod(0o640)
    (tmp_path / "gateway.key").write_bytes(bytes(32))
    (tmp_path / "gateway.key").chmod(0o640)
    assert keys(belongings.keys(where, path)) == [("wrong", "open_key")]
    (tmp_path / "gateway.key").chmod(0o600)
    assert keys(belongings.keys(where, path)) == []
    if os.geteuid() == 0:
        os.chown(tmp_path / "gateway.key", 12345, 12345)
        assert keys(belongings.keys(where, path)) == [("wrong", "foreign_key")]


def test_a_password_file_that_is_not_there(tmp_path: Path) -> None:
    uplink = "[[uplink]]\nid = 'p'\ntype = 'mqtt'\nhost = 'h'\nusername = 'u'\npassword_file = 'secret'\n"
    assert keys(belongings.keys(site(tmp_path, uplink), tmp_path / "site.toml")) == [("wrong", "no_file")]


CLOSED = """
import os, sys
from pathlib import Path
from gateway.machine.doctor import belongings, machine
from gateway.machine.doctor.eyes import Eyes
from gateway.site import config
from gateway.visit import site_file
folder = Path(sys.argv[1])
site = config.load(folder / "site.toml", {"store.path": str(folder / "closed" / "store.db")})
os.setgid(65534), os.setuid(65534)
print(site_file.usual((folder / "none.toml", folder / "closed" / "site.toml")).parent.name)
for one in (*belongings.store(site), *machine.disk(site, Eyes(folder))):
    print(one.seen["en"].partition(":")[0])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_what_is_closed_to_whoever_asks_is_told_so_and_ends_nothing(tmp_path: Path) -> None:
    site(tmp_path)
    (tmp_path / "closed").mkdir(mode=0o700)
    (tmp_path / "closed" / "site.toml").touch()
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    run = subprocess.run(
        [sys.executable, "-c", CLOSED, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.stdout.splitlines()[:2] == ["closed", "can't be looked at"], run.stdout + run.stderr


# --- network ---


def certificate(folder: Path, begins: datetime, ends: datetime, name: str = "localhost") -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
        .serial_number(7).not_valid_before(begins).not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(made.public_bytes(pem) + private)
    (folder / "ca.pem").write_bytes(made.public_bytes(pem))


@contextmanager
def server(folder: Path | None) -> Iterator[int]:
    """A place that is there; with a folder it speaks TLS with the certificate in it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        context = None
        if folder is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(folder / "server.pem")

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    try:
                        if context is None:
                            connection.recv(100)
                            connection.sendall(b"220 hello\r\n")
                        else:
                            context.wrap_socket(connection, server_side=True).close()
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("begins_d", "ends_d", "name", "found"),
    [
        (-10, 300, "localhost", []),
        (-10, 7, "localhost", [("look", "expires_soon")]),
        (-10, -1, "localhost", [("wrong", "expired_certificate")]),
        (5, 300, "localhost", [("wrong", "early_certificate")]),
        (-10, 300, "elsewhere", [("wrong", "other_name")]),
    ],
)
def test_what_is_wrong_with_a_certificate(
    begins_d: int, ends_d: int, name: str, found: list[tuple[str, str]], tmp_path: Path
) -> None:
    certificate(tmp_path, NOW + timedelta(days=begins_d), NOW + timedelta(days=ends_d), name)
    with server(tmp_path) as port:
        assert keys(network.tried(Way("p", "localhost", port, Tls(ca=str(tmp_path / "ca.pem"))))) == found


def test_an_authority_that_nobody_named_and_a_port_without_tls(tmp_path: Path) -> None:
    certificate(tmp_path, NOW - timedelta(days=1), NOW + timedelta(days=300))
    with server(tmp_path) as port:
        assert keys(network.tried(Way("p", "localhost", port, Tls()))) == [("wrong", "untrusted_certificate")]
    with server(None) as port:
        assert keys(network.tried(Way("p", "localhost", port, Tls()))) == [("wrong", "no_tls")]
        assert keys(network.tried(Way("p", "localhost", port, None))) == []
        missing = Tls(ca=str(tmp_path / "none.pem"))
        assert keys(network.tried(Way("p", "localhost", port, missing))) == [("wrong", "tls_files")]


def test_a_name_that_nobody_knows_and_a_port_that_is_closed() -> None:
    assert keys(network.tried(Way("p", "nowhere.invalid", 1883, None))) == [("wrong", "no_name")]
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    assert keys(network.tried(Way("p", "127.0.0.1", port, None))) == [("wrong", "refused")]


# --- the command ---


def test_the_command_tells_lines_with_what_to_do_and_its_exit_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site(tmp_path)
    path = str(tmp_path / "site.toml")
    assert main(["doctor", path, "--offline", "--lang", "zh"]) == 1  # nothing is installed here
    said = capsys.readouterr().out
    assert say("doctor.no_unit", "zh") in said and "→ sudo watertower install" not in said and "→ 请运行" in said
    assert main(["doctor", path, "--offline", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {"topic", "subject", "severity", "seen", "advice"} == set(told[0]) and told[0]["seen"]["zh"]
    (tmp_path / "site.toml").write_text("[station]\nid = 3\n")
    assert main(["doctor", path, "--offline", "--lang", "en"]) == 2
    said = capsys.readouterr().out
    assert "watertower check" in said and "service" in said, "the machine is looked at all the same"
