"""Knows where sensors and nodes are, in metres from the gateway; knows no page and draws nothing.

On a plane that touches the earth at the station: at 20 km it is off by some metres.
"""

from collections.abc import Iterator, Sequence
from math import cos, radians
from typing import Any

from gateway.site.config import Node, Sensor, Site, Station

_METRES_A_DEGREE = 111_195.0  # of a great circle: 6,371.0 km x pi / 180 (IUGG's mean radius)


def places(site: Site) -> list[dict[str, Any]]:
    """Those whose position the site file tells, in its order; `node` of a node's sensor is that node."""
    found = [*_placed(site.station, site.sensors, None)]
    for node in site.nodes:
        found += [*_placed(site.station, [node], None), *_placed(site.station, node.sensors, node.name)]
    return found


def _placed(station: Station, those: Sequence[Node | Sensor], node: str | None) -> Iterator[dict[str, Any]]:
    for one in those:
        if one.latitude is not None and one.longitude is not None:
            east_m, north_m = offset_m(station, one.latitude, one.longitude)
            name = one.name if isinstance(one, Node) else one.id
            yield {"name": name, "is_node": isinstance(one, Node), "node": node, "east_m": east_m, "north_m": north_m}


def offset_m(station: Station, latitude: float, longitude: float) -> tuple[float, float]:
    """(east, north) of the station; across the date line the short way."""
    east = (longitude - station.longitude + 180) % 360 - 180
    metres = _METRES_A_DEGREE * east * cos(radians((latitude + station.latitude) / 2))
    return round(metres, 1), round(_METRES_A_DEGREE * (latitude - station.latitude), 1)
