"""Knows what one check of a commissioning says: what was seen, how it counts, what to do; knows no check."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from gateway.messages import LANGUAGES, Phrase

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"

# In the order in which they are done.
STEPS = ("bus", "readings", "supply", "radio", "clock", "buffer", "uplink", "power_cut")


class Finding(NamedTuple):
    """`subject`: the sensor, node or uplink that it is about. A check that did not pass says what to do."""

    step: str
    subject: str
    verdict: str
    seen: Phrase
    advice: Phrase | None = None

    def plain(self) -> dict[str, Any]:
        """In both languages: whoever reads it later may have other words."""
        return {
            "step": self.step,
            "subject": self.subject,
            "verdict": self.verdict,
            "seen": _both(self.seen),
            "advice": None if self.advice is None else _both(self.advice),
        }


def passed(step: str, subject: str, seen: Phrase) -> Finding:
    return Finding(step, subject, PASSED, seen)


def failed(step: str, subject: str, seen: Phrase, advice: Phrase) -> Finding:
    return Finding(step, subject, FAILED, seen, advice)


def skipped(step: str, subject: str, seen: Phrase, advice: Phrase) -> Finding:
    return Finding(step, subject, SKIPPED, seen, advice)


def verdict(findings: Iterable[str]) -> str:
    """Of all verdicts the worst: what was left out is no proof."""
    found = set(findings)
    return next((one for one in (FAILED, SKIPPED) if one in found), PASSED)


def _both(phrase: Phrase) -> dict[str, str]:
    return {lang: phrase.text(lang) for lang in LANGUAGES}
