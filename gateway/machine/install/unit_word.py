"""Knows how one word stands on a systemd unit's command line, after systemd.syntax(7) "Quoting" and systemd.unit(5)
"Specifiers"; knows no unit."""

import re

_QUOTED = re.compile(r'"([^"]*)"|(\S+)')
REFUSED = re.compile(r"[\x00-\x1f\"'\\]")  # in a program's path: systemd's string_is_safe(), basic/string-util.c


def is_possible(path: str) -> bool:
    """Whether a unit can name a program there at all, however it is quoted."""
    return REFUSED.search(path) is None


def written(word: str) -> str:
    """As the first word of ExecStart=: there systemd fills in specifiers, but no variables."""
    word = word.replace("%", "%%")
    return f'"{word}"' if re.search(r"[\s;]", word) else word  # a lone ";" divides commands


def first(line: str) -> str:
    """The first word of a command line as `written` has it, or as a person wrote a plain one."""
    found = _QUOTED.match(line)
    if found is None:
        return ""
    return (found[2] if found[1] is None else found[1]).replace("%%", "%")
