"""Knows how a boot comes to its application: door, slot, failure; knows no chip (a Port) and no application.

It never formats and never loops: each boot launches once, and after a failure the next one sleeps first. What the
application did with the hardware is undone by a reset only, so a failed one is never followed by another in the same
boot.
"""

import gc
import sys

from firmware.boot.notes import Note, Notes
from firmware.boot.slot import SlotFiles, open_slot

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from firmware.board import Flash

FRESH = 0  # power has come: the first time, a timer, or a brown-out is over
WOKE = 1  # from deep sleep, or a restart that the application wanted
HUNG = 2  # reset while the application ran: a watchdog, a crash of the interpreter
RAISED = 3  # the application ended in an exception, which is noted already

WINDOW_MS = 3000  # for a technician who presses Ctrl-C: the issue's
REST_MS = 60_000  # asleep after a failure: so a loop of crashes costs a hundredth of being awake; ours
PLACE = "/app"  # where a slot is mounted


class Port:
    """One chip's part of a boot."""

    slots: "tuple[Flash, ...]" = ()
    notes: "Flash | None" = None
    gated = False  # each wake is a power-on: no window

    def last(self) -> int:
        """How the boot before ended: one of the above."""
        raise NotImplementedError

    def mark(self, end: int) -> None:
        """What last() of the next boot shall say if that comes by a reset: kept without wear, lost with the power."""
        raise NotImplementedError

    def strap(self) -> bool:
        """Whether a technician keeps the door open."""
        return False

    def pause_ms(self, duration_ms: int) -> None:
        """Awake, so that the console lives. KeyboardInterrupt passes."""
        raise NotImplementedError

    def sleep_ms(self, duration_ms: int) -> None:
        """With as little current as can be."""
        raise NotImplementedError

    def reset(self) -> None:
        raise NotImplementedError

    def launch(self, files: "SlotFiles | None", slot: "int | None", on_trial: bool) -> None:
        """Runs the application out of a slot (None: the one frozen into the image); it never returns well."""
        if files is not None:
            import vfs

            vfs.mount(files, PLACE, readonly=True)
            sys.path.insert(0, PLACE)
        forget()
        main = __import__("firmware.main", None, None, ("main",)).main
        main(slot, on_trial)

    def say(self, text: str) -> None:
        print(text)


def forget() -> None:
    """A package is searched where it was found first: what the boot imported must not bind the application to it."""
    for name in list(sys.modules):
        if name.split(".")[0] in ("firmware", "protocols"):
            del sys.modules[name]
    gc.collect()


def boot(port: Port) -> None:
    """One boot. Returns when a technician is at the door; else ends in a reset."""
    if port.strap():
        port.say("strap: the prompt is yours; firmware.boot starts without it")
        return
    last = port.last()
    if last == FRESH and not port.gated:
        port.say("Ctrl-C within %d s: the prompt is yours" % (WINDOW_MS // 1000))
        port.pause_ms(WINDOW_MS)
    notes = read_notes(port)
    note, files = choose(notes, port.slots)
    if last == HUNG and notes is not None and note is not None:
        notes.fail(note)
        note, files = choose(notes, port.slots)
    if last in (HUNG, RAISED):
        port.sleep_ms(REST_MS)
    port.mark(HUNG)
    try:
        if note is None:
            port.launch(None, None, False)
        else:
            port.launch(files, note.slot, note.on_trial)
    except KeyboardInterrupt:  # a technician; the watchdog will not wait for him
        port.mark(WOKE)
        raise
    except (Exception, SystemExit) as error:
        port.say("the application failed: %r" % error)
    if notes is not None and note is not None:  # one that returns has failed, too
        notes.fail(note)
    port.mark(RAISED)
    port.reset()


def read_notes(port: Port) -> "Notes | None":
    """None: there are none, or the flash does not answer."""
    if port.notes is None:
        return None
    try:
        return Notes(port.notes)
    except Exception as error:
        port.say("notes: %r" % error)
        return None


def choose(notes: "Notes | None", slots: "tuple[Flash, ...]") -> "tuple[Note | None, SlotFiles | None]":
    """The best note whose slot holds what it says; (None, None): the application frozen into the image."""
    for note in notes.choices() if notes is not None else ():
        if note.slot < len(slots):
            try:
                files = open_slot(slots[note.slot], note.fingerprint)
            except Exception:  # a flash that does not answer
                files = None
            if files is not None:
                return note, files
    return None, None
