"""What runs before the application: the door, the slot, the failure; and files out of a slot."""

from firmware.boot import start
from firmware.boot.notes import FAILURES, TRIAL_FAILURES, Notes
from firmware.boot.start import FRESH, HUNG, RAISED, REST_MS, WINDOW_MS, WOKE, Port, boot
from firmware.update import Fetcher, Trial
from hw_sim.guest.update_cuts import KEY, Bench, Dice, Power, answer, install, some_archive
from protocols import update
from tests.firmware.doubles import raises


class Story(Port):
    """A port that tells what was done with it; `application(slot)` is what is launched."""

    def __init__(self, board, application=None):
        self.slots = board.slots
        self.notes = board.notes
        self.ended = FRESH
        self.strapped = False
        self.done = []
        self.application = application or (lambda slot: None)

    def last(self):
        return self.ended

    def mark(self, end):
        self.ended = end

    def strap(self):
        return self.strapped

    def pause_ms(self, duration_ms):
        self.done.append(("awake", duration_ms))

    def sleep_ms(self, duration_ms):
        self.done.append(("asleep", duration_ms))

    def reset(self):
        self.done.append("reset")

    def launch(self, files, slot, on_trial):
        self.done.append(("launch", slot, on_trial))
        self.application(slot)

    def say(self, text):
        pass

    def boot(self):
        """What happened in one boot."""
        self.done = []
        boot(self)
        return self.done


def crash(slot):
    raise MemoryError("no room")


def trial():
    """A board whose slot 0 is confirmed and whose slot 1 is on trial."""
    power = Power(Dice(1))
    board = Bench(power)
    install(board, 0, some_archive(1, power.dice))
    board.running = 0
    new = some_archive(2, power.dice)
    fetcher = Fetcher(board, 2, KEY, 200)
    while not fetcher.ready:
        fetcher.begin_report()
        fetcher.take(answer(new, fetcher.question()))
    return board


def confirmed():
    board = trial()
    board.running = 1
    proof = Trial(board)
    proof.measured(1)
    assert proof.acknowledged(1)
    return board


# --- the door ---------------------------------------------------------------------------------------------------------


def test_only_a_power_on_keeps_the_door_open_for_three_seconds():
    for last, waits in ((FRESH, True), (WOKE, False), (HUNG, False), (RAISED, False)):
        port = Story(confirmed())
        port.ended = last
        assert (("awake", WINDOW_MS) in port.boot()) == waits, last
    port = Story(confirmed())
    port.gated = True  # each wake is a power-on
    assert ("awake", WINDOW_MS) not in port.boot() and WINDOW_MS == 3000


def test_a_strap_leaves_the_prompt_to_the_technician():
    port = Story(confirmed())
    port.strapped = True
    for last in (FRESH, WOKE, HUNG, RAISED):
        port.ended = last
        assert port.boot() == []


def test_a_technicians_interrupt_is_no_failure():
    def interrupted(slot):
        raise KeyboardInterrupt

    board = trial()
    port = Story(board, interrupted)
    for _ in range(TRIAL_FAILURES + 1):
        raises(KeyboardInterrupt, port.boot)
        assert port.ended == WOKE  # the watchdog's reset, which follows, is not counted
    assert Notes(board.notes).newest(1).failed == 0


# --- which application ------------------------------------------------------------------------------------------------


def test_no_notes_no_slots_and_damaged_ones_lead_to_the_frozen_application():
    board = Bench(Power(Dice(2)))  # random bytes everywhere
    assert ("launch", None, False) in Story(board).boot()
    board.notes = None
    assert ("launch", None, False) in Story(board).boot()
    board.slots = ()
    assert ("launch", None, False) in Story(board).boot()


def test_flash_that_does_not_answer_leads_to_the_frozen_application():
    def fail(offset, count):
        raise OSError(5)

    board = confirmed()
    board.slots[1].read = fail
    assert ("launch", 0, False) in Story(board).boot()  # what was confirmed before
    board.slots[0].read = fail
    assert ("launch", None, False) in Story(board).boot()
    board = confirmed()
    board.notes.read = fail
    assert ("launch", None, False) in Story(board).boot()


class Reset(BaseException):
    """The machine ends here, in the middle of the application."""


