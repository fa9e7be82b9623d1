"""Knows how an ESP32's image starts a node: frozen as main.py, which MicroPython prefers to a file's."""

from firmware.boot import start
from firmware.boot.esp32.port import Esp32Port

start.boot(Esp32Port())
