"""A site file that comes from afar is tried; without an uplink the last good one comes back, whatever happens."""

import asyncio
import contextlib
import json
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from gateway.app import serve
from gateway.control.order import Order, sealed
from gateway.site import config
from gateway.site.config import Site
from gateway.site.configuration import MOST_STARTS, Configuration, Refusal, Step, Trial, at_start, replace_file
from hw_sim.clock import run_virtual
from tests.gateway.doubles import RIVER, START_MS, STATION, UPLINK, events, query, sensor
from tests.gateway.test_app import Room

KEY = "44" * 32
GOOD = STATION + RIVER + sensor("level", 1) + UPLINK + f'[[operator]]\nname = "wu"\nrole = "admin"\nkey = "{KEY}"\n'
NEW = GOOD.replace("period_s = 1\n", "period_s = 5\n")
TOPIC = "watertower/demo/command/wu"


def made(folder: Path, text: str = GOOD) -> Configuration:
    path = folder / "site.toml"
    path.write_text(text, "utf-8")
    return Configuration(path, config.load)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("site"))


def period(site: Site) -> int:
    return site.sensors[0].period_s


@pytest.mark.parametrize(
    ("trial", "digest", "step"),
    [
        (None, "a", Step.SETTLED),
        (Trial(digest="a", minutes=1), "a", Step.TRY),
        (Trial(digest="a", minutes=1), "b", Step.FORGET),
        (Trial(digest="a", minutes=1, starts=MOST_STARTS - 1), "a", Step.TRY),
        (Trial(digest="a", minutes=1, starts=MOST_STARTS), "a", Step.RETURN),
        (Trial(digest="a", minutes=1, starts=MOST_STARTS), "b", Step.FORGET),
    ],
)
def test_what_a_start_has_to_do(trial: Trial | None, digest: str, step: Step) -> None:
    assert at_start(trial, digest) is step


def test_a_new_file_is_in_place_and_kept_once_an_uplink_confirms(tmp_path: Path) -> None:
    one = made(tmp_path)
    assert period(one.begin()) == 1
    one.propose(NEW, 10)
    again = Configuration(tmp_path / "site.toml", config.load)
    assert period(again.begin()) == 5 and again.trial is not None and again.trial.minutes == 10
    again.confirm()
    assert files(tmp_path) == ["site.toml"] and (tmp_path / "site.toml").read_text("utf-8") == NEW
    assert period(Configuration(tmp_path / "site.toml", config.load).begin()) == 5


def test_one_that_crashes_the_gateway_has_three_starts(tmp_path: Path) -> None:
    made(tmp_path).propose(NEW, 10)
    periods = [period(Configuration(tmp_path / "site.toml", config.load).begin()) for _ in range(MOST_STARTS + 1)]
    assert periods == [5] * MOST_STARTS + [1]
    assert files(tmp_path) == ["site.toml"] and (tmp_path / "site.toml").read_text("utf-8") == GOOD


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[station", "site.toml"),
        (GOOD.replace("unit_id = 1", "unit_id = 300"), "sensor[0].unit_id"),
        (GOOD.replace('id = "demo"', 'id = "other"'), "station.id"),
    ],
)
def test_what_check_refuses_changes_nothing(tmp_path: Path, text: str, said: str) -> None:
    one = made(tmp_path)
    with pytest.raises(Refusal) as caught:
        one.propose(text, 10)
    assert said in str(caught.value)
    assert files(tmp_path) == ["site.toml"] and (tmp_path / "site.toml").read_text("utf-8") == GOOD


def test_a_second_one_waits_until_the_first_is_judged_and_a_hand_made_one_ends_a_trial(tmp_path: Path) -> None:
    made(tmp_path).propose(NEW, 10)
    one = Configuration(tmp_path / "site.toml", config.load)
    one.begin()
    with pytest.raises(Refusal, match="on trial"):
        one.propose(GOOD, 10)
    (tmp_path / "site.toml").write_text(GOOD.replace("period_s = 1\n", "period_s = 7\n"), "utf-8")
    assert period(one.begin()) == 7 and one.trial is None and files(tmp_path) == ["site.toml"]


def test_a_power_cut_between_any_two_steps_leaves_one_of_the_two_files_in_force(tmp_path: Path) -> None:
    for cut in range(6):
        folder = tmp_path / str(cut)
        folder.mkdir()
        made(folder)
        left = [cut]

        def some(path: Path, data: bytes, left: list[int] = left) -> None:
            if left[0] == 0:
                raise KeyboardInterrupt
            left[0] -= 1
            replace_file(path, data)

        one = Configuration(folder / "site.toml", config.load, some)
        with contextlib.suppress(KeyboardInterrupt):
            one.propose(NEW, 10)
        after = Configuration(folder / "site.toml", config.load)
        assert period(after.begin()) == (5 if cut >= 4 else 1)
        if after.trial is not None:
            after.give_up("no uplink")
        assert (folder / "site.toml").read_text("utf-8") == GOOD and "site.toml.trial" not in files(folder)


def test_a_site_file_by_mqtt_is_taken_over_and_comes_back_when_the_uplink_does_not(tmp_path: Path) -> None:
    async def steps() -> None:
        one, room, stop = made(tmp_path), Room(), asyncio.Event()
        task = asyncio.create_task(serve(one, one.begin(), room, stop))
        await asyncio.sleep(30)
        assert room.broker.heard is not None
        for number, text in enumerate((NEW, NEW.replace("period_s = 5\n", "period_s = 9\n")), 1):
            order = Order(id=f"c{number}", counter=number, unix_ms=room.clock.unix_ms(), command="configure",
                          argument={"site": text, "minutes": 2})  # fmt: skip
            room.broker.heard(TOPIC, sealed(TOPIC, bytes.fromhex(KEY), order))
            await asyncio.sleep(0.5)
            said = dict(room.broker.connections[-1])[f"watertower/demo/result/c{number}"]
            assert (said["result"], said["minutes"]) == ("done", 2)
            room.broker.up = number == 1  # the second one does not find its uplink
            await asyncio.sleep(60)
        await asyncio.sleep(100)
        room.broker.up = True
        await asyncio.sleep(100)
        stop.set()
        await task
        assert [kind for kind, _ in events(tmp_path)] == [
            "command", "configuration_kept", "command", "configuration_returned",
        ]  # fmt: skip
        assert (tmp_path / "site.toml").read_text("utf-8") == NEW
        seqs = [row[0] for row in room.broker.rows()]
        assert sorted(seqs) == list(range(1, query(tmp_path, "SELECT max(seq) FROM row")[0][0] + 1))
        stamps = [at - START_MS for (at,) in query(tmp_path, "SELECT unix_ms FROM row ORDER BY seq")]
        assert max(b - a for a, b in pairwise(stamps)) < 11_000

    run_virtual(steps())


def test_a_mark_that_can_not_be_read_is_no_trial(tmp_path: Path) -> None:
    one = made(tmp_path)
    for rubbish in (b"", b"{", json.dumps({"digest": 1}).encode(), msgspec.json.encode({"minutes": 1})):
        (tmp_path / "site.toml.trial").write_bytes(rubbish)
        assert period(one.begin()) == 1 and one.trial is None
