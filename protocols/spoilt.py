"""Knows what may be made of a reply that did not come, or not whole; knows no line. Loaded with the first such one.

The doubts behind it are in protocols/modbus_client.py.
"""

from protocols import modbus
from protocols.errors import FrameError, NoReply
from protocols.modbus import Request, same_shape


def is_damaged(request: Request, came: bytearray, strictly: bool = False) -> bool:
    """Whether what came is as good as certainly the reply, spoilt: its head up to two bits, its length up to one
    character; strictly: neither. Noise alone looks so once in 50,000 times, and only with that length."""
    head = [request.unit_id, request.function, request.pdu()[1]]
    if request.function in (modbus.READ_HOLDING, modbus.READ_INPUT):
        head[2] = request.reply_length() - 2
    if abs(len(came) - request.reply_length() - 3) > (0 if strictly else 1):
        return False
    wrong = 0
    for i in range(3):
        bits = came[i] ^ head[i]
        while bits:
            bits &= bits - 1
            wrong += 1
    return wrong <= (0 if strictly else 2)


def diagnosis(request: Request, came: bytearray) -> str:
    """Why there is no reply, for people: what came instead."""
    frame = bytes(came)
    if not frame:
        return "silence"
    if not modbus.rtu_ok(frame):
        return "noise or damaged frame"
    if frame[0] != request.unit_id:
        return "answer of unit %d" % frame[0]
    return "answer to another request"


def is_nobody_elses(request: Request, came: bytearray, owed: "dict[int, list[tuple[int, Request]]]") -> bool:
    """Whether a damaged reply to `request` can be no late one: other units owe nothing, and this one nothing of
    this shape. As devices answer in order, it owes nothing any more then."""
    if not owed:
        return True
    if list(owed) != [request.unit_id] or not is_damaged(request, came, strictly=True):
        return False
    return not any(same_shape(request, question) for _, question in owed[request.unit_id])


def failure(request: Request, came: bytearray) -> Exception:
    """NoReply after silence, else FrameError."""
    why = diagnosis(request, came)
    what = "unit %d, register 0x%04X: %s" % (request.unit_id, request.address, why)
    return NoReply(what) if why == "silence" else FrameError(what)


def probe(request: Request, owed: "list[tuple[int, Request]]") -> Request:
    """A harmless question whose answer no owed answer can be taken for: fewer words, the other read function, or, for a
    sensor of one register, one word more."""
    for quantity in list(range(max(request.quantity - 1, 1), 0, -1)) + [2]:
        for function in (request.function, modbus.READ_HOLDING, modbus.READ_INPUT):
            if function in (modbus.READ_HOLDING, modbus.READ_INPUT):
                probe = Request(request.unit_id, function, request.address, quantity)
                if not any(same_shape(probe, question) for _, question in owed):
                    return probe
    raise NoReply("unit %d owes too many answers" % request.unit_id)
