"""Knows how single values are laid over a site file before it is checked: `--set PATH=VALUE`; knows no table's form."""

import re
import tomllib
from typing import Any

from gateway.faults import Fault, Tree, nearest


def override(tree: Tree, target: str, text: str) -> list[Fault]:
    """Sets one value of `tree`: target "uplink[0].port", or by id or name "uplink.platform.port"."""
    steps = [int(index) if index else name for index, name in re.findall(r"\[(\d+)\]|([^.\[\]]+)", target)]
    place: Any = tree
    for step in steps[:-1]:
        outer, place = place, _inside(place, step)
        if place is None:
            hint = nearest(str(step), _named(outer)) if isinstance(outer, list) else None
            return [Fault(target, "fault.override", hint, step=step)]
    if not steps or isinstance(steps[-1], int) or not isinstance(place, dict):
        return [Fault(target, "fault.override", step=target)]
    place[steps[-1]] = _toml_value(text)
    return []


def _inside(place: Any, step: int | str) -> Any:
    """The part of `place` that a key, an index, or an id or name in a list leads to; None: there is none."""
    if isinstance(place, dict) and isinstance(step, str):
        return place.setdefault(step, {})
    if isinstance(place, list) and isinstance(step, int):
        return place[step] if step < len(place) else None
    return _named(place).get(str(step)) if isinstance(place, list) else None


def _named(rows: list[Any]) -> dict[str, Any]:
    return {str(row[key]): row for key in ("name", "id") for row in rows if isinstance(row, dict) and key in row}


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
