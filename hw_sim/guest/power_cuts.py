"""Knows how to cut the power in every operation on flash of a life, in each way, and to let bits rot; knows no life.

The bench (hw_sim/bench/power_cuts.py) runs it by ten thousands, tests/firmware some hundreds on both interpreters.
"""

from hw_sim.guest.cut_flash import TEARS, CutFlash, Dice, PowerCut
from hw_sim.guest.cut_lives import LIVES, JournalLife, Life, Tally

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from collections.abc import Callable, Iterable

_BOOTS = 4


def cut_everywhere(
    seeds: "Iterable[int]",
    tally: Tally,
    lives: "tuple[Callable[[Dice, Tally], Life], ...]" = LIVES,
    progress: "Callable[[Tally], None]" = lambda tally: None,
) -> None:
    """Lives of each kind, one for each seed: before, in and after every operation on flash the power fails, and in two
    of three cases once more soon after; the node must boot and have everything it promised."""
    for seed in seeds:
        for make in lives:
            _live(make, seed, tally)
            progress(tally)


def _live(make: "Callable[[Dice, Tally], Life]", seed: int, tally: Tally) -> None:
    dice = Dice(seed)
    life = make(dice, tally)
    chance = Dice(seed + 7)  # a life goes the same way whatever is cut off it

    def watch(flash: CutFlash, offset: int, new: bytes) -> None:
        for tear in TEARS:
            fork = life.fork(Dice(chance.below(1 << 20)))
            old = bytes(flash.content[offset : offset + len(new)])
            fork.flash.content[offset : offset + len(new)] = tear(old, new, chance)
            tally.power_cuts += 1
            _survive(fork, chance)

    life.flash.watch = watch
    for _ in range(_BOOTS):
        life.boot()
        for _ in range(dice.below(life.most_acts)):
            life.act()
        life.check()


def _survive(life: Life, chance: Dice) -> None:
    """Boots after a cut, perhaps into the next ones, and then for good."""
    tally = life.tally
    try:
        for _ in range(chance.below(3)):
            life.flash.left, life.flash.tear = chance.below(8), TEARS[chance.below(len(TEARS))]
            life.flash.dice = chance
            try:
                life.boot()
                for _ in range(8):
                    life.act()
            except PowerCut:
                tally.power_cuts += 1
            life.flash.left = None
        life.boot()
        life.check()
        for _ in range(3):
            life.act()
        life.check()
    except Exception as error:
        tally.unbooted += 1
        tally.note("unbooted: %r" % error)


def rot_everywhere(seeds: "Iterable[int]", tally: Tally) -> tuple[int, int]:
    """Journals whose flash loses or gains 1 to 8 bits anywhere. Every record must come back as it was, or be counted;
    nothing given out later may repeat. (records whose own bits were whole, how many of them were not found)."""
    whole = unfound = 0
    for seed in seeds:
        dice = Dice(seed)
        life = JournalLife(dice, tally)
        for _ in range(1 + dice.below(4)):
            life.boot()
            for _ in range(dice.below(40)):
                life.act()
        held = life.found()
        flash = life.flash
        bits = [dice.below(len(flash.content) * 8) for _ in range(1 + dice.below(8))]
        for bit in bits:
            flash.flip(bit)
        try:
            life.forget()
            life.boot()
            found = life.found()
            for number in held:
                begin, end = life.places[number]
                if not [bit for bit in bits if begin <= bit // 8 < end]:
                    whole += 1
                    unfound += number not in found
            journal = life.journal
            missing = [number for number in held if number not in found and number > journal.released]
            counted = journal.dropped + journal.rotten
            life.release_all()
            if len(missing) > journal.dropped + journal.rotten:
                tally.loses("seed %d: %r rotted, %d counted" % (seed, missing, counted))
            for _ in range(20):
                life.act()
            life.found()
            life.boot()
            life.act()
        except Exception as error:
            tally.unbooted += 1
            tally.note("seed %d: unbooted: %r" % (seed, error))
    return whole, unfound
