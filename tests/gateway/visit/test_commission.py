"""What single checks of a commissioning find, and that a certificate shows every change to it."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.site.config import NodeBattery, Radio, Sensor
from gateway.visit.asking import Answer
from gateway.visit.commission import bus, certificate, link, page, plausible, supply
from gateway.visit.commission.bus import Device
from gateway.visit.commission.finding import Finding, verdict
from gateway.visit.commission.plausible import AIR, WATER, Channel, Reading
from gateway.visit.commission.record import Heard
from gateway.visit.recognition import reads
from protocols import profiles, quality
from protocols.register_image import encode

QINGHAI_M = 4270.0


def three(*values: float) -> list[Reading]:
    return [Reading(value, quality.GOOD) for value in (values if len(values) == 3 else values * 3)]


def key_of(problem: plausible.Problem | None) -> str | None:
    return None if problem is None else problem.seen.key.removeprefix("commission.")


OXYGEN = Channel("dissolved_oxygen", "mg/L", 0, 20)
SATURATION = Channel("oxygen_saturation", "%", 0, 200)
CONDUCTIVITY = Channel("conductivity", "mS/cm", 0, 200)


@pytest.mark.parametrize(
    ("channel", "value", "medium", "found"),
    [
        (CONDUCTIVITY, 0.35, WATER, None),
        (CONDUCTIVITY, 0.012, WATER, "outside"),  # a wet cell in the air: hw_sim/recordings
        (CONDUCTIVITY, 0.012, AIR, None),
        (Channel("conductivity", "uS/cm", 0, 200_000), 350.0, WATER, None),
        (Channel("conductivity", "uS/cm", 0, 200_000), 12.0, WATER, "outside"),
        (OXYGEN, 7.0, AIR, None),  # 100 % at 4270 m and 8 degC is 7.0 mg/L
        (OXYGEN, 11.8, AIR, "outside"),  # as at the sea
        (SATURATION, 100.0, AIR, None),
        (SATURATION, 59.0, AIR, "sea_level"),
        (SATURATION, 20.0, AIR, "outside"),
        (Channel("air_pressure", "hPa", 300, 1200), 598.0, AIR, None),
        (Channel("air_pressure", "hPa", 300, 1200), 1013.0, AIR, "outside"),
        (Channel("pressure", "bar", None, None), 0.0, WATER, "outside"),
        (Channel("temperature", "degC", 0, 50), 51.0, WATER, "outside"),
    ],
)
def test_what_a_probe_can_tell_depends_on_where_it_is_and_how_high(
    channel: Channel, value: float, medium: str, found: str | None
) -> None:
    assert key_of(plausible.problem(channel, three(value), medium, QINGHAI_M, 8.0)) == found


def test_silence_no_value_and_warm_up_are_told_before_values() -> None:
    for flag, key in ((quality.NO_REPLY, "no_reply"), (quality.INVALID, "invalid"), (quality.WARM_UP, "warm_up")):
        readings = [*three(0.3)[:2], Reading(None, flag)]
        assert key_of(plausible.problem(CONDUCTIVITY, readings, WATER, QINGHAI_M)) == key
    assert key_of(plausible.problem(CONDUCTIVITY, three(0.3)[:2], WATER, QINGHAI_M)) == "too_few"


def test_a_device_that_tells_zeros_only_is_not_measuring() -> None:
    assert plausible.all_zero({"temperature": three(0.0), "turbidity": three(0.0)})
    assert not plausible.all_zero({"temperature": three(0.0), "turbidity": three(0.0, 0.0, 0.1)})


# --- bus ---


def device(id: str, unit_id: int, model: str, is_really: str | None, serial: str | None = None) -> Device:
    """A device that answers as the model that it really is (None: nobody is there)."""
    profile = profiles.load(model)
    answers = {question: Answer() for question in reads(profile)}
    if is_really is not None:
        real = profiles.load(is_really)
        words: dict[int, int] = {}
        for register in real.registers:
            middle = ((register.low or 0) + (register.high or 10)) / 2
            words |= encode(register, real.order, round(middle * 10**register.decimals))
        for model_asked in (model, is_really):
            for function, address, quantity in reads(profiles.load(model_asked)):
                wanted = range(address, address + quantity)
                told = tuple(words.get(one, 0) for one in wanted) if set(wanted) <= words.keys() else None
                answers[function, address, quantity] = Answer(words=told)
    return Device(Sensor(id=id, profile=model, bus="river", unit_id=unit_id, period_s=60), profile, answers, serial)


def seen(found: list[Finding]) -> dict[str, tuple[str, str]]:
    return {one.subject: (one.verdict, one.seen.key.removeprefix("commission.")) for one in found}


def test_two_probes_with_each_others_unit_id_are_named_by_what_they_answer() -> None:
    met = [
        device("do", 4, "yosemitech_y504", "yosemitech_y520", "SIM0900000001"),
        device("ec", 20, "yosemitech_y520", "yosemitech_y504", "SIM0100000001"),
        device("level", 1, "keller_acculevel", "keller_acculevel"),
    ]
    found = bus.findings(met)
    assert seen(found) == {
        "do": ("failed", "swapped"), "ec": ("failed", "swapped"), "level": ("passed", "is_there"),
    }  # fmt: skip
    assert "ec" in found[0].seen.text("en") and found[0].advice is not None


def test_a_serial_number_tells_models_apart_that_answer_alike() -> None:
    """Y514 and Y520 have the same two registers."""
    ones_own = device("chl", 14, "yosemitech_y514", "yosemitech_y514", "SIM4800000001")
    others = device("chl", 14, "yosemitech_y514", "yosemitech_y514", "SIM0900000001")
    ec = device("ec", 20, "yosemitech_y520", "yosemitech_y520", "SIM0900000002")
    assert seen(bus.findings([ones_own, ec]))["chl"] == ("passed", "is_there_serial")
    assert seen(bus.findings([others, ec]))["chl"] == ("failed", "other_model")


def test_silence_and_a_stranger_are_two_things() -> None:
    assert seen(bus.findings([device("do", 4, "yosemitech_y504", None)])) == {"do": ("failed", "silent")}
    stranger = device("do", 4, "yosemitech_y504", "keller_acculevel")
    stranger.answers[reads(stranger.profile)[0]] = Answer(code=2)  # type: ignore[index]
    assert seen(bus.findings([stranger])) == {"do": ("failed", "not_as_profile")}


def test_a_serial_number_is_text_or_none() -> None:
    assert bus.text(Answer(words=(0x5931, 0x3233, 0x0000))) == "Y123"
    assert bus.text(Answer(words=(0xFFFF, 0xFFFF))) is None and bus.text(Answer(code=2)) is None


# --- radio, supply ---


def frames(*counters: int, brief: bool = True) -> list[Heard]:
    return [Heard(1000 * index, one, one, one, brief) for index, one in enumerate(counters)]


def test_losses_are_counted_both_ways_and_greetings_are_none() -> None:
    assert link.losses(frames(1, 2, 3, 4, 5)) == (5, 0, 0)
    assert link.losses(frames(1, 2, 4, 5, 6)) == (5, 0, 0), "a greeting takes a number and is not kept"
    second_try = [*frames(1, 2), Heard(3, 4, 4, 4, False)]
    assert link.losses(second_try) == (3, 1, 0)
    again = [Heard(1, 1, 1, 3, True), Heard(2, 2, 1, 3, False), Heard(3, 3, 4, 4, True)]
    assert link.losses(again) == (3, 0, 1), "the same records again: their answer was lost"
    assert link.losses(frames(1, 2, 66, 67, 68)) == (5, 0, 0), "a boot leaves a block of numbers out"


def test_a_link_needs_margin_and_few_losses() -> None:
    radio = Radio(port="radio", rssi_byte=True, spreading_factor=9)
    good = link.losses(frames(*range(10)))

    def key(found: link.Losses, levels: list[int]) -> str:
        return link.judged("water", found, levels, radio).seen.key.removeprefix("commission.")

    assert key(good, [-100, -101, -99]) == "heard"
    assert key(good, [-125, -126, -124]) == "faint"  # -130 dBm is the limit at SF9 (SX1262 data sheet)
    assert key(good._replace(missing=5), [-90]) == "lost_up"
    assert key(good._replace(repeated=5), [-90]) == "lost_down"
    assert key(link.losses([]), [-90]) == "not_heard"
    assert key(link.losses(frames(1, 2)), [-90]) == "few_frames"
    assert key(good, []) == "heard_no_level"


def test_a_battery_must_not_give_way_under_the_wiper() -> None:
    battery = NodeBattery(chemistry="lifepo4", cells=4, capacity_ah=20)

    def key(rest_v: float, load_v: float) -> str:
        return supply.judged("water", battery, rest_v, load_v).seen.key.removeprefix("commission.")

    assert key(13.2, 12.9) == "volts"
    assert key(12.2, 11.5) == "volts_low"  # 4 cells of LiFePO4 are cut off at 11.2 V
    assert key(13.3, 12.1) == "volts_fall"

    def told(rest_v: float, load_v: float, count: int = 2) -> str:
        return supply.judged("water", battery, rest_v, load_v, count).seen.key.removeprefix("commission.")

    assert told(13.2, 13.1) == "told" and told(13.2, 13.2, 1) == "told_once"
    assert told(13.3, 12.1) == "told_fall" and told(11.6, 11.6, 1) == "told_low"


# --- the certificate ---

STATION = {
    "id": "demo", "name": "Demo <b>", "name_zh": "演示站", "latitude": 35.7, "longitude": 94.1, "altitude_m": 4500.0,
}  # fmt: skip


def made(folder: Path) -> dict[str, Any]:
    steps = [
        one.plain() for one in bus.findings([device("do", 4, "yosemitech_y504", "yosemitech_y504", "SIM01</script>")])
    ]
    bound = certificate.Bound("do", "yosemitech_y504", 4, "SIM01</script>", "read").plain()
    plain = certificate.plain(STATION, "demo", 0, 60_000, "Tashi", "00" * 32, [bound], steps, "0.1.0")
    return certificate.signed(plain, folder / "gateway.key")


def test_a_certificate_is_sound_as_json_and_as_page(tmp_path: Path) -> None:
    one = made(tmp_path)
    assert one["verdict"] == "passed" and one["begun"] == "1970-01-01T00:00:00Z"
    shown = page.render(one)
    assert certificate.differs(json.dumps(one)) is None
    assert certificate.differs(shown) is None and certificate.read(shown) == one
    assert shown.count("</script>") == 1 and "Demo &lt;b&gt;" in shown
    assert "投运验收证书" in shown and "Certificate of commissioning" in shown
    assert "://" not in shown, "nothing is fetched"


def test_every_change_to_a_certificate_shows(tmp_path: Path) -> None:
    one = made(tmp_path)
    shown = page.render(one)
    key = bytes.fromhex(one["public"])
    assert certificate.differs(shown, key) is None
    assert certificate.differs(shown, bytes(32)) == "other_key"
    for name in one:
        if name not in ("public", "signature", "form"):
            assert certificate.differs(json.dumps({**one, name: "x"})) == "signature", name
    assert certificate.differs(json.dumps({**one, "more": 1})) == "signature"
    assert certificate.differs(json.dumps({**one, "signature": "00" * 64})) == "signature"
    assert certificate.differs(json.dumps({**one, "signature": 5})) == "signature"
    assert certificate.differs(shown.replace("Tashi", "Pema", 1)) == "page"
    assert certificate.differs("<html></html>") == "none" and certificate.differs("[]") == "none"


def test_what_was_left_out_is_no_pass() -> None:
    assert verdict(["passed", "passed"]) == "passed"
    assert verdict(["passed", "skipped"]) == "skipped"
    assert verdict(["skipped", "failed", "passed"]) == "failed"
