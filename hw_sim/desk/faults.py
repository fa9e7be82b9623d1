"""Knows what can go wrong with one simulated board on a desk; knows no board."""

from typing import NamedTuple


class Faults(NamedTuple):
    """`unplug_at`: the cable is pulled when that share of an image is in flash; `brown_out_at`: the supply sags there,
    and the chip restarts into nothing; `deaf`: it takes no UF2, as one of another family; `rots`: a byte of what was
    written is another one; `lost_at`: the cable is pulled when so many pieces of code have run at the prompt."""

    unplug_at: float | None = None
    brown_out_at: float | None = None
    deaf: bool = False
    rots: bool = False
    lost_at: int | None = None


NONE = Faults()
