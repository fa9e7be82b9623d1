"""Knows how one word stands on a systemd unit's command line, after systemd.syntax(7) "Quoting" and systemd.unit(5)
"Specifiers"; knows no unit."""

import re

_PLAIN = re.compile(r"[^\s\"'\\;]+")  # a lone ";" divides commands
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')


def written(word: str) -> str:
    """As the first word of ExecStart=: there systemd fills in specifiers, but no variables."""
    word = word.replace("%", "%%")
    if _PLAIN.fullmatch(word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def first(line: str) -> str:
    """The first word of a command line as `written` has it, or as a person wrote a plain one."""
    found = _QUOTED.match(line)
    if found is None:
        return ""
    word = found[2] if found[1] is None else re.sub(r"\\(.)", r"\1", found[1])
    return word.replace("%%", "%")
