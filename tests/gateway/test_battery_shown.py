"""What a node told of its battery is seen by people and by Prometheus, each in its own words."""

import pytest
from msgspec.structs import replace

from gateway import metrics, status_table
from gateway.energy.chemistry import CHEMISTRIES, step_mv
from gateway.site.config import NodeBattery, load
from gateway.site.slice import falls_mv
from gateway.states import Status
from tests.gateway.web.station import BENCH, well

NOW_MS = 1_800_000_000_000
HOUR_MS = 3_600_000


def told() -> Status:
    status = well(load(BENCH), NOW_MS)
    assert status.radio is not None
    first, *others = status.radio.nodes
    first = replace(first, name="water", battery_mv=13_266, battery_unix_ms=NOW_MS - 5 * HOUR_MS)
    return replace(status, radio=replace(status.radio, nodes=(first, *others)))


def test_the_voltage_and_its_age_stand_in_the_status_and_only_where_they_are_known() -> None:
    lines = status_table.text(told(), "en").splitlines()
    assert [line.count("13.27 V (5 h)") for line in lines if line.startswith("water ")] == [1]
    assert sum(" V (" in line for line in lines) == 1
    assert "电池" in status_table.text(told(), "zh")


def test_prometheus_has_volts_and_seconds_and_only_where_they_are_known() -> None:
    figures = [line for line in metrics.exposition(told()).splitlines() if "_battery_" in line and line[0] != "#"]
    assert figures == [
        'watertower_node_battery_volts{node="water"} 13.266',
        'watertower_node_battery_timestamp_seconds{node="water"} 1799982000',
    ]


@pytest.mark.parametrize("chemistry", CHEMISTRIES)
@pytest.mark.parametrize("cells", [1, 4, 12, 16])
def test_a_byte_holds_every_battery_finely_enough_to_tell_its_tier(chemistry: str, cells: int) -> None:
    """A charger in the cold: LiFePO4 3.65 V (its usual limit), lead-acid 2.6 V (2.4 V at 25 degC and 5 mV/K)."""
    full_v = {"lifepo4": 3.65, "lead_acid": 2.6, "li_socl2": 3.67}[chemistry]
    step = step_mv(chemistry, cells)
    assert 1000 * full_v * cells / step < 255
    falls = falls_mv(NodeBattery(chemistry=chemistry, cells=cells, capacity_ah=20))  # type: ignore[arg-type]
    assert falls == tuple(sorted(falls, reverse=True)) and len(falls) == 3
    assert step <= 0.006 * 1000 * full_v * cells, "0.6 % of it at most"
