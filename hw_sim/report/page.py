"""Knows how the report's one HTML file is put together, offline and safe to open; knows nothing of how it draws."""

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from html import escape
from pathlib import Path

from gateway.messages import catalogue, language, say, unit_text
from hw_sim.report.contents import Contents, channel_text, contents, kind_text, span_of
from hw_sim.report.history import History
from protocols import worth

_FOLDER = Path(__file__).parent
_SCRIPTS = ("decode.js", "scale.js", "draw.js", "rows.js", "view.js", "main.js")
_SLOT = re.compile(r"\{\{(say\.)?([a-z_]+)\}\}")
_SAID = re.compile(r'\bsay\("([a-z_]+)"')
_FLAG_BITS = [1 << bit for bit in range(16)]


def render(history: History, lang: str) -> str:
    """The report as one HTML file that needs no network. `lang` as gateway.messages.language() takes it.

    The same history gives the same bytes.
    """
    lang = language(lang)
    script, style = _script(), _text("page.css")
    flags = {bit: say(f"quality.{name}", lang) for bit in _FLAG_BITS for name in worth.names(bit)}
    texts = {key: catalogue()[f"report.{key}"][lang] for key in sorted({*_SAID.findall(script)})}
    charts = contents(history, lang, texts, flags)
    slots = {
        "lang": "zh-CN" if lang == "zh" else "en",
        "zone": "480" if lang == "zh" else "0",  # minutes: Chinese field work is dated in Beijing time
        "script_hash": _hash(script),
        "style_hash": _hash(style),
        "style": style,
        "script": script,
        # JSON inside HTML: no "<" may stand there, or a text could end the element
        "data": charts.json.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"),
        "title": escape(say("report.title", lang, scenario=history.scenario)),
        "scenario": escape(history.scenario),
        "seed": str(history.seed),
        "digest": escape(history.digest),
        "hash_hidden": "" if history.digest else " hidden",  # real time has none
        "period": _period(history, lang),
        "bucket_note": escape(say("report.bucket_note", lang, bucket=_duration(charts.bucket_s * 1000, lang))),
        **_verdict(history, lang),
        "counts": _counts(history.counts, lang),
        "channel_rows": _channel_rows(history, charts, lang),
        "fault_rows": _fault_rows(history, lang),
        "fault_count": str(len(history.faults)),
    }

    def fill(match: re.Match[str]) -> str:
        return escape(say(f"report.{match[2]}", lang)) if match[1] else slots[match[2]]

    return _SLOT.sub(fill, _text("page.html"))


@cache
def _text(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


@cache
def _script() -> str:
    return '"use strict";\n(() => {\n' + "\n".join(_text(name) for name in _SCRIPTS) + "})();\n"


def _hash(text: str) -> str:
    """The source expression that lets exactly this text run (Content Security Policy Level 3, 2.3.1)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _verdict(history: History, lang: str) -> dict[str, str]:
    state = "accepted" if history.judge == ["ok"] else "refused" if history.judge else "unjudged"
    words = {name: f"{count:,}" for name, count in history.counts.items()}
    needed = ("measured", "delivered", "lost", "wrong_values", "wrong_times", "duplicates")
    sentence = ""
    if all(name in words for name in needed):
        sentence = say("report.sentence", lang, **{name: words[name] for name in needed})
    faults = "".join(f"<li>{escape(line)}</li>" for line in history.judge) if state == "refused" else ""
    return {
        "state": state,
        "verdict": escape(say(f"report.{state}", lang)),
        "sentence": escape(sentence),
        "refusals": f'<ul class="refusals">{faults}</ul>' if faults else "",
    }


def _counts(counts: Mapping[str, int], lang: str) -> str:
    tiles = []
    for name, count in counts.items():
        known = f"report_count.{name}" in catalogue()
        words = say(f"report_count.{name}", lang) if known else name.replace("_", " ")
        tiles.append(f"<div><dt>{escape(words)}</dt><dd>{count:,}</dd></div>")
    return "".join(tiles)


def _channel_rows(history: History, charts: Contents, lang: str) -> str:
    rows = []
    for index, channel in enumerate(history.channels):
        readings = charts.channels[index]
        checked = " checked" if charts.shown[index] else ""
        name, unit = escape(channel.name), escape(unit_text(channel.unit))
        cells = "".join(
            f'<td class="number{f" {kind}" if count and kind else ""}">{count:,}</td>'
            for kind, count in (
                ("", len(channel.delivered)),
                ("flagged", len(readings.flagged)),
                ("lost", len(readings.lost)),
                ("wrong", len(readings.wrong)),
            )
        )
        rows.append(
            f'<tr><td><label><input type="checkbox" autocomplete="off" data-channel="{index}"{checked}> '
            f"<span>{escape(channel_text(channel, lang))} <small>{name}</small></span></label></td>"
            f"<td>{unit}</td>{cells}</tr>"
        )
    return "".join(rows)


def _fault_rows(history: History, lang: str) -> str:
    rows = []
    for index, fault in enumerate(history.faults):
        length = say("report.moment", lang) if fault.end_ms is None else _duration(fault.end_ms - fault.begin_ms, lang)
        rows.append(
            f'<tr><td><button type="button" data-fault="{index}">{escape(kind_text(fault.kind, lang))}</button></td>'
            f"<td>{escape(fault.detail)}</td><td>{_time(fault.begin_ms)}</td><td>{escape(length)}</td></tr>"
        )
    return "".join(rows)


def _period(history: History, lang: str) -> str:
    length = _duration(span_of(history), lang)
    return f"{_time(history.begin_ms)} – {_time(history.end_ms)} ({escape(length)})"


def _time(unix_ms: int) -> str:
    """UTC; the page writes it anew when another zone is chosen."""
    return f'<time data-ms="{unix_ms}">{datetime.fromtimestamp(unix_ms // 1000, UTC):%Y-%m-%d %H:%M} UTC</time>'


def _duration(duration_ms: int, lang: str) -> str:
    """The largest two units: "2 d 4 h"."""
    rest = max(0, round(duration_ms / 1000))
    parts = []
    for unit, seconds in (("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1)):
        count, rest = divmod(rest, seconds)
        if count:
            parts.append(say(f"report.{unit}", lang, count=count))
    return " ".join(parts[:2]) or say("report.seconds", lang, count=0)
