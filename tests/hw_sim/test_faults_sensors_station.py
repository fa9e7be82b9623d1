"""Whatever is wrong with a sensor, or done to it by hand: what it put on the wire arrives, and nothing else."""

import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import msgspec
import pytest

from gateway.faults import SiteError
from gateway.site import slice
from hw_sim import scenario
from hw_sim.bus.observer import ObserverSettings
from hw_sim.clock import run_virtual
from hw_sim.faults.base import Fault
from hw_sim.faults.hands import ProbeCleaned, ProbeLifted, ProbesSwapped, SliceWrong, UnitIdWrong
from hw_sim.faults.kinds import AnyFault
from hw_sim.faults.sensors import (
    SensorBusy,
    SensorByteOrder,
    SensorDrifted,
    SensorDry,
    SensorErratic,
    SensorFouled,
    SensorFrozen,
    SensorLying,
    SensorNoValue,
    SensorResets,
    SensorShifted,
    SensorSlow,
    SensorStuck,
)
from hw_sim.judge.pairing import Arrival, match
from hw_sim.judge.readings import TOLERANCE_MS
from hw_sim.ledger import Label
from hw_sim.scenario import Scenario
from hw_sim.virtual import VirtualStation
from protocols import batch_reading
from tests.hw_sim.bench_story import MEANWHILE, MEMORY, START, live

WRONG: list[Fault] = [
    kind(sensor=sensor, **MEANWHILE)
    for sensor in ("do", "upstream_do")
    for kind in (
        SensorFrozen,
        SensorStuck,
        SensorDry,
        SensorFouled,
        SensorErratic,
        SensorLying,
        SensorByteOrder,
        SensorShifted,
        SensorResets,
        ProbeLifted,
    )
]
WRONG.append(SensorDrifted(sensor="turb", quantity="turbidity", jump=3.0, per_day=100.0, **MEANWHILE))


