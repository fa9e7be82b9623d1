"""Knows the words a person reads, in English and Chinese; knows nothing of what they are about.

The words stand in messages.toml, one entry `[section.key]` with `en` and `zh` and str.format placeholders.
"""

import errno
import os
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "zh")

# First one that is set decides: ours, then POSIX.1-2017 chapter 8.2 in its order of precedence.
_VARIABLES = ("WATERTOWER_LANG", "LC_ALL", "LC_MESSAGES", "LANG")

_chosen: str | None = None


def set_language(lang: str | None) -> None:
    """The language of this process from now on ("zh_CN.UTF-8" will do); None: the environment's again."""
    global _chosen
    _chosen = None if lang is None else _language_named(lang)


def language(lang: str | None = None, environ: Mapping[str, str] = os.environ) -> str:
    """Which of LANGUAGES: that of the argument, else what set_language said, else the environment, else English."""
    if lang is not None:
        return _language_named(lang)
    if _chosen is not None:
        return _chosen
    return _language_named(next((environ[name] for name in _VARIABLES if environ.get(name)), "en"))


def _language_named(text: str) -> str:
    return "zh" if text.lower().startswith("zh") else "en"


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Every entry: "section.key" -> {"en": .., "zh": ..}."""
    sections = tomllib.loads(Path(__file__).with_name("messages.toml").read_text("utf-8"))
    return {f"{section}.{key}": entry for section, entries in sections.items() for key, entry in entries.items()}


def say(key: str, lang: str | None = None, **values: object) -> str:
    """The entry `key` in the language asked for, its placeholders filled. KeyError: no such entry or value."""
    return catalogue()[key][language(lang)].format(
        **{name: reason_text(value, lang) if isinstance(value, Exception) else value for name, value in values.items()}
    )


def reason_text(error: BaseException, lang: str | None = None) -> str:
    """Why the system refused, in words, without the file; what has no words of ours stays as it is."""
    for one in (error, error.__cause__):
        if isinstance(phrase := getattr(one, "phrase", None), Phrase):
            return phrase.text(lang)
    if isinstance(error, UnicodeDecodeError):
        return say("system.no_text", lang)
    if f"system.{getattr(error, 'sqlite_errorname', None)}" in catalogue():
        return say(f"system.{error.sqlite_errorname}", lang)  # type: ignore[attr-defined]
    cause = error if isinstance(error, OSError) else error.__cause__
    if isinstance(cause, OSError) and type(cause).__module__ != "ssl":  # whose numbers are not errno's
        name = errno.errorcode.get(cause.errno or 0)
        if f"system.{name}" in catalogue():
            return say(f"system.{name}", lang)
    return getattr(error, "strerror", None) or str(error)


class Phrase:
    """An entry with its values, not yet in a language: what a fault keeps until somebody reads it.

    A value may be a Phrase itself, or a tuple, which is shown as a list.
    """

    __slots__ = ("key", "values")

    def __init__(self, key: str, **values: object) -> None:
        self.key = key
        self.values = values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Phrase) and (self.key, self.values) == (other.key, other.values)

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"{self.key}: {self.text('en')}"

    def text(self, lang: str | None = None) -> str:
        return say(self.key, lang, **{name: _shown(value, lang) for name, value in self.values.items()})


def _shown(value: object, lang: str | None) -> str:
    if isinstance(value, Phrase):
        return value.text(lang)
    if isinstance(value, tuple):
        return say("list.comma", lang).join(_shown(item, lang) for item in value)
    if isinstance(value, Exception):
        return reason_text(value, lang)
    return str(value)


def of_file(error: OSError) -> Phrase:
    """The system's refusal with the file that it is about."""
    return Phrase("system.of_path", path=error.filename or "-", reason=error)


def quantity_text(name: str, lang: str | None = None) -> str:
    """What a register is called: "soil_moisture_3" -> "soil moisture 3"; a name of the user's own stays as it is."""
    entry = f"quantity.{name}"
    if entry in catalogue():
        return say(f"quantity.{name}", lang)
    stem, _, number = name.rpartition("_")
    if number.isdigit() and f"quantity.{stem}" in catalogue():
        return say(f"quantity.{stem}", lang) + " " + number
    return name


# Code writes units in ASCII; people read them as the SI brochure (9th edition, 5.4) prints them.
_SIGNS = (
    (re.compile(r"\bdeg(?=[CF]\b)"), "°"),
    (re.compile(r"^deg$"), "°"),
    (re.compile(r"\bu(?=(g|m|S|mol|W|A|V)\b)"), "µ"),
    (re.compile(r"\bohm\b"), "Ω"),
    (re.compile(r"(?<=m)2\b"), "²"),
    (re.compile(r"(?<=m)3\b"), "³"),
)


def unit_text(unit: str) -> str:
    """A unit as people read it: "degC" -> "°C", "ug/m3" -> "µg/m³"; a pure number ("1") has none."""
    if unit in ("1", "pH"):
        return ""
    for code, sign in _SIGNS:
        unit = code.sub(sign, unit)
    return unit
