"""Knows how the site files of tests begin, and how one is written; knows no test's sensors."""

from pathlib import Path


def station(id: str, name: str, altitude_m: float, latitude: float = 34.9, longitude: float = 98.2) -> str:
    return (
        f'[station]\nid = "{id}"\nname = "{name}"\nlatitude = {latitude}\nlongitude = {longitude}\n'
        f"altitude_m = {altitude_m}\n"
    )


UPPER = station("upper", "Upper bridge", 4270)


def write(folder: Path, *parts: str) -> Path:
    """`site.toml` in the folder, made of these; only its owner reads it, as `doctor` wants it."""
    path = folder / "site.toml"
    path.write_text("".join(parts), "utf-8")
    path.chmod(0o600)
    return path
