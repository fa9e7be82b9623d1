"""Knows what identifiers mean in functions 40 to 43 and 49, where they are parameters, not elements; knows no value.

Draft, annex D, and public centres that quote it (Quick.SL651, hanzhongguo2008/SL651-2014_haikang); docs/sl651.md says
what is unverified.
"""

from typing import NamedTuple


class Parameter(NamedTuple):
    id: str
    zh: str
    en: str
    unit: str = ""
    digits: int = 2
    decimals: int = 0


def _eight(first: int, zh: str, en: str, digits: int, decimals: int) -> list[Parameter]:
    return [Parameter(f"{first + n:02X}", f"{zh}{n + 1}", f"{en} {n + 1}", "m", digits, decimals) for n in range(8)]


def _channels() -> list[Parameter]:
    ways = (("主信道", "main channel"), ("备用信道", "backup channel"))
    pairs = [(centre, zh, en) for centre in range(1, 5) for zh, en in ways]
    return [
        Parameter(f"{4 + n:02X}", f"中心站{of}{zh}", f"{en} of centre {of}") for n, (of, zh, en) in enumerate(pairs)
    ]


_ROWS = (
    Parameter("01", "中心站地址", "addresses of the centres"),
    Parameter("02", "遥测站地址", "address of the station"),
    Parameter("03", "密码", "password"),
    *_channels(),
    Parameter("0C", "工作方式", "mode: M1 to M4"),
    Parameter("0D", "遥测站采集要素设置", "what is collected"),
    Parameter("0E", "中继站服务地址范围", "addresses that a relay serves"),
    Parameter("0F", "遥测站通信设备识别号", "number of the communication device"),
    Parameter("20", "定时报时间间隔", "between timed reports", "h"),
    Parameter("21", "加报时间间隔", "between additional reports", "min"),
    Parameter("22", "降水量日起始时间", "begin of the day of rain", "h"),
    Parameter("23", "采样间隔", "between samples", "s", 4),
    Parameter("24", "水位数据存储间隔", "between stored levels", "min"),
    Parameter("25", "雨量计分辨力", "step of the rain gauge", "mm", 2, 1),
    Parameter("26", "水位计分辨力", "step of the level gauge", "cm", 2, 1),
    Parameter("27", "雨量加报阈值", "rain that is reported at once", "mm"),
    *_eight(0x28, "水位基值", "base of level", 7, 3),
    *_eight(0x30, "水位修正基值", "correction of level", 5, 3),
    *_eight(0x38, "加报水位", "limit of level", 4, 2),
    Parameter("40", "加报水位以上加报阈值", "change that is reported above the limit", "m", 3, 2),
    Parameter("41", "加报水位以下加报阈值", "change that is reported below the limit", "m", 3, 2),
    Parameter("97", "初始化固态存储", "clear the store"),
    Parameter("98", "恢复出厂设置", "factory settings"),
)
PARAMETERS: dict[str, Parameter] = {row.id: row for row in _ROWS}
