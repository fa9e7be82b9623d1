"""What a node's energy goes to, how long its battery lasts, and what would help: against figures reckoned by hand."""

import json
import math
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.__main__ import main
from gateway.energy import advice, budget, budget_table, endurance
from gateway.energy.budget import DAY_S, Habits, day_j, total_j
from gateway.energy.consumption import POWERS, sensor_w
from gateway.site import config
from gateway.site.config import NodeBattery, Site
from protocols.modbus import Request

SITES = Path(__file__).parents[2] / "hw_sim" / "sites"
BENCH = config.load(SITES / "bench.toml")
DEMO = config.load(SITES / "demo.toml")
NODE = BENCH.nodes[0]
RP2 = POWERS["rp2"]
THRIFTY = Habits(start_s=0.0, radio_rests=True)


def changed(index: int, **values: object) -> config.Node:
    """The bench node with one sensor otherwise."""
    sensors = list(NODE.sensors)
    sensors[index] = replace(sensors[index], **values)
    return replace(NODE, sensors=tuple(sensors))


def test_an_exchange_on_the_bus_takes_what_the_standard_says() -> None:
    """facts of Serial Line V1.02: 9600 Bd 8N1, two words: 8 + 9 characters and two silences of 3.5."""
    (bus,) = NODE.buses
    took_s = budget.exchange_s(Request(1, 3, 0, 2), bus)
    assert took_s == pytest.approx((17 + 7) * 10 / 9600 + budget.LATENCY_S)
    fast_s = budget.exchange_s(Request(1, 3, 0, 2), replace(bus, baud=115200, parity="E"))
    assert fast_s == pytest.approx(17 * 11 / 115200 + 0.0035 + budget.LATENCY_S)


def test_a_rail_is_on_for_its_slowest_sensor_and_all_on_it_pay() -> None:
    parts = day_j(BENCH, NODE)
    on_s = 96 * (8 + 40 + 4 + 0.04)  # Y511, 96 readings a day
    for sensor in NODE.sensors:
        assert parts[f"sensor {sensor.id}"] == pytest.approx(on_s * 0.243, rel=0.005)


def test_a_rail_of_its_own_and_a_period_of_its_own_take_only_what_they_need() -> None:
    parts = day_j(BENCH, changed(2, rail="own", period_s=3600), habits=THRIFTY)
    assert parts["sensor upstream_ph"] == pytest.approx(24 * 6.8 * 0.243, rel=0.05)  # Y532: 0.5 + 4.5 + 1.8 s
    assert parts["sensor upstream_turb"] == pytest.approx(96 * 52.0 * 0.243, rel=0.005)


def test_two_sensors_of_different_periods_share_a_rail_without_being_counted_twice() -> None:
    parts = day_j(BENCH, changed(3, period_s=3600), habits=THRIFTY)
    on_s = 24 * 52.0 + 72 * 14.3  # with the turbidity probe once an hour, else as long as Y520 needs
    assert parts["sensor upstream_do"] == pytest.approx(on_s * 0.243, rel=0.02)


def test_a_sensor_that_can_not_be_switched_off_in_time_is_always_on() -> None:
    for node in (changed(0, rail=None), changed(0, rail="own", period_s=10)):
        assert day_j(BENCH, node)["sensor upstream_do"] == pytest.approx(DAY_S * 0.243)


def test_a_radio_that_rests_takes_what_its_frames_take() -> None:
    parts = day_j(BENCH, NODE, air_s=lambda count: count / 100, habits=THRIFTY)
    awake_s = parts["radio sends"] / RP2.radio_sends_w + parts["radio listens"] / RP2.radio_listens_w
    assert awake_s == pytest.approx(96 * (25 + 5 * 1.1 + 19) / 100, abs=1)
    assert parts["radio rests"] == pytest.approx((DAY_S - awake_s) * RP2.radio_rests_w)
    awake = day_j(BENCH, NODE, habits=Habits(start_s=0.0, radio_rests=False))
    assert awake["radio listens"] == pytest.approx(DAY_S * RP2.radio_listens_w, rel=0.001)


def test_a_node_with_a_battery_is_asked_for_it_four_times_a_day_or_with_each_report() -> None:
    def air_s(count: int) -> float:
        return count / 100

    def added(report_s: int) -> tuple[float, ...]:
        node = replace(NODE, report_s=report_s, battery=None)
        without, asked = (day_j(BENCH, one, air_s=air_s) for one in (node, replace(node, battery=LITHIUM)))
        watts = {"radio sends": RP2.radio_sends_w, "radio listens": RP2.radio_listens_w}
        return tuple((asked[part] - without[part]) / watts[part] for part in watts)

    # DONE: 18 bytes and three of framing; its answer 25 and three, and 7 more in the answer before
    assert added(900) == pytest.approx((4 * 0.21, 4 * 0.35))
    assert added(43_200) == pytest.approx((2 * 0.21, 2 * 0.35))


def test_a_backlog_longer_than_a_frame_takes_as_many_frames_as_it_needs() -> None:
    daily = replace(NODE, report_s=86_400)
    parts = day_j(BENCH, daily, air_s=lambda count: 1.0)
    assert parts["radio sends"] == pytest.approx(3 * RP2.radio_sends_w)  # 480 readings of 1.1 bytes, 221 bytes a frame


