"""Knows the limits of GB 3838-2002, as data; knows no class of any water.

Table 1 (basic items, p. 5 of a scan) and table 2 (sources of drinking water). mg/L unless named. Table 3 (80 specific
items of sources) is not here: nothing at an automatic station measures them.
"""

# Classes count 1 (I) .. 5 (V), 6 is worse than V.
CLASS_NAMES = ("", "I", "II", "III", "IV", "V", "worse than V")
CLASS_NAMES_ZH = ("", "Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ", "Ⅴ", "劣Ⅴ")
WORST = 6

RIVER, LAKE = "river", "lake"

# Greatest value of class I, II, III, IV, V; of DO the least.
LIMITS: dict[str, tuple[float, ...]] = {
    "DO": (7.5, 6, 5, 3, 2),
    "CODMn": (2, 4, 6, 10, 15),
    "COD": (15, 15, 20, 30, 40),
    "BOD5": (3, 3, 4, 6, 10),
    "NH3N": (0.15, 0.5, 1.0, 1.5, 2.0),
    "TP_river": (0.02, 0.1, 0.2, 0.3, 0.4),
    "TP_lake": (0.01, 0.025, 0.05, 0.1, 0.2),
    "TN_lake": (0.2, 0.5, 1.0, 1.5, 2.0),
    "Cu": (0.01, 1, 1, 1, 1),
    "Zn": (0.05, 1, 1, 2, 2),
    "F": (1, 1, 1, 1.5, 1.5),
    "Se": (0.01, 0.01, 0.01, 0.02, 0.02),
    "As": (0.05, 0.05, 0.05, 0.1, 0.1),
    "Hg": (0.00005, 0.00005, 0.0001, 0.001, 0.001),
    "Cd": (0.001, 0.005, 0.005, 0.005, 0.01),
    "Cr6": (0.01, 0.05, 0.05, 0.05, 0.1),
    "Pb": (0.01, 0.01, 0.05, 0.05, 0.1),
    "CN": (0.005, 0.05, 0.2, 0.2, 0.2),
    "phenol": (0.002, 0.002, 0.005, 0.01, 0.1),
    "oil": (0.05, 0.05, 0.05, 0.5, 1.0),
    "LAS": (0.2, 0.2, 0.2, 0.3, 0.3),
    "sulfide": (0.05, 0.1, 0.2, 0.5, 1.0),
    "FC_per_L": (200, 2000, 10000, 20000, 40000),
}
PH = (6, 9)  # of every class
SATURATED = 90  # %: enough oxygen for class I, whatever the mg/L (table 1)
CLAUSE = "GB 3838-2002, 5.1 and table 1"

# Sources of drinking water: table 2.
SOURCE_LIMITS: dict[str, float] = {"sulfate": 250, "chloride": 250, "NO3N": 10, "Fe": 0.3, "Mn": 0.1}
SOURCE_CLAUSE = "GB 3838-2002, 5.3 and table 2"

# What an automatic station measures and is judged by: the published classes of national stations rest on these five.
# 环办[2011]22号 leaves out temperature, TN and faecal coliform (from memory): so neither is here, a site may name them.
USUAL = ("pH", "DO", "CODMn", "NH3N", "TP")


def column(factor: str, kind: str) -> str:
    """Which row of LIMITS a factor has in a river or a lake. A river has no limit of TN: KeyError there."""
    return f"{factor}_{kind}" if factor in ("TP", "TN") else factor
