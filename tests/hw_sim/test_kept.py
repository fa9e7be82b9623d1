"""A cut excuses what no append had returned for, and nothing else: which writes to flash make a record whole."""

import pytest

from firmware.boards.nor import programs
from firmware.journal import Journal
from firmware.uplink import pack_record
from hw_sim.node.flash import PowerCut, SimFlash
from hw_sim.node.kept import Kept

CELLS = tuple([(2000 + i, 0) for i in range(8)])


def journal_in(flash: SimFlash, ms: list[int]) -> Journal:
    flash.now_ms = lambda: ms[0]
    return Journal(flash)


def test_only_records_are_kept_records_not_states_and_no_sectors_head() -> None:
    ms = [1000]
    flash = SimFlash(3, 512)
    journal = journal_in(flash, ms)
    assert flash.kept.record_ms == 0  # a head, a state
    for at in range(2000, 40_000, 1000):
        ms[0] = at
        journal.append(pack_record(at, CELLS))
        assert flash.kept.record_ms == at
        ms[0] += 500
        journal.set_clock(at * 1000)
        assert flash.kept.record_ms == at
    assert sum(flash.erases) > 3  # through sectors' ends, too


class CutBehindAHead(SimFlash):
    """The power goes in the first record of a new sector."""

    is_armed = False

    def erase(self, sector: int) -> None:
        super().erase(sector)
        if self.is_armed:
            self.cut_at(2, 0.5, lambda: None)


def test_a_record_that_is_cut_behind_the_head_of_its_new_sector_was_not_kept() -> None:
    ms = [1000]
    flash = CutBehindAHead(3, 512)
    journal = journal_in(flash, ms)
    flash.is_armed = True
    with pytest.raises(PowerCut):
        while True:
            ms[0] += 1000
            journal.append(pack_record(ms[0], CELLS))
    assert flash.kept.record_ms == ms[0] - 1000
    found = Journal(flash)
    assert found.read(1, found.next_number, 100)[-1].number == (ms[0] - 1000) // 1000 - 1


@pytest.mark.parametrize("begin", [0, 200, 230, 255, 256])
def test_a_record_over_two_pages_is_kept_with_the_second(begin: int) -> None:
    flash = SimFlash(3, 4096)
    writes: list[bytes] = []
    flash.write = lambda offset, data: writes.append(data) or SimFlash.write(flash, offset, data)  # type: ignore[method-assign, func-returns-value]
    journal = Journal(flash)
    journal.append(pack_record(1000, tuple([(255, 0) for _ in range(12)])))
    entry = writes[-1]
    kept = Kept()
    pages = programs(begin, entry, 256)
    for at, (offset, page) in enumerate(pages, 1):
        kept.wrote(offset, page, at)
        assert kept.record_ms == (at if at == len(pages) else 0)
    assert len(pages) == (1 if begin + len(entry) <= 256 or begin == 256 else 2)


def test_a_second_page_that_never_came_keeps_nothing() -> None:
    flash = SimFlash(3, 4096)
    writes: list[bytes] = []
    flash.write = lambda offset, data: writes.append(data) or SimFlash.write(flash, offset, data)  # type: ignore[method-assign, func-returns-value]
    Journal(flash).append(pack_record(1000, CELLS))
    first, second = programs(250, writes[-1], 256)
    kept = Kept()
    kept.wrote(first[0], first[1], 1)
    kept.wrote(4096, second[1], 2)  # of somebody else
    kept.wrote(second[0], second[1], 3)
    assert kept.record_ms == 0
