"""Knows what a doctor says of one thing: what was seen, how bad it is, what to do; knows no thing."""

from typing import Any, NamedTuple

from gateway.messages import LANGUAGES, Phrase

WRONG, LOOK = "wrong", "look"  # it does not work as it is; it does today

# In the order in which they are told: the first one may explain those after it.
TOPICS = ("site", "power", "service", "ports", "clock", "disk", "store", "keys", "network")


class Complaint(NamedTuple):
    topic: str
    subject: str
    severity: str
    seen: dict[str, str]
    advice: dict[str, str]

    def plain(self) -> dict[str, Any]:
        return self._asdict()


def wrong(topic: str, subject: str, seen: Phrase, advice: Phrase) -> Complaint:
    return Complaint(topic, subject, WRONG, both(seen), both(advice))


def look(topic: str, subject: str, seen: Phrase, advice: Phrase) -> Complaint:
    return Complaint(topic, subject, LOOK, both(seen), both(advice))


def both(phrase: Phrase) -> dict[str, str]:
    return {lang: phrase.text(lang) for lang in LANGUAGES}
