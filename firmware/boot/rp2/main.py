"""Knows how an RP2's image starts a node: frozen as main.py, which MicroPython prefers to a file's."""

from firmware.boot import start
from firmware.boot.rp2.port import Rp2Port

start.boot(Rp2Port())
