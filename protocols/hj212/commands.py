"""Knows every command of HJ 212: what it is for and which fields its data region has; knows no transport.

A packet can be held against its command strictly; nothing here says what a station does about one.
"""

import re
from typing import NamedTuple

from protocols.hj212.packet import V2005, V2025, Oddity, Packet

SET, ASK, DO, DATA, NOTIFY, ANSWER = "set", "ask", "do", "data", "notify", "answer"


class Command(NamedTuple):
    """`request`: fields of the region as the platform sends it, `upload`: as the station does ("?": may be missing);
    `suffixes`: what a factor may carry in an upload. `since` is a version."""

    kind: str
    request: "tuple[str, ...]" = ()
    upload: "tuple[str, ...] | None" = None
    suffixes: "tuple[str, ...]" = ()
    since: int = V2005


_SPAN = ("BeginTime?", "EndTime?")  # asks for history
_STATISTICS = ("Cou", "Min", "Avg", "Max", "ZsMin", "ZsAvg", "ZsMax", "Flag", "EFlag")
_REAL_TIME = ("Rtd", "ZsRtd", "Flag", "EFlag", "SampleTime")

# HJ 212-2017 table 9 and annex C; what is since V2025 through a repository that quotes it (docs/hj212.md).
COMMANDS = {
    "1000": Command(SET, ("OverTime", "ReCount")),
    "1001": Command(ASK, (), ("CPUID?", "MAC?"), since=V2025),
    "1002": Command(SET, ("NewMN",), since=V2025),
    "1011": Command(ASK, ("PolId?",), ("PolId?", "SystemTime")),
    "1012": Command(SET, ("PolId?", "SystemTime")),
    "1013": Command(NOTIFY, (), ("PolId?",)),
    "1014": Command(SET, ("NewKey",), since=V2025),
    "1061": Command(ASK, (), ("RtdInterval",)),
    "1062": Command(SET, ("RtdInterval",)),
    "1063": Command(ASK, (), ("MinInterval",)),
    "1064": Command(SET, ("MinInterval",)),
    "1072": Command(SET, ("NewPW",)),
    "2011": Command(DATA, (), ("DataTime",), _REAL_TIME),
    "2012": Command(DO),
    "2013": Command(DATA, (), ("DataTime",), _REAL_TIME + ("Data",), V2025),
    "2021": Command(DATA, (), ("DataTime",), ("RS",)),
    "2022": Command(DO),
    "2031": Command(DATA, _SPAN, ("DataTime",), _STATISTICS + ("Data", "DayData", "NightData")),
    "2041": Command(DATA, _SPAN, ("DataTime",), ("RT",)),
    "2051": Command(DATA, _SPAN, ("DataTime",), _STATISTICS),
    "2052": Command(DATA, _SPAN, ("DataTime",), _STATISTICS, V2025),
    "2061": Command(DATA, _SPAN, ("DataTime",), _STATISTICS + ("Data",)),
    "2062": Command(DATA, _SPAN, ("DataTime",), _STATISTICS, V2025),
    "2081": Command(DATA, (), ("DataTime", "RestartTime")),
    "2111": Command(DATA, (), ("DataTime",), _STATISTICS, V2025),
    "3011": Command(DO, ("PolId",)),
    "3012": Command(DO, ("PolId",)),
    "3013": Command(DO, ("PolId",)),
    "3014": Command(DO, ("PolId",)),
    "3015": Command(DO, (), ("DataTime", "VaseNo")),
    "3016": Command(SET, ("PolId", "CstartTime", "Ctime")),
    "3017": Command(ASK, ("PolId",), ("PolId", "CstartTime", "Ctime")),
    "3018": Command(ASK, ("PolId",), ("PolId", "Stime")),
    "3019": Command(ASK, ("PolId",), ("DataTime?", "PolId"), ("SN",)),
    "3020": Command(ASK, ("PolId", "InfoId") + _SPAN, ("DataTime", "PolId"), ("Info",)),
    "3021": Command(SET, ("PolId", "InfoId"), None, ("Info",)),
    "9011": Command(ANSWER, (), ("QnRtn",)),
    "9012": Command(ANSWER, (), ("ExeRtn",)),
    "9013": Command(ANSWER, (), ()),
    "9014": Command(ANSWER, (), ()),
    "9015": Command(NOTIFY, (), (), since=V2025),
}

