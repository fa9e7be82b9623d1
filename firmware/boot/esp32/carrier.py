"""Knows one carrier board, frozen into the image so that a node needs no file system: an ESP32 DevKitC.

For another carrier put a file like this in its place. A board.json on the file system is taken instead where there is
one. Journal, settings, slots and notes are partitions: partitions.csv.
"""

BOARD = b"""{
"radio": {"uart": 1, "tx": 17, "rx": 16, "baud": 9600, "aux": 4},
"buses": {"uart1": {"uart": 2, "tx": 25, "rx": 26, "de": 27}},
"rails": {"probes": 32},
"strap": 33, "watchdog_ms": 8000}"""
