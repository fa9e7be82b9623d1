"""Knows how many power cuts and rotten bits a node's flash is put through, how fast its ring wears; knows no radio."""

from collections.abc import Callable

from firmware.journal import Journal
from firmware.uplink import pack_record
from hw_sim.bench import Figure, figure
from hw_sim.guest.cut_flash import CutFlash, Dice
from hw_sim.guest.cut_lives import Tally
from hw_sim.guest.power_cuts import cut_everywhere, rot_everywhere
from hw_sim.guest.update_cuts import cuts
from hw_sim.node.flash import ENDURANCE

_SEEDS = 15
_UPDATES = 150
_ROTTEN = 2000
_SECTORS = 32  # 128 KiB
_DAYS = 60
_WAKES = 96  # a day: every 15 minutes


def measure(progress: Callable[[str], None]) -> dict[str, Figure]:
    tally = cut(_SEEDS, progress)
    updates = cut_updates(_UPDATES, tally, progress)
    rotten = Tally()
    progress(f"{_ROTTEN} journals with up to eight rotten bits")
    whole, unfound = rot_everywhere(range(_ROTTEN), rotten)
    for note in tally.notes + rotten.notes:
        progress(note)
    progress("wear of the ring")
    always_on, gated = erases_per_year(False), erases_per_year(True)
    return {
        "power_cuts": figure(tally.power_cuts + updates, "1", "the fewest there may be, 10,000", 10_000),
        "power_cuts_in_updates": figure(updates, "1", "of these, each in a life of its own"),
        "lost": figure(tally.lost + tally.wrong, "1", "what was promised before a cut: none may be lost"),
        "repeated": figure(tally.repeated, "1", "numbers, counters, boots: none may repeat"),
        "unbooted": figure(tally.unbooted, "1", "it always boots"),
        "rot_uncounted": figure(rotten.lost + rotten.wrong + rotten.repeated + rotten.unbooted, "1",
                                "records lost uncounted, wrong or repeated: none"),
        "rot_hides": figure(unfound / whole, "1", "share of records with all their own bits that are not found"),
        "erases_per_year": figure(always_on, "1", f"a sector's endurance, {ENDURANCE:,}", ENDURANCE),
        "erases_per_year_gated": figure(gated, "1", f"a sector's endurance, {ENDURANCE:,}", ENDURANCE),
    }  # fmt: skip


def cut(seeds: int, progress: Callable[[str], None]) -> Tally:
    """The campaign over journal and settings: some 1,000 cuts a life."""
    tally = Tally()
    cut_everywhere(range(seeds), tally, progress=lambda tally: progress(f"{tally.power_cuts} power cuts"))
    return tally


def cut_updates(seeds: int, tally: Tally, progress: Callable[[str], None]) -> int:
    """Updates from their offer to their confirmation, the power cut in each operation on flash: the node must always
    find an application whose every part is whole, and end in the new one. How many cuts."""
    done = 0
    for seed in range(seeds):
        if seed % 50 == 0:
            progress(f"update {seed} of {seeds}, cut in each operation")
        try:
            done += cuts(seed)
        except AssertionError as error:
            tally.unbooted += 1
            tally.note(f"update {seed}: {error}")
    return done


def erases_per_year(is_gated: bool) -> float:
    """Of each sector of a ring of 128 KiB: a record of five channels every 15 minutes, a report each hour. A gated node
    boots at each wake and learns the time in each report; one that is always on corrects its clock once a day."""
    flash = CutFlash(_SECTORS, 4096)
    dice = Dice(1)
    journal = Journal(flash)
    reports = 0
    for wake in range(_DAYS * _WAKES):
        if is_gated:
            journal = Journal(flash)
        cells = tuple([(2000 + dice.below(1000), 0) for _ in range(5)])
        journal.append(pack_record(wake * 900_000, cells))
        if wake % 4 == 3:
            reports += 1
            journal.release(journal.next_number - 1)
            if is_gated or reports % 24 == 0:
                journal.set_clock(1_800_000_000_000 + reports * 3000, 5000)
            if is_gated:
                journal.note_released()
    return sum(flash.erases) / _SECTORS / _DAYS * 365
