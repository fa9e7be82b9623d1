"""Knows `watertower sim platform sl651`: a centre on a TCP port in real time, and its live table; knows no gateway."""

import argparse
import asyncio
import contextlib
import time

from gateway import option_values
from gateway.messages import say
from hw_sim.platforms.faults import Injection
from hw_sim.platforms.sl651 import Centre, Said, Value
from protocols.fixed_point import decimal_text
from protocols.sl651 import functions
from protocols.sl651.elements import BLOCKS, ELEMENTS

_LOOK_S = 0.2


def add(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser) -> None:
    parser = kinds.add_parser("sl651", parents=[shared], help=say("help.sim_sl651"))
    parser.add_argument("--port", type=int, required=True, help=say("help.sim_port"))
    parser.add_argument("--address", type=int, default=1, help=say("help.sl651_address"))
    parser.add_argument("--station", default="0012345678", help=say("help.sl651_station"))
    parser.add_argument("--password", default="A000", help=say("help.sl651_password"))
    parser.add_argument("--for", dest="seconds", type=option_values.span_s, metavar="SECONDS", help=say("help.for"))
    parser.add_argument("--ask", type=float, metavar="SECONDS", help=say("help.sl651_ask"))
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=NUMBER", help=say("help.sl651_fault"))
    parser.add_argument(
        "--order", action="append", default=[], metavar="FUNCTION", type=_function, help=say("help.sl651_order")
    )
    parser.add_argument("--mode", choices=("M1", "M2", "M3", "M4"), default="M2", help=say("help.sl651_mode"))
    parser.add_argument("--form", choices=("hex", "ascii"), default="hex", help=say("help.sl651_form"))
    parser.set_defaults(sim=run)


def _function(text: str) -> int:
    found = int(text, 16)
    if found not in functions.KNOWN:
        raise ValueError(text)
    return found


def run(args: argparse.Namespace) -> int:
    centre = Centre(args.address, {args.station: args.password}, lambda: time.time_ns() // 1_000_000, args.mode)
    centre.form = args.form
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(centre, Injection(centre.faults, args.fault), args))
    for complaint in centre.ledger.complaints:
        print(say("sl651.complaint", text=complaint))
    return 1 if centre.ledger.complaints else 0


async def _serve(centre: Centre, injection: Injection, args: argparse.Namespace) -> None:
    writers: set[asyncio.StreamWriter] = set()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        centre.connected()
        writers.add(writer)
        try:
            for function in args.order:
                await _send(writer, centre.ask(args.station, function))
            while data := await reader.read(4096):
                for said in centre.feed(data):
                    await _send(writer, said)
        except OSError:
            pass
        finally:
            writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", args.port)
    async with server:
        print(say("sl651.listens", port=server.sockets[0].getsockname()[1], station=args.station), flush=True)
        began_s, asked_s, shown = time.monotonic(), time.monotonic(), 0
        while args.seconds is None or time.monotonic() - began_s < args.seconds:
            await asyncio.sleep(_LOOK_S)
            injection.step(time.monotonic() - began_s)
            for value in centre.ledger.values[shown:]:
                print(line(value), flush=True)
            shown = len(centre.ledger.values)
            if args.ask is not None and writers and time.monotonic() - asked_s >= args.ask:
                asked_s = time.monotonic()
                for writer in writers:
                    await _send(writer, centre.ask(args.station, functions.QUERY_NOW))


async def _send(writer: asyncio.StreamWriter, said: Said) -> None:
    await asyncio.sleep(said.delay_s)
    writer.write(said.data)
    await writer.drain()
    if said.hangs_up:
        writer.close()


def line(value: Value) -> str:
    """One value for people: when it came, which report, when it was, what."""
    at = time.strftime("%H:%M:%S", time.gmtime(value.at_ms / 1000 + 8 * 3600))
    name, unit = _named(value.element)
    text = value.raw if value.value is None else decimal_text(value.value, value.decimals)
    return f"{at}  {value.function:02X}  {value.observed}  {value.element:4} {name:6} {text:>10} {unit}".rstrip()


def _named(id: str) -> tuple[str, str]:
    if id in BLOCKS:
        return BLOCKS[id][0], BLOCKS[id][3]
    return (ELEMENTS[id].ascii, ELEMENTS[id].unit) if id in ELEMENTS else ("", "")
