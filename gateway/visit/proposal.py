"""Knows how what was found on a bus reads: as text, and as lines of a site file; knows no line."""

from collections.abc import Sequence

from gateway.messages import quantity_text, say, unit_text
from gateway.site.library import serial_text
from gateway.visit.asking import SerialSettings
from gateway.visit.scan import Findings, Found


def text(findings: Findings, lang: str | None = None) -> str:
    """What was found, and what to do about it."""
    lines = [_device(found, lang) for found in findings.devices]
    for settings, count in findings.babble:
        lines.append(say("scan.babble", lang, serial=serial_text(*settings), count=count))
    for settings in findings.noisy:
        lines.append(say("scan.noisy", lang, serial=serial_text(*settings)))
    used = {found.settings for found in findings.devices if not found.is_garbled}
    if len(used) > 1:
        names = say("list.comma", lang).join(serial_text(*settings) for settings in sorted(used))
        lines.append(say("scan.two_settings", lang, serials=names))
    if not lines:
        lines.append(say("scan.nothing", lang))
    if not findings.is_whole and not findings.babble:
        lines.append(say("scan.broken_off", lang))
    return "\n".join(lines)


def _device(found: Found, lang: str | None) -> str:
    place = say("scan.place", lang, serial=serial_text(*found.settings), unit_id=found.unit_id)
    if found.is_garbled:
        return say("scan.garbled", lang, place=place)
    if not found.fits:
        return say("scan.unknown", lang, place=place)
    models = say("scan.or", lang).join(fit.profile.model for fit in found.fits)
    registers = found.fits[0].profile.registers
    values = [
        f"{quantity_text(name, lang)} {'-' if value is None else f'{value:g}'} {unit_text(register.unit)}".rstrip()
        for (name, value), register in zip(found.fits[0].values, registers, strict=True)
    ]
    line = say("scan.device", lang, place=place, models=models, values=say("list.comma", lang).join(values[:4]))
    return line if len(found.fits) == 1 else f"{line}\n  {say('scan.alike', lang)}"


def site_lines(findings: Findings, port: str, lang: str | None = None) -> str:
    """For each setting a bus, for each device a sensor; devices in doubt as comments."""
    devices = [found for found in findings.devices if not found.is_garbled]
    lines: list[str] = []
    for number, settings in enumerate(sorted({found.settings for found in devices}), 1):
        name = f"bus{number}"
        lines += ["[[bus]]", f'id = "{name}"', f'port = "{port}"', f"baud = {settings.baud}"]
        if settings.parity != "N":
            lines.append(f'parity = "{settings.parity}"')
        lines.append("")
        for found in devices:
            if found.settings == settings:
                lines += [*_sensor(found, name, lang), ""]
    return "\n".join(lines).rstrip()


def _sensor(found: Found, bus: str, lang: str | None) -> list[str]:
    if not found.fits:
        return [f"# unit_id {found.unit_id}: {say('scan.unknown_line', lang)}"]
    profile = found.fits[0].profile
    others = [fit.profile.model for fit in found.fits[1:]]
    lines = [
        "[[sensor]]",
        f'id = "{profile.model.rpartition("_")[2]}_{found.unit_id}"',
        f'profile = "{profile.model}"'
        + (f"   # {say('scan.or_line', lang, models=', '.join(others))}" if others else ""),
        f'bus = "{bus}"',
        f"unit_id = {found.unit_id}",
        "period_s = 60",
    ]
    if not _as_profile(found.settings, profile.baud, profile.parity, profile.stop_bits):
        lines.append('serial = "as_bus"')
    return lines


def _as_profile(settings: SerialSettings, *factory: object) -> bool:
    return tuple(settings) == factory


def is_clean(findings: Findings) -> bool:
    """Whether everything there could be told."""
    devices: Sequence[Found] = findings.devices
    return bool(devices) and findings.is_whole and not findings.noisy and not any(one.is_garbled for one in devices)