@pytest.fixture
def folder() -> Iterator[Path]:
    """On a disk that costs nothing, where there is one."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        yield Path(name)


def name_of(fault: Fault) -> str:
    return str(fault).replace("at='20m', every=None, lasts='40m', upto=None, ", "")


@cache
def undisturbed() -> dict[tuple[str, int], int]:
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        return live(Path(name)).by_minute()


@pytest.mark.parametrize("fault", WRONG, ids=name_of)
def test_what_a_faulty_sensor_told_arrives_as_it_told_it_and_is_labelled(folder: Path, fault: Fault) -> None:
    story = live(folder, fault)
    assert story.verdict.sound and story.verdict.delivered == story.verdict.measured > 1500
    sensor = getattr(fault, "sensor")  # noqa: B009
    quantity = getattr(fault, "quantity", None)
    labels = {label for rows in story.ledger.labels.values() for label in rows}
    assert labels == {Label(str(fault.__struct_config__.tag), START + 1_200_000, START + 3_600_000)}
    channels = {channel for channel in story.delivered if channel.startswith(f"{sensor}.")}
    assert set(story.ledger.labels) == ({f"{sensor}.{quantity}"} if quantity else channels)

    usual = undisturbed()
    wrong = {key for key, value in story.by_minute().items() if value != usual.get(key, value)}
    if fault != SensorResets(sensor="upstream_do", **MEANWHILE):  # a node starts its probes anew at each wake
        assert wrong and min(minute for _, minute in wrong) >= 20
    if not isinstance(fault, SensorResets):  # one that nobody starts again goes on with 0
        assert all(minute <= 60 and channel.startswith(sensor) for channel, minute in wrong)


UNLABELLED: list[Fault] = [
    kind(sensor=sensor, **MEANWHILE)
    for sensor in ("do", "upstream_do", "nh4")
    for kind in (SensorNoValue, SensorBusy, SensorSlow, ProbeCleaned)
]
UNLABELLED += [SensorSlow(sensor="do", low_ms=250, high_ms=350, **MEANWHILE)]
UNLABELLED += [SensorSlow(sensor="ec", low_ms=1000, high_ms=30_000, **MEANWHILE)]
UNLABELLED += [UnitIdWrong(sensor=sensor, unit_id=77, **MEANWHILE) for sensor in ("do", "upstream_do")]


@pytest.mark.parametrize("fault", UNLABELLED, ids=name_of)
def test_what_is_not_told_is_on_record_and_nothing_else_suffers(folder: Path, fault: Fault) -> None:
    story = live(folder, fault)
    assert story.verdict.sound and story.verdict.delivered == story.verdict.measured > 1500
    assert not story.ledger.labels
    sensor = getattr(fault, "sensor")  # noqa: B009
    usual = 90 if "_" not in sensor else 6
    channel = f"{sensor}.temperature"
    told, failed = len(story.ledger.readings[channel]), len(story.failed[channel])
    if isinstance(fault, UnitIdWrong | SensorNoValue):
        assert told < 0.7 * usual and failed
    if isinstance(fault, SensorNoValue | SensorBusy):
        assert abs(told + failed - usual) <= 2


@pytest.mark.parametrize(("sensor", "other"), [("do", "ec"), ("turb", "nh4"), ("upstream_do", "upstream_ec")])
def test_swapped_probes_answer_for_each_other(folder: Path, sensor: str, other: str) -> None:
    story = live(folder, ProbesSwapped(sensor=sensor, other=other, **MEANWHILE))
    assert story.verdict.sound and story.verdict.delivered == story.verdict.measured > 1500
    assert {channel.split(".")[0] for channel in story.ledger.labels} == {sensor, other}


def test_swapped_probes_with_alike_registers_look_perfectly_good(folder: Path) -> None:
    """Turbidity and chlorophyll both stand at 0x2602."""
    story = live(folder, ProbesSwapped(sensor="turb", other="chl", **MEANWHILE))
    told = story.by_minute()
    assert story.verdict.sound and story.events == []
    assert [told["turb.turbidity", minute] for minute in (25, 40, 55)] == [0, 0, 0]
    assert all(told["chl.chlorophyll", minute] for minute in (25, 40, 55))
    assert all(told["turb.turbidity", minute] and not told["chl.chlorophyll", minute] for minute in (10, 70))


def test_several_things_wrong_with_one_sensor_at_once_end_one_by_one(folder: Path) -> None:
    faults = [
        SensorSlow(sensor="do", at="10m", lasts="30m"),
        SensorByteOrder(sensor="do", at="15m", lasts="40m"),
        ProbesSwapped(sensor="do", other="ec", at="20m", lasts="10m"),
        SensorNoValue(sensor="do", quantity="temperature", at="25m", lasts="10m"),
        SensorResets(sensor="do", mean_s=60, at="35m", lasts="20m"),
        SensorStuck(sensor="ec", at="21m"),
        UnitIdWrong(sensor="acid", unit_id=99, at="22m", lasts="10m"),
        ProbeLifted(sensor="turb", at="5m"),
        ProbeCleaned(sensor="turb", at="50m"),
    ]
    story = live(folder, *faults)
    assert story.verdict.sound and story.verdict.delivered == story.verdict.measured > 1200


def test_the_same_seed_tells_the_same_and_another_seed_something_else(folder: Path) -> None:
    faults = [SensorErratic(sensor="do", **MEANWHILE), SensorResets(sensor="ec", **MEANWHILE)]
    observers = {"do.dissolved_oxygen": ObserverSettings(noise=0.1, response_s=60.0)}
    runs = [live(folder / str(i), *faults, seed=max(i, 1), observers=observers) for i in range(3)]
    assert runs[0].digest == runs[1].digest != runs[2].digest
    assert runs[0].ledger.readings == runs[1].ledger.readings


def test_a_film_of_an_observer_is_wiped_off_by_hand(folder: Path) -> None:
    observers = {"acid.ph": ObserverSettings(fouling_per_day=1.0, fouling_most=0.9)}
    faults = [ProbeCleaned(sensor="acid", at="40m")]
    usual, fouled, cleaned = (
        [reading.value for reading in live(folder / name, *hands, observers=seen).ledger.readings["acid.ph"]]
        for name, hands, seen in (("a", [], {}), ("b", [], observers), ("c", faults, observers))
    )
    assert fouled[:44] == cleaned[:44] and usual[-1] > cleaned[-1] > fouled[-1]


# --- a node with a slice that is not its own --------------------------------------------------------------------------


def test_of_a_node_with_an_older_slice_the_gateway_keeps_every_batch_and_guesses_nothing(folder: Path) -> None:
    story = live(folder, SliceWrong(node="upstream", **MEANWHILE))
    assert story.verdict.sound and story.verdict.delivered == story.verdict.measured > 1500
    assert ("frame_refused", '{"node":1,"reason":"schema"}') in story.events
    names = ["upstream_do.temperature", "upstream_do.dissolved_oxygen", "upstream_ec.conductivity", "upstream_ph.ph"]
    records = {
        record.number: record for body in story.kept for record in batch_reading.decode(body, len(names)).records
    }
    kept: dict[str, list[Arrival]] = {name: [] for name in names}  # as the older slice had them
    for number, record in records.items():
        for name, (value, flags) in zip(names, record.cells, strict=True):
            if value is not None:
                kept[name].append((record.time_s * 1000, value, flags, number))
    assert story.unread.total >= 8 and set(story.unread.readings) == set(names)
    for name in names:
        assert match(story.unread.readings[name], kept[name], TOLERANCE_MS[False]) == (len(kept[name]), [], 0, [])
        assert len(kept[name]) == len(story.unread.readings[name]) >= 2


def test_a_node_of_one_sensor_has_an_older_slice_too(folder: Path) -> None:
    async def story() -> None:
        station = VirtualStation(Scenario(site="bench"), folder, 1)
        world = station.world
        own = world.nodes["upstream"].node
        lone = msgspec.structs.replace(own, sensors=own.sensors[:1])
        world.nodes["upstream"].node = lone
        fault = SliceWrong(node="upstream")
        fault.begin(station)
        assert slice.schema_of(station.site, lone).to_bytes(2, "big") != world.nodes["upstream"].board.config()[:2]
        await station.finish(0)

    run_virtual(story())


def test_two_boards_with_one_identity_do_harm_and_the_judge_sees_it(folder: Path) -> None:
    """Identity and key are in the slice, so that no gateway can tell the two apart (docs/gateway.md: a replaced node
    gets a new id): record numbers of one are taken for those of the other."""
    story = live(folder, SliceWrong(node="upstream", like="outfall", **MEANWHILE))
    assert story.verdict.lost and not story.verdict.sound
    assert ("frame_refused", '{"node":2,"reason":"replay"}') in story.events


# --- in a scenario file -----------------------------------------------------------------------------------------------


def said(folder: Path, lines: Sequence[str], site: str = "bench") -> list[str]:
    path = folder / "story.toml"
    path.write_text("\n".join([f'site = "{site}"', "[[fault]]", 'at = "1h"', *lines]), "utf-8")
    try:
        scenario.load(path)
    except SiteError as error:
        assert all(fault.text("zh") != fault.text("en") for fault in error.faults)
        return [fault.text("en") for fault in error.faults]
    return []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (['kind = "sensor_stuck"', 'sensor = "do"', 'quantity = "temperature"'], None),
        (['kind = "probes_swapped"', 'sensor = "do"', 'other = "ec"'], None),
        (['kind = "probes_swapped"', 'sensor = "upstream_do"', 'other = "upstream_ec"'], None),
        (['kind = "unit_id_wrong"', 'sensor = "do"', "unit_id = 77"], None),
        (['kind = "slice_wrong"', 'node = "upstream"', 'like = "outfall"'], None),
        (
            ['kind = "sensor_stuck"', 'sensor = "dog"'],
            "fault[0].sensor: site bench has no sensor 'dog'; did you mean do",
        ),
        (
            ['kind = "sensor_stuck"', 'sensor = "do"', 'quantity = "turbidity"'],
            "fault[0].quantity: yosemitech_y504 has no quantity 'turbidity'",
        ),
        (
            ['kind = "probes_swapped"', 'sensor = "do"', 'other = "upstream_do"'],
            "fault[0].other: 'upstream_do' is not on the same line as do",
        ),
        (
            ['kind = "probes_swapped"', 'sensor = "do"', 'other = "eck"'],
            "fault[0].other: site bench has no sensor 'eck'",
        ),
        (['kind = "unit_id_wrong"', 'sensor = "do"', "unit_id = 20"], "fault[0].unit_id: unit id 20 is taken"),
        (['kind = "unit_id_wrong"', 'sensor = "do"', "unit_id = 248"], "fault[0].unit_id: "),
        (['kind = "slice_wrong"', 'node = "upstream"', 'like = "x"'], "fault[0].like: site bench has no node 'x'"),
        (['kind = "sensor_busy"', 'sensor = "do"', "share = 2"], "fault[0].share: "),
    ],
)
def test_a_scenario_names_what_there_is_and_can_be_done(folder: Path, lines: list[str], expected: str | None) -> None:
    faults = said(folder, lines)
    if expected is None:
        assert faults == []
    else:
        (fault,) = faults
        assert fault.startswith(expected)


def test_hands_reach_no_address_behind_modbus_tcp_and_no_board_without_the_rail(folder: Path) -> None:
    assert said(folder, ['kind = "unit_id_wrong"', 'sensor = "met"', "unit_id = 9"], "demo") == [
        "fault[0].sensor: sensor 'met' is not on a serial line"
    ]
    assert said(folder, ['kind = "slice_wrong"', 'node = "air"', 'like = "water"'], "demo") == [
        "fault[0].like: node air has no bus or rail 'probes'"
    ]

    async def story() -> None:
        station = VirtualStation(Scenario(site="demo"), folder, 1)
        with pytest.raises(ValueError, match="met is not on a serial line"):
            UnitIdWrong(sensor="met", unit_id=9).begin(station)
        with pytest.raises(ValueError, match="level and do are not on one line"):
            ProbesSwapped(sensor="level", other="do").begin(station)
        await station.finish(0)

    run_virtual(story())


def test_every_kind_is_one_that_a_scenario_may_name() -> None:
    for fault in [*WRONG, *UNLABELLED, ProbesSwapped(sensor="a", other="b"), SliceWrong(node="a")]:
        assert msgspec.convert(msgspec.to_builtins(fault), AnyFault) == fault
