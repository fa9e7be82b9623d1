"""Knows what is frozen into an image for RP2040 and RP2350. For MicroPython's makefile, from its folder ports/rp2:

make BOARD=RPI_PICO FROZEN_MANIFEST=<here>/firmware/boot/manifest_rp2.py

Names like freeze() are the makefile's own (micropython: docs/reference/manifest.rst). The board's own manifest is not
included: it would freeze MicroPython's _boot.py.
"""

freeze("$(PORT_DIR)/modules", ("rp2.py",))  # noqa: F821
freeze("$(MANIFEST_DIR)/rp2", ("_boot.py", "main.py", "carrier.py"))  # noqa: F821
# What a node runs, as gateway/updates.py says it: the platforms' languages in protocols/ are for the gateway only.
_PROTOCOLS = (
    "__init__", "batch", "batch_oddities", "bits", "checks", "command", "errors", "framing", "link",
    "modbus", "modbus_client", "poll", "quality", "record", "registers", "spoilt", "update", "varint",
)  # fmt: skip
package("protocols", tuple(name + ".py" for name in _PROTOCOLS), base_path="$(MANIFEST_DIR)/../..")  # noqa: F821
package("firmware", base_path="$(MANIFEST_DIR)/../..")  # noqa: F821
