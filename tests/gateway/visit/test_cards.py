"""The cards that a technician takes along: one page, both languages the same, every command there is."""

import re
import shlex
from pathlib import Path

import pytest

from gateway.__main__ import _parser

CARDS = Path(__file__).parents[3] / "docs" / "cards"
NAMES = sorted(path.name.removesuffix(".md") for path in CARDS.glob("*.md") if not path.name.endswith(".zh.md"))
MOST_LINES = 40  # of a page that is read at arm's length
OTHERS = ("sudo systemctl ", "journalctl ", "ssh ")


def card(name: str, zh: bool = False) -> str:
    return (CARDS / f"{name}{'.zh' if zh else ''}.md").read_text("utf-8")


def commands(text: str) -> list[str]:
    """Indented lines, and what stands in back quotes and begins like one."""
    lines = [line.strip() for line in text.splitlines() if line.startswith("       ")]
    return lines + re.findall(r"`((?:sudo )?(?:watertower|systemctl) [^`]+)`", text)


def test_there_is_a_card_for_each_job() -> None:
    assert NAMES == [
        "calibrate", "change-a-sensor", "commission-a-station", "flash-a-node", "silent-node", "silent-station",
    ]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_card_is_one_page_and_says_the_same_in_both_languages(name: str) -> None:
    english, chinese = card(name), card(name, zh=True)
    assert commands(english) == commands(chinese)
    for text in (english, chinese):
        assert len(text.splitlines()) <= MOST_LINES and all(len(line) <= 130 for line in text.splitlines())
    assert re.findall(r"^\d\.", english, re.M) == re.findall(r"^\d\.", chinese, re.M)
    assert english.count("\n|") == chinese.count("\n|")


@pytest.mark.parametrize("name", NAMES)
def test_every_command_of_a_card_is_one(name: str) -> None:
    found = commands(card(name))
    assert found
    for command in found:
        parts = [part.strip() for part in command.split("&&") if not part.strip().startswith("cd ")]
        for part in parts:
            if part.startswith(OTHERS):
                continue
            words = shlex.split(part.removeprefix("sudo "))
            assert words[0] == "watertower", part
            args = _parser(words[1:]).parse_args(words[1:])  # SystemExit: there is no such command or option
            assert callable(args.run)


def test_a_command_that_is_none_would_show(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _parser(["commission"]).parse_args(["commission", "--no-such-option"])
    capsys.readouterr()
