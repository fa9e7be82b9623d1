"""Knows a Unix socket that is so many milliseconds away, as a program; knows nothing of what is said.

usage: python -m hw_sim.bench.far PORT SOCKET DELAY_S: forwards from that port of this machine, each way so much later.
A process of its own, since its work must not be taken for that of who is measured.
"""

import asyncio
import sys

_PIECE_BYTES = 1 << 18


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Bytes leave in their order, each so long after it came; none wait for those that are still under way."""
    loop = asyncio.get_running_loop()
    due_s = 0.0
    while piece := await reader.read(_PIECE_BYTES):
        due_s = max(loop.time() + delay_s, due_s + 1e-6)  # of two at the same time either might go first
        loop.call_at(due_s, writer.write, piece)
    loop.call_later(delay_s, writer.close)


async def main(port: int, place: str, delay_s: float) -> None:
    async def link(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(place)
        await asyncio.gather(_carry(reader, back, delay_s), _carry(there, writer, delay_s))

    async with await asyncio.start_server(link, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
