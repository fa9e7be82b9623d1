"""Knows how sensor profiles read as text, in columns that hold for Chinese too; knows not where they come from."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import groupby

from gateway.messages import language, quantity_text, say, unit_text
from gateway.site.library import serial_text
from protocols.profile import Profile, Write
from protocols.registers import Register

_NUMBER = re.compile(r"_\d+$")


def width_of(text: str) -> int:
    """Terminal columns of `text`: two for a wide character (Unicode UAX 11)."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def columns(rows: Sequence[Sequence[str]], indent: str = "") -> list[str]:
    """Each row as one line, its cells aligned left, two spaces between."""
    widths = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    return [
        indent
        + "  ".join(cell + " " * (width - width_of(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def table(profiles: Iterable[Profile], lang: str | None = None, width: int = 100) -> str:
    """Two rows for each model: its line and what it is, below it what it measures, in `width` columns."""
    known = list(profiles)
    head = [
        say("column.model", lang),
        say("column.serial", lang),
        say("column.confidence", lang),
        say("column.what", lang),
    ]
    rows = columns([head, *(_facts(profile, lang) for profile in known)])
    indent = " " * (max(map(width_of, [head[0], *(profile.model for profile in known)])) + 2)
    lines = [rows[0], indent + say("column.quantities", lang)]
    for row, profile in zip(rows[1:], known, strict=True):
        lines.append(row)
        wrapped = _wrapped(quantities(profile, lang), width - len(indent), say("list.comma", lang))
        lines += [indent + line for line in wrapped]
    return "\n".join(lines)


def detail(profile: Profile, lang: str | None = None) -> str:
    """Everything known of one model: registers, serial line, times, quirks, source, and how sure we are."""
    lines = [f"{profile.model}  {_title(profile, lang)}", ""]
    lines += columns(
        [
            (say("column.serial", lang), _serial(profile)),
            (say("column.unit_id", lang), str(profile.unit_id)),
            (say("column.function", lang), f"{profile.function:02d}"),
            (say("column.order", lang), profile.order),
            (say("column.times", lang), _times(profile, lang)),
            (say("column.confidence", lang), say(f"confidence.{profile.confidence}", lang)),
            (say("column.source", lang), profile.source),
        ]
    )
    lines += ["", *columns([_register_head(lang), *(_register(r, lang) for r in profile.registers)])]
    quirks = _quirks(profile, lang)
    if quirks:
        lines += ["", *(f"- {quirk}" for quirk in quirks)]
    return "\n".join(lines)


def quantities(profile: Profile, lang: str | None = None) -> list[str]:
    """What a model measures, with units; numbered neighbours are one: "soil moisture 1-8 %"."""
    texts = []
    for _, group in groupby(profile.registers, lambda register: (_NUMBER.sub("_", register.name), register.unit)):
        first, *others = group
        numbers = f"-{others[-1].name.rpartition('_')[2]}" if others else ""
        texts.append(f"{quantity_text(first.name, lang)}{numbers} {unit_text(first.unit)}".rstrip())
    return texts


def _title(profile: Profile, lang: str | None) -> str:
    return profile.title_zh if language(lang) == "zh" else profile.title


def _serial(profile: Profile) -> str:
    return serial_text(profile.baud, profile.parity, profile.stop_bits)


def _facts(profile: Profile, lang: str | None) -> list[str]:
    return [profile.model, _serial(profile), say(f"sureness.{profile.confidence}", lang), _title(profile, lang)]


def _wrapped(words: Sequence[str], room: int, comma: str) -> list[str]:
    """`words` joined by `comma`, in lines of at most `room` columns (or one word)."""
    lines = [""]
    for index, word in enumerate(words):
        piece = word + (comma if index < len(words) - 1 else "")
        if lines[-1] and width_of(lines[-1]) + width_of(piece.rstrip()) > room:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def _times(profile: Profile, lang: str | None) -> str:
    return say(
        "profile.times",
        lang,
        warm_up_s=profile.warm_up_ms / 1000,
        settle_s=profile.settle_ms / 1000,
        measure_s=profile.measure_ms / 1000,
    )


def _register_head(lang: str | None) -> list[str]:
    return [
        say("column.address", lang),
        say("column.quantity", lang),
        "",
        say("column.kind", lang),
        say("column.unit", lang),
        say("column.range", lang),
        say("column.decimals", lang),
    ]


def _register(register: Register, lang: str | None) -> list[str]:
    limits = ["" if limit is None else f"{limit:g}" for limit in (register.low, register.high)]
    return [
        f"0x{register.address:04X} {register.address:5d}",
        register.name,
        quantity_text(register.name, lang),
        register.kind if register.exponent == 0 else f"{register.kind} x10^{register.exponent}",
        unit_text(register.unit),
        " .. ".join(limits).strip() if any(limits) else "",
        str(register.decimals),
    ]


def _quirks(profile: Profile, lang: str | None) -> list[str]:
    quirks = []
    if profile.start is not None:
        function, address, quantity = profile.start
        quirks.append(
            say("profile.start", lang, function=f"{function:02d}", address=f"0x{address:04X}", quantity=quantity)
        )
    if profile.wipe is not None:
        function, address, quantity = profile.wipe
        told = {"function": f"{function:02d}", "address": f"0x{address:04X}", "quantity": quantity}
        quirks.append(say("profile.wipe", lang, **told, seconds=profile.wipe_ms / 1000))
    if profile.busy_retry_ms:
        quirks.append(say("profile.busy", lang, seconds=profile.busy_retry_ms / 1000))
    if profile.silent_on_unknown:
        quirks.append(say("profile.silent", lang))
    if profile.reserved_unit_ids:
        quirks.append(say("profile.reserved", lang, unit_ids=", ".join(map(str, profile.reserved_unit_ids))))
    if profile.max_words < 125:
        quirks.append(say("profile.max_words", lang, words=profile.max_words))
    for register in profile.registers:
        if register.invalid:
            raws = ", ".join(f"0x{raw & 0xFFFFFFFF:X}" for raw in register.invalid)
            quirks.append(say("profile.invalid", lang, name=register.name, raws=raws))
        if register.point_at is not None:
            quirks.append(say("profile.point_at", lang, name=register.name, address=f"0x{register.point_at:04X}"))
    if profile.latency_ms != 300:
        quirks.append(say("profile.latency", lang, milliseconds=profile.latency_ms))
    if profile.writes:
        quirks.append(say("profile.writes", lang, names=", ".join(map(_write, profile.writes))))
    if profile.power_mw is not None:
        quirks.append(say("profile.power", lang, milliwatts=profile.power_mw))
    if profile.notes:
        quirks.append(profile.notes)
    return quirks


def _write(write: Write) -> str:
    """A command's name, and the values it takes."""
    if write.kind is None:
        return write.name
    low, high = (limit / 10**write.decimals for limit in (write.low, write.high))
    return f"{write.name} {low:g} .. {high:g}"
