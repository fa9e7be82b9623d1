"""An update: fetched piece by piece, cut at every operation on flash, tried, confirmed or rolled back."""

from firmware import update as node_update
from firmware.boot.notes import FAILURES, REPORTS_IN_VAIN, TRIAL_FAILURES, Notes
from firmware.boot.start import choose
from firmware.update import Fetcher, Refusal, Trial
from hw_sim.guest.update_cuts import (
    KEY,
    Bench,
    Dice,
    Gone,
    Power,
    answer,
    archive,
    boot,
    cuts,
    install,
    live,
    some_archive,
)
from protocols import command, update
from tests.firmware.doubles import raises


def bench(seed=1, number=1):
    """A board that runs update 1 out of slot 0, and its power."""
    power = Power(Dice(seed))
    board = Bench(power)
    install(board, 0, some_archive(number, power.dice))
    boot(board)
    return board, power


def fetch(board, held, number=2, most=100, reports=100):
    fetcher = Fetcher(board, number, KEY, most)
    for _ in range(reports):
        fetcher.begin_report()
        while True:
            question = fetcher.question()
            if question is None:
                break
            fetcher.take(answer(held, question))
    return fetcher


# --- the way of an update ---------------------------------------------------------------------------------------------


def test_an_update_is_fetched_tried_and_confirmed():
    board, power = bench()
    new = some_archive(2, power.dice)
    assert fetch(board, new).ready
    assert boot(board) == 2 and board.running == 1 and board.on_trial
    assert node_update.heed(board, 2, KEY, 100, None) == (None, None)
    trial = Trial(board)
    assert not trial.acknowledged(99)  # nothing was measured yet
    trial.measured(100)
    assert not trial.acknowledged(99)  # an older record
    assert trial.acknowledged(100)
    assert boot(board) == 2 and not board.on_trial
    assert node_update.heed(board, 2, KEY, 100, None) == (command.DONE, None)


def test_the_power_may_go_in_every_operation_on_flash():
    assert cuts(3) >= 30
    for seed in range(4, 10):
        live(seed, seed * 7, most_bytes=20 + seed * 30)


def test_a_fetch_goes_on_where_a_boot_ended_it_and_erases_each_sector_once():
    board, power = bench()
    new = some_archive(2, power.dice)
    before = list(board.slots[1].erases)
    asked = 0
    for _ in range(500):
        fetcher = Fetcher(board, 2, KEY, 40)  # a gated board: each report is a boot
        while not fetcher.ready:
            question = fetcher.question()
            if question is None:
                break
            asked += 1
            fetcher.take(answer(new, question))
        if fetcher.ready:
            break
    assert fetcher.ready
    assert max([now - was for now, was in zip(board.slots[1].erases, before)]) == 1
    assert asked < 3 * len(new) // 32


def test_a_report_asks_for_a_few_pieces_only():
    board, power = bench()
    fetcher = Fetcher(board, 2, KEY, 20)
    new = some_archive(2, power.dice)
    for _ in range(node_update.PIECES):
        fetcher.take(answer(new, fetcher.question()))
    assert fetcher.question() is None
    fetcher.begin_report()
    assert fetcher.question() is not None


def test_a_gateway_without_the_update_is_asked_once_a_report():
    board, _power = bench()
    fetcher = Fetcher(board, 2, KEY, 100)
    fetcher.take(update.encode_part(2, 0, b""))
    assert fetcher.question() is None and not fetcher.refused
    fetcher.begin_report()
    assert fetcher.question() is not None


def test_answers_that_answer_nothing_change_nothing():
    board, power = bench()
    new = some_archive(2, power.dice)
    fetcher = Fetcher(board, 2, KEY, 100)
    before = power.operations
    for body in (b"", b"1234567", update.encode_part(3, 0, new[:50]), update.encode_part(2, 50, new[50:90]),
                 update.encode_part(2, 0, bytes(230))):  # fmt: skip
        fetcher.take(body)
    assert power.operations == before and update.decode_ask(fetcher.question()) == (2, 0, 92)


# --- what is refused --------------------------------------------------------------------------------------------------


def test_an_update_with_another_seal_never_runs():
    board, _power = bench()
    forged = archive(2, {"firmware/main.mpy": b"evil"}, key=bytes(32))
    fetcher = fetch(board, forged)
    assert fetcher.refused == "wrong seal" and not fetcher.ready
    assert boot(board) == 1
    assert node_update.heed(board, 2, KEY, 100, fetcher)[0] == command.REFUSED


def test_a_manifest_with_a_flipped_bit_never_runs():
    board, power = bench()
    new = bytearray(some_archive(2, power.dice))
    new[20] ^= 1
    assert not fetch(board, bytes(new)).ready


def test_a_part_that_is_not_what_was_sealed_never_runs():
    board, power = bench()
    new = bytearray(some_archive(2, power.dice))
    new[-1] ^= 1
    assert "is not" in fetch(board, bytes(new)).refused
    assert boot(board) == 1


def test_a_lower_number_or_another_target_is_refused_and_a_lowering_one_is_not():
    board, _power = bench(number=5)
    contents = {"firmware/main.mpy": b"main"}
    assert "not above" in fetch(board, archive(4, contents), 4).refused
    assert "not above" in fetch(board, archive(5, contents), 5).refused
    assert "esp32" in fetch(board, archive(6, contents, target="esp32"), 6).refused
    assert "bytes" in fetch(board, archive(7, {"firmware/main.mpy": bytes(5000)}), 7).refused
    assert fetch(board, archive(3, contents, lowers=True), 3).ready


