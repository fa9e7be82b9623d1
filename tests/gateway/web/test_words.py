"""The page's words: all that its files say are there, all that are there are said, in the language of the visitor."""

import re
from pathlib import Path

import pytest

from gateway.messages import catalogue, set_language
from gateway.web.words import chosen, filled
from protocols import quality

GATEWAY = Path(__file__).parents[3] / "gateway"
FILES = {path.name: path.read_text("utf-8") for path in (GATEWAY / "web" / "page").iterdir()}
PAGE = "\n".join(FILES.values())


def stem(key: str) -> str:
    """Of a family that ends in a number, what stands before it."""
    return re.sub(r"(?<=_)\d$", "", key)


def keys(section: str) -> set[str]:
    return {key.partition(".")[2] for key in catalogue() if key.startswith(f"{section}.")}


def test_every_word_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"[\"'`{]((?:web|alarm|event|quality)\.[a-z_0-9]+)(?![\w$])", PAGE))
    assert len(named) > 60
    assert named - catalogue().keys() == set()


def test_every_word_of_the_page_is_said_by_it_or_by_its_process() -> None:
    code = "\n".join(path.read_text("utf-8") for path in (GATEWAY / "web").glob("*.py"))
    code += PAGE + "".join((GATEWAY / name).read_text("utf-8") for name in ("__main__.py", "site/config.py"))
    assert [key for key in keys("web") if not re.search(rf"\b{stem(key)}\b", code)] == []
    alarms = (GATEWAY / "web" / "alarms.py").read_text("utf-8")
    assert [key for key in keys("alarm") if f'"{key}"' not in alarms] == []


def test_every_event_that_has_a_name_can_happen() -> None:
    code = "\n".join(path.read_text("utf-8") for path in GATEWAY.rglob("*.py"))
    assert [key for key in keys("event") if f'"{key}"' not in code] == []


def test_every_event_that_can_happen_has_a_name() -> None:
    code = "\n".join(path.read_text("utf-8") for path in GATEWAY.rglob("*.py"))
    assert set(re.findall(r"\.event\(\s*\"([a-z_]+)\"", code)) - keys("event") == set()


def test_the_page_knows_each_flag_of_a_reading() -> None:
    table = re.findall(r"\[(\d+)(?: << (\d+))?, \"([a-z_]+)\"\]", FILES["words.js"])
    known = {int(bit) << int(shift or 0): name for bit, shift, name in table}
    assert known == {bit: quality.names(bit)[0] for bit in known}
    assert sum(known) == sum(1 << place for place in range(32) if quality.names(1 << place))


@pytest.mark.parametrize(
    ("asked", "accepted", "expected"),
    [
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, "en-GB,en;q=0.9,zh;q=0.8", "en"),
        (None, "de, zh;q=0.3, en;q=0.2", "zh"),
        (None, "en;q=0.1,zh;q=0.2", "zh"),
        (None, "de", "en"),
        (None, "", "en"),
        (None, ";;,q=,=;q=9", "en"),
        ("zh", "en", "zh"),
        ("../../etc", "zh", "zh"),
    ],
)
def test_the_address_chooses_the_language_else_the_browser(asked: str | None, accepted: str, expected: str) -> None:
    try:
        set_language("en")
        assert chosen(asked, accepted) == expected
    finally:
        set_language(None)


def test_a_name_in_the_page_stays_a_text() -> None:
    assert (
        filled("<b>{{station}}</b>", "en", {"station": '<img src="x">&'}) == "<b>&lt;img src=&quot;x&quot;&gt;&amp;</b>"
    )
    assert filled("{{web.values}}", "zh", {}) == "测量值"
