"""Knows what the captured bytes of a bus say: what devices were asked, did, and measured; knows no device's inside."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from gateway.site.config import Bus, Sensor, Site
from hw_sim.capture.found import Exchange, Found, Sample, of_samples
from hw_sim.capture.notes import Note
from protocols import modbus, modbus_server, modbus_tcp
from protocols.errors import FrameError, ProtocolError
from protocols.modbus import Request
from protocols.registers import decode


def found(notes: Iterable[Note], bus: Bus, site: Site) -> Found:
    """Samples and exchanges of every sensor of the site on this bus."""
    on_bus = {sensor.unit_id: sensor for sensor in site.sensors if sensor.bus == bus.id}
    of_sensor: dict[str, list[Exchange]] = defaultdict(list)
    noted = list(notes)
    for exchange in exchanges(noted, bus.tcp is not None):
        sensor = on_bus.get(exchange.question[0])
        if sensor is not None:
            of_sensor[sensor.id].append(exchange)
    samples: dict[str, list[Sample]] = {}
    for sensor in on_bus.values():
        samples |= _samples(of_sensor[sensor.id], sensor, site)
    plain = of_samples(samples, site)
    is_whole = bool(noted) and (noted[0].direction == "open" or not plain.begin_ms)
    begin_ms = noted[0].unix_ms if is_whole else plain.begin_ms
    return Found(plain.samples, of_sensor, begin_ms, max((note.unix_ms for note in noted), default=0))


def exchanges(notes: Iterable[Note], is_tcp: bool) -> Iterator[Exchange]:
    """Each question with what came until the next one."""
    asked: Note | None = None
    heard: list[tuple[Note, int]] = []  # with its microseconds after the question
    last_us = 0
    for note in notes:
        if note.direction == "out":
            if asked is not None:
                yield from _exchange(asked, heard, is_tcp)
            asked, heard = note, []
        elif note.direction in ("open", "lost"):
            if asked is not None:
                yield from _exchange(asked, heard, is_tcp)
            asked = None
        elif asked is not None and note.data:
            # what lay there came some time after the gateway had last looked: half-way
            came_us = (last_us + note.us) // 2 if note.direction == "waited" else note.us
            heard.append((note, max(came_us - asked.us, 0)))
        last_us = note.us
    if asked is not None:
        yield from _exchange(asked, heard, is_tcp)


def _exchange(asked: Note, heard: Sequence[tuple[Note, int]], is_tcp: bool) -> Iterator[Exchange]:
    came = tuple((after_us, note.data) for note, after_us in heard)
    believed = b"".join(note.data for note, _ in heard if note.direction == "in")
    if is_tcp:
        for transaction, unit_id, pdu in _frames(asked.data):
            reply = next((p for t, u, p in _frames(believed) if (t, u) == (transaction, unit_id)), None)
            yield Exchange(asked.unix_ms, bytes((unit_id,)) + pdu, came, reply, reply is not None)
    elif modbus.rtu_ok(asked.data):
        question = asked.data[:-2]
        request = parsed(question)
        reply = modbus.RtuReply(request).feed(believed) if request is not None else None
        is_clean = reply is not None and b"".join(data for _, data in came) == modbus.rtu(question[0], reply)
        yield Exchange(asked.unix_ms, question, came, reply, is_clean)


def _frames(data: bytes) -> list[tuple[int, int, bytes]]:
    try:
        return modbus_tcp.TcpFrames().feed(data)
    except FrameError:
        return []


def parsed(question: bytes) -> Request | None:
    """The request in a unit id and PDU; None: none of ours."""
    try:
        return modbus_server.parse_request(question[0], question[1:])
    except ProtocolError:
        return None


def answered(exchange: Exchange) -> tuple[Request, tuple[int, ...]] | None:
    """What was read, where registers were."""
    request = parsed(exchange.question)
    if request is None or exchange.reply is None or request.function not in (modbus.READ_HOLDING, modbus.READ_INPUT):
        return None
    try:
        return request, request.accept(exchange.reply)
    except ProtocolError:  # refused
        return None


def _samples(story: Iterable[Exchange], sensor: Sensor, site: Site) -> dict[str, list[Sample]]:
    """What a sensor's registers said, register by register."""
    samples: dict[str, list[Sample]] = defaultdict(list)
    order = site.profile(sensor).order
    registers = site.registers(sensor)
    words: dict[int, int] = {}
    for exchange in story:
        read = answered(exchange)
        if read is None:
            continue
        request, told = read
        words |= {request.address + place: word for place, word in enumerate(told)}
        touched = range(request.address, request.address + request.quantity)
        for register in registers:
            if register.address in touched and all(address in words for address in register.addresses()):
                value, _ = decode(register, order, words)
                if value is not None:
                    samples[f"{sensor.id}.{register.name}"].append((exchange.unix_ms, value / 10**register.decimals))
    return samples
