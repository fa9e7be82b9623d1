"""Exactly once, and in the end complete, whatever the channel does: hw_sim/guest/storm.py has the story."""

from hw_sim.guest.storm import Memory, Story
from tests.firmware.doubles import MICROPYTHON

SEEDS = 200 if MICROPYTHON else 300


def test_every_record_arrives_once_and_nothing_else_does_whatever_happens_on_the_way():
    quiet = noisy = 0
    for seed in range(SEEDS):
        story = Story(seed, Memory())
        is_calm = story.trouble == 0
        try:
            story.run()
        except AssertionError as error:
            raise AssertionError("seed %d: %s" % (seed, error))
        if is_calm:
            quiet += story.refused
        else:
            noisy += story.refused
    assert quiet == 0 and noisy > SEEDS
