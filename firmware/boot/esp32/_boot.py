"""Knows where an ESP32's file system lies; runs first, in the place of MicroPython's _boot.py, which would complain
about a damaged one for ever.

Compiled, and run in the unix port over stand-ins; never on silicon.
"""

try:
    from flashbdev import bdev

    from firmware.boot import storage

    if bdev is None or not storage.mount(bdev, "/"):
        print("no file system; none is made: the partition 'vfs'")
except Exception as error:  # the prompt must come, whatever is wrong
    print("_boot: %r" % error)