def test_a_board_without_slots_or_key_refuses():
    board, _power = bench()
    assert node_update.heed(board, 2, b"", 100, None) == (command.REFUSED, None)
    assert node_update.heed(board, 2, KEY, 8, None) == (command.REFUSED, None)
    board.notes = None
    assert node_update.heed(board, 2, KEY, 100, None) == (command.REFUSED, None)
    raises(Refusal, Fetcher, board, 2, KEY, 100)


# --- trials -----------------------------------------------------------------------------------------------------------


def on_trial():
    board, power = bench()
    assert fetch(board, some_archive(2, power.dice)).ready
    assert boot(board) == 2
    return board, power


def test_a_trial_outlives_boots_and_ends_after_too_many_failed_ones():
    board, _ = on_trial()
    for _ in range(50):
        assert boot(board) == 2 and board.on_trial
    for left in range(TRIAL_FAILURES, 0, -1):
        assert boot(board) == 2, left
        notes = Notes(board.notes)
        notes.fail(choose(notes, board.slots)[0])
    assert boot(board) == 1
    assert node_update.heed(board, 2, KEY, 100, None) == (command.REFUSED, None)  # and never again


def test_a_trial_ends_after_reports_in_vain_counted_over_boots():
    board, _ = on_trial()
    ends = [Trial(board).report() for _ in range(REPORTS_IN_VAIN)]
    assert ends == [False] * (REPORTS_IN_VAIN - 1) + [True]
    assert boot(board) == 1 and not board.on_trial


def test_the_confirmed_slot_is_never_written():
    board, power = on_trial()
    Trial(board)
    old = bytes(board.slots[0].data)
    trial = Trial(board)
    trial.measured(1)
    trial.acknowledged(1)
    assert bytes(board.slots[0].data) == old  # still valid until the next update begins
    boot(board)
    now = bytes(board.slots[1].data)
    third = some_archive(3, power.dice)
    assert fetch(board, third, 3).ready
    assert bytes(board.slots[1].data) == now and boot(board) == 3
    notes = Notes(board.notes)
    for _ in range(TRIAL_FAILURES):
        notes.fail(notes.newest(0))
    assert boot(board) == 2


def test_a_confirmed_application_that_crashes_on_gives_way_and_one_that_recovers_is_forgiven():
    board, _power = on_trial()
    trial = Trial(board)
    trial.measured(1)
    assert trial.acknowledged(1)
    for _ in range(FAILURES - 1):
        notes = Notes(board.notes)
        notes.fail(notes.newest(1))
    assert boot(board) == 2 and board.on_trial
    again = Trial(board)
    assert not again.report()
    again.measured(9)
    assert again.acknowledged(9)
    assert boot(board) == 2 and not board.on_trial
    for _ in range(FAILURES):
        notes = Notes(board.notes)
        notes.fail(notes.newest(1))
    assert boot(board) == 1  # what was confirmed before


def test_what_an_update_is_written_over_may_not_run_any_more():
    board, _ = on_trial()
    trial = Trial(board)
    trial.measured(1)
    trial.acknowledged(1)
    boot(board)
    lowering = archive(1, {"firmware/main.mpy": bytes(range(200)) * 8}, lowers=True)
    install(board, 0, lowering)  # confirmed once
    fetcher = Fetcher(board, 1, KEY, 200)
    for _ in range(3):
        fetcher.take(answer(lowering, fetcher.question()))
    notes = Notes(board.notes)
    for _ in range(FAILURES):
        notes.fail(notes.newest(1))
    assert choose(Notes(board.notes), board.slots) == (None, None)


def test_a_rotten_slot_is_never_chosen():
    board, _ = on_trial()
    board.slots[1].data[30] ^= 4  # in the manifest
    assert boot(board) == 1
    board.slots[0].data[30] ^= 4
    assert choose(Notes(board.notes), board.slots) == (None, None)


def test_a_rotten_part_can_not_be_opened():
    board, _ = on_trial()
    _, files = choose(Notes(board.notes), board.slots)
    board.slots[1].data[update.HEAD_BYTES + 400 + update.SEAL_BYTES] ^= 1
    bad = 0
    for folder in ("firmware", "protocols"):
        for name, _, _ in files.ilistdir(folder):
            try:
                files.open(folder + "/" + name, "rb")
            except OSError as error:
                assert error.args[0] == 5
                bad += 1
    assert bad == 1


# --- notes ------------------------------------------------------------------------------------------------------------


def test_notes_of_many_updates_turn_over_and_every_cut_keeps_the_last_one():
    for seed in range(12):
        dice = Dice(seed)
        power = Power(dice)
        board = Bench(power)
        board.notes.erase(0)
        last = kept = 0
        for number in range(1, 60):
            power.left = dice.below(4) if dice.below(2) else None
            try:
                notes = Notes(board.notes)
                note = notes.add(number % 2, number, bytes(8))
                last = number
                notes.confirm(note)
                kept = number
            except Gone:
                pass
            power.left = None
            found = Notes(board.notes).choices()
            assert not kept or found[0].number in (kept, last, number), (seed, number)
            if found and found[0].confirmed:
                kept = found[0].number


def test_blank_and_damaged_notes_are_no_notes():
    power = Power(Dice(8))
    board = Bench(power)
    for data in (b"\xff" * 512, bytes(512), power.dice.data(512)):
        board.notes.data[:] = data
        assert Notes(board.notes).choices() == [] and choose(Notes(board.notes), board.slots) == (None, None)
