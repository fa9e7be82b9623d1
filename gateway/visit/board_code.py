"""Knows what a technician's tool has a board's MicroPython do, as the text that is sent; knows no port.

It runs at the raw REPL of an image of our own, or finds there that the image is another one. Each piece leaves what it
found as one line of JSON. Written for MicroPython 1.25 and on.
"""

# The watchdog of an application that was interrupted goes on (CTRL, LOAD: RP2040 data sheet 4.7.6, RP2350 data sheet
# 12.9.7): a timer feeds it as long as the tool is at the prompt. By erratum RP2040-E1 it counts twice as fast.
BEGIN = """
import binascii, hashlib, json, machine, os
def tell(**found):
    print(json.dumps(found))
try:
    import rp2
    target = "rp2"
    ctrl = 0x400D8000 if "RP2350" in os.uname().machine else 0x40058000
    if machine.mem32[ctrl] >> 30 & 1:
        def fed(_):
            machine.mem32[ctrl + 4] = 0x7FFFFF
        fed(0)
        feeder = machine.Timer(-1, period=2000, callback=fed)
except ImportError:
    target = "esp32"
# The carrier's watchdog is not armed for this.
def opened():
    from firmware.boards import chip
    plan = chip.read_layout()
    plan.watchdog_ms = None
    chip.read_layout = lambda: plan
    if target == "rp2":
        from firmware.boards import rp2 as port
    else:
        from firmware.boards import esp32 as port
    return port.open_board()
def reader():
    try:
        from firmware.slice_form import parse
    except ImportError:  # images made before it had a file of its own
        from firmware.config import parse
    return parse
board = None
try:
    import firmware.board
    board = opened()
    fault = ""
except ImportError:
    fault = "no firmware"
except Exception as error:
    fault = repr(error)
"""

# What the board is, and which node it was until now. Records that no gateway has confirmed are counted.
IDENTITY = """
found = {"target": target, "machine": os.uname().machine, "release": os.uname().release, "fault": fault,
         "unique": binascii.hexlify(machine.unique_id()).decode(), "node": None, "name": None, "schema": None,
         "slice": None, "unsent": None, "update": None, "slots": 0}
if board is not None:
    from firmware.config import ConfigError
    try:
        data = board.config()
        plan = reader()(data)
        found["node"], found["name"], found["schema"] = plan.node, plan.name, plan.schema
        found["slice"] = binascii.hexlify(hashlib.sha256(data).digest()).decode()
    except ConfigError as error:
        found["fault"] = str(error)
    try:
        from firmware import journal
        from firmware.opening import End
        from firmware.ring import Ring
        end = End(Ring(board.flash, journal.NOTE_BYTES))
        found["unsent"] = max(end.next_number - 1 - max(end.released, end.oldest - 1), 0)
    except Exception as error:
        found["unsent"] = None
    if board.notes is not None:
        from firmware.boot.notes import Notes
        found["slots"] = len(board.slots)
        note = Notes(board.notes).confirmed()
        found["update"] = 0 if note is None else note.number
tell(**found)
"""

PROVISION_BEGIN = "got = bytearray()\n"
PROVISION_PIECE = 'got += binascii.unhexlify("{piece}")\n'
# Refused before anything is written, if this firmware can't read it. A journal of another node is erased: its records
# would be sent under the new identity.
PROVISION = """
plan = reader()(bytes(got))
if {erase}:
    for sector in range(board.flash.sectors):
        board.flash.erase(sector)
board.provision(bytes(got))
data = board.config()
tell(node=plan.node, name=plan.name, schema=plan.schema, slice=binascii.hexlify(hashlib.sha256(data).digest()).decode())
"""

# The node's own way to fetch an update (firmware/update.py), with the cable in the radio's place: seal, read-back,
# progress over power cuts and the trial are the same.
UPDATE_BEGIN = """
from firmware import update
key = reader()(board.config()).update_key
state = update.state_of(board, {number})
fetcher = None
try:
    if state is None:
        fetcher = update.Fetcher(board, {number}, key, {most})
        fetcher.begin_report()
    told = ""
except update.Refusal as error:
    told = str(error)
def step():
    question = None
    if fetcher is not None:
        fetcher.begin_report()
        question = fetcher.question()
    tell(state=state, ready=fetcher is not None and fetcher.ready, refused=told or (fetcher.refused if fetcher else ""),
         ask=None if question is None else binascii.hexlify(question).decode())
step()
"""
UPDATE_STEP = 'fetcher.take(binascii.unhexlify("{body}"))\nstep()\n'

# What lies in flash, for what was to lie there. RP2: the whole flash appears in memory.
READ_BACK = """
import uctypes
digest = hashlib.sha256()
at, end = {start}, {start} + {length}
while at < end:
    count = min(4096, end - at)
    digest.update(uctypes.bytearray_at(at, count))
    at += count
tell(sha256=binascii.hexlify(digest.digest()).decode())
"""

TO_LOADER = "machine.bootloader()\n"
RESTART = "machine.reset()\n"
