"""A probe is imperfect in the ways it is told to be, and in no other; what it shows is what the ledger holds."""

import asyncio
import math
import struct
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.faults import SiteError
from gateway.site import config
from hw_sim import scenario
from hw_sim.bus.observer import Observer, ObserverSettings, Seen, observe
from hw_sim.clock import run_virtual, world_clock
from hw_sim.signals import Signal, constant
from hw_sim.streams import Streams
from hw_sim.world import World

DAY_S = 86_400.0


def probe(truth: Signal, temperature: Signal | None = None, says: bool = True, seed: int = 1, **kind: object) -> Seen:
    return observe(truth, msgspec.convert(kind, ObserverSettings), Streams(seed)["observer x"], temperature, says)


def shown(seen: Seen, time_s: float) -> float:
    value = seen(time_s)
    assert value is not None
    return value


def step(time_s: float) -> float:
    return 2.0 if time_s < 100.0 else 12.0


def test_a_probe_without_settings_is_the_truth_itself() -> None:
    truth = constant(8.12)
    assert probe(truth) is truth


def test_after_its_response_time_it_has_shown_ninety_percent_of_a_step() -> None:
    seen = probe(step, response_s=60.0)
    values = {time_s: shown(seen, float(time_s)) for time_s in range(200)}
    assert values[0] == values[99] == 2.0
    assert values[160] == pytest.approx(11.0, abs=0.2)
    assert all(values[i] <= values[i + 1] for i in range(199))


@pytest.mark.parametrize("every_s", [1, 10, 900])
def test_a_ramp_is_followed_late_by_one_time_constant_however_rarely_it_is_looked_at(every_s: int) -> None:
    seen = probe(lambda time_s: 0.01 * time_s, response_s=60.0)
    for time_s in range(0, 9000, every_s):
        value = shown(seen, float(time_s))
    assert value == pytest.approx(0.01 * (time_s - 60.0 / math.log(10.0)))


def test_what_is_asked_twice_at_one_time_is_shown_twice() -> None:
    seen = probe(step, response_s=60.0)
    assert [shown(seen, time_s) for time_s in (0.0, 130.0, 130.0)][1:] == [shown(seen, 130.0)] * 2


def test_it_shows_whole_steps_of_its_resolution() -> None:
    seen = probe(lambda time_s: 8.0 + time_s / 100, resolution=0.05)
    assert [round(shown(seen, float(i)), 6) for i in range(6)] == [8.0, 8.0, 8.0, 8.05, 8.05, 8.05]


@pytest.mark.parametrize(("says", "beyond", "expected"), [(True, "no_value", None), (False, "no_value", 20.0)])
def test_beyond_its_range_it_says_so_where_the_model_can(says: bool, beyond: str, expected: float | None) -> None:
    assert probe(constant(25.0), says=says, low=0.0, high=20.0, beyond=beyond)(0.0) == expected
    assert probe(constant(-3.0), says=says, low=0.0, high=20.0, beyond=beyond)(0.0) == (0.0 if expected else None)
    assert probe(constant(3.0), says=says, low=0.0, high=20.0, beyond=beyond)(0.0) == 3.0


def test_beyond_its_range_it_shows_the_end_unless_told_otherwise() -> None:
    assert probe(constant(25.0), low=0.0, high=20.0)(0.0) == 20.0


def test_noise_has_the_deviation_it_is_given_and_no_mean() -> None:
    seen = probe(constant(8.0), noise=0.5)
    errors = [shown(seen, float(i)) - 8.0 for i in range(4000)]
    mean = sum(errors) / len(errors)
    assert abs(mean) < 0.03
    assert math.sqrt(sum((error - mean) ** 2 for error in errors) / len(errors)) == pytest.approx(0.5, rel=0.05)


def test_the_same_seed_makes_the_same_noise_and_another_other() -> None:
    first, second, other = (probe(constant(8.0), seed=seed, noise=0.5) for seed in (1, 1, 2))
    assert [first(float(i)) for i in range(20)] == [second(float(i)) for i in range(20)]
    assert first(21.0) != other(21.0)


def test_it_drifts_by_so_much_a_day() -> None:
    seen = probe(constant(8.0), drift_per_day=-0.1)
    assert [shown(seen, day * DAY_S) for day in (0, 1, 10)] == pytest.approx([8.0, 7.9, 7.0])


@pytest.mark.parametrize(("per_day", "ends"), [(0.02, 6.0), (-0.02, 10.0)])
def test_a_film_takes_or_adds_a_growing_share_and_levels_off(per_day: float, ends: float) -> None:
    seen = probe(constant(8.0), fouling_per_day=per_day, fouling_most=0.25)
    assert shown(seen, 0.0) == 8.0
    assert shown(seen, DAY_S) == pytest.approx(8.0 * (1.0 - per_day), rel=1e-3)
    assert shown(seen, 1000 * DAY_S) == pytest.approx(ends)


