"""Knows what is frozen into an image for ESP32, S3 and C3. For MicroPython's makefile, from its folder ports/esp32:

make BOARD=ESP32_GENERIC FROZEN_MANIFEST=<here>/firmware/boot/manifest_esp32.py

Names like freeze() are the makefile's own (micropython: docs/reference/manifest.rst). The board's own manifest is not
included: it would freeze MicroPython's _boot.py and inisetup.py. The partition table: esp32/partitions.csv.
"""

freeze("$(PORT_DIR)/modules", ("flashbdev.py",))  # noqa: F821
freeze("$(MANIFEST_DIR)/esp32", ("_boot.py", "main.py", "carrier.py"))  # noqa: F821
# What a node runs, as gateway/updates.py says it: the platforms' languages in protocols/ are for the gateway only.
_PROTOCOLS = (
    "__init__", "batch", "batch_oddities", "bits", "checks", "command", "errors", "framing", "link",
    "modbus", "modbus_client", "poll", "quality", "record", "registers", "spoilt", "update", "varint",
)  # fmt: skip
package("protocols", tuple(name + ".py" for name in _PROTOCOLS), base_path="$(MANIFEST_DIR)/../..")  # noqa: F821
package("firmware", base_path="$(MANIFEST_DIR)/../..")  # noqa: F821
