"""A load is a concentration times a flow."""

from gateway.process.load import Load, Loads
from gateway.process.periods import DAY, DAY_MS, HOUR_MS, MONTH, YEAR, Calendar
from gateway.process.stage import Cell, Row, Series
from protocols import quality
from tests.gateway.derived import MIDNIGHT_MS

COD = Series("hour", (("cod.cod", "mg/L", 2),))
FLOW = Series("hour", (("weir.flow", "m3/h", 1),))


class HandPast:
    """Derived rows in a dict."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Series, int], Row] = {}

    def at(self, series: Series, unix_ms: int) -> Row | None:
        return self.rows.get((series, unix_ms))

    def before(self, series: Series, unix_ms: int) -> Row | None:
        return None

    def after(self, series: Series, unix_ms: int) -> Row | None:
        return None

    def between(self, series: Series, from_ms: int, to_ms: int) -> list[Row]:
        found = [row for (one, ms), row in self.rows.items() if one == series and from_ms <= ms < to_ms]
        return sorted(found, key=lambda row: row.unix_ms)


def shown(loads: Loads, past: HandPast, series: Series, hour: int, cell: Cell) -> None:
    row = Row(series, MIDNIGHT_MS + HOUR_MS * hour, (cell,))
    past.rows[series, row.unix_ms] = row
    loads.step(row)


def ticked(loads: Loads, past: HandPast, unix_ms: int) -> list[Row]:
    found = []
    for row in loads.tick(unix_ms):
        past.rows[row.series, row.unix_ms] = row
        found.append(row)
    return found


def test_hours_are_products_and_a_day_their_sum_late_or_not() -> None:
    past = HandPast()
    loads = Loads(past, [Load("cod_load", "cod.cod", "weir.flow")], Calendar(), 0)
    for hour in range(24):
        shown(loads, past, COD, hour, (5000, 0))  # 50 mg/L
        if hour != 3:
            shown(loads, past, FLOW, hour, (1200, 0))  # 120 m3/h
    *hours, day = ticked(loads, past, MIDNIGHT_MS + 24 * HOUR_MS)
    assert [row.cells for row in hours] == [((6_000_000, 0),)] * 23  # 6 kg
    assert (day.unix_ms, day.cells) == (MIDNIGHT_MS, ((138_000_000, 0), (23, 0)))
    shown(loads, past, FLOW, 3, (1200, quality.FEW))
    late, day = ticked(loads, past, MIDNIGHT_MS + 30 * HOUR_MS)
    assert late.cells == ((6_000_000, quality.FEW),)
    assert day.cells == ((144_000_000, 0), (23, 0))
    assert ticked(loads, past, MIDNIGHT_MS + 31 * HOUR_MS) == []


def test_a_month_and_a_year_are_the_sums_of_their_days() -> None:
    past, calendar = HandPast(), Calendar()
    loads = Loads(past, [Load("cod_load", "cod.cod", "weir.flow")], calendar, 0, (DAY, MONTH, YEAR))
    first_ms = calendar.start(YEAR, MIDNIGHT_MS)
    first_day = (first_ms - MIDNIGHT_MS) // DAY_MS
    for day in range(365):
        for hour in range(24):
            if day >= 28:  # of January three days are left
                shown(loads, past, COD, 24 * (first_day + day) + hour, (5000, 0))
                shown(loads, past, FLOW, 24 * (first_day + day) + hour, (1200, 0))
    rows = ticked(loads, past, first_ms + 365 * DAY_MS)
    months = [row.cells for row in rows if row.series.source == MONTH]
    assert months[0] == ((432_000_000, quality.FEW), (3, 0))  # 3 days of 144 kg, said to be too few
    assert months[1] == ((28 * 144_000_000, 0), (28, 0)) and len(months) == 12
    (year,) = [row for row in rows if row.series.source == YEAR]
    assert (year.unix_ms, year.cells) == (first_ms, ((337 * 144_000_000, 0), (337, 0)))
    shown(loads, past, FLOW, 24 * (first_day + 40), (2400, 0))  # it came late and was double
    late = ticked(loads, past, first_ms + 370 * DAY_MS)
    assert [row.series.source for row in late] == ["hour", DAY, MONTH, YEAR]
    assert late[-1].cells[0] == (337 * 144_000_000 + 6_000_000, 0)
