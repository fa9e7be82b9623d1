"""A hydrological centre beside the platform of the simulated demonstration station."""

import asyncio
from pathlib import Path

from msgspec.structs import replace

from hw_sim import scenario
from hw_sim.clock import run_virtual, world_clock
from hw_sim.platforms.sl651 import Centre
from hw_sim.platforms.sl651_line import CentreWay
from hw_sim.virtual import VirtualStation

HYDRO = """
[[uplink]]
id = "hydro"
type = "sl651"
station_address = "0012345678"
password = "A000"
timed_s = 60
  [[uplink.element]]
  channel = "do.dissolved_oxygen"
  element = "47"
  [[uplink.centre]]
  address = 5
  tcp = "centre:1"
"""


def test_readings_of_the_simulated_station_reach_its_centre(tmp_path: Path) -> None:
    story = scenario.load(scenario.find("demo"))
    site = tmp_path / "site.toml"
    site.write_text(story.site_path.read_text("utf-8") + HYDRO, "utf-8")

    async def steps() -> None:

        centre = Centre(5, {"0012345678": "A000"}, world_clock(story.start_unix_s).unix_ms)
        placed = replace(story, site=str(site))
        station = VirtualStation(placed, tmp_path, seed=1, ways={"centre:1": CentreWay(centre).open})
        await asyncio.sleep(600)
        values = centre.ledger.of("47")
        assert len(values) >= 8 and all(value.value is None or 40 < value.value < 200 for value in values)
        assert centre.ledger.complaints == []
        await station.finish()

    run_virtual(steps())