MINUTES = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)  # that a minute interval may have
LEAST_REALTIME_S, MOST_REALTIME_S = 30, 3600

# What 9011 and 9012 say (6.1).
ACCEPTED, REFUSED, BAD_PASSWORD, BAD_MN, BAD_ST, BAD_FLAG, BAD_QN, BAD_CN, BAD_CRC = 1, 2, 3, 4, 5, 6, 7, 8, 9
DONE, FAILED, BAD_CONDITION, TIMED_OUT, BUSY, BROKEN, NO_DATA = 1, 2, 3, 4, 5, 6, 100

_MOMENT = r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d[0-5]\d"
_NUMBER = r"-?\d{1,14}(\.\d{1,6})?"
_FORMS = {
    "QN": r"\d{17}", "OverTime": r"[1-9]\d?", "ReCount": r"[1-9]\d?", "MinInterval": "|".join(map(str, MINUTES)),
    "RtdInterval": r"[3-9]\d|[1-9]\d\d|[12]\d{3}|3[0-5]\d\d|3600", "SystemTime": _MOMENT, "DataTime": _MOMENT,
    "BeginTime": _MOMENT, "EndTime": _MOMENT, "RestartTime": _MOMENT, "NewPW": r"[!-%'-+\--:<>-~]{6}",
    "PolId": r"[0-9A-Za-z]{2,6}", "InfoId": r"[0-9A-Za-z]{6}", "CstartTime": r"\d{6}", "Ctime": r"\d{1,2}",
    "Stime": r"\d{1,4}", "VaseNo": r"\d{1,3}", "QnRtn": r"[1-9]|100", "ExeRtn": r"[1-6]|100",
    "NewMN": r"[0-9A-F]{24}", "NewKey": r"[!-~]{16,64}", "CPUID": r"[0-9A-F]{1,32}", "MAC": r"[0-9A-F]{12}",
    "-Flag": "[NFMSDCTB]", "-EFlag": "[0-9A-Za-z]{4}", "-SampleTime": _MOMENT,
    "-RS": "[0-5]", "-SN": "[0-9A-Za-z]{1,24}", "-Info": r"//.{0,890}//|[^,;&=]{1,890}",
}  # fmt: skip
_COMPILED = {name: re.compile(form, re.DOTALL | re.ASCII) for name, form in _FORMS.items()}
_NUMERIC = re.compile(_NUMBER, re.ASCII)
_OWNER = re.compile(r"[a-z]\d{5}|[0-9A-Za-z]{2,3}|SB\d{1,3}|ele\d{2}")


def check(packet: Packet, from_station: bool) -> "list[Oddity]":
    """Where the region leaves what its command says; a command nobody knows is one oddity."""
    command = COMMANDS.get(packet.cn)
    if command is None or command.since > packet.version:
        return [Oddity("unknown_command", "CN", packet.cn)]
    # A request that has its data as answer goes both ways under one number.
    fields = command.upload if from_station and command.upload is not None else command.request
    if not from_station and command.kind == ANSWER:
        fields = command.upload or ()
    suffixes = command.suffixes if from_station or command.kind == SET else ()
    known = {field.rstrip("?") for field in fields}
    if command.kind == ANSWER and packet.version == V2005:
        known.add("QN")  # stands in the region (a captured 9013)
    seen: set[str] = set()
    oddities = []
    for item in packet.items:
        for name, value in item:
            owner, dash, suffix = name.partition("-")
            if name in seen:
                oddities.append(Oddity("twice", name, value or ""))
            elif (dash and (suffix not in suffixes or not _OWNER.fullmatch(owner))) or (not dash and name not in known):
                oddities.append(Oddity("unknown_field", name, value or ""))
            elif not form(name).fullmatch(value or ""):
                oddities.append(Oddity("form", name, value or ""))
            seen.add(name)
    oddities += [Oddity("missing", name, "") for name in fields if not name.endswith("?") and name not in seen]
    if ("BeginTime" in seen) != ("EndTime" in seen):
        oddities.append(Oddity("missing", "EndTime" if "BeginTime" in seen else "BeginTime", ""))
    return oddities


def form(name: str) -> "re.Pattern[str]":
    """What the value of a field, or of a factor's field ("w01018-Rtd"), looks like."""
    _, dash, suffix = name.partition("-")
    return _COMPILED.get("-" + suffix, _NUMERIC) if dash else _COMPILED.get(name, _NUMERIC)
