"""Knows where an RP2's file system lies; runs first, in the place of MicroPython's _boot.py, which would format it.

The rest of the flash storage is raw: carrier.py has the regions. Compiled, and run in the unix port over stand-ins;
never on silicon.
"""

import rp2

try:
    from firmware.boot import storage
    from firmware.boot.rp2.carrier import FILE_SYSTEM_BYTES

    # progsize as in micropython: ports/rp2/modules/_boot.py
    if not storage.mount(rp2.Flash(start=0, len=FILE_SYSTEM_BYTES), "/", progsize=256):
        print("no file system; none is made: rp2.Flash(start=0, len=%d)" % FILE_SYSTEM_BYTES)
except Exception as error:  # the prompt must come, whatever is wrong
    print("_boot: %r" % error)
