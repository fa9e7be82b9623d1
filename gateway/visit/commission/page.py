"""Knows how a certificate is printed: one page in both languages, without network or script; judges nothing."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from gateway.messages import LANGUAGES, say

# A page holds its certificate so; JSON has no "<" of its own in it.
HOLDS = r'<script type="application/json" id="certificate">(.*?)</script>'


def render(certificate: Mapping[str, Any]) -> str:
    """The whole page; of the same certificate always the same."""
    style = Path(__file__).with_name("page.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    held = json.dumps(certificate, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    title = _both("commission.title")
    body = "\n".join(_body(certificate))
    return (
        f'<!doctype html>\n<html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'\">"
        f"<title>{title}</title><style>{style}</style></head><body>\n{body}\n"
        f'<script type="application/json" id="certificate">{held}</script></body></html>\n'
    )


def _body(certificate: Mapping[str, Any]) -> Iterator[str]:
    station = certificate["station"]
    yield f"<h1>{_both('commission.title')}</h1>"
    verdict = certificate["verdict"]
    yield f'<p class="verdict {escape(verdict)}">{_both(f"commission.verdict_{verdict}")}</p>'
    yield '<table class="about">'
    name = " · ".join(dict.fromkeys(part for part in (station["name_zh"], station["name"], station["id"]) if part))
    place = f"{station['latitude']:.5f}, {station['longitude']:.5f}, {station['altitude_m']:g} m"
    for key, value in (
        ("station", name),
        ("target", certificate["target"]),
        ("place", place),
        ("begun", certificate["begun"]),
        ("ended", certificate["ended"]),
        ("technician", certificate["technician"] or "-"),
        ("software", certificate["software"]),
        ("site_file", certificate["site_sha256"]),
    ):
        yield f"<tr><th>{_both(f'commission.about_{key}')}</th><td>{escape(str(value))}</td></tr>"
    yield "</table>"
    yield f"<h2>{_both('commission.devices')}</h2><table><tr>" + "".join(
        f"<th>{_both(f'commission.device_{name}')}</th>" for name in ("name", "kind", "unit_id", "serial", "source")
    )
    yield "</tr>"
    for device in certificate["devices"]:
        cells = [device["name"], device["kind"], device["unit_id"], device["serial"]]
        shown = "".join(f"<td>{'-' if cell is None else escape(str(cell))}</td>" for cell in cells)
        yield f"<tr>{shown}<td>{_both('commission.source_' + device['source'])}</td></tr>"
    yield f"</table><h2>{_both('commission.checks')}</h2>"
    yield '<table class="checks">'
    for step in certificate["steps"]:
        mark = escape(step["verdict"])
        yield (
            f'<tr class="{mark}"><th>{_both("commission.step_" + step["step"])}<br>{escape(step["subject"])}</th>'
            f"<td>{_both('commission.mark_' + mark)}</td><td>{_texts(step['seen'])}"
            + ("" if step["advice"] is None else f'<div class="advice">{_texts(step["advice"], "→ ")}</div>')
            + "</td></tr>"
        )
    yield "</table>"
    yield f"<h2>{_both('commission.signature')}</h2>"
    yield f'<p class="key">{_both("commission.public")}: {escape(certificate["public"])}</p>'
    yield f'<p class="key">{escape(certificate["signature"])}</p>'
    yield f"<p>{_both('commission.how_to_check')}</p>"
    yield f'<p class="hand">{_both("commission.by_hand")}</p>'


def _both(key: str) -> str:
    return " · ".join(escape(say(key, lang)) for lang in reversed(LANGUAGES))


def _texts(texts: Mapping[str, str], mark: str = "") -> str:
    return "".join(f'<div lang="{lang}">{mark}{escape(texts[lang])}</div>' for lang in reversed(LANGUAGES))
