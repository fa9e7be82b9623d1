"""Knows the elements of SL 651 (draft, table C.1): identifier, ASCII name, unit, digits; knows no frame.

Units are written as the project's own. A decoder obeys the definition byte in the frame, not this table: it says how we
send. The draft prints turbidity in degrees (度), taken for NTU here (unverified).
"""

from typing import NamedTuple


class Element(NamedTuple):
    """N(digits, decimals) of the draft."""

    id: str
    ascii: str
    zh: str
    en: str
    unit: str
    digits: int
    decimals: int


_TABLE = (
    ("01", "AC", "断面面积", "area of the section", "m2", 8, 2),
    ("02", "AI", "瞬时气温", "air temperature", "degC", 3, 1),
    ("03", "C", "瞬时水温", "water temperature", "degC", 3, 1),
    ("04", "DR", "时间步长码", "time step", "", 6, 0),
    ("06", "ED", "日蒸发量", "evaporation of the day", "mm", 5, 1),
    ("07", "EJ", "当前蒸发", "evaporation now", "mm", 5, 1),
    ("08", "FL", "气压", "air pressure", "hPa", 5, 0),
    ("09", "GH", "闸坝、水库闸门开启高度", "opening of the gate", "m", 5, 2),
    ("0A", "GN", "输水设备、闸门(组)编号", "number of the device or gate", "", 3, 0),
    ("0B", "GS", "输水设备类别", "kind of device", "", 1, 0),
    ("0C", "GT", "水库、闸坝闸门开启孔数", "open gates", "", 3, 0),
    ("0D", "GTP", "地温", "ground temperature", "degC", 3, 1),
    ("0E", "H", "地下水瞬时埋深", "depth to the groundwater", "m", 6, 2),
    ("0F", "HW", "波浪高度", "height of waves", "m", 5, 2),
    ("10", "M10", "10 厘米处土壤含水量", "soil moisture at 10 cm", "%", 4, 1),
    ("11", "M20", "20 厘米处土壤含水量", "soil moisture at 20 cm", "%", 4, 1),
    ("12", "M30", "30 厘米处土壤含水量", "soil moisture at 30 cm", "%", 4, 1),
    ("13", "M40", "40 厘米处土壤含水量", "soil moisture at 40 cm", "%", 4, 1),
    ("14", "M50", "50 厘米处土壤含水量", "soil moisture at 50 cm", "%", 4, 1),
    ("15", "M60", "60 厘米处土壤含水量", "soil moisture at 60 cm", "%", 4, 1),
    ("16", "M80", "80 厘米处土壤含水量", "soil moisture at 80 cm", "%", 4, 1),
    ("17", "M100", "100 厘米处土壤含水量", "soil moisture at 100 cm", "%", 4, 1),
    ("18", "MST", "湿度", "humidity", "%", 4, 1),
    ("19", "NS", "开机台数", "machines that run", "", 2, 0),
    ("1A", "P1", "1 小时时段降水量", "rain of 1 h", "mm", 5, 1),
    ("1B", "P2", "2 小时时段降水量", "rain of 2 h", "mm", 5, 1),
    ("1C", "P3", "3 小时时段降水量", "rain of 3 h", "mm", 5, 1),
    ("1D", "P6", "6 小时时段降水量", "rain of 6 h", "mm", 5, 1),
    ("1E", "P12", "12 小时时段降水量", "rain of 12 h", "mm", 5, 1),
    ("1F", "PD", "日降水量", "rain of the day", "mm", 5, 1),
    ("20", "PJ", "当前降水量", "rain now", "mm", 5, 1),
    ("21", "PN01", "1 分钟时段降水量", "rain of 1 min", "mm", 5, 1),
    ("22", "PN05", "5 分钟时段降水量", "rain of 5 min", "mm", 5, 1),
    ("23", "PN10", "10 分钟时段降水量", "rain of 10 min", "mm", 5, 1),
    ("24", "PN30", "30 分钟时段降水量", "rain of 30 min", "mm", 5, 1),
    ("25", "PR", "暴雨量", "storm rain", "mm", 5, 1),
    ("26", "PT", "降水量累计值", "rain, counted on", "mm", 6, 1),
    ("27", "Q", "瞬时流量、抽水流量", "flow", "m3/s", 9, 3),
    ("28", "Q1", "取(排）水口流量1", "flow at intake or outlet 1", "m3/s", 9, 3),
    ("29", "Q2", "取(排）水口流量2", "flow at intake or outlet 2", "m3/s", 9, 3),
    ("2A", "Q3", "取(排）水口流量3", "flow at intake or outlet 3", "m3/s", 9, 3),
    ("2B", "Q4", "取(排）水口流量4", "flow at intake or outlet 4", "m3/s", 9, 3),
    ("2C", "Q5", "取(排）水口流量5", "flow at intake or outlet 5", "m3/s", 9, 3),
    ("2D", "Q6", "取(排）水口流量6", "flow at intake or outlet 6", "m3/s", 9, 3),
    ("2E", "Q7", "取(排）水口流量7", "flow at intake or outlet 7", "m3/s", 9, 3),
    ("2F", "Q8", "取(排）水口流量8", "flow at intake or outlet 8", "m3/s", 9, 3),
    ("30", "QA", "总出库流量、过闸总流量", "total outflow", "m3/s", 9, 3),
    ("31", "QZ", "输水设备流量、过闸(组)流量", "flow through the device or gates", "m3/s", 9, 3),
    ("32", "SW", "输沙量", "sediment load", "10kt", 11, 3),
    ("33", "UC", "风向", "wind direction", "", 2, 0),
    ("34", "UE", "风力(级)", "wind force", "", 2, 0),
    ("35", "US", "风速", "wind speed", "m/s", 4, 1),
    ("36", "VA", "断面平均流速", "mean speed of the section", "m/s", 5, 3),
    ("37", "VJ", "当前瞬时流速", "speed now", "m/s", 5, 3),
    ("38", "VT", "电源电压", "supply voltage", "V", 4, 2),
    ("39", "Z", "瞬时河道水位、潮位", "river level, tide", "m", 7, 3),
    ("3A", "ZB", "库(闸、站)下水位", "level below the dam", "m", 7, 3),
    ("3B", "ZU", "库(闸、站)上水位", "level above the dam", "m", 7, 3),
    ("3C", "Z1", "取(排）水口水位1", "level at intake or outlet 1", "m", 7, 3),
    ("3D", "Z2", "取(排）水口水位2", "level at intake or outlet 2", "m", 7, 3),
    ("3E", "Z3", "取(排）水口水位3", "level at intake or outlet 3", "m", 7, 3),
    ("3F", "Z4", "取(排）水口水位4", "level at intake or outlet 4", "m", 7, 3),
    ("40", "Z5", "取(排）水口水位5", "level at intake or outlet 5", "m", 7, 3),
    ("41", "Z6", "取(排）水口水位6", "level at intake or outlet 6", "m", 7, 3),
    ("42", "Z7", "取(排）水口水位7", "level at intake or outlet 7", "m", 7, 3),
    ("43", "Z8", "取(排）水口水位8", "level at intake or outlet 8", "m", 7, 3),
    ("44", "SQ", "含沙量", "sediment", "kg/m3", 9, 3),
    ("46", "pH", "pH 值", "pH", "", 4, 2),
    ("47", "DO", "溶解氧", "dissolved oxygen", "mg/L", 4, 1),
    ("48", "COND", "电导率", "conductivity", "uS/cm", 5, 0),
    ("49", "TURB", "浊度", "turbidity", "NTU", 3, 0),
    ("4A", "CODMN", "高锰酸盐指数", "permanganate index", "mg/L", 4, 1),
    ("4B", "REDOX", "氧化还原电位", "redox potential", "mV", 5, 1),
    ("4C", "NH4N", "氨氮", "ammonia nitrogen", "mg/L", 6, 2),
    ("4D", "TP", "总磷", "total phosphorus", "mg/L", 5, 3),
    ("4E", "TN", "总氮", "total nitrogen", "mg/L", 5, 2),
    ("4F", "TOC", "总有机碳", "total organic carbon", "mg/L", 4, 2),
    ("50", "CU", "铜", "copper", "mg/L", 7, 4),
    ("51", "ZN", "锌", "zinc", "mg/L", 6, 4),
    ("52", "SE", "硒", "selenium", "mg/L", 7, 5),
    ("53", "AS", "砷", "arsenic", "mg/L", 7, 5),
    ("54", "THG", "总汞", "total mercury", "mg/L", 7, 5),
    ("55", "CD", "镉", "cadmium", "mg/L", 7, 5),
    ("56", "PB", "铅", "lead", "mg/L", 7, 5),
    ("57", "CHLA", "叶绿素a", "chlorophyll a", "mg/L", 4, 2),
    ("58", "WP1", "水压1", "water pressure 1", "kPa", 5, 2),
    ("59", "WP2", "水压2", "water pressure 2", "kPa", 5, 2),
    ("5A", "WP3", "水压3", "water pressure 3", "kPa", 5, 2),
    ("5B", "WP4", "水压4", "water pressure 4", "kPa", 5, 2),
    ("5C", "WP5", "水压5", "water pressure 5", "kPa", 5, 2),
    ("5D", "WP6", "水压6", "water pressure 6", "kPa", 5, 2),
    ("5E", "WP7", "水压7", "water pressure 7", "kPa", 5, 2),
    ("5F", "WP8", "水压8", "water pressure 8", "kPa", 5, 2),
    ("60", "SYL1", "水表1 剩余水量", "water left, meter 1", "m3", 11, 3),
    ("61", "SYL2", "水表2 剩余水量", "water left, meter 2", "m3", 11, 3),
    ("62", "SYL3", "水表3 剩余水量", "water left, meter 3", "m3", 11, 3),
    ("63", "SYL4", "水表4 剩余水量", "water left, meter 4", "m3", 11, 3),
    ("64", "SYL5", "水表5 剩余水量", "water left, meter 5", "m3", 11, 3),
    ("65", "SYL6", "水表6 剩余水量", "water left, meter 6", "m3", 11, 3),
    ("66", "SYL7", "水表7 剩余水量", "water left, meter 7", "m3", 11, 3),
    ("67", "SYL8", "水表8 剩余水量", "water left, meter 8", "m3", 11, 3),
    ("68", "SBL1", "水表1 每小时水量", "water an hour, meter 1", "m3/h", 10, 2),
    ("69", "SBL2", "水表2 每小时水量", "water an hour, meter 2", "m3/h", 10, 2),
    ("6A", "SBL3", "水表3 每小时水量", "water an hour, meter 3", "m3/h", 10, 2),
    ("6B", "SBL4", "水表4 每小时水量", "water an hour, meter 4", "m3/h", 10, 2),
    ("6C", "SBL5", "水表5 每小时水量", "water an hour, meter 5", "m3/h", 10, 2),
    ("6D", "SBL6", "水表6 每小时水量", "water an hour, meter 6", "m3/h", 10, 2),
    ("6E", "SBL7", "水表7 每小时水量", "water an hour, meter 7", "m3/h", 10, 2),
    ("6F", "SBL8", "水表8 每小时水量", "water an hour, meter 8", "m3/h", 10, 2),
    ("70", "VTA", "交流A 相电压", "mains voltage, phase A", "V", 4, 1),
    ("71", "VTB", "交流B 相电压", "mains voltage, phase B", "V", 4, 1),
    ("72", "VTC", "交流C 相电压", "mains voltage, phase C", "V", 4, 1),
    ("73", "VIA", "交流A 相电流", "mains current, phase A", "A", 4, 1),
    ("74", "VIB", "交流B 相电流", "mains current, phase B", "A", 4, 1),
    ("75", "VIC", "交流C 相电流", "mains current, phase C", "A", 4, 1),
)
ELEMENTS: dict[str, Element] = {row[0]: Element(*row) for row in _TABLE}
BY_ASCII: dict[str, Element] = {element.ascii.upper(): element for element in ELEMENTS.values()}

# Blocks of twelve five-minute values of one hour: how many bytes each has, and what one count is.
BLOCKS: dict[str, tuple[str, int, int, str]] = {  # id -> (ASCII name, bytes, decimals, unit)
    "F4": ("DRP", 1, 1, "mm"),
    **{f"F{4 + place:X}": (f"DRZ{place}", 2, 2, "m") for place in range(1, 9)},
}
STATUS = "45"

STATION_TYPES = {  # draft table 6; one byte, an ASCII letter
    "P": "降水 rain", "H": "河道 river", "K": "水库(湖泊) reservoir", "Z": "闸坝 gate",
    "D": "泵站 pump", "T": "潮汐 tide", "M": "墒情 soil", "G": "地下水 groundwater",
    "Q": "水质 quality", "I": "取水口 intake",
    "O": "排水口 outlet",
}  # fmt: skip
