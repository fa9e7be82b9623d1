"""Knows how bytes leave and enter a UART: RS-485 direction, a radio modem's AUX; knows no pin number and no protocol.

Compiled, type-checked and tested with a hand-made UART; never run on silicon. UART and pins come opened: chip.py.
A carrier board ties the receiver's enable to the direction pin, so that a node doesn't hear itself.
"""

from firmware.board import Radio
from firmware.boards.clock import Clock

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from collections.abc import Callable
    from typing import Protocol

    class Uart(Protocol):
        """What MicroPython's machine.UART gives."""

        def any(self) -> int: ...
        def read(self, __count: int) -> bytes | None: ...
        def write(self, __data: bytes) -> int | None: ...
        def flush(self) -> None: ...


# Each way, in bytes. The longest Modbus frame has 256 (Serial Line V1.02, 2.3), one of the link 250 before stuffing.
# With room for all of it write() returns at once, and rp2's can't give up half-way (ports/rp2/machine_uart.c).
BUFFER_BYTES = 512

_POLL_MS = 1  # about one character at 9600 baud
# A transparent modem that is busy this long has lost its AUX wire: 100 bytes take 1.5 s at 1.2 kbit/s (EBYTE
# E22-400T30D manual, 5.6.4), a frame of the link 3.8 s. Its buffer of 1000 bytes takes the frame in any case (5.6.2).
BUSY_LIMIT_MS = 5000
MODE_MS = (
    2  # a mode is in force 1 ms after AUX has risen, 2 at most (same manual, 5.7); leaving sleep, the modem sets its
)
# parameters again meanwhile, with AUX low
AUX_SETTLE_MS = 2  # "until AUX rising edge lasts for 2 ms" (same manual, 5.6.4)


def character_bits(parity: str, stop_bits: int) -> int:
    """Bits of one character on the wire: start, eight of data, parity, stop."""
    return 9 + (parity != "N") + stop_bits


def guard_us(count: int, bits: int, baud: int, since_us: int) -> int:
    """How long the last stop bit of `count` characters is still to come, `since_us` after the first start bit."""
    return max(-(-count * bits * 1_000_000 // baud) - since_us, 0)


class UartLine(Radio):
    """A serial line, or a cable instead of a modem. `drive(1)` turns an RS-485 transceiver to sending, `drive(0)`
    releases the bus."""

    def __init__(
        self, uart: "Uart", baud: int, bits: int, clock: Clock, drive: "Callable[[int], None] | None" = None
    ) -> None:
        self._uart = uart
        self._baud = baud
        self._bits = bits
        self._clock = clock
        self._drive = drive

    async def write(self, data: bytes) -> None:
        if self._drive is not None:
            self._drive(1)
        try:
            for start in range(0, len(data), BUFFER_BYTES):
                self._send(data[start : start + BUFFER_BYTES])
        finally:  # a bus that stays driven is lost for everybody on it
            if self._drive is not None:
                self._drive(0)

    def _send(self, data: bytes) -> None:
        """flush() is exact on ESP32 (uart_wait_tx_done) and on RP2 since 1.25 (micropython PR 16052); before, it
        returned during the last character (PR 9116). The character times decide in both cases: write() has put the
        first start bit on the wire when it returns."""
        self._uart.write(data)
        mark = self._clock.mark_us()
        self._uart.flush()
        left_us = guard_us(len(data), self._bits, self._baud, self._clock.since_us(mark))
        if left_us:
            self._clock.spin_us(left_us)

    async def read(self, timeout_ms: int) -> bytes:
        end_ms = self._clock.now_ms() + timeout_ms
        while True:
            data = self.pending()
            if data or self._clock.now_ms() >= end_ms:
                return data
            self._clock.pause_ms(_POLL_MS)

    def pending(self) -> bytes:
        count = self._uart.any()
        return (self._uart.read(count) or b"") if count else b""


class ModemLine(UartLine):
    """A transparent radio modem. `ready()` is its AUX pin: 0 while it sends, receives or tests itself. `mode(sleeps)`
    sets both mode pins, M0 and M1, of an E22: 0 0 transparent, 1 1 asleep; None: it never sleeps."""

    def __init__(
        self,
        uart: "Uart",
        baud: int,
        clock: Clock,
        ready: "Callable[[], int]",
        mode: "Callable[[int], None] | None" = None,
    ) -> None:
        super().__init__(uart, baud, character_bits("N", 1), clock)
        self._ready = ready
        self._mode = mode
        self._asleep = False

    async def write(self, data: bytes) -> None:
        """Returns when it has left the air, as far as AUX tells: an answer's time begins then."""
        await self.wake()
        self._await_ready()
        await super().write(data)
        self._await_ready()

    async def wake(self) -> None:
        if self._mode is not None and self._asleep:
            self._mode(0)
            self._asleep = False
            self._clock.pause_ms(MODE_MS)  # until AUX has fallen
            self._await_ready()

    async def rest(self) -> None:
        """It first sends what it still holds."""
        if self._mode is not None and not self._asleep:
            self._await_ready()
            self._mode(1)
            self._asleep = True
            self._clock.pause_ms(MODE_MS)

    def is_busy(self) -> bool:
        """AUX low when nothing of ours is under way: it hears somebody."""
        return not self._asleep and not self._ready()

    def _await_ready(self) -> None:
        if self._ready():
            return
        end_ms = self._clock.now_ms() + BUSY_LIMIT_MS
        while not self._ready() and self._clock.now_ms() < end_ms:
            self._clock.pause_ms(_POLL_MS)
        self._clock.pause_ms(AUX_SETTLE_MS)
