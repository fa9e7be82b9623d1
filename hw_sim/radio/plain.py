"""Knows a radio channel without places at frame level: air time and a loss that is the same for all; knows no frame's
content. One with distance, fading and collisions is in hw_sim/radio/channel.py."""

from hw_sim.bus.wire import Party, Wire
from hw_sim.clock import WorldClock
from hw_sim.streams import Stream


class Radio(Wire):
    """Transparent UART modems on one channel: every write is one packet, heard by all others or lost for each."""

    def __init__(self, clock: WorldClock, stream: Stream, bits_per_s: int = 9600, loss: float = 0.0) -> None:
        super().__init__(clock, byte_us=8e6 / bits_per_s, first_us=20_000)
        self._stream = stream
        self.loss = loss

    def at(self, node: str) -> Wire:
        """The channel as it is at that node: here, everywhere the same."""
        return self

    def _deliver(self, sender: Party, data: bytes) -> None:
        self.transmissions += 1
        for party in list(self._parties):
            if party is not sender and not self._stream.chance(self.loss):
                party.hear(data)
