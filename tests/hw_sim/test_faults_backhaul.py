"""Faults of packets and of the broker at a whole station: what must arrive does, and what can't is called lost."""

from pathlib import Path

import pytest

from hw_sim.faults.backhaul import BackhaulLossy, BrokerDrops, BrokerRestart
from hw_sim.faults.base import Fault
from hw_sim.virtual import VirtualStation
from tests.hw_sim import fault_story
from tests.hw_sim.fault_story import Ending


def live(folder: Path, fault: Fault) -> Ending:
    return fault_story.live(folder, fault, seconds=300.5)  # no poll is under way then


@pytest.mark.parametrize("up_down", [(0.3, 0.05), (0.05, 0.3), (0.9, 0.9)])
def test_lost_packets_delay_and_lose_nothing(tmp_path: Path, up_down: tuple[float, float]) -> None:
    up, down = up_down
    ending = live(tmp_path, BackhaulLossy(at="1m", lasts="3m", loss_up=up, loss_down=down))
    assert ending.verdict.sound and ending.verdict.delivered == ending.verdict.measured


def test_a_broker_that_restarts_while_the_platform_listens_loses_nothing(tmp_path: Path) -> None:
    ending = live(tmp_path, BrokerRestart(every="1m", lasts="1s", upto="20s"))
    assert ending.verdict.sound and ending.station.backhaul.session.dropped == 0


def deaf(station: VirtualStation) -> None:
    """A platform that does not ask."""
    station.platform.on_data = None


def test_what_is_confirmed_before_the_platform_has_subscribed_anew_is_lost_unless_it_asks(tmp_path: Path) -> None:
    fault = BrokerRestart(at="1m", lasts="5s", late_s=60.0)
    ending = fault_story.live(tmp_path / "deaf", fault, seconds=300.5, prepare=deaf)
    assert ending.station.backhaul.session.dropped > 0
    assert ending.verdict.lost > 0 and ending.verdict.wrong_values == 0
    ending = live(tmp_path / "asking", fault)
    assert ending.station.backhaul.session.dropped > 0 and ending.station.asking.asked > 0
    assert ending.verdict.sound and ending.verdict.delivered == ending.verdict.measured


def test_a_platform_that_is_away_for_less_than_the_broker_keeps_gets_everything(tmp_path: Path) -> None:
    ending = live(tmp_path, BrokerDrops(at="1m", lasts="2m"))
    assert ending.verdict.sound and ending.station.backhaul.session.dropped == 0


def test_a_platform_that_asks_gets_what_its_broker_has_confirmed_and_dropped(tmp_path: Path) -> None:
    ending = live(tmp_path, BrokerDrops(at="1m", lasts="3m", max_queued=20))
    assert ending.station.backhaul.session.dropped > 20 and ending.station.asking.asked > 0
    assert ending.verdict.sound and ending.verdict.delivered == ending.verdict.measured


def test_without_asking_a_broker_that_drops_after_its_confirmation_is_a_loss(tmp_path: Path) -> None:
    fault = BrokerDrops(at="1m", lasts="3m", max_queued=20)
    ending = fault_story.live(tmp_path, fault, seconds=300.5, prepare=deaf)
    assert ending.station.backhaul.session.dropped > 0
    assert ending.verdict.stored == ending.verdict.measured  # the gateway has it all, and believes that it is done
    assert ending.verdict.lost > 100 and not ending.verdict.sound
