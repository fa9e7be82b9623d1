"""Knows `watertower sim platform hj212`: a platform on a TCP port, with its live table; knows no gateway."""

import argparse
import asyncio
import contextlib
import time

from gateway import option_values
from gateway.messages import language, say
from hw_sim.platforms.faults import Injection
from hw_sim.platforms.hj212 import Platform, Station, Value
from hw_sim.platforms.sl651 import Said
from protocols.hj212.factors import find
from protocols.hj212.packet import VERSIONS, items_of

_LOOK_S = 0.2
_GREETING = (("1012", ()), ("1000", items_of(("OverTime", 10), ("ReCount", 3))))
MN, PASSWORD = "010000A8900016F000169DC0", "123456"  # of the examples of HJ 212-2017


def add(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser) -> None:
    parser = kinds.add_parser("hj212", parents=[shared], help=say("help.sim_hj212"))
    parser.add_argument("--port", type=int, required=True, help=say("help.sim_port"))
    parser.add_argument("--mn", default=MN, help=say("help.hj212_mn"))
    parser.add_argument("--st", default="21", help=say("help.hj212_st"))
    parser.add_argument("--password", default=PASSWORD, help=say("help.hj212_password"))
    parser.add_argument("--version", choices=sorted(VERSIONS), default="2017", help=say("help.hj212_version"))
    parser.add_argument("--key", metavar="KEY", help=say("help.hj212_key"))
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=NUMBER", help=say("help.hj212_fault"))
    parser.add_argument("--ask", metavar="CN", action="append", default=[], help=say("help.hj212_ask"))
    parser.add_argument("--for", dest="seconds", type=option_values.span_s, metavar="SECONDS", help=say("help.for"))
    parser.set_defaults(sim=run)


def run(args: argparse.Namespace) -> int:
    ciphers = None
    if args.key is not None:
        from gateway.uplink.hj212.sm4 import cipher, decipher, key_of

        key = key_of(args.key)
        if key is None:
            raise SystemExit(say("hj212.no_key"))
        ciphers = (decipher(key), cipher(key))
    station = Station(args.password, args.st, VERSIONS[args.version], ciphers)
    greets = [*_GREETING, *((cn, ()) for cn in args.ask)]
    platform = Platform({args.mn: station}, lambda: time.time_ns() // 1_000_000, greets)
    injection = Injection(platform.faults, args.fault)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(platform, injection, args))
    for complaint in platform.ledger.complaints:
        print(say("hj212.complaint", text=complaint))
    return 1 if platform.ledger.complaints else 0


async def _serve(platform: Platform, injection: Injection, args: argparse.Namespace) -> None:
    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        platform.connected()
        try:
            while data := await reader.read(4096):
                for said in platform.feed(data):
                    await _send(writer, said)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", args.port)
    async with server:
        print(say("hj212.listens", port=server.sockets[0].getsockname()[1], mn=args.mn), flush=True)
        began_s, shown = time.monotonic(), 0
        while args.seconds is None or time.monotonic() - began_s < args.seconds:
            await asyncio.sleep(_LOOK_S)
            injection.step(time.monotonic() - began_s)
            for value in platform.ledger.values[shown:]:
                print(line(value), flush=True)
            shown = len(platform.ledger.values)


async def _send(writer: asyncio.StreamWriter, said: Said) -> None:
    await asyncio.sleep(said.delay_s)
    writer.write(said.data)
    await writer.drain()
    if said.hangs_up:
        writer.close()


def line(value: Value) -> str:
    """One factor for people: when it came, which report, of when, what."""
    at = time.strftime("%H:%M:%S", time.gmtime(value.at_ms / 1000 + 8 * 3600))
    factor = find(value.code)
    name = "" if factor is None else factor.zh if language() == "zh" or not factor.en else factor.en
    unit = "" if factor is None else factor.unit
    said = "  ".join(f"{suffix} {text}" for suffix, text in value.values.items())
    late = "  RF" if value.is_late else ""
    return f"{at}  {value.cn}  {value.moment}  {value.code:6} {value.mark} {name} {said} {unit}{late}".rstrip()
