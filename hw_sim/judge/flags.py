"""Knows how flags of quality are held against what was really wrong with a sensor; knows no test and no limit.

The world labels the spans in which a sensor may not have told what is true (hw_sim/faults/sensors.py). One in which it
really did not is found when a reading within it, or just after it, is flagged suspect or worse; a flag on a reading
that has no label near is false.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from hw_sim.ledger import Label
from hw_sim.platforms.platform import Delivered
from protocols import worth

_BAD = (worth.QARTOD_SUSPECT, worth.QARTOD_FAIL)


class FlagVerdict(NamedTuple):
    """`labels` and `found`: by kind of fault, those that made readings untrue; `clean`: readings without a label near;
    `false`: those of them that are flagged, by channel."""

    labels: Mapping[str, int]
    found: Mapping[str, int]
    readings: int  # within labels, and untrue
    flagged: int  # of them
    clean: int
    false: Mapping[str, int]

    @property
    def false_share(self) -> float:
        return sum(self.false.values()) / self.clean if self.clean else 0.0


def judge_flags(
    delivered: Mapping[str, Sequence[Delivered]],
    labels: Mapping[str, Sequence[Label]],
    is_true: Callable[[str, Delivered], bool],
) -> FlagVerdict:
    """`labels` reach as far beyond a fault's end as a flag still speaks of it: a jump back is one as well.
    `is_true`: whether a reading is what was so in the world. Flags that a reading had from its own sensor count too:
    somebody said it."""
    all_labels, found, false = Counter[str](), Counter[str](), Counter[str]()
    inside = flagged = clean = 0
    for channel, readings in delivered.items():
        spans = [(one.begin_ms, one.end_ms, one.kind) for one in labels.get(channel, ())]
        hit: set[tuple[int, int, str]] = set()
        met: set[tuple[int, int, str]] = set()
        for reading in readings:
            is_bad = worth.qartod(reading.quality) in _BAD
            near = [span for span in spans if span[0] <= reading.unix_ms <= span[1]]
            hit.update(near if is_bad else ())
            if not near:
                clean += 1
                false[channel] += is_bad
            elif not is_true(channel, reading):
                met.update(near)
                inside += 1
                flagged += is_bad
        all_labels.update(kind for _, _, kind in met)
        found.update(kind for _, _, kind in hit & met)
    return FlagVerdict(dict(all_labels), dict(found), inside, flagged, clean, dict(+false))
