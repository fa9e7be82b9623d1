"""Knows who needs a switched supply, and how a Raspberry Pi switches one; knows no sensor and no time."""

from collections.abc import Callable
from typing import Any, Protocol

from gateway.site.config import Rail


class Switch(Protocol):
    """One supply; every verb may raise OSError."""

    def set(self, on: bool) -> None: ...

    def close(self) -> None:
        """Lets go of it, which leaves it off."""


class GpioSwitch:
    """A line of a GPIO chip, through the kernel's character device. Asked for at first use, and again after trouble."""

    def __init__(self, rail: Rail) -> None:
        self._rail = rail
        self._lines: Any = None

    def set(self, on: bool) -> None:
        try:
            import gpiod  # only where there is a rail: it needs a compiled library
            from gpiod.line import Direction, Value
        except ImportError as error:
            raise OSError("gpiod is not installed (pip install 'watertower[pi]')") from error
        value = Value.ACTIVE if on else Value.INACTIVE
        gpio = self._rail.gpio
        try:
            if self._lines is None:
                settings = gpiod.LineSettings(
                    direction=Direction.OUTPUT, active_low=self._rail.active_low, output_value=value
                )
                self._lines = gpiod.request_lines(f"/dev/{self._rail.chip}", {gpio: settings}, consumer="watertower")
            else:
                self._lines.set_value(gpio, value)
        except (OSError, ValueError) as error:
            self.close()
            raise OSError(f"{self._rail.chip} line {gpio}: {error}") from error

    def close(self) -> None:
        lines, self._lines = self._lines, None
        if lines is not None:
            lines.release()


class Supply:
    """A rail is on while anybody needs it. `told` hears once that it can't be switched, and once that it can again."""

    def __init__(self, id: str, switch: Switch, told: Callable[[str, dict[str, object]], None]) -> None:
        self._id = id
        self._switch = switch
        self._told = told
        self._users: set[str] = set()
        self._is_on = False  # as far as it is known
        self._failed = False

    def need(self, user: str) -> None:
        self._users.add(user)
        self._set(True)

    def leave(self, user: str) -> None:
        self._users.discard(user)
        if not self._users:
            self._set(False)

    def _set(self, on: bool) -> None:
        if on == self._is_on:
            return
        try:
            self._switch.set(on)
        except OSError as error:
            if not self._failed:
                self._told("rail_failed", {"rail": self._id, "reason": str(error)})
            self._failed = True
            return
        self._is_on = on
        if self._failed:
            self._told("rail_back", {"rail": self._id})
        self._failed = False

    def close(self) -> None:
        self._switch.close()
