"""Knows what is frozen into an image for RP2040 and RP2350. For MicroPython's makefile, from its folder ports/rp2:

make BOARD=RPI_PICO FROZEN_MANIFEST=<here>/firmware/boot/manifest_rp2.py

Names like freeze() are the makefile's own (micropython: docs/reference/manifest.rst), paths count from this folder. The
board's own manifest is not included: it would freeze MicroPython's _boot.py.
"""

freeze("$(PORT_DIR)/modules", "rp2.py", opt=3)  # noqa: F821
freeze("rp2", ("_boot.py", "main.py", "carrier.py"), opt=3)  # noqa: F821
include("manifest_node.py")  # noqa: F821
package("firmware/boards", ("rp2.py",), base_path="../..", opt=3)  # noqa: F821
package("firmware/boot/rp2", ("__init__.py", "carrier.py", "port.py"), base_path="../..", opt=3)  # noqa: F821
