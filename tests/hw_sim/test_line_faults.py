"""Whatever is wrong with a bus: no wrong value gets through, the others are read where physics allows, and it ends.

Two exceptions are physics, and are counted in test_cable_faults.py and test_party_faults.py: a damaged frame whose
checksum fits, and a bit-wise mixture of two units' answers whose checksum fits.
"""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from gateway.collect.modbus import BusPoller
from gateway.store import Store
from hw_sim.bus.byte_wire import ByteWire
from hw_sim.bus.cable_faults import LineDead, LineNoise, LineUnbiased
from hw_sim.bus.line_faults import LineFault, LineFaults
from hw_sim.bus.party_faults import LineBabble
from hw_sim.bus.uart import Uart
from hw_sim.bus.wire import Drop, Wire, WireLine, rs485
from hw_sim.clock import run_virtual
from hw_sim.faults.lines import AnyLineFault
from hw_sim.radio.plain import Radio
from hw_sim.streams import Stream
from protocols.modbus_client import FORGET_MS
from tests.gateway.doubles import RIVER, START_MS, query, sensor, site
from tests.hw_sim.faulty_bus import CASES, LEVELS, PROFILE, UNITS, Bus, Case, truth

each_fault = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


@each_fault
def test_a_client_is_told_no_wrong_value_and_both_levels_and_runs_agree(case: Case) -> None:
    async def story(level: type[Wire], seed: int) -> tuple[object, ...]:
        bus = Bus(level, seed)
        await bus.learn()
        case.fault.begin(bus.wire)
        during = await bus.ask_all(20)
        case.fault.end(bus.wire)
        await asyncio.sleep(FORGET_MS / 1000)
        after = await bus.ask_all(3)
        assert "wrong" not in {kind for _, _, kind in during}
        assert {kind for _, _, kind in after} == {"right"}
        return during, after, bus.wire.transmissions, bus.wire.dropped

    frame_level, byte_level = run_virtual(story(Wire, 1)), run_virtual(story(ByteWire, 1))
    assert frame_level == run_virtual(story(Wire, 1))
    if not isinstance(case.fault, LineNoise):  # there the order of draws differs where answers overlap
        assert frame_level == byte_level


@each_fault
def test_a_poller_stores_no_wrong_value_reads_the_others_and_recovers(tmp_path: Path, case: Case) -> None:
    begin_s, end_s, last_s = 30, 90, 260

    async def story() -> dict[str, list[tuple[float, tuple[int | None, ...]]]]:
        bus = Bus(Wire, 2)
        sensors = [sensor(f"s{unit_id}", unit_id) for unit_id in UNITS]
        store = Store(tmp_path / "store.db", bus.clock)

        async def opener() -> WireLine:
            return bus.line

        poller = BusPoller(site(tmp_path, RIVER, *sensors), "river", opener, lambda _: bus.client, store, bus.clock)
        task = asyncio.create_task(poller.run())
        for at_s, change in ((begin_s, case.fault.begin), (end_s, case.fault.end)):
            await asyncio.sleep(at_s - asyncio.get_running_loop().time() + 0.05)
            change(bus.wire)
        await asyncio.sleep(last_s - end_s)
        assert not task.done()
        task.cancel()
        store.commit()
        found = {}
        for unit_id in UNITS:
            rows = query(
                tmp_path,
                "SELECT unix_ms, cells FROM row, series WHERE series.id = series AND source = ? ORDER BY seq",
                f"sensor s{unit_id}",
            )
            found[f"s{unit_id}"] = [((at - START_MS) / 1000, tuple(json.loads(cells))) for at, cells in rows]
        return found

    stored = run_virtual(story())
    for unit_id in UNITS:
        values = truth(unit_id)
        right = tuple(round(values[r.name] * 10**r.decimals) for r in PROFILE.registers)
        rows = [(at_s, cells) for at_s, cells in stored[f"s{unit_id}"] if at_s > 10]
        for _, cells in rows:
            assert all(cell in (None, wanted) for cell, wanted in zip(cells, right, strict=True)), case
        during = sum(cells == right for at_s, cells in rows if begin_s < at_s < end_s)
        if f"s{unit_id}" in case.read:
            assert during >= case.share * (end_s - begin_s - 2)
        assert sum(cells == right for at_s, cells in rows if at_s > last_s - 30) >= 28


