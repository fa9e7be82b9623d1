"""Knows the [[rule]] tables of a site file, their form and what is wrong with them; raises no alarm.

Faults are found on the sound part of a file, as in tables.py. What a rule means: docs/alarms.md.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.faults import Fault, Tree, doubled, nearest, quoted
from gateway.messages import Phrase
from gateway.process.alarm import expression
from gateway.process.alarm.expression import Expression, RuleError
from gateway.process.alarm.rule import Rule, circle

_Text = Annotated[str, Meta(min_length=1, extra={"allowed": Phrase("allowed.some_text")})]
_Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_]{0,31}\Z", extra={"allowed": Phrase("allowed.name")})]
_Seconds = Annotated[int, Meta(ge=0, le=31 * 86_400, extra={"unit": "s"})]  # what lasts longer is no alarm

_CONDITIONS = ("when", "clear", "confirm", "suppress")


class RuleTable(Struct, frozen=True, kw_only=True):
    """When an alarm stands, how it is confirmed, silenced and told. Conditions are text; times are seconds."""

    id: _Name
    level: Literal["blue", "yellow", "orange", "red"]
    when: _Text
    title: str = ""
    title_zh: str = ""
    clear: _Text | None = None
    hysteresis: Annotated[float, Meta(ge=0.0, le=1e9)] = 0.0
    delay_s: _Seconds = 0
    off_delay_s: _Seconds = 0
    confirm: _Text | None = None
    confirm_s: _Seconds = 3600
    suppress: _Text | None = None
    stale_s: Annotated[int, Meta(ge=1, le=31 * 86_400, extra={"unit": "s"})] = 3600
    beyond_range: bool = False
    latched: bool = False
    acknowledge: bool = True
    escalate_s: tuple[_Seconds, ...] = ()
    travel_s: _Seconds = 0
    emergency: tuple[_Name, ...] = ()


def rule_faults(
    rules: list[tuple[str, Tree]], channels: Collection[str] | None, nodes: Tree, made: Collection[str] = ()
) -> Iterator[Fault]:
    """Every fault of `rules`, each (path, table). `channels`: the station's, None where not all are known; `made`:
    those of what is made of them. `nodes`: name -> whether it has an emergency period."""
    ids = [rule["id"] for _, rule in rules if "id" in rule]
    yield from doubled([(f"{path}.id", rule.get("id")) for path, rule in rules])
    asked: dict[str, set[str]] = {}
    for path, rule in rules:
        read: dict[str, Expression] = {}
        for key in _CONDITIONS:
            if rule.get(key) is not None:
                yield from _condition(f"{path}.{key}", rule[key], channels, made, ids, read)
        yield from _agreement(path, rule, read)
        yield from _emergency(path, rule, nodes)
        if "id" in rule:
            asked[rule["id"]] = {name for one in read.values() for name in expression.others(one) if name in ids}
    ring = circle(asked)
    if ring:
        at = next(path for path, rule in rules if rule.get("id") == ring[0])
        yield Fault(f"{at}.when", "fault.rule_circle", Phrase("hint.rule_circle"), rules=" > ".join((*ring, ring[0])))


def _condition(
    path: str,
    text: str,
    channels: Collection[str] | None,
    made: Collection[str],
    ids: list[str],
    read: dict[str, Expression],
) -> Iterator[Fault]:
    """Its faults; a sound one goes into `read`."""
    try:
        one = expression.parse(text)
    except RuleError as error:
        wanted = Phrase(f"rule.{error.wanted}")
        found = quoted(error.found) if error.found else Phrase("rule.nothing")
        yield Fault(path, "fault.rule_text", column=error.column, found=found, wanted=wanted)
        return
    read[path.rpartition(".")[2]] = one
    asked = {quantity.channel for quantity in expression.quantities(one)} if channels is not None else set()
    for name in sorted(asked):
        known, bare = (made, name.partition(":")[0]) if "/" in name else (channels or (), name)
        if bare not in known:
            yield Fault(path, "fault.no_station_channel", nearest(bare, known), found=quoted(name))
    for name in sorted({name for name in expression.others(one) if "/" not in name} - set(ids)):
        yield Fault(path, "fault.no_rule", nearest(name, ids), found=quoted(name))


def _agreement(path: str, rule: Tree, read: Mapping[str, Expression]) -> Iterator[Fault]:
    """What the keys of one rule must agree on."""
    if rule.get("hysteresis"):
        if rule.get("clear") is not None:
            yield Fault(f"{path}.hysteresis", "fault.rule_two_ends", Phrase("hint.rule_one_end"))
        elif "when" in read and len({one.channel for one in expression.quantities(read["when"])}) > 1:
            # one number cannot be millimetres and pH
            yield Fault(f"{path}.hysteresis", "fault.rule_hysteresis", Phrase("hint.rule_clear"))
    steps = rule.get("escalate_s", ())
    known = [step for step in steps if step is not None]
    if known != sorted(set(known)):
        yield Fault(f"{path}.escalate_s", "fault.rule_escalate", Phrase("hint.rule_escalate"))
    if steps and rule.get("acknowledge") is False:
        yield Fault(f"{path}.escalate_s", "fault.rule_unasked", Phrase("hint.rule_unasked"))
    if rule.get("travel_s") and "when" in read and not any("/" in name for name in expression.others(read["when"])):
        yield Fault(f"{path}.travel_s", "fault.rule_travel", Phrase("hint.rule_travel"))


def _emergency(path: str, rule: Tree, nodes: Tree) -> Iterator[Fault]:
    for index, name in enumerate(rule.get("emergency", ())):
        if name is None:
            continue
        if name not in nodes:
            yield Fault(f"{path}.emergency[{index}]", "fault.no_node", nearest(name, nodes), found=quoted(name))
        elif not nodes[name]:
            yield Fault(f"{path}.emergency[{index}]", "fault.rule_calm_node", Phrase("hint.add_emergency_period"))


def rule_of(table: RuleTable, node_ids: Mapping[str, int]) -> Rule:
    """The rule that a sound table says; `node_ids` by name."""

    def read(text: str | None) -> Expression | None:
        return None if text is None else expression.parse(text)

    return Rule(
        id=table.id,
        level=table.level,
        when=expression.parse(table.when),
        clear=read(table.clear),
        hysteresis=table.hysteresis,
        delay_ms=1000 * table.delay_s,
        off_delay_ms=1000 * table.off_delay_s,
        confirm=read(table.confirm),
        confirm_ms=1000 * table.confirm_s,
        suppress=read(table.suppress),
        stale_ms=1000 * table.stale_s,
        counts_beyond=table.beyond_range,
        is_latched=table.latched,
        is_acknowledged=table.acknowledge,
        escalate_ms=tuple(1000 * step for step in table.escalate_s),
        travel_ms=1000 * table.travel_s,
        emergency=tuple(node_ids[name] for name in table.emergency),
    )