# --- how long ---------------------------------------------------------------------------------------------------------

LITHIUM = NodeBattery(chemistry="lifepo4", cells=4, capacity_ah=20)


def test_days_are_the_capacity_in_reach_over_what_is_drawn() -> None:
    load_w = 0.1
    ampere = (load_w / 0.85 + 0.001) / 13.04
    warm, cold = (endurance.days(LITHIUM, load_w, 1.0, degree) for degree in (25.0, -20.0))
    assert warm == pytest.approx(20 / ampere / 24, rel=0.03)  # the last hundredths are below the cut-off
    assert cold / warm == pytest.approx(0.441, rel=0.02)  # gateway/energy/chemistry.py: reach


def test_a_panel_fills_lithium_only_where_it_may_be_charged() -> None:
    sunny = replace(LITHIUM, panel_w=20.0)
    assert endurance.days(sunny, 0.1, 1.0, 20.0, 2.0) == math.inf
    dark, light = (endurance.days(sunny, 0.1, 1.0, -30.0, hours) for hours in (0.0, 2.0))
    assert light == pytest.approx(dark * 24 / 22)  # it feeds the load for two hours


def test_a_cell_that_breaks_down_under_the_peak_lasts_no_day() -> None:
    bobbin = NodeBattery(chemistry="li_socl2", cells=1, capacity_ah=19)
    assert endurance.days(bobbin, 0.0005, 0.005, 25.0) > 300
    assert endurance.days(bobbin, 0.0005, 2.0, -30.0) == 0.0


# --- what helps -------------------------------------------------------------------------------------------------------


def test_an_advice_saves_what_the_plan_says_once_it_is_followed() -> None:
    (change, *_) = advice.best(BENCH, NODE)
    assert (change.kind, change.sensor) == ("rail", "upstream_turb")
    followed = changed(3, rail="own")
    assert total_j(day_j(BENCH, NODE)) - total_j(day_j(BENCH, followed)) == pytest.approx(change.saves_j)
    assert [one.saves_j for one in advice.best(BENCH, NODE, 9)] == sorted(
        (one.saves_j for one in advice.best(BENCH, NODE, 9)), reverse=True
    )


def test_sleep_is_what_is_left_to_save_of_a_node_that_measures_little() -> None:
    node = replace(changed(3, rail="own"), sensors=(replace(NODE.sensors[2], period_s=86_400),), report_s=21_600)
    kinds = [change.kind for change in advice.best(BENCH, node)]
    assert kinds == ["gate", "board"] and POWERS["esp32"].asleep_w < RP2.asleep_w
    assert [change.kind for change in advice.best(BENCH, replace(node, board="esp32"))] == ["gate"]


# --- in words ---------------------------------------------------------------------------------------------------------


def columns(text: str) -> int:
    """Of a terminal, reckoned by nobody else: Chinese characters and their punctuation take two."""
    return sum(2 if char >= "\u3000" else 1 for char in text)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_table_keeps_its_columns_in_both_languages(lang: str) -> None:
    for block in budget_table.text(DEMO, lang).split("\n\n"):
        rows = [line for line in block.splitlines() if "█" in line]
        assert len(rows) >= 8
        assert len({columns(line[: line.index("█")]) for line in rows}) == 1
        assert max(map(columns, block.splitlines())) <= 100


def test_a_table_without_a_battery_says_no_days() -> None:
    text = budget_table.text(BENCH, "en")
    assert "no battery in the site file, mAh at 12 V" in text and "days" not in text
    assert "8.12 days" in budget_table.text(DEMO, "en")


def test_a_station_without_nodes_is_told_so() -> None:
    empty: Site = replace(BENCH, nodes=())
    assert budget_table.text(empty, "en") == "this station has no nodes"


def test_the_command_prints_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["budget", str(SITES / "demo.toml"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    water = told["nodes"][0]
    assert water["total_mah_per_day"] == pytest.approx(sum(water["mah_per_day"].values()), abs=0.01)
    assert water["days"]["sun"]["20"] is None and 0 < water["days"]["dark"]["-30"] < water["days"]["dark"]["20"]
    sensors_w = sum(sensor_w(DEMO.profile(sensor)) for sensor in DEMO.nodes[0].sensors)
    sensors_mah = sum(mah for part, mah in water["mah_per_day"].items() if part.startswith("sensor "))
    assert sensors_mah == pytest.approx(sensors_w * DAY_S / water["volts"] / 3.6)  # always on, at a second each
    assert len(water["changes"]) == 3


@pytest.mark.parametrize(
    ("battery", "said"),
    [
        ("cells = 0\n  capacity_ah = 5", "node[0].battery.cells: 0 is out of range"),
        ("cells = 4", "node[0].battery.capacity_ah: missing"),
        ("cells = 4\n  capacity_ah = 5\n  chemistry = 'nimh'", "node[0].battery.chemistry:"),
    ],
)
def test_a_battery_that_is_none_is_a_fault_with_its_place(
    battery: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (SITES / "bench.toml").read_text("utf-8")
    path = tmp_path / "site.toml"
    path.write_text(text.replace("report_s = 900\n", f"report_s = 900\n  [node.battery]\n  {battery}\n", 1), "utf-8")
    monkeypatch.setenv("WATERTOWER_LANG", "en")
    assert main(["budget", str(path)]) == 2
    assert said in capsys.readouterr().err
