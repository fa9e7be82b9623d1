"""Knows one carrier board, frozen into the image so that a node needs no file system: a Pico with 2 MiB of flash.

For another carrier put a file like this in its place. A board.json on the file system is taken instead where there is
one, so that a pin can be changed in the field; regions must not differ. Storage of RPI_PICO: 1408 KiB.
"""

FILE_SYSTEM_BYTES = 0xC0000  # 768 KiB; the regions follow
BOARD = b"""{
"radio": {"uart": 0, "tx": 0, "rx": 1, "baud": 9600},
"buses": {"uart1": {"uart": 1, "tx": 4, "rx": 5, "de": 6}},
"rails": {"probes": 10},
"slot_a": {"start": 786432, "bytes": 126976},
"slot_b": {"start": 913408, "bytes": 126976},
"notes": {"start": 1040384, "bytes": 8192},
"settings": {"start": 1048576, "bytes": 16384},
"journal": {"start": 1310720, "bytes": 131072},
"strap": 15, "watchdog_ms": 8000}"""
