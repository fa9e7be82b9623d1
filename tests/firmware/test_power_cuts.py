"""Journal and settings under power cuts in every operation on flash, and the journal under bit rot; and that both can
be seen to fail."""

from hw_sim.guest.cut_flash import TEARS, CutFlash, Dice, PowerCut
from hw_sim.guest.cut_lives import JournalLife, Tally
from hw_sim.guest.power_cuts import cut_everywhere, rot_everywhere
from tests.firmware.doubles import MICROPYTHON, raises

SEEDS = 1 if MICROPYTHON else 4
ROTTEN = 100 if MICROPYTHON else 400


def sound(tally):
    return (tally.lost, tally.repeated, tally.wrong, tally.unbooted) == (0, 0, 0, 0)


def test_a_power_cut_in_any_operation_on_flash_loses_and_repeats_nothing_and_it_always_boots():
    tally = Tally()
    told = []
    cut_everywhere(range(SEEDS), tally, progress=lambda tally: told.append(tally.power_cuts))
    print("%d cuts" % tally.power_cuts)
    assert sound(tally), tally.notes
    assert tally.power_cuts > 1000 * SEEDS
    assert told == sorted(told) and told[-1] == tally.power_cuts


def test_up_to_eight_bits_of_rot_anywhere_lose_nothing_uncounted_and_hide_little_that_is_whole():
    tally = Tally()
    whole, unfound = rot_everywhere(range(ROTTEN), tally)
    assert sound(tally), tally.notes
    assert whole > 20 * ROTTEN
    assert unfound < whole // 15  # their sector's heads or the state of their boot are gone


def test_a_life_that_forgets_is_seen():
    """The judge of these tests, told lies: a record vanishes, another one's bytes change, a boot comes twice."""
    tally = Tally()
    life = JournalLife(Dice(1), tally, CutFlash(4, 512))
    life.boot()
    for _ in range(12):
        life.act()
    life.check()
    assert sound(tally)
    number = sorted(life.kept)[-1]
    life.kept[number + 1] = life.kept[number]
    life.check()
    assert tally.lost > 0
    life.kept[number] = (b"other",) + life.kept[number][1:]
    life.check()
    assert tally.wrong == 1
    fresh = JournalLife(Dice(1), tally, CutFlash(4, 512))
    fresh.boot()
    fresh.flash.content[:] = b"\xff" * len(fresh.flash.content)
    fresh.boot()
    assert tally.repeated == 1


def test_each_tear_leaves_bits_of_the_old_and_of_the_new_only():
    dice = Dice(3)
    old, new = b"\xff" * 40, dice.data(40)
    seen = set()
    for tear in TEARS:
        for _ in range(20):
            torn = tear(old, new, dice)
            assert len(torn) == 40
            assert all((a ^ t) & (n ^ t) == 0 for a, n, t in zip(old, new, torn))
            seen.add(torn)
    assert old in seen and new in seen and len(seen) > 60


def test_a_cut_flash_dies_in_the_operation_that_was_said():
    flash = CutFlash(2, 64)
    flash.left, flash.tear = 1, TEARS[0]
    flash.write(0, b"whole")
    raises(PowerCut, flash.write, 8, b"never")
    flash.left = None
    assert flash.read(0, 13) == b"whole" + b"\xff" * 8
    raises(AssertionError, flash.write, 4, b"not free")
