"""The catalogue is whole: both languages, the same placeholders, every key used and every used key there."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import messages
from gateway.messages import Phrase, catalogue, language, quantity_text, say, unit_text
from protocols import profiles

ROOT = Path(__file__).parents[2]
SPEAKERS = {"say": 0, "Phrase": 0, "Fault": 1}  # which argument of a call is the key
NOT_VALUES = {"lang", "hint", "file"}
OF_ARGPARSE = "argparse."  # said by Python's parser: gateway/argument_words.py
OF_TOML = "toml."  # said by Python's tomllib: gateway/faults.py
OF_THE_PAGE = ("web.", "condition.", "event.")  # said by its scripts: tests/gateway/web/test_words.py


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def spoken() -> Iterator[tuple[str, ast.Call, ast.expr]]:
    """(file:line, call, key argument) of every call that names an entry."""
    for path in sorted([*(ROOT / "gateway").rglob("*.py"), *(ROOT / "hw_sim").rglob("*.py")]):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(call, ast.Call):
                continue
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            if name in SPEAKERS and len(call.args) > SPEAKERS[name]:
                yield f"{path.relative_to(ROOT)}:{call.lineno}", call, call.args[SPEAKERS[name]]


def keys(argument: ast.expr) -> list[str]:
    """The keys that an expression can be; "quantity.*" for an f-string that begins so."""
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return [argument.value]
    if isinstance(argument, ast.IfExp):
        return keys(argument.body) + keys(argument.orelse)
    if isinstance(argument, ast.JoinedStr):
        return [f"{start}*" for part in argument.values[:1] for start in keys(part)]
    return []


@pytest.mark.parametrize("key", catalogue())
def test_an_entry_has_both_languages_with_the_same_placeholders(key: str) -> None:
    entry = catalogue()[key]
    assert list(entry) == list(messages.LANGUAGES)
    assert all(entry.values())
    assert placeholders(entry["en"]) == placeholders(entry["zh"])


def test_every_key_that_the_code_says_is_in_the_catalogue() -> None:
    missing = [
        f"{place} {key}"
        for place, _, argument in spoken()
        for key in keys(argument)
        if key not in catalogue() and not any(key.endswith("*") and known.startswith(key[:-1]) for known in catalogue())
    ]
    assert missing == []


def test_every_entry_is_said_somewhere() -> None:
    used = {key for _, _, argument in spoken() for key in keys(argument)}
    prefixes = (*OF_THE_PAGE, OF_ARGPARSE, OF_TOML, *(key[:-1] for key in used if key.endswith("*")))
    assert [key for key in catalogue() if key not in used and not key.startswith(prefixes)] == []


def test_the_values_given_with_a_key_are_its_placeholders() -> None:
    wrong = []
    for place, call, argument in spoken():
        names = {keyword.arg for keyword in call.keywords}
        if None in names:  # **values: not to be known here
            continue
        given = names - NOT_VALUES
        wrong += [
            f"{place} {key}: {given}"
            for key in keys(argument)
            if key in catalogue() and given != placeholders(catalogue()[key]["en"])
        ]
    assert wrong == []


def test_chinese_entries_use_full_width_punctuation() -> None:
    assert [key for key, entry in catalogue().items() if re.search(r"[\u4e00-\u9fff][,;:?]", entry["zh"])] == []


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "zh_TW"}, "zh"),
        ({"LC_ALL": "", "LANG": "zh"}, "zh"),
        ({"LC_ALL": "en_GB", "WATERTOWER_LANG": "zh"}, "zh"),
    ],
)
def test_the_environment_chooses_the_language(environ: dict[str, str], expected: str) -> None:
    assert language(environ=environ) == expected


def test_an_argument_goes_before_the_chosen_language_and_that_before_the_environment() -> None:
    try:
        messages.set_language("zh-CN")
        assert language(environ={"LANG": "en_GB"}) == "zh"
        assert language("en", {"LANG": "zh"}) == "en"
        assert say("hint.check_path") == "请检查路径"
    finally:
        messages.set_language(None)


def test_a_phrase_keeps_its_values_until_the_language_is_known() -> None:
    phrase = Phrase("type.with_value", kind=Phrase("type.text"), value="'3'")
    assert phrase.text("en") == "text: '3'"
    assert phrase.text("zh") == "文本 '3'"
    assert Phrase("hint.known", names=("a", "b")).text("zh") == "可用的有：a、b"


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("degC", "°C"),
        ("deg", "°"),
        ("ug/m3", "µg/m³"),
        ("mg/m3", "mg/m³"),
        ("uS/cm", "µS/cm"),
        ("m3/s", "m³/s"),
        ("W/m2", "W/m²"),
        ("ug/L", "µg/L"),
        ("umol/L", "µmol/L"),
        ("mg/L", "mg/L"),
        ("%", "%"),
        ("NTU", "NTU"),
        ("hPa", "hPa"),
        ("dB", "dB"),
        ("pH", ""),
        ("1", ""),
        ("", ""),
    ],
)
def test_a_unit_is_shown_as_people_write_it(code: str, shown: str) -> None:
    assert unit_text(code) == shown


def test_every_register_of_every_shipped_profile_has_a_name_in_both_languages() -> None:
    names = {register.name for model in profiles.MODELS for register in profiles.load(model).registers}
    stems = {name: re.sub(r"_\d+$", "", name) for name in names}
    unnamed = [
        name for name, stem in stems.items() if not {f"quantity.{name}", f"quantity.{stem}"} & catalogue().keys()
    ]
    assert unnamed == []


def test_a_numbered_quantity_is_called_by_its_stem_and_an_unknown_one_by_its_own_name() -> None:
    assert quantity_text("soil_moisture_12", "en") == "soil moisture 12"
    assert quantity_text("soil_moisture_12", "zh") == "土壤含水量 12"
    assert quantity_text("pm2_5", "en") == "PM2.5"
    assert quantity_text("sap_flow", "zh") == "sap_flow"


def test_what_a_profile_can_say_of_its_certainty_has_words() -> None:
    for confidence in ("manual", "driver", "note", "generic"):
        assert say(f"confidence.{confidence}", "zh") != say(f"sureness.{confidence}", "en")
