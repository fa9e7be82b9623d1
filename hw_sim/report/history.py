"""Knows the course of one run as a report shows it: truth, what arrived, faults, power, backlog; knows no picture."""

from typing import NamedTuple

Curve = list[tuple[int, float]]  # (Unix ms, value)


class ChannelHistory(NamedTuple):
    """One channel: what was true where the sensor looked, and what arrived (Unix ms, value, quality flags)."""

    name: str
    unit: str
    truth: Curve
    delivered: list[tuple[int, float, int]]
    lost: list[int]  # Unix ms of readings that never came
    wrong: list[tuple[int, float]]  # arrived, but no sensor ever said so


class FaultSpan(NamedTuple):
    """Something that happened: `end_ms` is None for a moment."""

    kind: str
    detail: str
    begin_ms: int
    end_ms: int | None


class History(NamedTuple):
    """A whole run. `judge` is "ok", else what was not accepted, a line each; `counts` is the verdict by name."""

    scenario: str
    seed: int
    begin_ms: int
    end_ms: int
    digest: str
    judge: list[str]
    counts: dict[str, int]
    channels: list[ChannelHistory]
    faults: list[FaultSpan]
    battery_v: dict[str, Curve]  # by node
    backlog_rows: dict[str, Curve]  # by uplink or node: what waits there
    link_frames: dict[str, Curve]  # by node: frames heard at the gateway in the hour that begins then
