"""Searching a bus: at whatever settings, with whatever is wrong with it; and giving a device another address."""

from collections.abc import Sequence

import pytest

from gateway.visit import address, proposal
from gateway.visit.asking import Asker, Line, SerialSettings
from gateway.visit.failure import VisitFailed
from gateway.visit.progress import Silent
from gateway.visit.scan import Findings, Plan, Scan, plan
from hw_sim.bus.byte_wire import ByteWire
from hw_sim.bus.uart import Uart
from hw_sim.bus.wire import Wire, WireLine, field_bus
from hw_sim.clock import run_virtual, world_clock
from hw_sim.desk.bus import Babbler, Placed, SettableSensor, place
from protocols import profiles

ALL = tuple(profiles.load(model) for model in profiles.MODELS)
N, E = Uart(9600), Uart(19200, "E")


class Bus:
    """A wire at byte level and what hangs on it, in virtual time."""

    def __init__(self, devices: Sequence[Placed] = ()) -> None:
        self.clock = world_clock()
        self.wire: Wire = field_bus(self.clock, N, ByteWire)
        self.sensors: list[SettableSensor] = place(self.wire, self.clock, devices)

    async def open_at(self, settings: SerialSettings) -> Line:
        return WireLine(self.wire, Uart(*settings))

    async def scan(self, wanted: Plan | None = None) -> Findings:
        search = Scan(self.open_at, ALL, self.clock.monotonic_ms, Silent())
        await search.run(wanted or plan(ALL))
        return search.findings()


def found(*devices: Placed, babble: bool = False) -> Findings:
    async def story() -> Findings:
        bus = Bus(devices)
        if babble:
            Babbler(bus.wire)
        return await bus.scan()

    return run_virtual(story())


def models(findings: Findings) -> dict[tuple[int, str, int], set[str]]:
    return {
        (one.settings.baud, one.settings.parity, one.unit_id): {fit.profile.model for fit in one.fits}
        for one in findings.devices
    }


def test_devices_are_found_at_their_own_settings_and_recognised() -> None:
    seen = models(
        found(
            Placed("yosemitech_y504", 4, N),
            Placed("cwt_weather", 1, Uart(4800)),
            Placed("lufft_ws501", 2, E),
            Placed("xy_md02", 12, Uart(9600, "E")),
        )
    )
    assert seen[9600, "N", 4] == {"yosemitech_y504"}
    assert seen[4800, "N", 1] == {"cwt_weather"}
    assert "lufft_ws501" in seen[19200, "E", 2]
    assert "xy_md02" in seen[9600, "E", 12]
    assert len(seen) == 4


def test_a_device_that_was_set_otherwise_than_it_left_the_factory_is_found() -> None:
    assert models(found(Placed("yosemitech_y511", 30, Uart(19200)))).keys() == {(19200, "N", 30)}


@pytest.mark.parametrize("model", profiles.MODELS)
def test_every_model_is_among_those_that_are_named_for_it(model: str) -> None:
    profile = profiles.load(model)

    async def story() -> Findings:
        bus = Bus([Placed(model, 7, Uart(profile.baud, profile.parity, profile.stop_bits))])
        settings = (SerialSettings(profile.baud, profile.parity),)
        return await bus.scan(plan(ALL)._replace(settings=settings, unit_ids=(6, 7)))

    assert [model in names for names in models(run_virtual(story())).values()] == [True]


def test_a_silent_bus_is_told_as_one() -> None:
    findings = found()
    assert findings.devices == () and findings.is_whole
    assert "A and B" in proposal.text(findings, "en") and "供电" in proposal.text(findings, "zh")
    assert not proposal.is_clean(findings)


def test_where_somebody_talks_unasked_nothing_is_asked() -> None:
    async def story() -> tuple[Findings, int]:
        bus = Bus([Placed("yosemitech_y504", 4, N)])
        Babbler(bus.wire)
        asked = bus.wire.transmissions
        findings = await bus.scan()
        return findings, bus.wire.transmissions - asked

    findings, transmissions = run_virtual(story())
    assert findings.babble and not findings.devices and not findings.is_whole
    assert transmissions < 10  # the babbler's own
    assert not proposal.is_clean(findings)


def test_two_devices_with_one_address_are_told_from_one() -> None:
    findings = found(Placed("yosemitech_y504", 4, N), Placed("yosemitech_y520", 4, N, 0.7), Placed("sds069", 9, N))
    (garbled,) = [one for one in findings.devices if one.is_garbled]
    assert (garbled.settings.baud, garbled.unit_id) == (9600, 4)
    assert any(one.unit_id == 9 and not one.is_garbled for one in findings.devices)
    assert not proposal.is_clean(findings)


def test_models_that_answer_alike_are_all_named() -> None:
    (names,) = models(found(Placed("gas_no2", 4, N))).values()
    assert names >= {"gas_no2", "gas_so2"}


# --- another address --------------------------------------------------------------------------------------------------


def change(devices: Sequence[Placed], old: int, new: int, deaf: bool = False) -> list[int]:
    """The unit ids afterwards."""

    async def story() -> list[int]:
        bus = Bus(devices)
        settings = SerialSettings(9600)
        asker = Asker(await bus.open_at(settings), settings, bus.clock.monotonic_ms, 300)
        fit = await address.able(asker, settings, ALL, old, new)
        if deaf:
            bus.sensors[0]._become = lambda unit_id: None  # type: ignore[method-assign]
        await address.change(asker, ALL, fit, old, new)
        return [sensor.unit_id for sensor in bus.sensors]

    return run_virtual(story())


def test_a_device_gets_another_address_and_proves_it() -> None:
    assert change([Placed("yosemitech_y504", 1, N)], 1, 14) == [14]


@pytest.mark.parametrize(
    ("devices", "new", "key"),
    [
        ([Placed("yosemitech_y504", 1, N), Placed("sds069", 9, N)], 9, "address.taken"),
        ([], 9, "address.nobody"),
        ([Placed("sds069", 1, N)], 9, "address.unable"),
        ([Placed("yosemitech_y504", 1, N)], 248, "address.not_allowed"),
    ],
)
def test_an_address_that_can_not_be_given_is_refused_before_anything_is_written(
    devices: Sequence[Placed], new: int, key: str
) -> None:
    with pytest.raises(VisitFailed) as failure:
        change(devices, 1, new)
    assert failure.value.what.key == key


def test_a_device_that_confirms_and_keeps_its_address_is_caught_by_reading_back() -> None:
    with pytest.raises(VisitFailed) as failure:
        change([Placed("yosemitech_y504", 1, N)], 1, 14, deaf=True)
    assert failure.value.what.key == "address.unchanged"


def test_two_devices_that_both_move_are_caught() -> None:
    with pytest.raises(VisitFailed) as failure:
        change([Placed("yosemitech_y504", 1, N), Placed("yosemitech_y504", 1, N, 0.7)], 1, 14)
    assert failure.value.what.key == "address.garbled"
