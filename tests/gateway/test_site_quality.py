"""What a site file says about the worth of its readings is checked with all the rest of it."""

from pathlib import Path

import pytest

from gateway.faults import SiteError, check_text
from gateway.process.quality.drift import Deployment, Standard
from gateway.site.config import load
from gateway.site.limits import deployment, moment_ms, own_limits

SITE = """
[station]
id = "ford"
name = "Ford"
latitude = 35.0
longitude = 96.0
altitude_m = 4200

[aggregate]

[[bus]]
id = "river"
port = "river"

[[sensor]]
id = "river"
profile = "yosemitech_y4000"
bus = "river"
unit_id = 1
period_s = 60
quantities = ["ph", "temperature"]

[[quality]]
channel = "river.ph"
suspect = [6.5, 9.0]
off = ["all"]

[checks]
off = ["ice", "level"]
dry_below_us_cm = 2

[[service]]
sensor = "river"
from = "2026-11-29T10:00:00+08:00"
to = "2026-11-29T12:00:00+08:00"

[[calibration]]
channel = "river.ph"
from = "2026-09-01T00:00:00Z"
to = "2026-11-29T02:00:00Z"
low = [4.01, 4.1]
high = [9.18, 9.02]
"""


def _written(folder: Path, text: str) -> Path:
    path = folder / "site.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_sound_file_says_what_the_place_knows(tmp_path: Path) -> None:
    site = load(_written(tmp_path, SITE))
    own = own_limits(site.quality[0])
    assert own["suspect"] is None and own["flat_fail_ms"] is None and own["gap_ms"] is None and own["seasons"] == ()
    assert (site.checks.off, site.checks.dry_below_us_cm) == (("ice", "level"), 2.0)
    assert moment_ms(site.services[0].end) - moment_ms(site.services[0].start) == 7_200_000
    assert deployment(site.calibrations[0]) == Deployment(
        1_788_220_800_000, 1_795_917_600_000, (Standard(4.01, 4.1), Standard(9.18, 9.02))
    )


FAULTS = (
    ('channel = "river.ph"\nsuspect', 'channel = "river.p"\nsuspect',
     "quality[0].channel: the station has no channel 'river.p'; did you mean river.ph?"),
    ('"ice"', '"snow"', "checks.off[0]: 'snow' does not fit; needs one of 'dry', 'ice', 'level', 'oxygen', 'pm'"),
    ('suspect = [6.5, 9.0]\noff = ["all"]', "suspect = [1.0, 9.0]",
     "quality[0].suspect: [1.0, 9.0] reaches fail = [2, 12], which the quantity has: nothing would be only suspect; "
     "set fail too, or have it off"),
    ('off = ["all"]', "flat_suspect = 48", "quality[0].flat_suspect: 48 reaches flat_fail = 48"),
    ('off = ["all"]', "spike_suspect = 0.6", "quality[0].spike_suspect: 0.6 reaches spike_fail = 0.5"),
    ('sensor = "river"', 'sensor = "rivr"', "service[0].sensor: there is no sensor 'rivr'; did you mean river?"),
    ("12:00:00+08:00", "09:00:00+08:00", "service[0].to: it ends before it begins"),
    ("12:00:00+08:00", "12:00:00", "service[0].to: '2026-11-29T12:00:00' does not fit; needs a time with its zone such "
     'as "2026-05-01T06:30:00+08:00"'),
    ("2026-09-01T00", "2026-02-31T00", "calibration[0].from: '2026-02-31T00:00:00Z' is not in the calendar"),
    ("[9.18, 9.02]", "[9.18, 4.05]", "calibration[0].high: the two standards must differ, and the probe must tell them "
     "apart the right way round; [true value, what the probe read]; leave high out to correct an offset only"),
    ("[aggregate]\n", "", "calibration[0]: hours are what is corrected, and this site makes none; add [aggregate], "
     'with "hour" among its levels'),
)  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), FAULTS)
def test_a_fault_is_told_with_its_path_and_advice(tmp_path: Path, old: str, new: str, expected: str) -> None:
    text = SITE.replace(old, new, 1)
    assert text != SITE
    with pytest.raises(SiteError) as refused:
        load(_written(tmp_path, text))
    assert any(expected in line for line in check_text(refused.value, "site.toml", "en"))
    assert not any(line.isascii() for line in check_text(refused.value, "site.toml", "zh")[:1])
