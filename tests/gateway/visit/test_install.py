"""A machine's tree becomes a gateway's and what it was before; systemd itself reads the units."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.machine.install import pieces, unit_word
from gateway.machine.install.tree import Tree
from gateway.visit.install_command import template
from tests.gateway.stations import UPPER, write

SITE = (
    UPPER
    + """
[radio]
port = "/dev/ttyAMA0"
[[bus]]
id = "river"
port = "usb:0403:6001:A50285BI"
[[bus]]
id = "roof"
port = "usb-at:1-1.2"
[[bus]]
id = "shed"
port = "/dev/ttyUSB3"
[[rail]]
id = "probes"
gpio = 17
[[sensor]]
id = "level"
profile = "keller_acculevel"
bus = "river"
unit_id = 1
period_s = 60
rail = "probes"
"""
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A Raspberry Pi's card, as far as it matters."""
    (tmp_path / "pi/boot/firmware").mkdir(parents=True)
    (tmp_path / "pi/boot/firmware/config.txt").write_text("dtparam=audio=on")
    write(tmp_path, SITE)
    return tmp_path / "pi"


def install(root: Path, *options: str, prefix: str = "/opt/watertower/.venv") -> int:
    site = str(root.parent / "site.toml")
    return main(["install", site, "--root", str(root), "--prefix", prefix, "--lang", "en", *options])


def files(root: Path) -> dict[str, str]:
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(root))] = f"-> {path.readlink()}"
        elif path.is_file():
            found[str(path.relative_to(root))] = path.read_text("utf-8")
    return found


def test_what_a_gateway_needs_is_put_there_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install(root) == 0
    there = files(root)
    unit = there["etc/systemd/system/watertower.service"]
    assert "ExecStart=/opt/watertower/.venv/bin/watertower run /var/lib/watertower/site.toml" in unit
    assert "SupplementaryGroups=dialout gpio" in unit and "m watertower gpio" in there["etc/sysusers.d/watertower.conf"]
    assert there["etc/systemd/system/multi-user.target.wants/watertower.service"].startswith("-> /etc/systemd")
    assert there["etc/systemd/system/serial-getty@ttyAMA0.service"] == "-> /dev/null"
    rules = there["etc/udev/rules.d/70-watertower.rules"].splitlines()
    assert len(rules) == 2 and 'ATTRS{serial}=="A50285BI"' in rules[0] and 'SYMLINK+="watertower/river"' in rules[0]
    assert 'KERNELS=="1-1.2"' in rules[1] and all('ID_MM_DEVICE_IGNORE}="1"' in rule for rule in rules)
    assert "SystemMaxUse=" in there["etc/systemd/journald.conf.d/watertower.conf"]
    assert "dtparam=audio=on\n# watertower: begin" in there["boot/firmware/config.txt"]
    assert (root / "var/lib/watertower/site.toml").stat().st_mode & 0o777 == 0o640, "it has keys"
    assert "shed is /dev/ttyUSB3" in capsys.readouterr().out
    assert install(root) == 0
    assert "new" not in capsys.readouterr().out.replace("newer", ""), "the second time there is nothing to do"
    assert files(root) == there


def test_a_dry_run_shows_everything_and_does_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(root)
    assert install(root, "--dry-run") == 0
    assert files(root) == before
    said = capsys.readouterr().out
    assert "+WatchdogSec=" in said and "+dtoverlay=i2c-rtc,ds3231" in said


def test_undo_brings_back_what_was_there_and_keeps_readings(root: Path) -> None:
    journal = root / "etc/systemd/journald.conf.d/watertower.conf"
    journal.parent.mkdir(parents=True)
    journal.write_text("[Journal]\nStorage=volatile\n")
    before = files(root)
    assert install(root) == 0
    (root / "var/lib/watertower/store.db").write_text("readings")
    assert install(root, "--undo") == 0
    after = files(root)
    assert after.pop("var/lib/watertower/store.db") == "readings" and after.pop("var/lib/watertower/site.toml") == SITE
    assert after == before


def test_what_somebody_changed_since_stays_his(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install(root) == 0
    unit = root / "etc/systemd/system/watertower.service"
    unit.write_text("mine")
    config = root / "boot/firmware/config.txt"
    config.write_text(config.read_text() + "dtparam=spi=on\n")
    assert install(root, "--undo") == 1
    assert unit.read_text() == "mine" and "changed by somebody" in capsys.readouterr().out
    assert config.read_text().split() == ["dtparam=audio=on", "dtparam=spi=on"]


def test_another_chip_replaces_our_part_and_no_other(root: Path) -> None:
    assert install(root) == 0 and install(root, "--rtc", "rv3028") == 0
    text = (root / "boot/firmware/config.txt").read_text()
    assert text.count("dtoverlay") == 1 and "i2c-rtc,rv3028" in text and text.startswith("dtparam=audio=on\n")


def test_a_site_file_that_is_there_already_is_kept(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install(root) == 0
    place = root / "var/lib/watertower/site.toml"
    place.write_text(SITE.replace("4270", "4271"))
    assert install(root) == 0
    assert "it was kept" in capsys.readouterr().out and "4271" in place.read_text()


def test_without_a_pi_there_is_no_clock_chip_to_switch_on(root: Path) -> None:
    shutil.rmtree(root / "boot")
    assert install(root) == 0
    assert not any("boot" in path or "fake-hwclock" in path for path in files(root))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here: apt install systemd")
@pytest.mark.parametrize("folder", ["venv", "a folder; 100 % mine"])
def test_systemd_has_nothing_to_say_against_the_units(root: Path, tmp_path: Path, folder: str) -> None:
    program = tmp_path / folder / "bin/watertower"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert install(root, prefix=str(tmp_path / folder)) == 0
    command = re.search("^ExecStart=(.*)", (root / "etc/systemd/system/watertower.service").read_text(), re.M)
    assert command is not None and unit_word.first(command[1]) == str(program), "doctor looks for it there"
    for unit in sorted((root / "etc/systemd/system").glob("watertower*.service")):
        verify = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
        assert (verify.returncode, verify.stderr) == (0, ""), unit
        security = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--threshold=25", str(unit)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert security.returncode == 0, security.stdout[-200:]
    users = subprocess.run(
        ["systemd-sysusers", f"--root={root}", "--dry-run"], capture_output=True, text=True, check=False
    )
    assert users.returncode == 0 and "Creating user 'watertower'" in users.stdout + users.stderr


def test_a_path_that_systemd_would_never_start_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for prefix in ('/opt/a "name"', "/opt/a's", "/opt/a\\b"):
        assert install(root, prefix=prefix) == 1
        assert "systemd starts no program" in capsys.readouterr().err
    assert not (root / "etc").exists()


def test_the_unit_lets_the_gateway_ask_the_kernel_for_its_clock() -> None:
    """strace of a gateway: clock_adjtime is the only call that @system-service does not have. Without it the filter
    ends the process."""
    unit = template(pieces.GATEWAY)
    (allowed,) = [line for line in unit.splitlines() if line.startswith("SystemCallFilter=")]
    assert {"@system-service", "clock_adjtime"} <= set(allowed.partition("=")[2].split())


def test_a_full_card_is_told_and_leaves_nothing_half(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "etc").write_text("not a folder")
    assert install(root) == 1
    assert "What to do" in capsys.readouterr().err
    assert Tree(root).undo() == [] or (root / "etc").read_text() == "not a folder"
