"""Knows what the firmware asks of hardware; knows no hardware. boards/ and the simulator each give one Board.

Coroutines may block (a board in light sleep has nothing else to do) or await virtual time.
"""


class Flash:
    """Raw NOR flash outside any file system: erased bytes are 0xFF, a write only clears bits."""

    sectors = 0
    sector_bytes = 4096

    def read(self, offset: int, count: int) -> bytes:
        raise NotImplementedError

    def write(self, offset: int, data: bytes) -> None:
        """Returns when the bytes are programmed."""
        raise NotImplementedError

    def erase(self, sector: int) -> None:
        raise NotImplementedError


class Line:
    """A serial line: RS-485 with the driver released after the last stop bit, or a radio modem."""

    async def write(self, data: bytes) -> None:
        """Returns when the last bit has left."""
        raise NotImplementedError

    async def read(self, timeout_ms: int) -> bytes:
        """What has come, as soon as something has; b"" after the timeout."""
        raise NotImplementedError

    def pending(self) -> bytes:
        """What has come already, without waiting."""
        raise NotImplementedError


class Board:
    """One node's hardware. `flash` holds the journal, `radio` is the modem towards the gateway."""

    flash: Flash
    radio: Line

    def monotonic_ms(self) -> int:
        """Milliseconds since power-on; never wraps, goes on through sleep."""
        raise NotImplementedError

    def random(self, below: int) -> int:
        raise NotImplementedError

    def config(self) -> bytes:
        """This node's slice of the site file, as provisioned."""
        raise NotImplementedError

    def rail(self, name: str, on: bool) -> None:
        """Switches a supply for sensors."""
        raise NotImplementedError

    def line(self, bus: str, baud: int, parity: str, stop_bits: int) -> Line:
        """Opens an RS-485 bus by its name in the site file."""
        raise NotImplementedError

    async def sleep_ms(self, duration_ms: int) -> None:
        """Sleeps with as little current as the board can, memory kept."""
        raise NotImplementedError

    def log(self, text: str) -> None:
        """A line for a technician on the cable; costs nothing when nobody listens."""
        raise NotImplementedError
