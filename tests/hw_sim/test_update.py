"""A node's application is exchanged over a lossy radio while its power fails: the scenario update-in-bad-weather."""

from msgspec.structs import replace

from hw_sim import scenario
from hw_sim.faults.hands import UpdateOffered
from hw_sim.faults.storage import FlashCut
from hw_sim.faults.supply import BrownOut
from hw_sim.run import run
from hw_sim.streams import Streams
from hw_sim.timeline import plan

STORY = scenario.load(scenario.find("update-in-bad-weather"))


def test_nothing_is_lost_and_the_node_runs_the_new_application_in_the_end() -> None:
    for seed in (3, 8):
        outcome = run(STORY, "update-in-bad-weather", seed, days=1)
        assert outcome.failures == ()
        assert outcome.verdict is not None and outcome.verdict.measured > 29_000
        kinds = [type(one.fault) for one in outcome.happenings]
        assert kinds.count(UpdateOffered) == 1 and kinds.count(BrownOut) > 80 and kinds.count(FlashCut) > 5


def test_a_node_that_does_not_run_what_it_was_offered_is_not_accepted() -> None:
    story = replace(STORY, days=0.15)  # too short for the update, and as long as the scenario says
    offer = next(one.number for one in plan(STORY.faults, Streams(3), 12_960.0) if one.kind == "update_offered")
    assert run(story, "update-in-bad-weather", 3, only=(offer,)).failures == ("node upstream runs update 0, not 2",)
    assert run(story, "update-in-bad-weather", 3, only=()).failures == ()
    assert run(story, "update-in-bad-weather", 3, days=0.05, only=(offer,)).failures == ()
