"""Knows what the firmware asks of hardware; knows no hardware. boards/ and the simulator each give one Board.

Coroutines may block (a board in light sleep has nothing else to do) or await virtual time.
"""


class Flash:
    """Raw NOR flash outside any file system: erased bytes are 0xFF, a write only clears bits."""

    sectors = 0
    sector_bytes = 4096

    if 0:  # what each must give: for readers and mypy, in no compiled code

        def read(self, offset: int, count: int) -> bytes:
            raise NotImplementedError

        def write(self, offset: int, data: bytes) -> None:
            """Returns when the bytes are programmed."""
            raise NotImplementedError

        def erase(self, sector: int) -> None:
            raise NotImplementedError


class Line:
    """A serial line: RS-485 with the driver released after the last stop bit, or a radio modem."""

    if 0:  # what each must give: for readers and mypy, in no compiled code

        async def write(self, data: bytes) -> None:
            """Returns when the last bit has left."""
            raise NotImplementedError

        async def read(self, timeout_ms: int) -> bytes:
            """What has come, as soon as something has; b"" after the timeout."""
            raise NotImplementedError

        def pending(self) -> bytes:
            """What has come already, without waiting."""
            raise NotImplementedError


class Radio(Line):
    """The modem towards the gateway. It hears from wake() to rest(); a cable is always awake."""

    async def wake(self) -> None:
        """Returns when it can send and hears."""

    async def rest(self) -> None:
        """As little current as it can; what others send is lost."""

    def is_busy(self) -> bool:
        """Listen before talk: somebody is heard on the channel. False where the modem can't tell."""
        return False


class Board:
    """One node's hardware. `flash` holds the journal, `settings` the slice, twice; `slots` are the two places of the
    application, `notes` what a boot must know of them (none where the application can't be exchanged)."""

    flash: Flash
    radio: Radio
    settings: Flash | None = None
    slots: tuple[Flash, ...] = ()
    notes: Flash | None = None
    target = ""  # the kind of board in an update's manifest
    running: int | None = None  # the slot that the application came out of; None: frozen into the image
    on_trial = False  # the application has yet to prove itself: firmware/update.py
    gated = False  # an external timer takes the whole supply away between wakes: power_down()

    if 0:  # what each must give: for readers and mypy, in no compiled code

        def monotonic_ms(self) -> int:
            """Milliseconds since power-on; never wraps, goes on through sleep."""
            raise NotImplementedError

        def random(self, below: int) -> int:
            raise NotImplementedError

        def config(self, mend: bool = False) -> bytes:
            """This node's slice of the site file, as provisioned. `mend`: the voltage is safe, so a copy of
            it that has rotted may be written again."""
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

        async def power_down(self, duration_ms: int) -> None:
            """Of a gated board: ends this boot; the next begins so much later. Nothing but flash stays."""
            raise NotImplementedError

        async def restart(self) -> None:
            """Ends this boot; the next begins at once."""
            raise NotImplementedError

        def log(self, text: str) -> None:
            """A line for a technician on the cable; costs nothing when nobody listens."""
            raise NotImplementedError

    def clock_ms(self) -> int | None:
        """Unix milliseconds now by a clock with a battery of its own; None: the board has none, or it was reset."""
        return None

    def set_clock(self, unix_ms: int) -> None:
        """Sets that clock, where there is one."""

    def battery_mv(self) -> int | None:
        """The supply's voltage under the present load; None: not measured."""
        return None

    def temperature_dc(self) -> int | None:
        """Tenths of a degree Celsius at the battery; None: not measured."""
        return None

    def charge(self, allowed: bool) -> None:
        """Whether the charger may charge: an output, where there is one."""
