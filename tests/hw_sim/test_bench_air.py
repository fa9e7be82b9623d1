"""The link's bytes for a reading, and a short storm against the gateway's own code."""

from hw_sim.bench import air, link_storm


def test_a_reading_of_a_mountain_river_costs_three_bytes_on_the_air_and_comes_back_as_it_was() -> None:
    figures = air.measure()
    assert figures["air_bytes_per_reading"]["value"] <= 3.0
    for peer in ("json", "cbor", "senml_cbor"):
        ratio = figures[f"{peer}_bytes_per_reading"]["ratio"]
        assert ratio is not None and ratio > 15


def test_gaps_and_sentinels_of_the_recording_are_no_values() -> None:
    rows = air.records()
    missing = sum(value is None for row in rows for value, _ in row.cells)
    assert len(rows) == 15072 and missing == 26  # the sentinels of `temp`: recordings/SOURCES.md
    assert rows[0].cells == ((619, 0), (3048, 0), (815, 0), (899, 0), (161, 0))


def test_the_gateways_own_code_keeps_each_record_once_in_bad_weather() -> None:
    figures = link_storm.measure(seeds=60)
    assert figures["link_records"]["value"] > 2000 and figures["link_refused"]["value"] > 60
