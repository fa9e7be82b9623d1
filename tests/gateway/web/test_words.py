"""The page's words: all that its files say are there, all that are there are said, in the language of the visitor."""

import re
from pathlib import Path

import pytest

from gateway.messages import catalogue, set_language
from gateway.process.alarm import states
from gateway.web.findings import PERIODS
from gateway.web.words import chosen, filled, flags
from protocols import quality, worth

GATEWAY = Path(__file__).parents[3] / "gateway"
FILES = {path.name: path.read_text("utf-8") for path in (GATEWAY / "web" / "page").iterdir()}
PAGE = "\n".join(FILES.values())


def stem(key: str) -> str:
    """Of a family that ends in a number, what stands before it."""
    return re.sub(r"(?<=_)\d$", "", key)


def keys(section: str) -> set[str]:
    return {key.partition(".")[2] for key in catalogue() if key.startswith(f"{section}.")}


def test_every_word_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"(?:[\"'`]|\{\{)((?:web|alarm|event|quality)\.[a-z_0-9]+)(?![\w$])", PAGE))
    assert len(named) > 60
    assert named - catalogue().keys() == set()


def test_every_word_of_the_page_is_said_by_it_or_by_its_process() -> None:
    code = "\n".join(path.read_text("utf-8") for path in (GATEWAY / "web").glob("*.py"))
    code += PAGE + "".join((GATEWAY / name).read_text("utf-8") for name in ("__main__.py", "site/nodes.py"))
    code += " ".join(f"period_{period}" for period in PERIODS)
    for uplink in (GATEWAY / "uplink").rglob("*.py"):
        if "def _waits(" in (text := uplink.read_text("utf-8")):  # what waits has its names
            code += re.sub(r"\"([a-z_]+)\"", r"waits_\1", text)
    assert [key for key in keys("web") if not re.search(rf"\b{stem(key)}\b", code)] == []
    conditions = (GATEWAY / "web" / "conditions.py").read_text("utf-8")
    assert [key for key in keys("condition") if f'"{key}"' not in conditions] == []


def test_every_state_of_an_alarm_has_a_word_and_the_page_knows_what_may_be_said_of_it() -> None:
    table = FILES["alarms.js"].partition("const VERBS = {")[2].partition("};")[0]
    verbs = dict(re.findall(r"(\w+): \[([^\]]*)\]", table))
    assert set(states.ALL) <= keys("alarm")
    for state in states.ALL:
        wanted = [verb.strip(' "') for verb in verbs.get(state, "").split(",") if verb]
        assert [verb for verb in wanted if states.after(state, verb) == state] == []
        if states.after(state, "acknowledge") != state:
            assert "acknowledge" in wanted
        assert keys("web").issuperset(wanted)


def test_every_event_that_has_a_name_can_happen() -> None:
    code = "\n".join(path.read_text("utf-8") for path in GATEWAY.rglob("*.py"))
    assert [key for key in keys("event") if f'"{key}"' not in code] == []


def test_every_event_that_can_happen_has_a_name() -> None:
    code = "\n".join(path.read_text("utf-8") for path in GATEWAY.rglob("*.py"))
    assert set(re.findall(r"\.event\(\s*\"([a-z_]+)\"", code)) - keys("event") == set()


def test_the_page_is_told_each_flag_of_a_reading_the_gravest_first() -> None:
    known = {name: (bit, code) for bit, name, code in flags()}
    assert known["no_reply"] == (quality.NO_REPLY, worth.QARTOD_MISSING)
    assert known["maintenance"] == (worth.MAINTENANCE, worth.QARTOD_NOT_EVALUATED)
    assert {f"quality.{name}" for name in known} <= catalogue().keys()
    codes = [code for _, _, code in flags()]
    assert codes == sorted(codes, reverse=True)


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
