"""Knows where a path or port of a site file leads, from the file's own folder; opens nothing."""

import re
from pathlib import Path

from gateway.machine import usb


def absolute(folder: Path, name: str) -> str:
    """A path or serial port of the site file, from the file's `folder`; COM3, socket://.. and usb:.. stand for
    themselves."""
    is_own = usb.is_identity(name) or re.match(r"COM\d+\Z|[a-z0-9]+://", name, re.IGNORECASE)
    return name if is_own else str(folder / name)
