"""Knows what is frozen into every node's image: the application that needs no slot, and what runs before it.

Named file by file, so that what is the gateway's or another chip's stays out; tests/hw_sim/test_manifest.py holds the
names against the sources. `opt`: as gateway/updates.py compiles.
"""

_PROTOCOLS = "batch bits checks command errors framing link modbus modbus_client poll quality record"
_PROTOCOLS += " registers spoilt update varint"
_FIRMWARE = "acquire board config cycle emergency gate journal main opening orders pace power ring settings slice_form"
_FIRMWARE += " update uplink wishes"

for _folder, _names in (
    ("protocols", _PROTOCOLS),
    ("firmware", _FIRMWARE),
    ("firmware/boards", "chip clock ds3231 layout nor uart"),
    ("firmware/boot", "notes slot start storage"),
):
    _files = tuple([_name + ".py" for _name in ("__init__ " + _names).split()])
    package(_folder, _files, base_path="../..", opt=3)  # noqa: F821
