"""Knows how the words of Python's own command line parser are said in our language; knows no command.

argparse asks its module's `_` and `ngettext` for each, with its English text, which is the entry's `en`
(messages.toml, [argparse]). Where a later Python has another text, that is said in English, as without us.
"""

import argparse
from typing import Any

from gateway.messages import catalogue, language

SECTION = "argparse."


def speak() -> None:
    """From now on, in the language that is chosen when a word is said."""
    parser_words: Any = argparse
    parser_words._ = _said
    parser_words.ngettext = lambda one, many, count: _said(one if count == 1 else many)


def _said(text: str) -> str:
    for key, entry in catalogue().items():
        if key.startswith(SECTION) and entry["en"] == text:
            return entry[language()]
    return text
