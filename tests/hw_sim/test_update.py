"""A node's application is exchanged over a lossy radio while its power fails: the scenario update-in-bad-weather."""

from hw_sim import scenario
from hw_sim.faults.hands import UpdateOffered
from hw_sim.faults.storage import FlashCut
from hw_sim.faults.supply import BrownOut
from hw_sim.run import run

STORY = scenario.load(scenario.find("update-in-bad-weather"))


def test_nothing_is_lost_and_the_node_runs_the_new_application_in_the_end() -> None:
    for seed in (3, 8):
        outcome = run(STORY, "update-in-bad-weather", seed, days=1)
        assert outcome.failures == ()
        assert outcome.verdict is not None and outcome.verdict.measured > 29_000
        kinds = [type(one.fault) for one in outcome.happenings]
        assert kinds.count(UpdateOffered) == 1 and kinds.count(BrownOut) > 80 and kinds.count(FlashCut) > 5


def test_a_node_that_was_offered_nothing_is_not_accepted() -> None:
    outcome = run(STORY, "update-in-bad-weather", 3, days=0.3, only=())
    assert outcome.failures == ("node upstream runs update 0, not 2",)