@pytest.mark.parametrize("level", LEVELS)
def test_a_fault_takes_hold_of_what_was_to_be_sent_before_it(level: type[Wire]) -> None:
    async def main() -> bytes:
        bus = Bus(level, 1)
        drop = next(party for party in bus.wire.parties() if isinstance(party, Drop))
        bus.wire.send(drop, b"0123456789", 2.0)
        await asyncio.sleep(1)
        LineDead(sensor="s1").begin(bus.wire)
        await asyncio.sleep(5)
        return bus.line.pending()

    assert run_virtual(main()) == b""


# --- several at once, and none ---------------------------------------------------------------------------------------


def test_faults_come_and_go_in_any_order_and_leave_nothing_behind() -> None:
    faults = [case.fault for case in CASES]

    async def main(seed: int) -> Sequence[tuple[int, int, str]]:
        bus = Bus(Wire, seed)
        draw = Stream(seed, "story")
        await bus.learn()
        active: list[LineFault] = []
        said: list[tuple[int, int, str]] = []
        for _ in range(12):
            if active and draw.chance(0.5):
                active.pop(draw.below(len(active))).end(bus.wire)
            else:
                active.append(faults[draw.below(len(faults))])  # the same one twice, too
                active[-1].begin(bus.wire)
            said += await bus.ask_all(1)
        while active:
            active.pop(draw.below(len(active))).end(bus.wire)
        assert [sensor.unit_id for sensor in bus.sensors] == list(UNITS)
        assert isinstance(bus.wire.faults, LineFaults) and not bus.wire.faults.is_active
        await asyncio.sleep(FORGET_MS / 1000)
        assert {kind for _, _, kind in await bus.ask_all(2)} == {"right"}
        return said

    runs = [run_virtual(main(seed)) for seed in range(40)]
    assert runs[:5] == [run_virtual(main(seed)) for seed in range(5)]
    assert runs[0] != runs[1]
    # a doubled address whose owner is silent is nobody's fault that could be seen: see above
    assert sum(kind == "wrong" for said in runs for _, _, kind in said) <= 5


def test_one_more_fault_changes_nothing_in_what_another_one_draws() -> None:
    def flips(others: Sequence[LineFault]) -> list[int]:
        async def main() -> list[int]:
            bus = Bus(Wire, 9)
            LineNoise(bit_error_rate=0.01).begin(bus.wire)
            for fault in others:
                fault.begin(bus.wire)
            assert bus.wire.faults is not None
            return [flip for _ in range(100) for flip in bus.wire.faults.flips(100)]

        return run_virtual(main())

    assert flips([]) == flips([LineBabble(sensor="s1"), LineUnbiased(mean_s=0.1)])


def test_a_line_without_faults_never_asks_about_them() -> None:
    async def main() -> None:
        bus = Bus(Wire, 1)

        class Untouchable(LineFaults):
            def launch(self, *_: object) -> tuple[bytes, float]:
                raise AssertionError

            def uart(self, *_: object) -> Uart:
                raise AssertionError

        Untouchable(bus.wire, Stream(1, "line"))
        await bus.learn()
        assert {kind for _, _, kind in await bus.ask_all(3)} == {"right"}

    run_virtual(main())


def test_a_fault_says_what_it_can_not_be_done_to() -> None:
    async def main() -> None:
        bus = Bus(Wire, 1)
        with pytest.raises(ValueError, match="no sensor s9"):
            LineDead(sensor="s9").begin(bus.wire)
        with pytest.raises(ValueError, match="is not in list"):
            LineDead().end(bus.wire)
        with pytest.raises(ValueError, match="without LineFaults"):
            LineDead().begin(rs485(bus.clock, 9600))
        with pytest.raises(ValueError, match="not a field bus"):
            LineFaults(Radio(bus.clock, Stream(1, "radio")), Stream(1, "line"))

    run_virtual(main())


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_fault_is_data_that_comes_back_from_a_file(case: Case) -> None:
    assert msgspec.convert(msgspec.to_builtins(case.fault), AnyLineFault) == case.fault


@pytest.mark.parametrize(
    "text",
    [
        '{"kind":"line_noise","bit_error_rate":0.6}',
        '{"kind":"line_noise","rate":0.1}',
        '{"kind":"line_babble"}',
        '{"kind":"line_babble","sensor":"s1","burst_bytes":256}',
        '{"kind":"line_half_dead","part":"fuse"}',
        '{"kind":"line_late_replies","sensor":"s1","high_ms":30001}',
        '{"kind":"line_mismatch","baud":75}',
        '{"kind":"line_mismatch","parity":"M"}',
        '{"kind":"line_gone"}',
    ],
)
def test_what_is_out_of_its_limits_or_unknown_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=AnyLineFault)
