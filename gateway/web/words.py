"""Knows which language a visitor reads and which words the page needs; knows no visitor and no request."""

import html
import re
from collections.abc import Iterable

from gateway.messages import LANGUAGES, catalogue, language, quantity_text, say
from gateway.site.config import Site
from protocols import worth

_SECTIONS = ("web.", "alarm.", "condition.", "event.", "quality.")
_PLACE = re.compile(r"\{\{([a-z_.]+)\}\}")


def chosen(asked: str | None, accepted: str) -> str:
    """`asked`: of the address; `accepted`: an Accept-Language (RFC 9110, 12.5.4); neither: this machine's own."""
    if asked in LANGUAGES:
        return str(asked)
    ranked = []
    for place, part in enumerate(accepted.split(",")):
        tag, _, weight = part.strip().partition(";")
        known = next((lang for lang in LANGUAGES if tag.lower().split("-")[0] == lang), None)
        if known is not None:
            ranked.append((-_weight(weight), place, known))
    return min(ranked)[2] if ranked else language()


def _weight(text: str) -> float:
    found = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", text)
    return float(found[1]) if found else 1.0


def words(site: Site, lang: str) -> dict[str, str]:
    """By key, for the page's scripts; placeholders stay."""
    found = {key: entry[lang] for key, entry in catalogue().items() if key.startswith(_SECTIONS)}
    return found | {f"quantity.{name}": quantity_text(name, lang) for name in _quantities(site)}


def flags() -> list[tuple[int, str, int]]:
    """(bit, its word in [quality], what QARTOD says of it alone), the gravest first."""
    known = [(1 << place, name) for place in range(32) for name in worth.names(1 << place)]
    return sorted(((bit, name, worth.qartod(bit)) for bit, name in known), key=lambda one: -one[2])


def _quantities(site: Site) -> Iterable[str]:
    return sorted({channel.quantity for channel in site.channels})


def filled(template: str, lang: str, values: dict[str, str]) -> str:
    """`template` with each {{name}} replaced by that value or by the words of that key; escaped, all of it."""

    def one(place: re.Match[str]) -> str:
        name = place[1]
        return html.escape(values[name] if name in values else say(name, lang))

    return _PLACE.sub(one, template)
