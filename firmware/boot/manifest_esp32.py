"""Knows what is frozen into an image for ESP32, S3 and C3. For MicroPython's makefile, from its folder ports/esp32:

make BOARD=ESP32_GENERIC FROZEN_MANIFEST=<here>/firmware/boot/manifest_esp32.py

Names like freeze() are the makefile's own (micropython: docs/reference/manifest.rst), paths count from this folder. The
board's own manifest is not included: it would freeze MicroPython's _boot.py and inisetup.py. The partition table:
esp32/partitions.csv.
"""

freeze("$(PORT_DIR)/modules", "flashbdev.py", opt=3)  # noqa: F821
freeze("esp32", ("_boot.py", "main.py", "carrier.py"), opt=3)  # noqa: F821
include("manifest_node.py")  # noqa: F821
package("firmware/boards", ("esp32.py",), base_path="../..", opt=3)  # noqa: F821
package("firmware/boot/esp32", ("__init__.py", "carrier.py", "port.py"), base_path="../..", opt=3)  # noqa: F821
