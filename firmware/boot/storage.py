"""Knows how a file system is mounted without ever harming it; knows no chip.

MicroPython's own _boot.py formats a file system that does not mount (RP2), or repeats its complaint for ever (ESP32).
A node has no need of it: its carrier board is frozen into the image (carrier.py), its slice, journal and slots are raw
flash. So a file system that does not mount is left as it is, for a technician.
"""

import vfs


def mount(device: object, where: str, **options: int) -> bool:
    """Whether there is a file system now. Reads only."""
    try:
        vfs.mount(vfs.VfsLfs2(device, **options), where)
    except Exception:  # whatever a damaged one makes it say
        return False
    return True