class Lives(Story):
    """A port whose application lives until the machine ends."""

    def launch(self, files, slot, on_trial):
        super().launch(files, slot, on_trial)
        self.done.append("lives")
        raise Reset

    def say(self, text):
        assert "failed" not in text


def live_and_die(port):
    port.done = []
    raises(Reset, boot, port)


def test_sleep_brown_outs_and_restarts_never_count_against_a_trial():
    board = trial()
    port = Lives(board)
    for last in (FRESH, WOKE) * 40:
        port.ended = last
        note, _files = start.choose(Notes(board.notes), board.slots)
        assert (note.slot, note.failed, note.on_trial) == (1, 0, True)
        live_and_die(port)
    assert Notes(board.notes).newest(1).failed == 0


def test_a_hang_is_counted_once_and_rolls_a_trial_back():
    board = trial()
    port = Lives(board)
    launched = []
    port.application = launched.append
    for _ in range(TRIAL_FAILURES + 1):
        live_and_die(port)
        assert port.ended == HUNG
    assert launched == [1] * TRIAL_FAILURES + [0]
    assert Notes(board.notes).newest(1).failed == TRIAL_FAILURES
    assert ("asleep", REST_MS) in port.done


def test_an_exception_is_counted_once_and_the_next_boot_sleeps_first():
    board = trial()
    port = Story(board, crash)
    assert port.boot() == [("awake", WINDOW_MS), ("launch", 1, True), "reset"]
    assert Notes(board.notes).newest(1).failed == 1
    assert port.boot() == [("asleep", REST_MS), ("launch", 1, True), "reset"]
    assert port.boot() == [("asleep", REST_MS), ("launch", 0, False), "reset"]  # rolled back, and fails, too
    for _ in range(FAILURES - 1):
        assert port.boot()[0] == ("asleep", REST_MS)
    for _ in range(30):  # the frozen one fails as well: for ever asleep for a minute each
        assert port.boot() == [("asleep", REST_MS), ("launch", None, False), "reset"]


def test_an_application_that_returns_has_failed():
    board = trial()
    port = Story(board)
    assert port.boot()[-1] == "reset" and port.ended == RAISED
    assert Notes(board.notes).newest(1).failed == 1


# --- files out of a slot ----------------------------------------------------------------------------------------------


def files_of(board, slot):
    return start.open_slot(board.slots[slot], Notes(board.notes).newest(slot).fingerprint)


def test_a_slot_is_a_folder_of_files_that_are_only_read():
    board = confirmed()
    files = files_of(board, 1)
    files.mount(True, False)
    assert sorted([(name, kind) for name, kind, _ in files.ilistdir("/")]) == [
        ("firmware", 0x4000),
        ("protocols", 0x4000),
    ]
    assert sorted([name for name, _, _ in files.ilistdir("/firmware")]) == ["__init__.mpy", "main.mpy"]
    assert files.stat("/")[0] == files.stat("/firmware")[0] == files.stat("protocols")[0] == 0x4000
    assert files.stat("/firmware/main.mpy")[0] == 0x8000 and files.stat("firmware/main.mpy")[6] == 6
    for absent in ("/firm", "/main.mpy", "/firmware/main", "/irmware", "/protocols/d.mpy", "/x" * 60):
        assert raises(OSError, files.stat, absent).args[0] == 2
        assert raises(OSError, files.open, absent, "rb").args[0] == 2
    assert raises(OSError, files.open, "/firmware/main.mpy", "w").args[0] == 30
    assert raises(OSError, files.mount, False, True).args[0] == 30


def test_a_file_gives_its_bytes():
    board = confirmed()
    files = files_of(board, 1)
    held = board.slots[1].read(0, 4000)
    for path in ("firmware/__init__.mpy", "firmware/main.mpy", "protocols/a.mpy"):
        count = update.manifest_bytes(held)
        begin, length, _ = update.find(held[6 : 6 + count], path)
        begin += 6 + count + update.SEAL_BYTES
        file = files.open(path, "rb")
        data = b""
        while True:
            into = bytearray(37)
            taken = file.readinto(into)
            if not taken:
                break
            data += bytes(into[:taken])
        assert data == held[begin : begin + length]
    assert start.open_slot(board.slots[1], bytes(8)) is None
