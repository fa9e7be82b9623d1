"""Knows the radio channel between nodes and gateway at frame level: air time and loss; knows no frame's content."""

from hw_sim.clock import WorldClock
from hw_sim.streams import Stream
from hw_sim.wire import Party, Wire


class Radio(Wire):
    """Transparent UART modems on one channel: every write is one packet, heard by all others or lost for each."""

    def __init__(self, clock: WorldClock, stream: Stream, bits_per_s: int = 9600, loss: float = 0.0) -> None:
        super().__init__(clock, byte_us=8e6 / bits_per_s, first_us=20_000)
        self._stream = stream
        self.loss = loss

    def _deliver(self, sender: Party, data: bytes) -> None:
        self.transmissions += 1
        for party in list(self._parties):
            if party is not sender and not self._stream.chance(self.loss):
                party.hear(data)
