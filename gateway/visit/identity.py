"""Knows what a board told of itself, and how that reads; knows no port."""

from typing import Any, NamedTuple

from gateway.messages import say
from gateway.visit import board_code
from gateway.visit.prompt import Prompt

_EMPTY = "no whole copy"  # firmware/settings.py: nobody has provisioned it


class Identity(NamedTuple):
    """`node` None: it is no node yet. `unsent`: records that no gateway has confirmed; None: not known. `update`: the
    number of the confirmed application, 0: the image's own; None: it has no slots. `fault`: why nothing is known."""

    target: str
    machine: str
    release: str
    unique: str
    node: int | None = None
    name: str | None = None
    schema: int | None = None
    slice: str | None = None
    unsent: int | None = None
    update: int | None = None
    slots: int = 0
    fault: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether firmware of ours is in the image."""
        return self.fault != "no firmware"

    @property
    def chip(self) -> str:
        """By the words of os.uname(): "Raspberry Pi Pico with RP2040", "Generic ESP32S3 module with ESP32S3"."""
        word = self.machine.rpartition(" with ")[2].split("-")[0].split()
        name = word[0] if word else ""
        return f"{name[:5]}-{name[5:]}" if name.startswith("ESP32") and name != "ESP32" else name


def asked(prompt: Prompt) -> Identity:
    """PromptLost, BoardRaised."""
    told: dict[str, Any] = prompt.tell(board_code.IDENTITY)
    return Identity(**{name: told[name] for name in Identity._fields if name in told})


def text(identity: Identity, lang: str | None = None) -> str:
    lines = [
        say("identity.board", lang, machine=identity.machine, release=identity.release, unique=identity.unique),
    ]
    if not identity.is_ours:
        lines.append(say("identity.foreign", lang))
    elif identity.node is None:
        lines.append(say("identity.blank", lang))
        if _EMPTY not in identity.fault:
            lines.append(say("identity.fault", lang, fault=identity.fault))
    else:
        lines.append(say("identity.node", lang, name=identity.name, id=identity.node, schema=identity.schema))
    if identity.unsent:
        lines.append(say("identity.unsent", lang, count=identity.unsent))
    if identity.update:
        lines.append(say("identity.update", lang, number=identity.update))
    return "\n".join(lines)