def test_cleaning_removes_the_film_and_it_grows_anew() -> None:
    seen = probe(constant(8.0), fouling_per_day=0.02, drift_per_day=0.01)
    assert isinstance(seen, Observer)
    before = shown(seen, 10 * DAY_S)
    seen.clean(10 * DAY_S)
    assert shown(seen, 10 * DAY_S) == pytest.approx(8.1) and before < 7.0  # drift is no film
    assert shown(seen, 20 * DAY_S) == pytest.approx(before + 0.1)


def test_a_temperature_error_counts_from_where_it_was_calibrated() -> None:
    seen = probe(constant(8.0), lambda time_s: time_s, temperature_error=0.02, temperature_at_c=20.0)
    assert [shown(seen, celsius) for celsius in (0.0, 20.0, 30.0)] == pytest.approx([7.6, 8.0, 8.2])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20),
    st.floats(0, 86_400),
    st.floats(0, 1000),
    st.floats(-1, 1),
    st.integers(0, 2**32),
)
def test_it_never_shows_more_than_its_range(
    truth: list[float], response_s: float, noise: float, fouling: float, seed: int
) -> None:
    seen = probe(
        lambda time_s: truth[int(time_s // 60) % len(truth)],
        seed=seed,
        response_s=response_s,
        noise=noise,
        fouling_per_day=fouling,
        low=-5.0,
        high=50.0,
    )
    assert all(-5.0 <= shown(seen, 37.0 * i) <= 50.0 for i in range(40))


# --- in a world -------------------------------------------------------------------------------------------------------

SITE = config.load(scenario.FOLDER / "sites" / "bench.toml")
TRUTH = {"level.pressure": constant(0.5), "level.temperature": constant(4.0), "do.temperature": constant(9.0)}


def test_what_the_probe_shows_is_what_goes_on_the_wire_and_into_the_ledger() -> None:
    async def main() -> None:
        observers = {
            "level.pressure": ObserverSettings(temperature_error=0.01, temperature_at_c=0.0),
            "do.temperature": ObserverSettings(high=8.0, beyond="no_value"),
        }
        world = World(SITE, TRUTH, world_clock(), 1, {}, observers)
        level, do = world.sensors["level"], world.sensors["do"]
        await asyncio.sleep(1)
        do.answer(bytes.fromhex("03 2500 0000"))
        await asyncio.sleep(99)
        (pressure, temperature) = level.profile.registers
        assert level.value(pressure, 100_000) == 54_000  # 0.5 bar, and 4 degC of its own
        assert level.value(temperature, 100_000) == 400
        level.answer(bytes.fromhex("03 0100 0004"))
        assert world.ledger.readings["level.pressure"][0].value == 54_000
        assert do.value(do.profile.registers[0], 100_000) is None
        pdu = do.answer(bytes.fromhex("03 2600 0002"))
        assert pdu is not None and math.isnan(struct.unpack("<f", pdu[2:])[0])
        assert "do.temperature" not in world.ledger.readings

    run_virtual(main())


STORY = """
site = "bench"
[observer."do.dissolved_oxygen"]
response_s = 45
temperature_error = 0.01
"""


def faults(folder: Path, text: str) -> list[str]:
    path = folder / "story.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(SiteError) as caught:
        scenario.load(path)
    assert all(fault.text("zh") != fault.text("en") for fault in caught.value.faults)
    return [fault.text("en") for fault in caught.value.faults]


def test_a_scenario_says_how_a_channel_is_observed(tmp_path: Path) -> None:
    path = tmp_path / "story.toml"
    path.write_text(STORY, "utf-8")
    assert scenario.load(path).observers == {
        "do.dissolved_oxygen": ObserverSettings(response_s=45, temperature_error=0.01)
    }


@pytest.mark.parametrize(
    ("sound", "faulty", "expected"),
    [
        (
            "do.dissolved_oxygen",
            "do.dissolved_oxigen",
            "observer.\"do.dissolved_oxigen\": site bench has no channel 'do.dissolved_oxigen'; "
            "did you mean do.dissolved_oxygen, ",
        ),
        (
            "response_s",
            "responds_s",
            'observer."do.dissolved_oxygen".responds_s: unknown key; did you mean response_s?',
        ),
        (
            "do.dissolved_oxygen",
            "upstream_ph.ph",
            "observer.\"upstream_ph.ph\".temperature_channel: site bench has no channel 'upstream_ph.temperature'",
        ),
        (
            "response_s = 45",
            'temperature_channel = "do.temp"',
            "observer.\"do.dissolved_oxygen\".temperature_channel: site bench has no channel 'do.temp'",
        ),
    ],
)
def test_what_a_scenario_says_wrong_is_named(tmp_path: Path, sound: str, faulty: str, expected: str) -> None:
    assert sound in STORY
    (fault,) = faults(tmp_path, STORY.replace(sound, faulty))
    assert fault.startswith(expected)


@pytest.mark.parametrize("line", ["response_s = -1", "fouling_most = 0", "noise = -0.1", 'beyond = "explode"'])
def test_what_no_probe_can_be_is_refused(tmp_path: Path, line: str) -> None:
    (fault,) = faults(tmp_path, STORY.replace("response_s = 45", line))
    assert fault.startswith(f'observer."do.dissolved_oxygen".{line.split()[0]}: ')
