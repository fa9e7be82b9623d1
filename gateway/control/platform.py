"""Knows how a platform that signs no orders is let do what the site file allows it; knows no message and no broker."""

from gateway.control.commands import COMMANDS, may
from gateway.control.desk import Desk


class Platform:
    """Behind one uplink. `role` None: it may do nothing. Whoever can write to the broker's command topics is believed:
    this is worth what the broker's topic rights are."""

    def __init__(self, desk: Desk, uplink: str, role: str | None) -> None:
        self._desk = desk
        self._uplink = uplink
        self.role = role

    def may(self, command: str) -> bool:
        """Whether it is worth a try."""
        return self.role is not None and may(self.role, COMMANDS[command])

    async def ask(self, command: str, argument: object) -> dict[str, object]:
        """Never raises. A refusal has "result": "refused" and a "reason"."""
        if self.role is None:
            self.refuse("role")
            return {"result": "refused", "reason": "role"}
        return await self._desk.ask(self._uplink, self.role, command, argument, self._uplink, "uplink")

    def refuse(self, reason: str) -> None:
        """Something came that is no command: counted, and the first of its kind noted."""
        self._desk.refuse(reason, f"{self._uplink}@uplink")
